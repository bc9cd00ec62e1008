"""How the training ends: too long, too short."""

import math
from collections.abc import Iterable
from itertools import pairwise

from fivefold.diagnosis.checks.loss_level import level_tells
from fivefold.diagnosis.checks.pictures import of_numbers, of_shares
from fivefold.diagnosis.checks.seen import curve, late, median, whole_loss, within_updates
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.record import Evaluation, LossCall, Record


def held_out_losses(record: Record) -> list[tuple[int, float]]:
    """Return (updates before, loss) of evaluations; of one that takes in other data, too, as the last often
    does, only as many calls as the others have.

    Args:
        record: What was seen.
    """
    counts = [n for e in record.evaluations if (n := sum(math.isfinite(c.value) for c in e.losses))]
    usual = min(counts, default=0)
    out = []
    for e in record.evaluations:
        values = [c.value for c in e.losses if math.isfinite(c.value)][:usual]
        if values:
            out.append((e.after, sum(values) / len(values)))
    return out


def _still_right(record: Record) -> bool:
    """Whether held-out examples are as often right at the end as ever: a loss of classes may rise while they
    are.
    """
    shares = [e.right / e.compared for e in record.evaluations if e.right is not None and e.compared]
    return len(shares) >= 2 and shares[-1] > max(shares) - 0.02


def late_evaluations(record: Record) -> list[Evaluation]:
    """Evaluations in the last half of the updates."""
    return [e for e in record.evaluations if e.after >= 0.5 * record.count]


def _unexplained(calls: Iterable[LossCall]) -> float:
    """Median share of the targets' variance that squared errors leave; nan where no call tells."""
    return median(
        c.value / c.target.std**2
        for c in calls
        if c.function in {"difference", "mse_loss"}
        and c.target.std > 0
        and c.settings.get("reduction", "mean") == "mean"
    )


