"""Weights of classes in the loss, beside how rare the classes are."""

import numpy as np
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.played import given_at, losses_on
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

BEYOND = 4.0
"""How many times as much as the commoner class the rarer may count in all, at the least, to be found."""


def check_beyond_balance(record: Record) -> list[Finding]:
    """Find weights of the rarer of two classes that go far beyond balance.

    Statistic: over the watched calls of ``binary_cross_entropy_with_logits`` with ``pos_weight`` and several
    targets an example (tokens, labels, pixels; single ones are looked at beside the shares of classes), the
    ratio of what ones add up to in the loss and what zeros do, weight times number. Null: 1 at the inverse
    of the
    frequencies, below it for weights that only soften them; found from 4 on, high from 10 on, where ones are
    the rarer and thirty or more were seen (the ratio is then known to a fifth). False alarms: recall that is
    paid for on purpose.

    Args:
        record: What was seen.
    """
    calls = [
        c
        for c in losses_of(record, ("binary_cross_entropy_with_logits",))
        if "weighted" in c.settings and len(c.classes) == 2 and len([n for n in c.target.shape if n > 1]) > 1
    ]
    weight = next((w for tape in reversed(record.tapes) if (w := weights_of(tape)) is not None), None)
    if not calls or weight is None or weight.shape != (2,):
        return []
    total = np.sum([c.classes for c in calls], 0).astype(float)
    if total.min() < 30 or total[1] >= total[0]:
        return []
    ratio = float(weight[1] * total[1] / (weight[0] * total[0]))
    if ratio < BEYOND:
        return []
    balanced = total[0] / total[1]
    return [
        Finding(
            "imbalance.weights",
            "the rare class is weighted far beyond its rarity",
            f"ones are {total[1] / total.sum():.0%} of the {total.sum():.0f} targets seen and have "
            f"{weight[1] / weight[0]:.3g} times the weight of zeros: together they count {ratio:.1f} times "
            "as "
            f"much; a weight of {balanced:.3g} would balance them",
            "high" if ratio >= 2.5 * BEYOND else "medium",
            "outputs are pulled to one nearly everywhere, since a zero that is told costs little",
            f"give pos_weight= the zeros over the ones, {balanced:.2g}, or none",
            place=calls[-1].place,
            picture=of_numbers(
                "What ones count in all, in parts of what zeros do",
                "ratio",
                {"as weighted": ratio, "without a weight": total[1] / total[0], "balanced": 1.0},
                (BEYOND, "found from here on"),
            ),
        )
    ]


def weights_of(tape: Tape) -> np.ndarray | None:
    """Return the weights of the classes in the last weighted loss of classes on a tape; ``None`` without any.

    Args:
        tape: Any.
    """
    kinds = (functional.cross_entropy, functional.binary_cross_entropy_with_logits)
    places = [place for kind in kinds for place in losses_on(tape, kind)] if tape.playable else []
    given = given_at(tape, places[-1]) if places else {}
    weight, positive = given.get("weight"), given.get("pos_weight")
    if isinstance(positive, Tensor) and positive.numel() == 1:
        return np.array([1.0, float(positive)])  # of the class 0, and of the class 1
    return weight.double().cpu().numpy() if isinstance(weight, Tensor) and weight.ndim == 1 else None
