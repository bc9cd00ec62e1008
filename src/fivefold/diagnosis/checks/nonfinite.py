"""Numbers that are not finite."""

import math

from fivefold.diagnosis.checks.rates import peak_rate
from fivefold.diagnosis.checks.seen import median
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record


def check_nonfinite(record: Record) -> list[Finding]:
    """Find the first update whose gradient is not finite, and where it comes from.

    Statistic: the sum of the last layer's gradient at every update. Null: finite. False alarms: loss scaling
    of half precision skips such updates on purpose; the scaler does not call the optimizer then, so they are
    not seen.

    Args:
        record: What was seen.
    """
    if record.first_nonfinite is None:
        return []
    at = record.first_nonfinite
    trace = record.nonfinite
    if trace is None:
        return [
            Finding(
                "nonfinite.gradient",
                f"numbers are not finite from update {at} on",
                f"the gradient of update {at} is the first that is not finite",
                "high",
                "an operation overflowed or has no finite value or derivative at its input",
                "look for logarithms, roots and divisions of numbers that can be zero, and for rates that "
                "are too high",
            )
        ]
    grew = [s.loss for s in record.steps if math.isfinite(s.loss)]
    diverged = len(grew) >= 2 and grew[-1] > 10 * grew[0] and trace.where.startswith("weights")
    if diverged:
        rate = median(peak_rate(s) for s in record.steps)
        return [
            Finding(
                "rate.too-high",
                "the training diverges: the learning rate is too high",
                f"the loss went from {grew[0]:.3g} to {grew[-1]:.3g} and is not finite from update {at} on",
                "high",
                f"a rate of {rate:.2g} steps beyond the valley",
                f"lower the rate, to {rate / 10:.1g} to begin with",
            )
        ]
    return [
        Finding(
            "nonfinite.operation",
            f"{trace.operation} gives numbers that are not finite",
            trace.evidence,
            "high",
            trace.cause,
            trace.fix,
            place=trace.place,
        )
    ]
