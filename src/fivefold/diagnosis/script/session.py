"""The child's side of a diagnosis: when findings are made, and how they are told."""

import math
import os
import random
import time
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch

from fivefold.diagnosis.checks.registry import run_checks
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.observation.series import described
from fivefold.diagnosis.script.discovery import Discovery
from fivefold.diagnosis.script.frameworks import inside, loaded, unseen
from fivefold.diagnosis.script.merging import merged
from fivefold.diagnosis.script.messages import MOST_FINDINGS, MOST_NOTES, to_plain
from fivefold.diagnosis.script.replays import Replays
from fivefold.diagnosis.script.updates import check_updates

FIRST = 30.0
"""Seconds of training after which findings are made for the first time."""

SHARE = 0.05
"""Share of the time that findings while the training runs may take."""

BEFORE_THE_END = 0.85
"""Part of the time until the deadline after which findings are made, should the script never end."""


SEED = "FIVEFOLD_SEED"
"""The variable of a seed for what the script does not seed itself: two runs that are to be compared draw the
same.
"""


def seed_all(seed: int) -> None:
    """Seed Python's, NumPy's and torch's own generators, before the script has drawn anything for training.

    Args:
        seed: At least 0.
    """
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    torch.manual_seed(seed)


class Session:
    """Watches what the script trains, and sends findings: at 30 s, at 60 s, 120 s ..., and at the end.

    Args:
        send: Sends one message: its kind, and its values by name.
        deadline: When the script will be stopped, on the monotonic clock; infinite for never.
        first: Seconds of training before the first findings.
        deep: Whether some updates are looked at in depth.
    """

    def __init__(
        self,
        send: Callable[..., None],
        deadline: float = math.inf,
        first: float = FIRST,
        *,
        deep: bool = False,
    ) -> None:
        self._send = send
        self.discovery = Discovery(self._on_update, deep=deep)
        self._began = math.nan
        self._finished = True
        self._next = first
        self._replays = Replays()
        started = time.monotonic()
        self._last_call = started + BEFORE_THE_END * (deadline - started)

    def begin(self) -> None:
        """Begin to look."""
        # Said of our hooks, which are there for a moment only and see the compiled module once.
        warnings.filterwarnings("ignore", message="Using `torch.compile.module.` when there are global hooks")
        if (seed := os.environ.get(SEED, "")).isdecimal():
            seed_all(int(seed))
        self.discovery.begin()

    def leave(self) -> None:
        """Stop at once and say nothing: this is a fork, of which nobody is told."""
        self.discovery.end()

    def end(self, *, finished: bool = True) -> None:
        """Say what was found in all.

        Args:
            finished: Whether the script came to its end, so that what was not seen did not happen.
        """
        self.discovery.end()
        self._finished = finished
        for training in self.discovery.trainings:
            # One that was stopped, by an error or by us, says nothing of how it would have ended.
            training.record.ended = finished
        self.report(final=True)

    def _on_update(self) -> None:
        now = time.monotonic()
        if math.isnan(self._began):
            self._began = now
        if now >= self._last_call:
            self._last_call = math.inf
            self.report()
        elif now - self._began >= self._next:
            self.report()

    def report(self, *, final: bool = False) -> None:
        """Run the checks on all that was seen so far, and send what they find.

        Args:
            final: Whether the script has ended.
        """
        start = perf_counter()
        each: list[tuple[str, Findings]] = []
        never = check_updates(self.discovery) if final and self._finished else []
        # Where no optimizer of torch is at work, there is nothing to judge updates by.
        for training in (t for t in self.discovery.trainings if t.record.optimizers):
            # The script may have turned gradients off for good, before its last evaluation.
            with training.paused(), torch.enable_grad():
                found = run_checks(training.record)
            each.append((training.title, found))
        findings, notes = merged(each)
        notes = [*self.discovery.notes, *self._broken(), *notes]
        if final:
            notes += self.discovery.unplaced()
            if self.discovery.framework is not None:
                notes.append(inside(self.discovery.framework))
            elif not self.discovery.updates and self._finished:
                notes.extend(unseen(framework) for framework in loaded())
        elapsed = 0.0 if math.isnan(self._began) else time.monotonic() - self._began
        ranked = Findings([*never, *findings])
        self._send(
            "found",
            findings=[to_plain(finding) for finding in ranked[:MOST_FINDINGS]],
            notes=[str(note)[:2000] for note in notes[:MOST_NOTES]],
            trainings=[self._described(t) for t in self.discovery.trainings],
            updates=self.discovery.updates,
            seconds=elapsed,
            final=final,
            replays=self._replays.paths(t.record for t in self.discovery.trainings),
        )
        self._next = max(2.0 * elapsed, elapsed + (perf_counter() - start) / SHARE)

    def _broken(self) -> list[str]:
        broken = [(t.title, t.failure) for t in self.discovery.trainings if t.failure]
        return [f"watching {title} ended early: {failure}" for title, failure in broken]

    def _described(self, training: Any) -> dict[str, Any]:
        return described(training.record, training.title)
