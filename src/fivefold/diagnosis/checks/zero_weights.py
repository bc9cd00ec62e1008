"""Matrices of the user's own layers that begin at zero and never leave it."""

import math
from collections.abc import Sequence

from fivefold.diagnosis.checks.seen import curve
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record, Step

LEAST_UPDATES = 3


def check_zero_weights(record: Record) -> list[Finding]:
    """Find matrices that are zero and get a gradient of zero, one through the other.

    Statistic: how many matrices, of layers that are not torch's own (of which
    :func:`~fivefold.diagnosis.checks.first_values.check_first_values` tells), are exactly zero and have a
    gradient of exactly zero at every watched update. Null: a matrix that begins at zero on purpose (the last
    of
    a branch) gets a gradient and moves at the first update. Found from two on. False alarms: parts that are
    never used, whose first values are all zero.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.parameters]
    if len(steps) < LEAST_UPDATES:
        return []
    own = {f"{f.name}.weight" for f in record.first_weights}
    matrices = {name for name, p in record.parameters() if p.ndim >= 2 and p.requires_grad} - own
    still = {
        name: all(any(p.name == name and p.weight == 0.0 == p.gradient for p in s.parameters) for s in steps)
        for name in matrices
    }
    found = sorted(name for name, zero in still.items() if zero)
    if len(found) < 2:
        return []
    return [
        Finding(
            "initialisation.constant",
            "weights begin at zero and stay there",
            f"{', '.join(found[:4])}: every number is zero, and so is the gradient, at all {len(steps)} "
            "watched updates",
            "high",
            "the gradient of a layer is a product with the weights of the next: where both are zero neither "
            "ever moves",
            "draw the weights at random (torch.nn.init.xavier_uniform_); only the last layer of a branch may "
            "begin at zero",
            picture=_norms(steps, found),
        )
    ]


def _norms(steps: Sequence[Step], names: Sequence[str]) -> Picture:
    """The norm of the matrices named over the updates, beside that of all that is trained with them."""
    sides = [[(p.weight, p.name in names) for p in s.parameters] for s in steps]
    return Picture(
        "Norm of the weights over the updates: above 0 where nothing is wrong",
        "update",
        "norm",
        {
            name: curve(steps, (math.hypot(*(w for w, is_one in held if is_one is found)) for held in sides))
            for name, found in (("these matrices", True), ("all others", False))
        },
    )
