"""Logits of a softmax that are bounded so closely that the loss cannot come near zero."""

import math

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_CALLS = 4
FLAT = 0.8


def check_flat_logits(record: Record) -> list[Finding]:
    r"""Find logits that are products of directions, times a factor so small that the softmax stays flat.

    Statistic: of the logits given to ``cross_entropy``, at most s in size at every watched update, where
    rows of
    length one are made before (``normalize``), the least loss that such logits can give, beside that of a
    guess,

    .. math:: \ln(1 + (k - 1) e^{-2 s}) / \ln k

    for k classes. Null: below 0.65 for two hundred classes at s = 1, a temperature of 1, and near 0 at usual
    ones (0.05 to 0.5); found from 0.8 on, high from 0.9 on. It is arithmetic: no false alarm comes by chance.
    False alarms: logits that a scale which is learnt has not yet made large.

    Args:
        record: What was seen.
    """
    directions = any(o.function == "normalize" for s in record.steps for o in s.operations)
    calls = [c for c in losses_of(record, ("cross_entropy",)) if len(c.prediction.shape) == 2]
    if not directions or len(calls) < LEAST_CALLS:
        return []
    classes = min(c.prediction.shape[1] for c in calls)
    size = max(c.prediction.high for c in calls)
    # Entries that are masked stand far below all others, and bound nothing.
    low = min((c.prediction.low for c in calls if c.prediction.low > -1e3), default=-size)
    size = max(size, -low)
    if classes < 3 or not 0.0 < size < math.inf:
        return []
    least = math.log1p((classes - 1) * math.exp(-2.0 * size))
    share = least / math.log(classes)
    if share < FLAT:
        return []
    return [
        Finding(
            "loss.flat-logits",
            "the logits are bounded so closely that the loss cannot fall",
            f"logits of {classes} classes are at most {size:.2g} in size at all {len(calls)} watched calls, "
            "since "
            f"they are products of directions: no weights bring the loss below {least:.3g}, where a guess "
            "has "
            f"{math.log(classes):.3g}; it is {calls[-1].value:.3g} in the last call",
            "high" if share >= 0.9 else "medium",
            "products of rows of length one lie in [-1, 1]; the temperature multiplies them where it should "
            "divide, or there is none",
            "divide the products by a temperature of 0.05 to 0.5 (or multiply them by a scale of 10 to 30)",
            place=calls[-1].place,
            picture=of_numbers(
                "Least loss that such logits can give, beside that of a guess",
                "nats",
                {"least loss": least, "a guess": math.log(classes), "last call": calls[-1].value},
                (FLAT * math.log(classes), "found from here on"),
            ),
        )
    ]
