"""Groups of parameters whose rate is so low beside the others' that they stay where they are."""

import math
from dataclasses import dataclass, field

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import late
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Step

LEAST_STEPS = 4
STILL = 0.02
BESIDE = 50.0


@dataclass(slots=True)
class Path:
    """How far a group goes.

    Attributes:
        changes: Norm of each watched update of the group over the norm of its weights.
        rate: The largest rate of the group.
        length: Sum of these changes over all updates, as the watched ones tell.
    """

    changes: list[float] = field(default_factory=list)
    rate: float = 0.0
    length: float = math.nan


def paths(record: Record) -> dict[tuple[str, ...], Path]:
    r"""Return how far each group of parameters goes in the whole training,

    .. math:: \sum_t |d_t| / |w_t|

    over its updates t, from the mean over the watched ones.

    Args:
        record: What was seen.
    """
    found: dict[tuple[str, ...], Path] = {}
    for step in record.steps:
        by_name = {p.name: p for p in step.parameters if p.gradient is not None}
        for group in step.groups:
            held = [by_name[name] for name in group.names if name in by_name]
            weight = math.hypot(*(p.weight for p in held))
            if weight > 0.0:
                path = found.setdefault(group.names, Path())
                path.changes.append(math.hypot(*(p.update for p in held)) / weight)
                path.rate = max(path.rate, group.settings.get("lr", 0.0))
    for path in found.values():
        share = len(path.changes) / len(record.steps)
        path.length = sum(path.changes) / len(path.changes) * share * record.count
    return found


def check_slow_groups(record: Record) -> list[Finding]:
    """Find groups of an optimizer that hardly move while others do, since their own rate is low.

    Statistic: the length of each group's path in the whole training, relative to its weights
    (:func:`paths`), where watched updates reach its second half. Null: what is trained goes 0.2 of its size
    or more, pretrained parts that are tuned at a hundredth of the rate some hundredths. Found where a path is
    below 0.02, at a rate above zero, and another group's is 50 times as long, by a rate that is 10 times as
    large. False alarms: parts that are meant to stay where they are, or nearly.

    Args:
        record: What was seen.
    """
    if not record.ended or len(record.steps) < 2 * LEAST_STEPS or not _seen_late(record):
        return []
    found = {
        names: path
        for names, path in paths(record).items()
        if len(path.changes) >= LEAST_STEPS and math.isfinite(path.length)
    }
    if len(found) < 2:
        return []
    fast = max(found.values(), key=lambda path: path.length)
    still = {
        names: path
        for names, path in found.items()
        if 0.0 < path.length < STILL
        and fast.length > BESIDE * path.length
        and fast.rate > 10.0 * path.rate > 0.0
    }
    if not still:
        return []
    names, slow = min(still.items(), key=lambda item: item[1].length)
    numbers = {name: p.numel() for name, p in record.parameters()}
    share = sum(numbers.get(n, 0) for n in names) / max(1, sum(numbers.values()))
    return [
        Finding(
            "rate.too-low",
            "the learning rate of one group of parameters is too low",
            f"{len(names)} parameters ({', '.join(names[:3])}; {share:.0%} of all numbers) move by "
            f"{slow.length:.1%} of their size in all {record.count} updates together, at rates up to "
            f"{slow.rate:.2g}; another group goes {fast.length / slow.length:,.0f} times as far at rates up "
            f"to {fast.rate:.2g}",
            "medium",
            "the group is trained in name alone: it stays all but frozen at what it was",
            f"give it a rate of about {fast.rate / 10:.1g} to {fast.rate:.1g}, or freeze it, which is faster",
            picture=of_numbers(
                "How far each group goes in the whole training, relative to its weights",
                "sum of the changes over the weights",
                {", ".join(n[:2]): path.length for n, path in found.items()},
                (STILL, "as good as frozen below it"),
                logarithmic=True,
            ),
            figures={"rate": slow.rate, "to": float(f"{fast.rate / 2:.1g}")},
        )
    ]


def _seen_late(record: Record) -> bool:
    """Whether enough watched updates lie in the second half of the training."""
    seen: list[Step] = [s for s in late(record.steps) if s.index >= 0.5 * record.count]
    return len(seen) >= LEAST_STEPS
