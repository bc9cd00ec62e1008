"""Learning rates that are too high or too low, seen along the steps themselves."""

import math
from itertools import pairwise

from fivefold.diagnosis.checks.loss_level import draws_its_data, level_tells
from fivefold.diagnosis.checks.pictures import of_numbers, of_shares
from fivefold.diagnosis.checks.seen import (
    batch_size,
    curve,
    initial_loss,
    late,
    late_loss,
    losses_of,
    median,
    within_updates,
)
from fivefold.diagnosis.checks.units import killed
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Line, Record, Step

LEAST_LINES = 3
SMALL_CHANGE, SMALL_STRAIGHT, STRAIGHT = 4e-4, 1e-3, 32.0
"""Where 64 updates in one gain as much as 32 or more alone along most lines, or nearly all lines fall to the
end, the curvature is hardly felt, and weights may change by a little more per update.
"""
MOST, NEARLY_ALL = 0.6, 0.9
STILL_LEFT = 0.03
"""Of the loss at late updates: what 64 in one would gain there shows that it is not done yet."""


def peak_rate(step: Step) -> float:
    """Largest rate of a step's groups; nan where none is known."""
    return max((g.settings.get("lr", math.nan) for g in step.groups), default=math.nan)


def _moved(rate: float, to: float) -> dict[str, float | tuple[int, ...]]:
    """Figures of a finding that asks for another rate: what it is, and what it is to be, to one digit."""
    return {"rate": rate, "to": float(f"{to:.1g}")}


def _lined(record: Record) -> list[Step]:
    return [s for s in record.steps if s.line is not None and math.isfinite(s.line.own[0])]


def _summed(record: Record) -> bool:
    """Whether the loss is a sum over examples."""
    if any(c.settings.get("reduction") == "sum" for c in losses_of(record)):
        return True
    last = record.tapes[-1].entries[-1] if record.tapes and record.tapes[-1].entries else None
    if last is None or getattr(last.call, "__name__", "") != "sum":
        return False
    # A sum of a few terms that are means themselves is no sum over examples.
    return losses_of(record) == [] or all(
        c.settings.get("reduction") == "none" or c.function == "difference" for c in losses_of(record)[-1:]
    )


def check_sum(record: Record) -> list[Finding]:
    """Find sums over the batch that are handed to plain descent at a rate meant for means.

    Statistic: the rate times the examples in a batch, over 1 - momentum, of SGD on a loss with
    ``reduction="sum"``, or one that ends in a sum over the examples: the rate that a mean would have. Null:
    at most about 1 where the rate was chosen for the sum. False alarms: none of note above 5; adaptive
    optimizers are left out, since they divide a factor out again.

    Args:
        record: What was seen.
    """
    if not _summed(record) or draws_its_data(record):
        return []
    plain = [g.settings for s in record.steps for g in s.groups if g.optimizer in {"SGD", "ASGD"}]
    n = batch_size(record)
    if not plain or n < 4:
        return []
    top = max(g.get("lr", 0.0) / max(1.0 - g.get("momentum", 0.0), 1e-3) for g in plain)
    if top * n < 2.0:
        return []
    peak = max(g.get("lr", 0.0) for g in plain)
    rates = {"as set": peak, "as of a mean": peak * n, "with its momentum": top * n}
    return [
        Finding(
            "loss.sum",
            "the loss is a sum over the batch",
            f"a rate of {peak:.2g} on the sum of {n} examples moves the weights as {peak * n:.2g} on their "
            "mean "
            "would" + (f", {top * n:.2g} with its momentum" if top > peak else ""),
            "high" if top * n >= 5.0 else "medium",
            "a sum makes gradients as many times larger as the batch has examples, and the last, smaller "
            "batch counts less",
            "use a mean (reduction='mean'), or divide the rate by the size of the batch",
            place=losses_of(record)[-1].place if losses_of(record) else None,
            picture=of_numbers(
                "The rate, as set and as it acts", "rate", rates, (1.0, "most of a mean"), logarithmic=True
            ),
        )
    ]


def _died(record: Record) -> bool:
    """Whether early updates that changed the weights by a third of their size or more left no gradient
    behind.
    """
    steps = [s for s in record.steps if s.parameters]
    first, rest = steps[:2], [s for s in steps if s.index >= 10]
    if len(first) < 2 or len(rest) < 3 or any(s.gradient > 0 for s in rest) or not first[0].gradient > 0:
        return False
    changes = [p.update / p.weight for p in first[0].parameters if p.weight > 0 and p.numbers > 1]
    return median(changes) > 0.3


