"""Losses that are given the wrong form of prediction."""

import math
from collections.abc import Sequence

from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import LossCall, Record

ROUNDING = 1e-3
LEAST_NUMBERS = 200
SMALLEST = 1e-8
"""Distances from 1 are drawn no smaller: single precision has none between."""


def _numbers(calls: list[LossCall]) -> int:
    total = 0
    for call in calls:
        count = 1
        for n in call.prediction.shape:
            count *= n
        total += count
    return total


def of_ends(title: str, calls: Sequence[LossCall], level: tuple[float, str]) -> Picture:
    """Show the lowest and the highest number that each call of a loss is given as a prediction.

    Args:
        title: What is to be seen.
        calls: The calls, in the order they were made.
        level: A bound that such numbers keep, or do not, where nothing is wrong, and what it is.

    >>> of_ends("t", [], (0.0, "logarithms end here")).curves
    {'highest': (), 'lowest': ()}
    """
    ends = [(c.prediction.low, c.prediction.high) for c in calls]
    kept = [(float(i), *each) for i, each in enumerate(ends) if all(map(math.isfinite, each))]
    return Picture(
        title,
        "watched call of the loss",
        "number given",
        {
            "highest": tuple((i, high) for i, _, high in kept),
            "lowest": tuple((i, low) for i, low, _ in kept),
        },
        level,
    )


def check_loss_inputs(record: Record) -> list[Finding]:
    """Find probabilities given for logits, logits for logarithms of probabilities, and logits for
    probabilities.

    Statistic: over all watched calls of ``cross_entropy``, the largest distance of a row's sum from 1 with no
    value below 0; of ``binary_cross_entropy_with_logits``, whether every value lies in [0, 1]; of
    ``nll_loss``, the largest value (logarithms of probabilities are at most 0). Null: logits are free
    numbers, whose rows sum to 1 to three digits with probability zero. False alarms: none by construction for
    the first and last; for the second a network whose logits all lie in [0, 1] on hundreds of examples, at
    every watched update.

    Args:
        record: What was seen.
    """
    out = []
    calls = [c for c in losses_of(record, ("cross_entropy",)) if c.row_sum_error == c.row_sum_error]
    sums = {"distance": tuple((float(i), max(c.row_sum_error, SMALLEST)) for i, c in enumerate(calls))}
    if len(calls) >= 2 and all(c.row_sum_error < ROUNDING and c.prediction.low >= 0.0 for c in calls):
        worst = max(c.row_sum_error for c in calls)
        out.append(
            Finding(
                "loss.probabilities",
                "cross_entropy is given probabilities, not logits",
                f"in {len(calls)} of {len(calls)} calls every row is at least 0 and sums to 1 (to "
                f"{worst:.0e})",
                "high",
                "softmax is applied before a loss that applies it again: gradients become small and the loss "
                "cannot come near 0",
                "give cross_entropy the output of the last linear layer; apply softmax only to read "
                "probabilities",
                place=calls[-1].place,
                picture=Picture(
                    "Largest distance of a row's sum from 1: far from 0 where logits are given",
                    "watched call of the loss",
                    "distance from 1",
                    sums,
                    (ROUNDING, "logits lie above"),
                    logarithmic=True,
                ),
            )
        )
    calls = losses_of(record, ("binary_cross_entropy_with_logits",))
    within = [c for c in calls if c.prediction.low >= 0.0 and c.prediction.high <= 1.0]
    if len(calls) >= 2 and len(within) == len(calls) and _numbers(calls) >= LEAST_NUMBERS:
        out.append(
            Finding(
                "loss.probabilities",
                "binary_cross_entropy_with_logits is given probabilities, not logits",
                f"in {len(calls)} of {len(calls)} calls every value lies in [0, 1]",
                "high",
                "sigmoid is applied before a loss that applies it again",
                "give the loss the output of the last linear layer, or use binary_cross_entropy on "
                "probabilities",
                place=calls[-1].place,
                picture=of_ends(
                    "Lowest and highest number given for logits, which go below 0 and beyond 1",
                    calls,
                    (1.0, "probabilities end here"),
                ),
            )
        )
    calls = losses_of(record, ("nll_loss",))
    above = [c for c in calls if c.prediction.high > ROUNDING]
    if len(calls) >= 2 and len(above) >= 0.9 * len(calls):
        high = max(c.prediction.high for c in above)
        out.append(
            Finding(
                "loss.not-log-probabilities",
                "nll_loss is given numbers that are no logarithms of probabilities",
                f"values up to {high:.3g} in {len(above)} of {len(calls)} calls; logarithms of probabilities "
                "are at most 0",
                "high",
                "nll_loss takes the output of log_softmax; of anything else it makes a loss without a lower "
                "bound",
                "use cross_entropy on logits, or apply log_softmax first",
                place=above[-1].place,
                picture=of_ends(
                    "Lowest and highest number given for logarithms of probabilities, which are at most 0",
                    calls,
                    (0.0, "logarithms end here"),
                ),
            )
        )
    return out
