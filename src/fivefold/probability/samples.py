"""Checks that every function over samples shares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import ArgumentError, DataError, require

Array = NDArray[np.float64]


def as_sample(x: Any, name: str, *, least: int = 2, varied: bool = False) -> Array:
    """Return a sample as a float64 vector ``[n]``, once it is known to be usable.

    Args:
        x: Numbers ``[n]``: an array, a tensor or a list.
        name: What to call it in a message.
        least: The fewest values that will do.
        varied: Whether a constant sample is of no use.

    Raises:
        DataError: Not numbers, not a vector, too few, not finite, or constant.

    >>> as_sample([1, 2], "x")
    array([1., 2.])
    """
    try:
        values = np.asarray(x)
        if values.dtype.kind not in "biuf":
            raise DataError(f"numbers in {name}", f"{values.dtype}", "encode or convert them first")
        values = values.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"numbers in {name}", str(error), "encode or convert them first") from error
    if values.ndim != 1:
        raise DataError(f"{name} as a vector [n]", f"shape {values.shape}", "pass one column")
    if len(values) < least:
        raise DataError(f"at least {least} values in {name}", f"{len(values)}", "collect more of them")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DataError(f"finite numbers in {name}", f"{bad} NaN or infinite of {len(values)}", "drop them")
    if varied and values.min() == values.max():
        raise DataError(f"{name} with some variation", f"{len(values)} times {values[0]:g}")
    return values


def as_matrix(X: Any, name: str, *, least: int = 2) -> Array:
    """Return a sample of vectors as float64 ``[n, d]``; a vector ``[n]`` becomes ``[n, 1]``.

    Raises:
        DataError: As :func:`as_sample`.
    """
    shape = np.shape(X)
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] == 0):
        raise DataError(f"{name} as [n] or [n, d]", f"shape {shape}")
    flat = as_sample(np.reshape(np.asarray(X), -1), name, least=1)
    if shape[0] < least:
        raise DataError(f"at least {least} rows in {name}", f"{shape[0]}", "collect more of them")
    return flat.reshape(shape[0], -1)


def as_counts(x: Any, name: str, *, dims: int = 1) -> Array:
    """Return counts as float64, once they are known to be whole, not negative, and not all zero.

    Raises:
        DataError: Anything else.

    >>> as_counts([2, 0], "counts")
    array([2., 0.])
    """
    if np.ndim(x) != dims or np.size(x) == 0:
        raise DataError(f"{name} as a nonempty array of {dims} dimensions", f"shape {np.shape(x)}")
    counts = as_sample(np.reshape(np.asarray(x), -1), name, least=1).reshape(np.shape(x))
    bad = counts[(counts < 0) | (counts != np.round(counts))]
    if bad.size:
        raise DataError(
            f"counts 0, 1, 2, ... in {name}",
            f"{bad.size} other values, such as {bad.flat[0]:g}",
            "pass counts",
        )
    if counts.sum() == 0:
        raise DataError(f"at least one observation in {name}", "counts that are all 0")
    return counts


def as_weights(weights: Any, n: int) -> Array:
    """Return weights of n observations, 1 each for ``None``.

    Raises:
        DataError: Negative, not finite or all zero.
        ArgumentError: Another number of them.
    """
    if weights is None:
        return np.ones(n)
    a = as_sample(weights, "weights", least=1)
    require(len(a) == n, f"{n} weights, one per observation", len(a))
    if (a < 0).any() or a.sum() == 0:
        raise DataError("weights of at least 0, one of them positive", f"between {a.min():g} and {a.max():g}")
    return a


def as_level(level: float) -> float:
    """Return the level of an interval, between 0 and 1.

    Raises:
        ArgumentError: It is not.
    """
    require(isinstance(level, float) and 0 < level < 1, "a level between 0 and 1, such as 0.95", level)
    return level


def as_positive(x: Any, name: str) -> float:
    """Return a positive, finite number.

    Raises:
        ArgumentError: It is none.
    """
    try:
        number = float(x)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} as a number", str(error)) from error
    require(0 < number < np.inf, f"a positive, finite {name}", x)
    return number
