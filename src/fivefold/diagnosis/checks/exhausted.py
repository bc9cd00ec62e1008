"""Epochs without an update: the batches are used up, and evaluations follow upon each other."""

from itertools import pairwise

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Evaluation, Record

LEAST = 4
"""Evaluations in a row that say the same: a script looks twice or thrice at its result, not more often."""


def check_exhausted(record: Record) -> list[Finding]:
    """Find evaluations of the same examples one after the other, with no update between them.

    Statistic: how many of the last rounds of an evaluation, each from one use of its first batch to the next,
    were given the very same batches and gave the very same losses and as many right answers. Null: 1 to 3
    (after the last epoch, and of the result). Rounds of a single batch in which nothing is compared with a
    target, as when time is measured, do not count, nor do models in training mode, whose answers are drawn
    anew. False alarms: a script that evaluates a finished model four times on the same examples.

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
            f"after update {last.after}, the last one, the model was given the same batches {times} times, "
            "one round after the other",
            "high",
            "the batches came from a generator, a zip or another iterator that is used up after one epoch, "
            "so that the loop over batches ends before it begins",
            "make the iterator anew in every epoch, or use a DataLoader or a list, which begin anew each "
            "time",
            picture=of_numbers(
                "Rounds of the same evaluation after the last update: one to three where nothing is wrong",
                "rounds",
                {"after the last update": float(times)},
                (float(LEAST - 1), "as often as a script looks"),
            ),
        )
    ]


def same_rounds(evaluation: Evaluation) -> int:
    """How many rounds at the end of an evaluation were the same.

    Args:
        evaluation: With what it was given.

    >>> same_rounds(Evaluation(after=9, right=26, compared=40, given=[(1, 0, 0, 0), (1, 0, 8, 10),
    ...     (1, 0, 17, 20), (1, 0, 26, 30)]))
    1
    """
    given = evaluation.given
    first = given[0][0] if given else 0
    places = [place for place, entry in enumerate(given) if entry[0] == first]
    end = (first, len(evaluation.losses), evaluation.right or 0, evaluation.compared)
    results = []
    for a, b in pairwise([*places, len(given)]):
        start, stop = given[a], given[b] if b < len(given) else end
        losses = tuple(c.value for c in evaluation.losses[start[1] : stop[1]])
        batches = tuple(entry[0] for entry in given[a:b])
        results.append((batches, losses, stop[2] - start[2], stop[3] - start[3]))
    said = {r for r in results if len(r[0]) > 1 or r[1] or r[3]}
    while results and results[-1] not in said:
        results.pop()  # a last look that compares nothing
    count = 0
    while count < len(results) and results[-1 - count] == results[-1]:
        count += 1
    return count
