"""Nearest neighbours: the one computation under all three estimators of continuous information."""

from typing import Any

import numpy as np

from fivefold.core import DataError, require
from fivefold.probability.information.blocks import LEAST
from fivefold.probability.samples import Array, as_matrix


def continuous_rows(X: Any, name: str, k: int) -> Array:
    """Return a continuous sample ``[n, d]``, once nearest neighbours in it have a meaning.

    Raises:
        DataError: Too few rows, constant columns, repeated rows, or numbers that are not finite.
        ArgumentError: k below 1, or too large for the parts that the standard error rests on.
    """
    require(isinstance(k, int) and 1 <= k < LEAST // 2, f"k from 1 to {LEAST // 2 - 1}", k)
    rows = as_matrix(X, name, least=2 * LEAST)
    constant = int((rows.min(0) == rows.max(0)).sum())
    if constant:
        raise DataError(f"columns of {name} with some variation", f"{constant} constant ones", "drop them")
    return rows


def require_distinct(rows: Array, name: str) -> None:
    """Raise unless no row occurs twice.

    Raises:
        DataError: Repeated rows: the variable is not continuous, or was rounded.
    """
    repeated = len(rows) - len(np.unique(rows, axis=0))
    if repeated:
        raise DataError(
            f"rows of {name} without ties, as of a continuous variable",
            f"{repeated} repeated rows of {len(rows)}",
            "use the discrete estimator, drop duplicates, or add noise of the size of the rounding",
        )


def standardised(rows: Array) -> tuple[Array, Array]:
    """Return the columns with mean 0 and standard deviation 1, and the deviations."""
    sd = rows.std(0)
    found: Array = (rows - rows.mean(0)) / sd
    return found, sd


def distance_to_neighbour(rows: Array, k: int, *, others: Array | None = None, p: float = 2.0) -> Array:
    """Return each row's distance to its k-th neighbour among the other rows, or among ``others`` ``[m, d]``.

    Args:
        rows: ``[n, d]``.
        k: From 1 on.
        others: Where to look for neighbours instead.
        p: 2 for the Euclidean distance, infinity for the largest coordinate.
    """
    from scipy.spatial import cKDTree

    tree: Any = cKDTree(rows if others is None else others)
    # A row is its own nearest neighbour in its own sample.
    rank = k + 1 if others is None else k
    found: Array = tree.query(rows, k=[rank], p=p)[0][:, 0]
    return found


def count_within(rows: Array, radius: Array) -> Array:
    """Count the other rows at a largest-coordinate distance strictly below each row's radius, ``[n]``."""
    if rows.shape[1] == 1:
        column = rows[:, 0]
        x = np.concatenate([[-np.inf], np.sort(column), [np.inf]])
        high = np.searchsorted(x, column + radius, side="left")
        low = np.searchsorted(x, column - radius, side="right") - 1
        # In each row one neighbour lies at the radius itself in one of the variables. The rounding of the sum
        # may put it inside, which would bias the information downwards: the difference decides.
        high = high - (x[high - 1] - column >= radius) + (x[high] - column < radius)
        low = low + (column - x[low + 1] >= radius) - (column - x[low] < radius)
        counts: Array = (high - low - 2).astype(np.float64)
        return counts
    from scipy.spatial import cKDTree

    inside = np.nextafter(radius, 0)
    found = cKDTree(rows).query_ball_point(rows, inside, p=np.inf, return_length=True)
    return np.asarray(found, dtype=np.float64) - 1
