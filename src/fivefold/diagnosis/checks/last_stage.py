"""Trainings whose last stage, in which further parameters are trained, is over after a few updates."""

import math

from fivefold.diagnosis.checks.fit_quality import VERY_FEW
from fivefold.diagnosis.checks.loss_level import level_tells, moved_names
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import median, whole_loss
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

FEW = 20
"""Updates of a stage below which it has hardly begun: momentum of 0.9 takes ten to come to its speed."""
LOW = 0.15
"""Of the first loss: below it there is little left to learn."""


def check_last_stage(record: Record) -> list[Finding]:
    """Find trainings that take parameters in at their end, for a handful of updates.

    Statistic: the updates since the optimizer last held fewer parameters, where those that it holds since
    then include all before; at most as many as lie between the last watched update of the stage before and
    the end. Null: a stage that was worth its own optimizer or group makes tens of updates (the corpus: 100
    and more). Left out: losses that are low by then, quasi-Newton methods, and losses whose level tells
    nothing. False alarms: stages that are meant to be as short, as when a script is tried out.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.groups]
    if not record.ended or record.continued or len(steps) < 4 or "LBFGS" in record.optimizers:
        return []
    last = moved_names(steps[-1])
    before = [s for s in steps if moved_names(s) != last]
    if not before or not moved_names(before[-1]) < last or not level_tells(record):
        return []
    taken_in = last - moved_names(before[-1])
    made = record.count - before[-1].index - 1
    earlier = before[-1].index + 1
    loss = median(whole_loss(s) for s in steps if s.index > before[-1].index)
    first = median(whole_loss(s) for s in steps[:5])
    if made >= FEW or earlier < made or not math.isfinite(loss) or not LOW * first < loss:
        return []
    names = ", ".join(sorted(taken_in)[:3])
    passes = median(s.backwards for s in steps if s.index > before[-1].index)
    return [
        Finding(
            "fit.unfinished",
            "the last stage of the training is over after a few updates",
            f"{len(taken_in)} parameters ({names}) are trained from update {earlier + 1} on, in "
            f"{made} updates"
            + (f" of {passes:.0f} backward passes each" if passes > 1 else "")
            + f"; the loss was {first:.3g} at the start of the training and is {loss:.3g} in these",
            "medium",
            "too few epochs for this stage, or so many batches to an update that few updates are left",
            "train this stage longer, or let fewer batches make an update",
            picture=of_numbers(
                "Updates of each stage: tens or hundreds where nothing is wrong",
                "updates",
                {"before": float(earlier), "last stage": float(made)},
                (float(VERY_FEW), "enough to learn something"),
            ),
        )
    ]
