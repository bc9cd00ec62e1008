"""Which rows of a set are meant."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivefold.core import require


def row_numbers(rows: ArrayLike | None, count: int, what: str) -> NDArray[np.int64]:
    """Return the numbers [n] of the rows that are meant.

    Args:
        rows: Numbers [n] from 0 to ``count - 1``, a boolean mask [count], or all of them where ``None``.
        count: Rows that there are.
        what: What the rows are called, in the plural.

    Raises:
        ArgumentError: A number out of range or none at all, or a mask of another length.

    >>> row_numbers([2, 0], 3, "texts"), row_numbers([True, False, True], 3, "texts")
    (array([2, 0]), array([0, 2]))
    """
    if rows is None:
        return np.arange(count)
    given: NDArray[Any] = np.asarray(rows)
    if given.dtype == np.bool_:
        require(given.shape == (count,), f"a mask of {count} {what}", given.shape)
        return np.flatnonzero(given)
    numbers = given.ndim == 1 and (
        not given.size or (given.dtype.kind in "iu" and given.min() >= 0 and given.max() < count)
    )
    require(numbers, f"numbers of {what} from 0 to {count - 1}", given if given.size < 9 else "others")
    return given.astype(np.int64)