def check_overfitting(record: Record) -> list[Finding]:
    """Find held-out loss that turned up while the training loss went on falling.

    Statistics: the last held-out loss over the smallest one, beside training; the share of targets that are
    right in training and held out; the share of the targets' variance that errors leave, in both. Null:
    within
    10% of the smallest; shares within 0.1 of each other. A slower turn is found (medium) where the last six
    evaluations or more rose one after the other (by chance 1 in 720), by 3% in all, while the training loss
    fell and lies a quarter below. False alarms: losses of classes rise while answers
    stay right (medium then); errors in other units than the targets' (which are compared by their own
    variance).

    Args:
        record: What was seen.
    """
    seen = held_out_losses(record)
    training = [(s.index, s.loss) for s in record.steps if math.isfinite(s.loss)]
    if len(seen) >= 4 and training:
        least = min(range(len(seen)), key=lambda i: seen[i][1])
        last = median(v for _, v in seen[-max(1, len(seen) // 6) :])
        rise = last / max(seen[least][1], 1e-12)
        fell = median(s.loss for s in late(record.steps, 0.25)) < 0.8 * seen[least][1]
        if rise > 1.25 and fell and least < 0.75 * len(seen):
            return [
                Finding(
                    "fit.overfits",
                    "the model overfits",
                    f"the held-out loss was least, {seen[least][1]:.3g}, after {seen[least][0]} updates and "
                    f"is {last:.3g} at the end, while the training loss is {training[-1][1]:.3g}",
                    "high" if rise > 1.6 and not _still_right(record) else "medium",
                    "the network went on learning what is particular to the training examples",
                    "stop at the least held-out loss, add weight decay, dropout or augmentation, or collect "
                    "examples",
                    picture=_losses(record, seen),
                )
            ]
    found = _turned(record, seen)
    if found:
        return found
    judged = [
        (e.after, e.right / e.compared)
        for e in late_evaluations(record)
        if e.right is not None and e.compared
    ]
    right = median(c.right for s in late(record.steps, 0.25) for c in s.losses)
    if judged and right - judged[-1][1] > 0.15 and right > 0.9:
        return [
            Finding(
                "fit.overfits",
                "the model overfits",
                f"it is right in {right:.0%} of the last training batches and in {judged[-1][1]:.0%} of the "
                "held-out examples",
                "medium",
                "the network learnt what is particular to the training examples",
                "add weight decay, dropout or augmentation, use a smaller network, or collect examples",
                picture=of_shares(
                    "Examples that are right, about as many in both where nothing is wrong",
                    "share of the examples",
                    {"last training batches": right, "held out": judged[-1][1]},
                    (right - 0.15, "alike from here on"),
                ),
            )
        ]
    trained = _unexplained(c for s in late(record.steps, 0.25) for c in s.losses)
    told = [e for e in late_evaluations(record) if math.isfinite(_unexplained(e.losses))]
    held_out = _unexplained(c for e in told[-3:] for c in e.losses)
    if trained < 0.25 and held_out > max(3.0 * trained, trained + 0.25):
        return [
            Finding(
                "fit.overfits",
                "the model overfits",
                f"its errors leave {trained:.0%} of the variance of the last training batches' targets and "
                f"{held_out:.0%} of the held-out ones'",
                "high" if held_out > 6.0 * trained and held_out > 0.5 else "medium",
                "the network learnt what is particular to the training examples",
                "add weight decay, dropout or augmentation, use a smaller network, or collect examples",
                picture=of_numbers(
                    "Variance that errors leave, about as much in both where nothing is wrong",
                    "share of the targets' variance",
                    {"last training batches": trained, "held out": held_out},
                    (max(3.0 * trained, trained + 0.25), "alike up to here"),
                ),
            )
        ]
    return []


def _losses(record: Record, seen: list[tuple[int, float]]) -> Picture:
    return Picture(
        "Training and held-out loss",
        "update",
        "loss",
        {
            "training": curve(record.steps, (s.loss for s in record.steps)),
            "held out": tuple((float(i), v) for i, v in seen),
        },
    )


RISING = 6


def _turned(record: Record, seen: list[tuple[int, float]]) -> list[Finding]:
    """Whether the held-out loss rose at each of many evaluations up to the last one."""
    if len(seen) < RISING + 2 or not level_tells(record) or within_updates(record):
        return []
    least = min(range(len(seen)), key=lambda i: seen[i][1])
    after = [v for _, v in seen[least:]]
    training = median(s.loss for s in late(record.steps, 0.25))
    before = median(s.loss for s in record.steps if 0.5 * seen[least][0] < s.index <= seen[least][0])
    steady = all(b > a for a, b in pairwise(after))
    if len(after) <= RISING or not steady or not after[-1] > 1.03 * after[0] > 0:
        return []
    if not training < 0.95 * before or not training < 0.75 * after[-1]:
        return []
    return [
        Finding(
            "fit.overfits",
            "the model overfits",
            f"the held-out loss was least, {after[0]:.3g}, after {seen[least][0]} updates and rose at each "
            f"of {len(after) - 1} evaluations since, to {after[-1]:.3g}, while the training loss fell to "
            f"{training:.3g}",
            "medium",
            "the network went on learning what is particular to the training examples",
            "stop at the least held-out loss, or add weight decay, dropout or augmentation",
            picture=_losses(record, seen),
        )
    ]


FEW = 150
"""Updates below which a loss that falls in every quarter, and little in all, is a training that hardly began.
"""

VERY_FEW = 60
"""Updates below which no network that begins at random has learnt much, whatever its loss does."""

LEFT = 0.05
"""Of the last loss: a fall beyond it that is still to come is worth training for."""


def _left(second: float, third: float, fourth: float) -> float:
    r"""Return how far the loss would still fall if each quarter fell by the same share of the one before,

    .. math:: d (r + r^2 + ...) = d r / (1 - r)

    for the last quarter's fall d and its share r of that of the one before; infinite where falls do not
    shrink.

    >>> _left(4.0, 3.0, 2.5), _left(3.0, 2.0, 1.0)
    (0.5, inf)
    """
    fall, before = third - fourth, second - third
    if fall <= 0.0:
        return 0.0
    return fall * fall / (before - fall) if before > fall else math.inf


def check_unfinished(record: Record) -> list[Finding]:
    """Find trainings that end while the loss still falls fast, or after a few updates.

    Statistics: the fall of the median loss from the third quarter of updates to the last, relative; the
        number
    of updates, where the loss is still a good part of the first and the fall that is left (:func:`_left`) is
    more than a twentieth of it. Null: below 15% at the end of a sound
    schedule; hundreds of updates, or a loss that has come near its level, which need not be near zero (a
    contrast of pairs). False alarms: losses that fall by power laws for as long as one trains;
    trained networks that are tuned further, and methods that need few updates (quasi-Newton ones are left
    out).

    Args:
        record: What was seen.
    """
    end = record.count
    quarters = [
        median(whole_loss(s) for s in record.steps if low * end <= s.index < high * end)
        for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01))
    ]
    first, second, third, fourth = quarters
    if record.ended and 4 <= end < VERY_FEW and not math.isfinite(fourth):
        # So short a training may be over before its last updates could be watched.
        seen = [whole_loss(s) for s in record.steps if math.isfinite(s.loss)]
        third = fourth = seen[-1] if len(seen) >= 3 else math.nan
    if not (math.isfinite(third) and math.isfinite(fourth)) or third <= 0 or "LBFGS" in record.optimizers:
        return []
    if fourth > first or not level_tells(record) or record.continued:
        return []  # the last: a first stage, whose network is trained further
    falls = fourth < 0.995 * third < 0.99 * second < 0.985 * first
    open_ended = end < VERY_FEW or _left(second, third, fourth) > LEFT * fourth
    begun = end < FEW and falls and fourth > 0.5 * first and open_ended
    few = (
        record.ended and 4 <= end < VERY_FEW and fourth < 1.02 * third < 1.04 * first and fourth > 0.1 * first
    )
    if not begun and not few and (fourth > 0.8 * third or not fourth > 0.05 * first):
        return []
    steep = fourth <= 0.8 * third
    confidence: Confidence = "low"
    if (begun and fourth > 0.6 * first) or (few and fourth > 0.15 * first):
        confidence = "high"
    elif begun or few or end < 2 * FEW or (falls and fourth > 0.4 * first):
        confidence = "medium"
    return [
        Finding(
            "fit.unfinished",
            "the training ends while the loss still falls"
            if steep or begun
            else "the training is over after a few updates",
            f"{end} updates in all; median loss {first:.3g} in the first quarter of them, {third:.3g} in the "
            f"third, {fourth:.3g} in the last",
            confidence,
            "too few epochs for this rate, or batches so large that an epoch holds few of them",
            "train longer, use smaller batches, or raise the rate",
            picture=Picture(
                "The loss", "update", "loss", {"loss": curve(record.steps, map(whole_loss, record.steps))}
            ),
        )
    ]
