"""What a training tells whoever listens."""

from dataclasses import dataclass, field
from typing import Any, Protocol

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
        planned: Updates that the whole training is to make.
    """

    module: nn.Module
    optimizer: Optimizer
    epoch: int
    step: int
    loss: Tensor | None = None
    record: dict[str, float] = field(default_factory=dict)
    planned: int = 0


class Callback(Protocol):
    """Listener to the events of a training.

    Subclass it and write the events that matter (the others do nothing and cost nothing), or write all.
    Callbacks run in the order given, under the training's random streams. One that carries a state from step
    to step offers it in ``state_dict``, so that a resumed training goes on as if it had not been stopped.

    >>> class Count(Callback):
    ...     steps = 0
    ...     def on_step(self, moment): self.steps += 1
    """

    def on_start(self, moment: Moment) -> None:
        """Before the first epoch, or before the first step after a resumption."""
        return None

    def on_backward(self, moment: Moment) -> None:
        """After the gradients of a minibatch are known, before clipping and the update."""
        return None

    def on_step(self, moment: Moment) -> None:
        """After an update."""
        return None

    def on_epoch(self, moment: Moment) -> bool | None:
        """After an epoch; a true answer stops the training."""
        return None

    def on_checkpoint(self, moment: Moment) -> None:
        """After a checkpoint lies whole on the disk."""
        return None

    def on_end(self, moment: Moment) -> None:
        """After the last epoch, once the weights to be kept are in place; not called after an exception."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """What must survive a resumption: tensors, arrays, numbers, text, lists, tuples, dictionaries."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave, after ``on_start``."""
        return None


def listening(callbacks: tuple[Callback, ...], event: str) -> tuple[Callback, ...]:
    """Those that write an event themselves; the others need not be told.

    >>> class Silent(Callback): pass
    >>> listening((Silent(),), "on_step")
    ()
    """
    inherited = getattr(Callback, event)
    return tuple(
        each for each in callbacks if getattr(getattr(each, event), "__func__", None) is not inherited
    )
