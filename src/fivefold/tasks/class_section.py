"""What a report says of predicted classes: confusion, reliability, prediction sets."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.tasks.evaluate import coverage, reliability
from fivefold.tasks.prediction_sets import Sets

Floats = npt.NDArray[np.float64]


def class_section(
    probability: Floats, truth: npt.NDArray[np.int64], sets: Sets, level: float
) -> dict[str, Any]:
    """Return the confusion, the reliability and the sets of rows that no fit has seen.

    The reliability is that of the second class where there are two, of the most probable class otherwise;
    the calibration error is its mean distance from the diagonal, weighted by rows.

    Args:
        probability: ``[n, K]`` calibrated probabilities.
        truth: ``[n]`` codes of the classes.
        sets: The prediction sets.
        level: Their promised coverage, in (0, 1).

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> class_section(p, np.array([0, 1]), Sets(np.array([0.1, 0.2])), 0.5)["confusion"]
    [[1, 0], [0, 1]]
    """
    found = probability.argmax(1)
    count = probability.shape[1]
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (truth, found), 1)
    inside = sets.members(probability, level)
    hit = inside[np.arange(len(truth)), truth]
    sizes, counts = np.unique(inside.sum(1), return_counts=True)
    shown = probability[:, 1] if count == 2 else probability.max(1)
    correct = truth == 1 if count == 2 else found == truth
    bins = reliability(shown, correct)
    error = sum(b["rows"] * abs(b["predicted"] - b["observed"]) for b in bins) / max(len(truth), 1)
    return {
        "confusion": confusion.tolist(),
        "reliability": bins,
        "sets": {
            "level": level,
            "coverage": coverage(hit),
            "mean_size": float(inside.sum(1).mean()),
            "sizes": {str(s): int(c) for s, c in zip(sizes, counts, strict=True)},
            "ordered": sets.ordered,
        },
        "calibration_error": float(error),
    }
