"""A loss of classes that takes another axis of the predictions for that of the classes."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.played import given_at, losses_on
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

SHUT = -1e3
"""A number as low as this that most low scores are, to the bit, is that of the mask."""

LEAST_TARGETS = 30
LEAST_SHUT = 0.02


def check_class_axis(record: Record) -> list[Finding]:
    """Find a softmax of the loss that runs over the steps and not over the classes, where they are as many.

    Statistic: of scores [n, k, k] given to ``cross_entropy``, some of them masked (one and the same number,
    -1000 or less), the share of targets whose own score is masked, with classes along the first k and along
    the second. Null: a mask hides what cannot be the answer, so that the share is 0 along the axis of the
    classes. Found where it is above 2% along the first in every watched pass, and exactly 0 along the second:
    of n targets that a mask hides by chance with a share p, none is hidden with probability (1 - p)^n (below
    1 in 10^9 of the 200 of a batch where a tenth is masked). False alarms: none that are known; without a
    mask nothing is said.

    Args:
        record: What was seen.
    """
    found = [told for tape in record.tapes if tape.playable and (told := _shut(tape)) is not None]
    if not found or any(there < LEAST_SHUT or other > 0.0 for there, other, _ in found):
        return []
    there, other, k = found[-1]
    tape = record.tapes[-1]
    places = losses_on(tape)
    return [
        Finding(
            "axis.classes",
            "the loss takes the steps for the classes",
            f"scores [n, {k}, {k}]: along the first {k}, {there:.0%} of the targets are among what the mask "
            f"hides; along the second {other:.0%}, in {len(found)} of {len(found)} watched passes",
            "high",
            "cross_entropy takes dimension 1 for the classes, and here the classes are in the last one",
            "make both flat: cross_entropy(scores.flatten(0, 1), targets.flatten()), or "
            "scores.transpose(1, 2)",
            place=tape.entries[places[0]].place if places else None,
            picture=of_shares(
                "Targets that the mask of the scores hides: none along the axis of the classes",
                "share of the targets",
                {"along dimension 1": there, "along dimension 2": other},
                (0.0, "none"),
            ),
        )
    ]


def _shut(tape: Tape) -> tuple[float, float, int] | None:
    """Share of targets with a masked score along dimension 1 and along dimension 2, and their size."""
    places = losses_on(tape)
    if len(places) != 1:
        return None
    given = given_at(tape, places[0])
    scores, target = given.get("input"), given.get("target")
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor) or target.is_floating_point():
        return None
    if scores.ndim != 3 or scores.shape[1] != scores.shape[2] or target.shape != scores.shape[::2]:
        return None
    known = (target != int(given.get("ignore_index", -100))) & (target >= 0)
    low = scores[scores <= SHUT]
    if int(known.sum()) < LEAST_TARGETS or not low.numel():
        return None
    shut = low.mode().values
    if int((low == shut).sum()) < LEAST_TARGETS:
        return None
    at = target.clamp(min=0)
    first = torch.gather(scores, 1, at[:, None, :])[:, 0]
    second = torch.gather(scores, 2, at[:, :, None])[:, :, 0]
    a, b = (float((s[known] == shut).double().mean()) for s in (first, second))
    return a, b, scores.shape[1]
