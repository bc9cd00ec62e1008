"""Schedules of the rate that do not fit the training."""

import math
from itertools import pairwise

from fivefold.diagnosis.checks.fit_quality import VERY_FEW
from fivefold.diagnosis.checks.rates import peak_rate
from fivefold.diagnosis.checks.seen import late_loss, median
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.schedules import Schedule

LEAST_UPDATES = 10
COUNTS = (
    "call scheduler.step() as often as its settings count: once per epoch for epochs, once per batch for "
    "batches"
)

SEEN = 0.75
"""Part of the updates up to which rates must be known where only watched updates tell them."""

MOST_RATE = 0.3
"""Base rate up to which its square is no rate that is meant."""

DECAYS = {"LinearLR": "total_iters", "PolynomialLR": "total_iters"}
"""Schedulers of torch that bring the rate down once, and their length."""


def check_schedule(record: Record) -> list[Finding]:
    """Find rates that are gone too early, that never come down or up, and schedulers that are never moved.

    Statistics: the share of all updates made at less than a hundredth of the peak rate; the steps that a
    scheduler of torch has made at the end, beside those that its settings count; whether the rate grows to
    the end; the peak of a LambdaLR over its base rate, beside that rate itself. Null: about 6% for a cosine
    to zero, at most a third for usual step schedules; a peak of one base rate; as many steps as planned
    (found where a decay that counts less than a tenth of the steps made leaves the rate at a fifth or less);
    a rate that ends below its peak or at it; where a plateau decides, one that waits until
    something stopped falling (high confidence only where it does not wait while the loss falls). False
    alarms: long cool-downs and cyclic rates on purpose; a training that was stopped early on purpose ends
    before its schedule (medium for cosines, and where each of fewer than 60 updates moved the schedule, so
    that the training is what is short).

    Args:
        record: What was seen.
    """
    watched = [(s.index, peak_rate(s)) for s in record.steps if math.isfinite(peak_rate(s))]
    rates = sorted({*watched, *record.rates})
    if len(rates) < 3 or record.count < LEAST_UPDATES:
        return []
    if not record.rates and record.schedules and rates[-1][0] < SEEN * record.count:
        return []  # of the last part of the training nothing is known: another optimizer may be at work
    peak = max(r for _, r in rates)
    if peak <= 0.0:
        return [
            _found(
                "schedule.zero",
                "the learning rate is zero",
                f"at all {len(rates)} watched updates",
                "high",
                "a schedule begins at zero and never moves, or its arithmetic rounds to zero",
                COUNTS,
                rates,
            )
        ]
    found = (
        _rate_for_factor(record, rates, peak)
        or _ends_early(record, rates, peak)
        or _decayed_at_once(record, rates, peak)
        or _of_schedulers(record, rates)
        or _curves(record, rates, peak)
    )
    return [found] if found else []


def _found(
    code: str,
    title: str,
    evidence: str,
    confidence: Confidence,
    cause: str,
    fix: str,
    rates: list[tuple[int, float]],
    taken: int = 0,
) -> Finding:
    curve = tuple((float(i), r) for i, r in rates)
    picture = Picture(
        "The learning rate", "update", "rate", {"rate": curve}, logarithmic=max(r for _, r in rates) > 0
    )
    figures: dict[str, float | tuple[int, ...]] = {"taken": float(taken)} if taken > 0 else {}
    return Finding(code, title, evidence, confidence, cause, fix, picture=picture, figures=figures)


def _counted(record: Record) -> str:
    """What its schedulers count, beside the updates, in words."""
    told = [f"{s.kind} made {s.taken} steps in {record.count} updates" for s in record.schedules]
    return f" ({'; '.join(told)})" if told else ""


def _taken(record: Record) -> int:
    """Steps that its first scheduler has made; 0 where there is none."""
    return record.schedules[0].taken if record.schedules else 0


