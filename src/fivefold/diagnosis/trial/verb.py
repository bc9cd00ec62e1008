"""Try the fixes of what was found: the verb."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from fivefold.core import Budget, DataError, require
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.source import read_source
from fivefold.diagnosis.trial.bench import LONGER, STARTING, Bench
from fivefold.diagnosis.trial.code import Unsure
from fivefold.diagnosis.trial.measuring import Measured
from fivefold.diagnosis.trial.sources import digest, read_sources
from fivefold.diagnosis.trial.trial import Trial

SURE = ("high", "medium")
"""Confidences of findings whose fixes are tried."""

FIRST = ("data.leak", "data.preparation", "labels.")
"""What makes held-out numbers say little: as long as it is there, no other fix can be judged by them."""


def try_fixes(
    target: str | os.PathLike[str],
    args: Sequence[str],
    outcome: Outcome,
    *,
    budget: str | float | Budget | None = None,
    limit: int = 3,
    seed: int = 0,
    jobs: int | None = None,
    listener: Callable[[str], None] | None = None,
) -> tuple[Trial, ...]:
    """Apply the fixes of what was found to copies of a script, run them beside it, and measure the effect.

    Every run works in a copy of the script's folder and of the working folder, with the same arguments and
    the same seed (what the script does not seed itself is seeded alike); the user's files are only read.
    Findings are taken in their order. Of each fix a few versions are run, and the best is kept where it is
    better: judged by the held-out numbers that the script prints, else by those that were seen, else by other
    numbers whose name tells their direction, else by the training loss. What is kept stays for the next, so
    that the last diff is the whole change.

    Args:
        target: The script.
        args: What follows it.
        outcome: What :func:`~fivefold.diagnosis.script.run.run_script` saw of it.
        budget: Time for all runs together. Each may take two minutes beyond five times the script's training,
            and as long as the script had where that was stopped.
        limit: Findings whose fixes are run, at least 1.
        seed: For what the script does not seed itself.
        jobs: Runs side by side, at least 1; two where there are cores for it.
        listener: Told in a sentence what is being run.

    Returns:
        One trial a finding whose fix was run, or for which there is none; empty where nothing was found.

    Raises:
        ArgumentError: The limit is not positive, or the budget no duration.
        DataError: The script cannot be read.

    >>> try_fixes(__file__, [], Outcome(__file__))
    ()
    """
    require(limit >= 1, "a limit of at least 1", limit)
    require(jobs is None or jobs >= 1, "at least 1 run at a time", jobs)
    seconds = Budget.parse(budget).seconds
    read_source(target)
    findings = [f for f in outcome.findings if f.confidence in SURE]
    if not findings or not outcome.updates:
        return ()
    script = Path(target)
    try:
        texts = read_sources(script)
    except DataError as error:
        return tuple(_not_tried(f, str(error)) for f in findings[:limit])
    endless = outcome.ended in {"budget", "interrupted"}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(jobs if jobs is not None else min(2, cores)) as pool:
        bench = Bench(
            script=script,
            given=tuple(args),
            texts=texts,
            written=tuple(outcome.written),
            pool=pool,
            deadline=time.monotonic() + (float("inf") if seconds is None else seconds),
            longest=STARTING + (1.0 if endless else LONGER) * outcome.seconds,
            endless=endless,
            seed=seed,
            say=listener if listener is not None else _silent,
        )
        try:
            return _all(bench, findings, limit)
        except BaseException:
            bench.stop.set()  # Ctrl-C: what runs beside ends at once
            raise


def _all(bench: Bench, findings: Sequence[Finding], limit: int) -> tuple[Trial, ...]:
    """Try one fix after the other, each on top of what was accepted."""
    trials: list[Trial] = []
    seen: set[tuple[str, str]] = set()
    now = dict(bench.texts)
    base: Future[Measured] | None = None
    waiting, runs = list(findings), 0
    while waiting and runs < limit:
        finding = waiting.pop(0)
        key = finding.code, digest(now)
        if key in seen:
            continue
        seen.add(key)
        try:
            versions = bench.versions(finding, now)
        except Unsure as unsure:
            if all(t.code != finding.code for t in trials):
                trials.append(_not_tried(finding, str(unsure)))
            if finding.code.startswith(FIRST) and finding.confidence == "high":
                trials += [_not_tried(f, f"{finding.code} comes first") for f in waiting]
                break
            continue
        if bench.time_is_over:
            trials.append(_not_tried(finding, "the time for trials was over"))
            break
        base = base if base is not None else bench.start(now)
        runs += 1
        trial, accepted = bench.attempt(finding, versions, base)
        trials.append(trial)
        if accepted is not None:
            now, measured = accepted
            base = Future()
            base.set_result(measured)
            waiting = [f for f in measured.outcome.findings if f.confidence in SURE]
        elif base.exception() is not None or not base.result().outcome.updates:
            break  # the script does not run in a copy: no other fix will
    return tuple(trials)


def _not_tried(finding: Finding, why: str) -> Trial:
    return Trial(finding.code, finding.title, "not tried", why)


def _silent(text: str) -> None:
    return None
