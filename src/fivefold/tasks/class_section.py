"""What a report says of predicted classes: confusion, reliability, prediction sets."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.tasks.evaluate import coverage, reliability
from fivefold.tasks.prediction_sets import Sets

Floats = npt.NDArray[np.float64]
_MOST_CLASSES, _MOST_PAIRS = 500, 1_000
"""Classes up to which the whole confusion is kept, and pairs of classes that are kept beyond."""


def class_section(
    probability: Floats,
    truth: npt.NDArray[np.int64],
    sets: Sets,
    level: float,
    copies: npt.NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Return the confusion, the reliability and the sets of rows that no fit has seen.

    The reliability is that of the second class where there are two, of the most probable class otherwise;
    the calibration error is its mean distance from the diagonal, weighted by rows.

    The confusion of more than 500 classes would fill a record: of these ``confusion`` is empty, and
    ``confused`` holds the 1,000 most frequent confusions, as ``confusion_note`` says.

    Args:
        probability: ``[n, K]`` calibrated probabilities.
        truth: ``[n]`` codes of the classes.
        sets: The prediction sets.
        level: Their promised coverage, in (0, 1).
        copies: ``[n]`` codes, equal for rows that are copies of each other; ``None`` where none are.

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> class_section(p, np.array([0, 1]), Sets(np.array([0.1, 0.2])), 0.5)["confusion"]
    [[1, 0], [0, 1]]
    """
    found = probability.argmax(1)
    count = probability.shape[1]
    inside = sets.members(probability, level)
    hit = inside[np.arange(len(truth)), truth]
    sizes, counts = np.unique(inside.sum(1), return_counts=True)
    shown = probability[:, 1] if count == 2 else probability.max(1)
    correct = truth == 1 if count == 2 else found == truth
    bins = reliability(shown, correct)
    error = sum(b["rows"] * abs(b["predicted"] - b["observed"]) for b in bins) / max(len(truth), 1)
    return {
        **_confusion(truth, found, count),
        "reliability": bins,
        "sets": {
            "level": level,
            "coverage": coverage(hit, copies),
            "mean_size": float(inside.sum(1).mean()),
            "sizes": {str(s): int(c) for s, c in zip(sizes, counts, strict=True)},
            "ordered": sets.ordered,
        },
        "calibration_error": float(error),
    }


def _confusion(truth: npt.NDArray[np.int64], found: npt.NDArray[np.int64], classes: int) -> dict[str, Any]:
    """Rows by true and predicted class; of many classes the most frequent confusions alone."""
    if classes <= _MOST_CLASSES:
        table = np.zeros((classes, classes), dtype=np.int64)
        np.add.at(table, (truth, found), 1)
        return {"confusion": table.tolist()}
    wrong = truth != found
    pairs, rows = np.unique(truth[wrong] * classes + found[wrong], return_counts=True)
    kept = np.argsort(-rows, kind="stable")[:_MOST_PAIRS]
    return {
        "confusion": [],
        "confused": [
            {"true": pair // classes, "found": pair % classes, "rows": n}
            for pair, n in zip(pairs[kept].tolist(), rows[kept].tolist(), strict=True)
        ],
        "confusion_note": f"Of {len(pairs):,} pairs of classes that were confused the record holds the "
        f"{len(kept):,} most frequent, as positions in its list of classes.",
    }
