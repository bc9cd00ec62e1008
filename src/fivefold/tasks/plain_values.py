"""Records as plain JSON values."""

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return plain JSON values; numbers that are not finite become ``None``.

    Args:
        value: Nested dictionaries, lists, tuples, arrays and scalars.

    >>> plain({"a": np.array([1.0, np.nan]), 2: (np.int64(3), "b")})
    {'a': [1.0, None], '2': [3, 'b']}
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
