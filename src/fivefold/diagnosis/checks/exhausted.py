"""Epochs without an update: the batches are used up, and evaluations follow upon each other."""

from itertools import pairwise

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Evaluation, Record

LEAST = 4
"""Evaluations in a row that say the same: a script looks twice or thrice at its result, not more often."""


def check_exhausted(record: Record) -> list[Finding]:
    """Find evaluations of the same examples one after the other, with no update between them.

    Statistic: how often the last rounds of an evaluation, each from one use of its first batch to the next,
        gave
    the very same losses and as many right answers. Null: 1 to 3 (after the last epoch, and of the result).
    Rounds in which nothing is compared with a target, as when time is measured, and models in training mode,
    whose answers are drawn anew, do not count. False alarms: a script that evaluates a finished model four
    times
    on the same examples.

    Args:
        record: What was seen.
    """
    if record.count < 1 or not record.evaluations:
        return []
    last = record.evaluations[-1]
    times = same_rounds(last)
    if last.after < record.count or last.training or times < LEAST:
        return []
    return [
        Finding(
            "data.exhausted",
            f"the model was evaluated {times} times over, and nothing was trained in between",
            f"after update {last.after}, the last one, the same examples were evaluated {times} times, with "
            "the "
            "same result each time",
            "high",
            "the batches came from a generator, a zip or another iterator that is used up after one epoch, "
            "so "
            "that the loop over batches ends before it begins",
            "make the iterator anew in every epoch, or use a DataLoader or a list, which can be gone through "
            "again",
        )
    ]


def same_rounds(evaluation: Evaluation) -> int:
    """How many rounds at the end of an evaluation gave the same; 0 where nothing was compared.

    Args:
        evaluation: With the places at which its rounds begin.

    >>> same_rounds(Evaluation(after=9, right=30, compared=40, rounds=[(0, 0, 0), (0, 10, 10), (0, 20, 25)]))
    1
    """
    ends = [*evaluation.rounds, (len(evaluation.losses), evaluation.right or 0, evaluation.compared)]
    results = [
        (tuple(c.value for c in evaluation.losses[a[0] : b[0]]), b[1] - a[1], b[2] - a[2])
        for a, b in pairwise(ends)
    ]
    while results and not results[-1][0] and not results[-1][2]:
        results.pop()  # a last look that compares nothing
    count = 0
    while count < len(results) and results[-1 - count] == results[-1]:
        count += 1
    return count
