"""Watch a training that somebody else wrote."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from torch import nn
from torch.optim import Optimizer

from fivefold.core import ArgumentError, require
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher
from fivefold.optimize.training.callbacks import Callback, Moment


class Watch(Callback):
    """A training under observation; made by :func:`watch`.

    It is a context manager, and a callback of :func:`fivefold.train`.
    """

    def __init__(self, overhead: float, every: int | None) -> None:
        self._overhead, self._every = overhead, every
        self._watcher: Watcher | None = None

    def attach(self, modules: Mapping[str, nn.Module], optimizers: Sequence[Optimizer]) -> None:
        """Begin to watch.

        Args:
            modules: The models by name; one alone may have the empty name.
            optimizers: What updates them.
        """
        self._watcher = Watcher(dict(modules), list(optimizers), overhead=self._overhead, every=self._every)
        self._watcher.attach()

    @property
    def record(self) -> Record:
        """What was seen so far.

        Raises:
            ArgumentError: Nothing is watched yet.
        """
        if self._watcher is None:
            raise ArgumentError(
                "expected a training to have been watched; got none yet: give watch() the model and its "
                "optimizer, or give the Watch to train as a callback"
            )
        return self._watcher.record

    def findings(self) -> Findings:
        """Say what is wrong, most costly first. May be asked while the training runs, and after it."""
        from fivefold.diagnosis.checks.registry import run_checks

        record = self.record
        assert self._watcher is not None
        with self._watcher.paused():
            return run_checks(record)

    def close(self) -> None:
        """End watching: every hook is taken away. The record stays."""
        if self._watcher is not None:
            self._watcher.detach()

    def __enter__(self) -> Self:
        """Watch inside a ``with``."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End watching, also where the training failed."""
        self.close()

    def on_start(self, moment: Moment) -> None:
        """Begin with :func:`fivefold.train`."""
        self.attach({"": moment.module}, [moment.optimizer])

    def on_end(self, moment: Moment) -> None:
        """End with it."""
        self.close()


def watch(
    model: nn.Module | Mapping[str, nn.Module] | None = None,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    *,
    overhead: float = 0.05,
    every: int | None = None,
) -> Watch:
    r"""Watch a training loop: three lines around anyone's, and no change to the model.

    At every update the batch is remembered and one gradient is looked at for numbers that are not finite.
    Some
    updates are seen in full: losses, layers, norms of weights, gradients and changes, and the loss along the
    step. They are chosen so that watching takes at most ``overhead`` of the time, two at the start excepted.
    No
    random number is drawn and no weight is changed: the training ends with the same bits as without it.

    Args:
        model: The model, or several by name; left out where the result is given to :func:`fivefold.train`.
        optimizer: Its optimizer, or several.
        overhead: Largest share of the training's time that watching takes, in (0, 1].
        every: Watch every so-manyth update instead, at least 1, whatever it costs.

    Returns:
        A :class:`Watch`: ``findings()``, ``record``, ``close()``.

    Raises:
        ArgumentError: The model is no module, the optimizer no optimizer, or a number is out of its range.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    >>> with watch(model, optimizer, every=1) as seen:
    ...     for _ in range(5):
    ...         x = torch.randn(8, 3)
    ...         torch.nn.functional.mse_loss(model(x), x[:, :1]).backward()
    ...         optimizer.step()
    >>> seen.findings()[0].title
    'gradients are not cleared between updates'
    """
    require(0.0 < overhead <= 1.0, "an overhead in (0, 1]", repr(overhead))
    require(every is None or every >= 1, "every at least 1, or None", repr(every))
    found = Watch(overhead, every)
    if model is None and optimizer is None:
        return found
    modules: dict[str, Any] = dict(model) if isinstance(model, Mapping) else {"": model}
    optimizers: list[Any] = list(optimizer) if isinstance(optimizer, Sequence) else [optimizer]
    for name, module in modules.items():
        require(
            isinstance(module, nn.Module),
            "a torch.nn.Module to watch",
            f"{type(module).__name__} {name}".strip(),
        )
    for each in optimizers:
        require(
            isinstance(each, Optimizer),
            "a torch.optim.Optimizer beside the model",
            type(each).__name__,
            "watch(model, optimizer)",
        )
    found.attach(modules, optimizers)
    return found
