"""How far a training is: loss, metric, rate and time left, to whoever shows it."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from fivefold.core import require
from fivefold.optimize.training.callbacks import Callback, Moment


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """One report.

    Args:
        step: Updates made.
        planned: Updates planned.
        epoch: Epochs completed.
        loss: Of the last minibatch, in mean over members; NaN before the first.
        record: Numbers of the last completed epoch: ``loss``, ``validation``, metrics.
        rate: The learning rate of the first group.
        seconds: Since the start of this call.
        left: Seconds until the plan is done at the pace so far; infinite before the first step.
    """

    step: int
    planned: int
    epoch: int
    loss: float
    record: dict[str, float]
    rate: float
    seconds: float
    left: float

    def __str__(self) -> str:
        numbers = [f"loss {self.loss:.4g}"] if math.isfinite(self.loss) else []
        numbers += [
            f"{name} {x:.4g}" for name, x in self.record.items() if name not in ("loss", "learning_rate")
        ]
        left = f"{self.left:.0f} s left" if math.isfinite(self.left) else "time left unknown"
        return ", ".join([f"step {self.step}/{self.planned}", *numbers, f"rate {self.rate:.3g}", left])


class ReportProgress(Callback):
    """Tell a function how far the training is, at most every so many seconds, and at its end.

    Reading the loss waits for the device, which is why it is not read at every step.

    Args:
        tell: Gets a :class:`TrainingProgress`.
        every: Seconds between two reports, at least 0.

    >>> shown = []
    >>> reporter = ReportProgress(shown.append, every=0.0)
    """

    def __init__(self, tell: Callable[[TrainingProgress], None], every: float = 1.0) -> None:
        require(every >= 0, "at least 0 seconds between reports", every)
        self._tell, self._every = tell, every
        self._start = self._last = time.monotonic()
        self._first = 0
        self._record: dict[str, float] = {}

    def on_start(self, moment: Moment) -> None:
        """Start the clock."""
        self._start = self._last = time.monotonic()
        self._first, self._record = moment.step, dict(moment.record)

    def on_step(self, moment: Moment) -> None:
        """Report where it is time to."""
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            self._report(moment, now)

    def on_epoch(self, moment: Moment) -> None:
        """Keep the epoch's numbers for the reports to come."""
        self._record = dict(moment.record)

    def on_end(self, moment: Moment) -> None:
        """Report the end."""
        self._report(moment, time.monotonic())

    def _report(self, moment: Moment, now: float) -> None:
        seconds, made = now - self._start, moment.step - self._first
        self._tell(
            TrainingProgress(
                step=moment.step,
                planned=moment.planned,
                epoch=moment.epoch,
                loss=math.nan if moment.loss is None else moment.loss.mean().item(),
                record=self._record,
                rate=float(moment.optimizer.param_groups[0]["lr"]),
                seconds=seconds,
                left=seconds / made * (moment.planned - moment.step) if made else math.inf,
            )
        )


def print_progress(stream: TextIO | None = None) -> Callable[[TrainingProgress], None]:
    """A function for :class:`ReportProgress` that rewrites one line of a terminal, and is silent elsewhere.

    Args:
        stream: Standard error by default.

    >>> import io
    >>> print_progress(io.StringIO())(TrainingProgress(1, 2, 0, 0.5, {}, 0.1, 1.0, 1.0))
    """

    def tell(progress: TrainingProgress) -> None:
        target = sys.stderr if stream is None else stream
        if target.isatty():
            target.write(f"\r\x1b[K{progress}" + ("\n" if progress.step >= progress.planned else ""))
            target.flush()

    return tell
