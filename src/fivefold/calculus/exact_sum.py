"""Sums over batches, in float64."""

from collections.abc import Iterable

import torch
from torch import Tensor

from fivefold.core import DataError


def exact_sum(parts: Iterable[Tensor]) -> Tensor:
    """Add the parts of a sum: one alone as it is, several in float64, so that only the parts are rounded.

    Args:
        parts: Tensors of one shape, made one after the other.

    Returns:
        Their sum; float64 where there are several.

    Raises:
        DataError: No parts.

    >>> exact_sum(torch.tensor(x) for x in (1e8, 1.0, -1e8))
    tensor(1., dtype=torch.float64)
    """
    total: Tensor | None = None
    own = False
    for part in parts:
        if total is None:
            total = part
        elif own:
            total += part
        else:  # the first part is its maker's: it is not written to
            total, own = total.to(torch.float64) + part, True
    if total is None:
        raise DataError("at least one batch of rows", "none", "check what yields the batches")
    return total
