"""A problem that is a network over rows: for full-batch methods an objective, for training a module."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fivefold.core import require
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.training.losses import LossFunction


@dataclass(frozen=True, eq=False, slots=True)
class TrainingProblem(Problem):
    """A :class:`Problem` whose objective is a module's mean loss over rows, and the parts to train it with.

    Args:
        module: Makes the module; its weights are replaced.
        data: ``(X, *targets)``, as :func:`fivefold.optimize.train` takes them.
        loss: The loss that is F, as ``train`` takes it.
        batch_size: Rows per update.
        learning_rate: The rate of stochastic optimizers.

    Raises:
        ArgumentError: A module with other than P parameters.
    """

    module: Callable[[], nn.Module]
    data: tuple[Tensor, ...]
    loss: str | LossFunction
    batch_size: int = 64
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        # a dataclass with slots is made anew, which leaves super() without its class
        Problem.__post_init__(self)
        count = self.vector(self.module()).shape[0]
        require(count == self.size, f"a module with {self.size} parameters", count)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.data[0].shape[0]

    def vector(self, module: nn.Module) -> Tensor:
        """Return a module's parameters as one vector [P], in the objective's order."""
        return torch.cat([p.detach().reshape(-1) for p in module.parameters() if p.requires_grad])

    def module_at(self, w: Tensor) -> nn.Module:
        """Return a module with the parameters w [P]."""
        module = self.module()
        start = 0
        with torch.no_grad():
            for p in module.parameters():
                if p.requires_grad:
                    p.copy_(w[start : start + p.numel()].reshape(p.shape))
                    start += p.numel()
        return module
