"""Losses that are given the wrong form of prediction."""

from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import LossCall, Record

ROUNDING = 1e-3
LEAST_NUMBERS = 200


def _numbers(calls: list[LossCall]) -> int:
    total = 0
    for call in calls:
        count = 1
        for n in call.prediction.shape:
            count *= n
        total += count
    return total


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
                "cannot "
                "come near 0",
                "give cross_entropy the output of the last linear layer; apply softmax only to read "
                "probabilities",
                place=calls[-1].place,
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
            )
        )
    return out
