"""What a training tells whoever listens."""

from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass(frozen=True, eq=False, slots=True)
class Moment:
    """Where a training stands when an event is sent.

    Args:
        module: The module in training; its parameters carry ``.grad`` in ``on_backward``.
        optimizer: The optimizer that moves it.
        epoch: Epochs completed.
        step: Updates completed.
        loss: The last minibatch loss, detached: a scalar, or one per member; ``None`` before the first.
        record: The epoch's numbers, filled in ``on_epoch`` and ``on_end``.
    """

    module: nn.Module
    optimizer: Optimizer
    epoch: int
    step: int
    loss: Tensor | None = None
    record: dict[str, float] = field(default_factory=dict)


class Callback(Protocol):
    """Listener to the events of a training.

    Subclass it and write the events that matter (the others do nothing), or write all five. Callbacks run in
    the order given, under the training's random streams.

    >>> class Count(Callback):
    ...     steps = 0
    ...     def on_step(self, moment): self.steps += 1
    """

    def on_start(self, moment: Moment) -> None:
        """Before the first epoch."""

    def on_backward(self, moment: Moment) -> None:
        """After the gradients of a minibatch are known, before the update."""

    def on_step(self, moment: Moment) -> None:
        """After an update."""

    def on_epoch(self, moment: Moment) -> bool | None:
        """After an epoch; a true answer stops the training."""
        return None

    def on_end(self, moment: Moment) -> None:
        """After the last epoch, once the weights to be kept are in place; not called after an exception."""
