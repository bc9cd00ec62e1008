"""How the training ends: too long, too short."""

import math

from fivefold.diagnosis.checks.seen import curve, late, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Evaluation, Record


def _value(e: Evaluation) -> float:
    values = [c.value for c in e.losses if math.isfinite(c.value)]
    return sum(values) / len(values) if values else math.nan


def check_overfitting(record: Record) -> list[Finding]:
    """Find held-out loss that turned up while the training loss went on falling.

    Statistic: the last held-out loss over the smallest one, beside training. Null: within 10%. False alarms:
    none of note where it ends 30% above.

    Args:
        record: What was seen.
    """
    seen = [(e.after, _value(e)) for e in record.evaluations if math.isfinite(_value(e))]
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
                    f"is {last:.3g} at the end, while "
                    f"the training loss is {training[-1][1]:.3g}",
                    "high" if rise > 1.6 else "medium",
                    "the network went on learning what is particular to the training examples",
                    "stop at the least held-out loss, add weight decay, dropout or augmentation, or collect "
                    "examples",
                    picture=Picture(
                        "Training and held-out loss",
                        "update",
                        "loss",
                        {
                            "training": curve(record.steps, (s.loss for s in record.steps)),
                            "held out": tuple((float(i), v) for i, v in seen),
                        },
                    ),
                )
            ]
    judged = [
        (e.after, e.right / e.compared) for e in record.evaluations if e.right is not None and e.compared
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
            )
        ]
    return []


FEW = 150
"""Updates below which a loss that falls in every quarter, and little in all, is a training that hardly began.
"""


def check_unfinished(record: Record) -> list[Finding]:
    """Find trainings that end while the loss still falls fast.

    Statistic: the fall of the median loss from the third quarter of updates to the last, relative. Null:
    below 15% at the end of a sound schedule. False alarms: losses that fall by power laws for as long as one
    trains.

    Args:
        record: What was seen.
    """
    end = record.count
    third = median(s.loss for s in record.steps if 0.5 * end <= s.index < 0.75 * end)
    fourth = median(s.loss for s in record.steps if s.index >= 0.75 * end)
    second = median(s.loss for s in record.steps if 0.25 * end <= s.index < 0.5 * end)
    first = median(s.loss for s in record.steps if s.index < 0.25 * end)
    if not (math.isfinite(third) and math.isfinite(fourth)) or third <= 0:
        return []
    steady = end < FEW and fourth < 0.995 * third < 0.99 * second < 0.985 * first and fourth > 0.5 * first
    if not steady and (fourth > 0.8 * third or not fourth > 0.05 * first):
        return []
    return [
        Finding(
            "fit.unfinished",
            "the training ends while the loss still falls",
            f"median loss {third:.3g} in the third quarter of the updates, {fourth:.3g} in the last",
            "high" if steady and fourth > 0.6 * first else "medium" if end < 200 else "low",
            "too few epochs for this rate",
            "train longer, or raise the rate",
            picture=Picture(
                "The loss", "update", "loss", {"loss": curve(record.steps, (s.loss for s in record.steps))}
            ),
        )
    ]