def _rate_for_factor(record: Record, rates: list[tuple[int, float]], peak: float) -> Finding | None:
    """Whether a LambdaLR was given rates for factors: at its peak the factor is the base rate itself."""
    for schedule in record.schedules:
        base = schedule.settings.get("base_rate", 0.0)
        if schedule.kind != "LambdaLR" or not 0.0 < base <= MOST_RATE:
            continue
        share = peak / base**2  # below 1 where a decay begins before the warm-up is over
        if 0.5 <= share < 1.01:
            return _found(
                "schedule.factor",
                "the schedule multiplies the rate by itself",
                f"LambdaLR begins with a rate of {base:.2g}; its peak is {peak:.2g}, {share:.0%} of the "
                "first one's square",
                "high" if share >= 0.8 else "medium",
                "LambdaLR takes a factor of the optimizer's rate; its function gives a rate",
                "let the function give a factor, 1 at its peak, or make the optimizer with lr=1.0",
                rates,
            )
    return None


def _ends_early(record: Record, rates: list[tuple[int, float]], peak: float) -> Finding | None:
    for bound, latest, confidence in ((0.01, 0.55, "high"), (0.05, 0.3, "medium")):
        low = _below(rates, bound * peak)
        if low is not None and low < latest * record.count:
            if not _deaf(record, rates):
                confidence = "medium"  # what it is given may well have stopped falling
            return _found(
                "schedule.ends-early",
                "the schedule takes the rate away long before the training ends",
                f"from update {low} of {record.count} on the rate is below {bound:.0%} of its peak "
                f"{peak:.2g}, "
                f"at the end {rates[-1][1]:.1e}" + _counted(record),
                "high" if confidence == "high" else "medium",
                "the scheduler steps more often than it was planned for: per batch instead of per epoch, or "
                "its decay is too fast",
                f"{COUNTS}; or lengthen it",
                rates,
                _taken(record),
            )
    return None


