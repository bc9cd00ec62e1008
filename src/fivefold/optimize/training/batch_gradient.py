"""The gradient of a batch's loss, in parts where memory asks for it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Generator, Tensor, nn

from fivefold.optimize.training.batch_norm import batch_norms
from fivefold.optimize.training.losses import LossFunction
from fivefold.optimize.training.perturbed_inputs import PerturbedInputs
from fivefold.optimize.training.step_choices import StepChoices, as_full, as_layout

Augmentation = Callable[[Tensor, Generator], Tensor]
"""``augment(X, generator) -> X`` on a whole batch."""


@dataclass(slots=True)
class BatchGradient:
    r"""Loss and gradient of a batch, added into the parameters' ``.grad``.

    In k parts B_1 .. B_k the gradient is that of the whole, for a loss that is a mean over rows:

        grad L(B) = sum_j (|B_j| / |B|) grad L(B_j).

    Batch norm is the exception: it sees the statistics of each part. After an out-of-memory error the number
    of parts is doubled, for good, and the batch is computed again.

    Args:
        module: In training mode.
        loss: ``loss(output, *targets)``, [] or [K].
        parameters: Whose gradients are cleared first.
        choices: Layout, precision and parts.
        augment: Applied to X before it enters the module.
        generator: For ``augment``.
        perturb: Applied after ``augment``, in the same parts.
        notes: Where what a user should know is added to.
    """

    module: nn.Module
    loss: LossFunction
    parameters: list[nn.Parameter]
    choices: StepChoices
    augment: Augmentation | None = None
    generator: Generator | None = None
    perturb: PerturbedInputs | None = None
    notes: list[str] = field(default_factory=list)

    def __call__(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Compute the gradient; returns the loss, detached."""
        X, *targets = batch
        if self.augment is not None and self.generator is not None:
            X = self.augment(X, self.generator)
        if self.choices.layout != "contiguous":
            X = as_layout(X, self.choices.layout)
        if self.perturb is not None:
            X = self.perturbed(X, tuple(targets))
        while True:
            for parameter in self.parameters:
                parameter.grad = None
            try:
                return self._in_parts(X, targets) if self.choices.parts > 1 else self._whole(X, targets)
            except RuntimeError as error:
                self._require_memory(error, X)
            # outside of the handler: the error's frames hold the tensors that did not fit
            self._halve()

    def perturbed(self, X: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """The inputs that are trained on, from those that were drawn and augmented."""
        perturb = self.perturb
        if perturb is None:
            return X
        start = perturb.generator.get_state()
        while True:
            try:
                with self.choices.autocast(X.device):
                    if self.choices.parts == 1:
                        return as_layout(perturb(X, targets), self.choices.layout)
                    parts = min(self.choices.parts, X.shape[0])
                    pieces = zip(*(each.tensor_split(parts) for each in (X, *targets)), strict=True)
                    changed = torch.cat([perturb(piece[0], piece[1:]) for piece in pieces])
                    return as_layout(changed, self.choices.layout)
            except RuntimeError as error:
                self._require_memory(error, X)
            perturb.generator.set_state(start)
            self._halve()

    def random_states(self) -> list[tuple[Generator, Tensor]]:
        """The generators of a batch and where they stand, so that it can be computed again."""
        perturb = None if self.perturb is None else self.perturb.generator
        return [(each, each.get_state()) for each in (self.generator, perturb) if each is not None]

    def _whole(self, X: Tensor, targets: list[Tensor]) -> Tensor:
        if self.choices.precision == "full":
            value = self.loss(self.module(X), *targets)
        else:
            with self.choices.autocast(X.device):
                output = self.module(X)
            value = self.loss(as_full(output), *targets)
        (value.sum() if value.ndim else value).backward()  # type: ignore[no-untyped-call]
        return value.detach()

    def _in_parts(self, X: Tensor, targets: list[Tensor]) -> Tensor:
        parts = min(self.choices.parts, X.shape[0])
        total: Tensor | None = None
        for piece in zip(*(each.tensor_split(parts) for each in (X, *targets)), strict=True):
            share = piece[0].shape[0] / X.shape[0]
            with self.choices.autocast(X.device):
                output = self.module(piece[0])
            value = share * self.loss(as_full(output), *piece[1:])
            value.sum().backward()
            total = value.detach() if total is None else total + value.detach()
        assert total is not None
        return total

    def _require_memory(self, error: RuntimeError, X: Tensor) -> None:
        """Pass on an error that smaller parts will not help."""
        if not is_out_of_memory(error) or self.choices.parts >= X.shape[0]:
            raise error

    def _halve(self) -> None:
        self.choices = replace(self.choices, parts=2 * self.choices.parts)
        if self.parameters[0].device.type == "cuda":
            torch.cuda.empty_cache()
        note = (
            f"out of memory: each batch is computed in {self.choices.parts} parts; "
            "the gradient is that of the whole batch"
        )
        if batch_norms(self.module):
            note += ", except for batch norm, which takes its statistics from each part"
        self.notes.append(note)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory did not suffice.

    >>> is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    True
    """
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error)
    return "DefaultCPUAllocator" in text and ("not enough memory" in text or "can't allocate" in text)
