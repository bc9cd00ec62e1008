"""Watch a training that somebody else wrote."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import nn
from torch.optim import Optimizer

from fivefold.core import ArgumentError, require
from fivefold.diagnosis.dossier import dossier
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.series import described
from fivefold.diagnosis.observation.watcher import Watcher
from fivefold.diagnosis.replay import SUFFIX, save, to_bytes
from fivefold.diagnosis.replayed_operation import Replay
from fivefold.optimize.training.callbacks import Callback, Moment


class Watch(Callback):
    """A training under observation; made by :func:`watch`.

    It is a context manager, and a callback of :func:`fivefold.train`.
    """

    def __init__(self, overhead: float, every: int | None, deep: bool = False) -> None:
        self._overhead, self._every, self._deep = overhead, every, deep
        self._watcher: Watcher | None = None

    def attach(self, modules: Mapping[str, nn.Module], optimizers: Sequence[Optimizer]) -> None:
        """Begin to watch.

        Args:
            modules: The models by name; one alone may have the empty name.
            optimizers: What updates them.
        """
        self._watcher = Watcher(
            dict(modules), list(optimizers), overhead=self._overhead, every=self._every, deep=self._deep
        )
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
            found = run_checks(record)
            files = self._replay_files()
            told = dossier(found, found.notes, trainings=[described(record)], files=files)
        return Findings(found, found.notes, told, files=files)

    @property
    def replay(self) -> Replay | None:
        """The first operation that gave numbers that are not finite, to be made again; ``None`` where all
        were
        finite, or none could be kept.
        """
        found = self.record.nonfinite
        return None if found is None else found.replay

    def save_replay(self, path: str | os.PathLike[str]) -> Path:
        """Write :attr:`replay` as a file, for :func:`fivefold.diagnosis.replay.read`.

        Args:
            path: The file; ``.replay.safetensors`` is how such files end.

        Returns:
            The file.

        Raises:
            ArgumentError: There is nothing to write.
            ArtifactError: It cannot be written.
        """
        if self.replay is None:
            raise ArgumentError(
                "an operation that gave numbers that are not finite", "none that could be kept"
            )
        return save(self.replay, path)

    def _replay_files(self) -> dict[str, bytes]:
        return {} if self.replay is None else {f"update-{self.replay.batch}{SUFFIX}": to_bytes(self.replay)}

    def series(self) -> dict[str, Any]:
        """Return what was seen as curves over the updates and profiles over the layers, in plain numbers.

        Returns:
            What :func:`~fivefold.diagnosis.observation.series.training_series` gives, and under ``"deep"``
            what :func:`~fivefold.diagnosis.observation.depth.deep_curves` does.
        """
        from fivefold.diagnosis.observation.depth import deep_curves
        from fivefold.diagnosis.observation.series import training_series

        return {**training_series(self.record), "deep": deep_curves(self.record.deep)}

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
    deep: bool = False,
) -> Watch:
    r"""Watch a training loop: three lines around anyone's, and no change to the model.

    At every update the batch is remembered and one gradient is looked at for numbers that are not finite.
    Some updates are seen in full: losses, layers, norms of weights, gradients and changes, and the loss along
    the step. They are chosen so that watching takes at most ``overhead`` of the time, the first one
    excepted. No random number is drawn and no weight is changed: the training ends with the same bits as
    without it.

    Args:
        model: The model, or several by name; left out where the result is given to :func:`fivefold.train`.
        optimizer: Its optimizer, or several.
        overhead: Largest share of the training's time that watching takes, in (0, 1].
        every: Watch every so-manyth update instead, at least 1, whatever it costs.
        deep: Spend half of that on looks in depth, by products with the Hessian of the batch's loss:
            curvature along the step, rate times sharpness against the optimizer's edge of stability, and the
            gradient's noise scale. They are in ``series()["deep"]`` and in the findings' notes.

    Returns:
        A :class:`Watch`: ``findings()``, ``series()``, ``record``, ``close()``.

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
    found = Watch(overhead, every, deep)
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