def _deaf(record: Record, rates: list[tuple[int, float]]) -> bool:
    """Whether a schedule does not follow the training: any but ReduceLROnPlateau, and one of these that cuts
    the rate as soon as its patience lets it, while the loss of the training falls by a third or more: until
    the first cut, or, where each later one comes as soon as it may, until the end.
    """
    plateaus = [s for s in record.schedules if s.kind == "ReduceLROnPlateau" and s.taken]
    if not plateaus:
        return True
    cuts = [i for (i, r), (_, before) in zip(rates[1:], rates, strict=False) if r < before]
    patience = plateaus[0].settings.get("patience", 0.0)
    first, each = next(iter(cuts), math.inf), record.count / plateaus[0].taken
    known = [s.loss for s in record.steps if s.index <= first and math.isfinite(s.loss)]
    quarter = max(1, len(known) // 4)
    begun = median(known[:quarter])
    falls = len(known) >= 8 and median(known[-quarter:]) < begun / 1.5
    again = patience + plateaus[0].settings.get("cooldown", 0.0) + 1.5
    if len(cuts) >= 4 and all(b - a <= again * each for a, b in pairwise(cuts)):
        falls = falls or late_loss(record) < begun / 1.5
    return falls and first <= (patience + 2.5) * each


def _decayed_at_once(record: Record, rates: list[tuple[int, float]], peak: float) -> Finding | None:
    """Whether a decay of a given number of steps was over in less than a tenth of those made."""
    for schedule in record.schedules:
        planned = schedule.settings.get(DECAYS.get(schedule.kind, ""), math.nan)
        last = rates[-1][1]
        if not (planned < 0.1 * schedule.taken and last <= 0.2 * peak) or schedule.taken < LEAST_UPDATES:
            continue
        return _found(
            "schedule.ends-early",
            "the schedule takes the rate away long before the training ends",
            f"{schedule.kind} counts {planned:.0f} steps and made {schedule.taken} in {record.count} updates"
            f": the rate went from {peak:.2g} to {last:.2g} in the first of them and stayed there",
            "high" if last <= 0.1 * peak else "medium",
            "the scheduler steps more often than it was planned for: per batch instead of per epoch",
            f"{COUNTS}; set its length to the number of those steps",
            rates,
            _taken(record),
        )
    return None


def _below(rates: list[tuple[int, float]], bound: float) -> int | None:
    """The update from which on the rate stays below a bound; ``None`` where it ends above it."""
    low = None
    for index, rate in reversed(rates):
        if rate >= bound:
            break
        low = index
    return low


def _of_schedulers(record: Record, rates: list[tuple[int, float]]) -> Finding | None:
    """What the schedulers' own counts tell, once the training has ended."""
    if not record.ended:
        return None
    for schedule in record.schedules:
        found = _of_scheduler(schedule, record, rates)
        if found is not None:
            return found
    return None


def _of_scheduler(schedule: Schedule, record: Record, rates: list[tuple[int, float]]) -> Finding | None:
    kind, taken, settings = schedule.kind, schedule.taken, schedule.settings
    if taken <= 0 and kind != "ReduceLROnPlateau":
        return _found(
            "schedule.never-moved",
            "the scheduler is never moved",
            f"{kind} made no step in {record.count} updates; the rate stayed at {rates[-1][1]:.2g}",
            "high",
            "scheduler.step() is never called",
            COUNTS,
            rates,
        )
    named = {
        "OneCycleLR": "total_steps",
        "CosineAnnealingLR": "T_max",
        "PolynomialLR": "total_iters",
        "LinearLR": "total_iters",
    }
    planned = settings.get(named.get(kind, ""), math.nan)
    warms = kind == "LinearLR" and settings.get("end_factor", 1.0) > settings.get("start_factor", 1.0)
    if kind == "CosineAnnealingLR" and taken >= 1.4 * planned:
        return _found(
            "schedule.restarts",
            "the rate comes up again after the end of its schedule",
            f"{kind} counts {planned:.0f} steps from the peak to the end and made {taken} in {record.count} "
            f"updates: the cosine turned {math.floor(taken / planned)} times; the rate ends at "
            f"{rates[-1][1]:.2g}",
            "high",
            "the cosine is not cut off at T_max: stepped more often than that, it rises and falls for ever",
            f"{COUNTS}; set T_max to the number of those steps",
            rates,
            taken,
        )
    if taken < 0.5 * planned:
        # A rate that is still near its start was hardly scheduled; one that is halfway down may be meant.
        sure = kind == "OneCycleLR" or warms or taken < 0.1 * planned
        # Stepped at each of a handful of updates, it counts what it should: the training is what is short.
        sure = sure and not (taken == record.count < VERY_FEW)
        return _found(
            "schedule.unfinished",
            "the training ends long before its schedule",
            f"{kind} counts {planned:.0f} steps and made {taken} of them in {record.count} updates; the rate "
            f"went from {rates[0][1]:.2g} to {rates[-1][1]:.2g}",
            "high" if sure else "medium",
            "the schedule counts something else than what it is stepped by: examples or batches for epochs, "
            "or the epochs of another training",
            f"{COUNTS}; set its length to the number of those steps",
            rates,
            taken,
        )
    first = settings.get("step_size" if kind == "StepLR" else "first_milestone", math.nan)
    if kind in {"StepLR", "MultiStepLR"} and taken < first:
        return _found(
            "schedule.idle",
            "the schedule never changes the rate",
            f"{kind} first lowers the rate after {first:.0f} steps and made {taken} in {record.count} "
            "updates",
            "medium",
            "its settings count something else than what it is stepped by",
            COUNTS,
            rates,
            taken,
        )
    return None


def _curves(record: Record, rates: list[tuple[int, float]], peak: float) -> Finding | None:
    """What the rate itself tells, whoever moves it."""
    values = [r for _, r in rates]
    end, middle = values[-1], [r for i, r in rates if i >= 0.5 * record.count] or values[-1:]
    grows = all(b >= a * (1 - 1e-6) for a, b in pairwise(values)) and len(set(values)) >= 3
    if grows and end > 1.05 * middle[0] and end > 1.2 * values[0] > 0:
        # A range test grows a thousandfold and more on purpose.
        return _found(
            "schedule.grows",
            "the rate grows to the end of the training",
            f"from {values[0]:.2g} to {end:.2g} over {record.count} updates" + _counted(record),
            "high" if record.ended and end < 300.0 * values[0] else "medium",
            "a warm-up that never ends, or a decay factor above 1",
            "end the warm-up within the first tenth of the training and let the rate fall afterwards",
            rates,
            _taken(record),
        )
    valley = min(values[values.index(peak) :])
    if end > 0.5 * peak and valley < 0.05 * peak:
        return _found(
            "schedule.restarts",
            "the training ends at a high rate, after one that was low",
            f"the rate went from {peak:.2g} down to {valley:.2g} and ends at {end:.2g}" + _counted(record),
            "medium",
            "the period of the schedule does not fit the length of the training",
            "let the last period end with the training, or cut the schedule off at its first end",
            rates,
            _taken(record),
        )
    return None
