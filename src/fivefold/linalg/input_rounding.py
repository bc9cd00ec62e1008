"""Which entries of the input were rounded before they came, and by how much at most."""

import torch
from torch import Tensor

_SPARE = 24
"""A significand that ends in so many zero bits was not rounded: by chance this happens once in 2^24."""


def half_ulp_where_rounded(values: Tensor) -> Tensor:
    r"""Return half a unit in the last place of each entry, or zero where the entry is exact as it stands.

    .. math:: |v - \hat v| \le \tfrac12 \mathrm{ulp}(\hat v) \text{ for } v = 0.1; \qquad
        v = \hat v \text{ for } v = 3 \text{ or } 0.5

    Whole numbers below 2^53 and numbers with 24 spare bits (short binary fractions, anything that came as
    float32) are taken to be what was meant; all others as the nearest float64 to a number that has none.

    Args:
        values: Any shape, float64.

    Returns:
        The same shape, float64.

    >>> half_ulp_where_rounded(torch.tensor([3.0, 0.5, 0.1], dtype=torch.float64)).tolist()
    [0.0, 0.0, 6.938893903907228e-18]
    """
    significand, exponent = torch.frexp(values)
    shifted = significand * 2.0 ** (53 - _SPARE)
    whole = (values == values.trunc()) & (values.abs() < 2.0**53)
    exact = whole | (shifted == shifted.trunc())
    half = torch.exp2((exponent - 54).to(torch.float64))
    return torch.where(exact, torch.zeros_like(half), half)
