"""Arrays of whatever library, as NumPy's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import ArgumentError


def is_array_like(source: object) -> bool:
    """Whether a source says that NumPy can read it: arrays, tensors, series and frames do.

    A scalar of NumPy's is none, though it says so.

    >>> is_array_like(np.zeros(2)), is_array_like([0.0, 0.0]), is_array_like(np.str_("a.csv"))
    (True, False, False)
    """
    return hasattr(source, "__array__") and not isinstance(source, np.generic)


def as_numpy(source: Any) -> NDArray[Any]:
    """Return an array or tensor as an array of NumPy's; a masked one keeps its mask.

    Raises:
        ArgumentError: A tensor on an accelerator, one that a gradient is recorded for, or of bfloat16.

    >>> as_numpy(np.ma.masked_invalid([1.0, np.nan])).tolist()
    [1.0, None]
    """
    if isinstance(source, np.ndarray):
        return source
    try:
        return np.asarray(source)
    except (TypeError, RuntimeError) as error:
        got = f"a {type(source).__name__} that it cannot read: {error}"
        raise ArgumentError(
            "an array that NumPy can read", got, "of a tensor give x.detach().cpu()"
        ) from error
