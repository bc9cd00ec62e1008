"""Where fixes are tried: what all runs of one script share, and one fix after the other."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from fivefold.core import DataError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Unsure
from fivefold.diagnosis.trial.judgement import Judgement, best, judge
from fivefold.diagnosis.trial.measuring import Measured, measure
from fivefold.diagnosis.trial.repair import Proposal, proposals
from fivefold.diagnosis.trial.repairs.registry import NOT_FOR_AN_EDIT, REPAIRS
from fivefold.diagnosis.trial.trial import Trial, unified

MOST_VERSIONS = 4
"""Versions of one fix that are run."""

STARTING = 120.0
"""Seconds that every run may take beyond its training."""

LONGER = 5.0
"""How many times as long as the script's own a training may take."""

Accepted = tuple[dict[str, str], Measured]


@dataclass
class Bench:
    """Runs versions of a script beside each other.

    Attributes:
        script: The user's script.
        given: What follows it.
        texts: Its files as they are.
        written: What it wrote when it was diagnosed.
        pool: Runs what is asked for, one or two at a time.
        deadline: When all runs must have ended, on the monotonic clock.
        longest: Seconds that one run may take.
        endless: Whether the script was stopped: then its runs are too, and are compared as far as they came.
        seed: For what the script does not seed itself.
        say: Told in a sentence what is being run.
        stop: Set to end all runs at once.
    """

    script: Path
    given: tuple[str, ...]
    texts: Mapping[str, str]
    written: tuple[str, ...]
    pool: ThreadPoolExecutor
    deadline: float
    longest: float
    endless: bool
    seed: int
    say: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def time_is_over(self) -> bool:
        """Whether no further run may begin."""
        return time.monotonic() >= self.deadline

    def start(self, texts: Mapping[str, str]) -> "Future[Measured]":
        """Begin a run in a copy of the folders.

        Args:
            texts: The files.
        """
        return self.pool.submit(self._run, texts)

    def _run(self, texts: Mapping[str, str]) -> Measured:
        return measure(
            self.script,
            texts,
            self.given,
            folder=Path.cwd(),
            written=self.written,
            budget=max(1.0, min(self.longest, self.deadline - time.monotonic())),
            seed=self.seed,
            stop=self.stop,
        )

    def versions(self, finding: Finding, now: Mapping[str, str]) -> list[Proposal]:
        """Return what the fix of a finding may be.

        Raises:
            Unsure: There is none; the message says why.
        """
        repairer = REPAIRS.get(finding.code)
        if repairer is None:
            raise Unsure(NOT_FOR_AN_EDIT.get(finding.code, "no edit of a line is a fix for it"))
        return proposals(repairer, finding, now, self.given, self.script.resolve().parent)[:MOST_VERSIONS]

    def attempt(
        self, finding: Finding, versions: Sequence[Proposal], base: "Future[Measured]"
    ) -> tuple[Trial, Accepted | None]:
        """Run the versions of a fix beside the script, and keep the best where it is better.

        Args:
            finding: What it is a fix of.
            versions: What it may be.
            base: The run to compare with, done or not.
        """
        many = f" ({len(versions)} versions)" if len(versions) > 1 else ""
        self.say(f"trying the fix of {finding.code}{many}: {versions[0].what}")
        begun = time.monotonic()
        results = [_settled(run) for run in [self.start(v.texts) for v in versions]]
        before, error = _settled(base)
        seconds = time.monotonic() - begun
        trial = Trial(
            finding.code, finding.title, "failed", versions[0].what, seconds=seconds, tried=len(results)
        )
        if before is None or (before.failed and not before.outcome.updates):
            why = str(error) if before is None else before.failed
            return _with(
                trial, change=f"the unchanged script does not run in a copy of its folder: {why}"
            ), None
        judged = {
            n: judge(before, after, finding.code)
            for n, (after, _) in enumerate(results)
            if after is not None and (not after.failed or self._stopped(after))
        }
        if not judged:
            after, error = results[0]
            why = str(error) if after is None else after.failed
            return _with(trial, change=f"{versions[0].what}: {why}"), None
        helped = best(list(judged.items()))
        number = max(judged, key=lambda n: judged[n].gain) if helped is None else helped
        chosen, after = versions[number], results[number][0]
        assert after is not None
        trial = _told(_with(trial, change=chosen.what), judged[number], before, after)
        if helped is None:
            return _with(trial, status="no better"), None
        return _with(trial, status="better", diff=unified(self.texts, chosen.texts)), (
            dict(chosen.texts),
            after,
        )

    def _stopped(self, measured: Measured) -> bool:
        """Whether a run came as far as one of a script without an end can come."""
        return self.endless and measured.outcome.ended == "budget" and measured.outcome.updates > 0


def _settled(run: "Future[Measured]") -> tuple[Measured | None, Exception | None]:
    try:
        return run.result(), None
    except (DataError, OSError) as error:
        return None, error


def _told(trial: Trial, judgement: Judgement, before: Measured, after: Measured) -> Trial:
    trial = _with(trial, curves_before=before.curves, curves_after=after.curves)
    m = judgement.measure
    if m is None:
        return (
            trial if judgement.better else _with(trial, change=f"{trial.change}; no number tells its effect")
        )
    return _with(trial, measure=m.name, before=m.before, after=m.after, higher_is_better=m.sign > 0)


def _with(trial: Trial, **values: object) -> Trial:
    return replace(trial, **values)  # type: ignore[arg-type]