def _beside_the_edge(record: Record) -> str:
    """What the looks in depth, where there are any, say of the rate, in words."""
    margins = [step.margin for step in record.deep if step.margin is not None]
    if not margins:
        return ""
    most = max(margins, key=lambda margin: margin.ratio)
    beyond = sum(margin.verdict == "beyond" for margin in margins)
    return (
        f"; rate times sharpness is at most {most.product:.3g}, the edge of stability {most.limit.edge:.3g}: "
        f"beyond it in {beyond} of {len(margins)} looks in depth"
    )


def risen(record: Record) -> float:
    """Return how many times its first value the loss was for a while: the largest median of five watched
    updates in a row, over the first loss; nan where the level of the loss means nothing.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if math.isfinite(s.loss)]
    if len(steps) < 10 or not level_tells(record) or within_updates(record):
        return math.nan
    spreads = [median(c.target.std for c in s.losses if not c.target.integer) for s in steps]
    if _most_of_five(spreads) > 3.0:
        return math.nan  # targets that grow, as returns do
    times = _most_of_five([s.loss for s in steps])
    if all(len(s.losses) == len(steps[0].losses) > 0 for s in steps):
        # What was added to the loss on the way is no rise.
        times = min(times, _most_of_five([sum(c.value for c in s.losses) for s in steps]))
    return times


def _most_of_five(values: list[float]) -> float:
    """Largest median of five values in a row, over the first."""
    if not math.isfinite(values[0]):
        return math.nan
    return max(median(values[i : i + 5]) for i in range(1, len(values) - 4)) / max(values[0], 1e-300)


def _overshoots(line: Line) -> bool:
    """Whether the loss is higher after an update, by more than twice what its slope alone makes of it: an
    update that leads uphill for its own batch from the start, as momentum's do in noise, is no long one.
    """
    rise = line.own[1] - line.own[0]
    return not rise <= 1e-6 * line.own[0] and not line.slope > 0.5 * rise


def check_rate_too_high(record: Record) -> list[Finding]:
    """Find updates that overshoot.

    Statistic: the share of watched updates after which the loss of their own batch is higher than before,
    L(1) > L(0) along the update d; for a quadratic this is d.H d > -2 g.d, sharpness times rate above 2.
    Where g.d > 0, d.H d must be above 2 g.d besides: the curvature, not the slope, makes most of the rise.
    Null: an update at a sound rate lowers the loss of its own batch nearly always (all but 2% in the healthy
    scripts of the corpus). False alarms: dropout does not matter, since the same units are left out; momentum
    after a change of rate may overshoot for a while. Beside it, for updates that lower the loss of their own
    batch and raise that of all others: the loss itself, in the median of five watched updates in a row, at
    five times its first value (high from ten times on); a sound training never comes above twice that. False
    alarms of this one: terms that are added to the loss on the way. And rectified units that fired at the
    first update and are dead in the last half (:func:`~fivefold.diagnosis.checks.units.killed`).

    Args:
        record: What was seen.
    """
    steps = _lined(record)
    if len(steps) < 2:
        return []
    changes = median(p.update / p.weight for p in steps[0].parameters if p.weight > 0 and p.numbers > 1)
    worse = [s for s in steps if s.line is not None and _overshoots(s.line)]
    share = len(worse) / len(steps)
    started, ended = initial_loss(record), late_loss(record)
    diverged = record.first_nonfinite is not None or not math.isfinite(ended)
    if draws_its_data(record) and not diverged:
        return []  # draws make the gradients so noisy that a sound update often raises its own batch's loss
    failed = diverged or (level_tells(record) and ended > 0.9 * started)
    multiple = median(s.line.best_multiple for s in steps if s.line is not None)
    # An update that multiplies the loss can end a training (units die); not where updates are too short.
    thrown = not multiple >= 1.0 and any(s.line.own[1] > 1.5 * s.line.own[0] for s in steps[:5] if s.line)
    lost = (thrown and level_tells(record) and ended > 0.6 * started) or _died(record)
    often = len(worse) >= 2 and (share >= 0.25 or (failed and share >= 0.15))
    if not often and not lost:
        return _killed(record) or _rose(record)
    rates = [peak_rate(s) for s in worse]
    summed = _summed(record)
    sure = (share >= 0.4 and len(worse) >= 3) or (failed and len(worse) >= 2 and share >= 0.25) or lost
    sure = sure or bool(killed(record))
    evidence = (
        f"{len(worse)} of {len(steps)} watched updates raised the loss of their own batch; along the update "
        f"the loss is least at {multiple:.2g} of it; the loss went from {started:.3g} to {ended:.3g}"
        + (f"; the first update changed the weights by {changes:.0%} of their size" if changes > 0.2 else "")
        + _beside_the_edge(record)
    )
    picture = Picture(
        "The loss of the batch right before and right after its update",
        "update",
        "loss",
        {
            "before": curve(steps, (s.line.own[0] for s in steps if s.line is not None)),
            "after": curve(steps, (s.line.own[1] for s in steps if s.line is not None)),
        },
        logarithmic=True,
    )
    if summed and check_sum(record):
        return []
    if summed:
        return [
            Finding(
                "loss.sum",
                "the loss is a sum over the batch, and the updates overshoot",
                evidence,
                "high" if sure else "medium",
                "a sum makes gradients as many times larger as the batch has examples",
                "use a mean (reduction='mean'), or divide the rate by the size of the batch",
                place=losses_of(record)[-1].place if losses_of(record) else None,
                picture=picture,
            )
        ]
    rate = median(rates)
    target = rate * min(0.5, max(multiple, 1e-3) if math.isfinite(multiple) else 0.1)
    return [
        Finding(
            "rate.too-high",
            "the learning rate is too high",
            evidence,
            "high" if sure else "medium",
            f"a rate of {rate:.2g} steps beyond the valley: sharpness times rate is above 2",
            f"lower the rate to about {float(f'{target:.1g}'):g}",
            picture=picture,
            figures=_moved(rate, target),
        )
    ]


def _rose(record: Record) -> list[Finding]:
    """Whether the loss grew many times larger than it began, though each update lowered that of its batch."""
    times = risen(record)
    if not times > 5.0:
        return []
    rate = median(peak_rate(s) for s in record.steps)
    return [
        Finding(
            "rate.too-high",
            "the learning rate is too high",
            f"the loss rose from {initial_loss(record):.3g} to {times:.3g} times that, in the median of five "
            "watched updates in a row, though most updates lower the loss of their own batch",
            "high" if times > 10.0 else "medium",
            f"a rate of {rate:.2g} fits each batch at the expense of all others",
            f"lower the rate to about {0.03 * rate:.1g}",
            figures=_moved(rate, 0.03 * rate),
            picture=Picture(
                "The loss",
                "update",
                "loss",
                {"loss": curve(record.steps, (s.loss for s in record.steps))},
                logarithmic=True,
            ),
        )
    ]


def _killed(record: Record) -> list[Finding]:
    """Whether updates killed most units of a layer that fired at the start."""
    dead = killed(record)
    if not dead:
        return []
    rate = max(peak_rate(s) for s in record.steps)
    return [
        Finding(
            "rate.too-high",
            "updates kill most units of a layer",
            f"{', '.join(f'in {n!r} {a:.0%} to {b:.0%}' for n, (a, b) in list(dead.items())[:4])} of the "
            "units give zero to every example of a batch, from the first update to the last half; rates up "
            f"to {rate:.2g}",
            "high",
            f"steps at a rate of {rate:.2g} throw units where the rectifier is flat, and there they stay",
            f"lower the rate to about {0.1 * rate:.1g}",
            figures=_moved(rate, 0.1 * rate),
            picture=of_shares(
                "Dead units of these layers in the last half: few where nothing is wrong",
                "share of the units",
                {name: ended for name, (_, ended) in dead.items()},
                (0.3, "most where nothing is wrong"),
            ),
        )
    ]


def check_rate_too_low(record: Record) -> list[Finding]:
    """Find updates that could be many times longer.

    Statistic: the share of watched updates, made at no less than a quarter of the peak rate, along which the
    loss still falls at 64 times the update, together with the change of the weights per update at the peak
    rate, relative to their size (without those that began at zero, biases mostly): at most 4e-4, or 1e-3
    where the fall is nearly straight or the share above 0.9. Noise of small batches takes from the share:
    found from 0.6 on. Null: at a sound rate the loss turns up well before 16 times the update, and weights
    change by some 1e-3 to 1e-2. False alarms: the end of a schedule and a warm-up (left out by that quarter).

    Args:
        record: What was seen.
    """
    steps = _lined(record)
    known = [peak_rate(s) for s in steps] + [rate for _, rate in record.rates]
    peak = max((r for r in known if math.isfinite(r)), default=math.nan)
    steps = [s for s in steps if peak_rate(s) >= 0.25 * peak and s.line is not None and not s.line.cut]
    if len(steps) < LEAST_LINES:
        return []
    lines = [s.line for s in steps if s.line is not None]
    far = [n for n in lines if n.multiples[-1] >= 64.0 and n.own[-1] < n.own[-2]]
    begun_at_zero = {p.name for p in record.steps[0].parameters if p.weight == 0.0}
    ratio = median(
        p.update / p.weight * peak / peak_rate(s)
        for s in steps
        for p in s.parameters
        if p.weight > 0 and p.numbers > 1 and p.gradient and p.name not in begun_at_zero
    )
    share = len(far) / len(steps)
    started, ended = initial_loss(record), late_loss(record)
    last = [s.line for s in late(steps) if s.line is not None and s.line.own[0] > 0.0]
    left = median(1.0 - n.own[-1] / n.own[0] if n in far else 0.0 for n in last)
    few = 0.02 if left > STILL_LEFT else 0.2
    done = level_tells(record) and not ended > few * started
    gains = [n.own[0] - n.own[1] for n in far]
    gains64 = [n.own[0] - n.own[-1] for n in far]
    straight = sum(g64 >= STRAIGHT * g > 0.0 for g, g64 in zip(gains, gains64, strict=True)) / len(steps)
    small = SMALL_STRAIGHT if straight >= MOST or share >= NEARLY_ALL else SMALL_CHANGE
    if share < MOST or not ratio <= small or done:
        return []
    sure = share >= 0.8 and ratio < 0.5 * SMALL_CHANGE
    times = 30 if ratio < 1e-4 else 10
    return [
        Finding(
            "rate.too-low",
            "the learning rate is too low",
            f"along {len(far)} of {len(steps)} watched updates the loss still falls at 64 times the update "
            f"(by {median(gains64):.2g} instead of {median(gains):.2g}); weights change by {ratio:.1e} of "
            f"their size per update; the loss went from {started:.3g} to {ended:.3g}",
            "high" if sure else "medium",
            f"a rate of {peak:.2g} moves the weights too little",
            f"raise the rate about {times} times, to {times * peak:.1g}",
            figures=_moved(peak, times * peak),
            picture=Picture(
                "The loss along one update",
                "multiple of the update",
                "loss",
                {
                    name: tuple(zip(n.multiples, n.own, strict=True))
                    for name, n in (("an early update", far[0]), ("a late one", far[-1]))
                },
            ),
        )
    ]


def check_momentum(record: Record) -> list[Finding]:
    """Find momentum that multiplies the rate by more than fifty.

    Statistic: the largest momentum (or beta1). Null: 0.9 to 0.98 in practice; steady gradients move the
    weights by rate / (1 - momentum). False alarms: 0.99 and more with a rate chosen for it.

    Args:
        record: What was seen.
    """
    settings = [g.settings for s in record.steps for g in s.groups]
    top = max((g.get("momentum", g.get("beta1", 0.0)) for g in settings), default=0.0)
    if top < 0.985:
        return []
    started, ended = initial_loss(record), late_loss(record)
    rises = _rises(record)
    sure = rises >= 0.3 or not ended < 0.7 * started
    return [
        Finding(
            "rate.momentum",
            "the momentum is too high",
            f"momentum {top:g} multiplies steady steps by {1 / (1 - min(top, 0.99999)):.0f}; the loss went "
            f"from {started:.3g} to {ended:.3g} and rose between {rises:.0%} of the watched updates",
            "high" if sure else "medium",
            "the optimizer goes on in old directions for hundreds of updates",
            "use a momentum of 0.9, or lower the rate by the same factor",
            picture=Picture(
                "The loss", "update", "loss", {"loss": curve(record.steps, (s.loss for s in record.steps))}
            ),
        )
    ]


def _rises(record: Record) -> float:
    values = [s.loss for s in late(record.steps, 0.8) if math.isfinite(s.loss)]
    return sum(b > 1.1 * a for a, b in pairwise(values)) / max(1, len(values) - 1)
