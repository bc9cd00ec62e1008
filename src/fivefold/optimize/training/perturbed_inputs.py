"""A perturbation at work in a training step, which leaves no trace in the module."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from fivefold.core import ArgumentError, require
from fivefold.optimize.training.losses import LossFunction
from fivefold.optimize.training.perturbation import Perturbation
from fivefold.optimize.training.step_choices import as_full


@dataclass(slots=True)
class PerturbedInputs:
    r"""Inputs to train on, in place of those that were drawn.

    While the perturbation looks at the module,

    * it is in evaluation mode: running statistics of batch norm are used and not moved, dropout is off, and
      each update has moved the statistics exactly once, on the inputs that it trained on. Crafting in
      evaluation mode also keeps more of the accuracy on clean inputs: Pang, Yang, Dong, Su and Zhu, "Bag of
      tricks for adversarial training", 2021;
    * its parameters require no gradient: a backward pass inside leaves nothing in ``.grad``, and costs less.

    Afterwards modes and parameters are as before, also after an error.

    Args:
        module: In any mode.
        loss: ``loss(output, *targets)``; the perturbation gets it with outputs in full precision.
        perturb: The function.
        generator: The source of its random numbers, kept in checkpoints.

    >>> from fivefold.optimize.training.losses import squared_loss
    >>> shift = lambda module, loss, X, targets, generator: X + 1
    >>> inputs = PerturbedInputs(nn.Linear(1, 1), squared_loss, shift, Generator())
    >>> inputs(torch.zeros(2, 1), (torch.zeros(2),)).tolist()
    [[1.0], [1.0]]
    """

    module: nn.Module
    loss: LossFunction
    perturb: Perturbation
    generator: Generator

    def __call__(self, X: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """Perturb a batch.

        Raises:
            ArgumentError: The function changed X itself, or returned what has another shape, type or device.
        """
        trains = [layer for layer in self.module.modules() if layer.training]
        learned = [p for p in self.module.parameters() if p.requires_grad]
        version = X._version
        self.module.eval()
        for parameter in learned:
            parameter.requires_grad_(False)
        try:
            with torch.enable_grad():
                changed = self.perturb(self.module, self._full_loss, X.detach(), targets, self.generator)
        finally:
            for parameter in learned:
                parameter.requires_grad_(True)
            for layer in trains:
                layer.training = True
        if not isinstance(changed, Tensor):
            raise ArgumentError("inputs as a tensor from perturb", type(changed).__name__, "return inputs")
        require(X._version == version, "inputs that perturb leaves as they are", "a change in place",
                "return a new tensor")  # fmt: skip
        wanted, got = (f"{tuple(each.shape)} {each.dtype} on {each.device}" for each in (X, changed))
        require(wanted == got, f"inputs {wanted} from perturb", got)
        return changed.detach()

    def _full_loss(self, output: Any, *targets: Tensor) -> Tensor:
        return self.loss(as_full(output), *targets)
