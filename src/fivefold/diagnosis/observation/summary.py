"""Tensors in a few numbers, cheap enough to take during training."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MOST_NUMBERS = 1 << 18
"""Numbers looked at in one tensor; of a larger one, evenly spaced ones."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A tensor in a few numbers, over its finite entries (at most :data:`MOST_NUMBERS` of them).

    Attributes:
        shape: Its shape.
        dtype: Its type, as ``"float32"``.
        mean: Mean.
        std: Standard deviation.
        low: Smallest.
        high: Largest.
        finite: Share of entries that are finite, in [0, 1].
        zeros: Share of entries that are exactly zero.
    """

    shape: tuple[int, ...]
    dtype: str
    mean: float
    std: float
    low: float
    high: float
    finite: float
    zeros: float

    @property
    def integer(self) -> bool:
        """Whether its type counts rather than measures."""
        return self.dtype.startswith(("int", "uint", "bool"))


def thinned(tensor: Tensor) -> Tensor:
    """Return the entries as one vector, evenly spaced ones where there are too many.

    Of a sparse tensor those that it stores; of one on the meta device, which has none, none.
    """
    held = tensor.detach()
    if held.is_meta:
        return torch.empty(0, dtype=held.dtype)
    if held.is_nested:
        held = torch.cat([each.reshape(-1) for each in held.unbind()])
    elif held.layout == torch.sparse_coo:
        held = held._values()
    elif held.layout != torch.strided:
        held = held.values()
    flat = held.reshape(-1)
    return flat if len(flat) <= MOST_NUMBERS else flat[:: math.ceil(len(flat) / MOST_NUMBERS)]


@torch.no_grad()
def summarise(tensor: Tensor) -> Summary:
    """Summarise a tensor.

    Args:
        tensor: Any shape and type; complex ones by their absolute values.

    >>> found = summarise(torch.tensor([[1.0, 3.0], [0.0, float("nan")]]))
    >>> found.shape, found.low, found.high, found.finite, found.zeros
    ((2, 2), 0.0, 3.0, 0.75, 0.25)
    """
    flat = thinned(tensor)
    shape = () if tensor.is_nested else tuple(tensor.shape)
    dtype = str(tensor.dtype).removeprefix("torch.")
    # In one piece, since it is gone through five times.
    numbers = (flat.abs() if flat.is_complex() else flat).to(torch.float32).contiguous()
    if not len(numbers):
        return Summary(shape, dtype, math.nan, math.nan, math.nan, math.nan, 1.0, 0.0)
    # One number tells whether all are finite; only where it is not are they counted.
    total = float(numbers.sum())
    finite = 1.0
    kept = numbers
    if not math.isfinite(total):
        mask = torch.isfinite(numbers)
        finite, kept = float(mask.float().mean()), numbers[mask]
        if not len(kept):
            return Summary(shape, dtype, math.nan, math.nan, math.nan, math.nan, finite, 0.0)
    low, high = torch.aminmax(kept)
    deviation, mean = torch.std_mean(kept.double() if len(kept) < 4096 else kept, correction=0)
    zeros = 1.0 - float(torch.count_nonzero(numbers)) / len(numbers)
    return Summary(shape, dtype, float(mean), float(deviation), float(low), float(high), finite, zeros)
