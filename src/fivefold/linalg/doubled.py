"""Residuals in doubled working precision, by error-free transformations."""

import torch
from torch import Tensor

CHEAP = 4_000_000
"""Products (rows x columns x right-hand sides) up to which residuals are doubled: tenths of a second."""

_CHUNK = 1 << 20  # entries that are expanded at a time: bounds the memory to some tens of megabytes
_SPLITTER = 2.0**27 + 1.0  # Veltkamp's constant for 53 bits


def two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`s = \mathrm{fl}(a + b)` and the exact rest :math:`(a + b) - s` (Knuth 1969).

    >>> two_sum(torch.tensor(1.0, dtype=torch.float64), torch.tensor(1e-20, dtype=torch.float64))[1].item()
    1e-20
    """
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`p = \mathrm{fl}(a b)` and the exact rest :math:`a b - p`.

    Exact for float64 unless a factor exceeds 1e300 or the product leaves the range of the format.
    Source: T. J. Dekker, Numer. Math. 18 (1971), with Veltkamp's split.

    >>> a = torch.tensor(1.0 + 2.0**-52, dtype=torch.float64)
    >>> two_product(a, a)[1].item() == 2.0**-104
    True
    """
    p = a * b
    a_high, b_high = _high(a), _high(b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _high(a: Tensor) -> Tensor:
    t = _SPLITTER * a
    return t - (t - a)


def doubled_residual(
    A: Tensor, x: Tensor, y: Tensor, y_low: Tensor | None = None, shift: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Return :math:`r = y - s - A x` as an unevaluated sum of two float64 numbers.

    The products are exact and their sum is compensated, so that the error is about that of arithmetic with
    106 bits: :math:`|r - \hat r| \le (n + 2)^2 u^2 (|A| |x| + |y|)`.

    Source: T. Ogita, S. M. Rump, S. Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26 (2005).

    Args:
        A: ``[m, n]`` in float64.
        x: ``[n, k]`` in float64.
        y: ``[m, k]`` in float64.
        y_low: The low part of ``y - s`` where it is itself a sum of two numbers.
        shift: s, ``[m, k]``, or nothing.

    Returns:
        High and low part, ``[m, k]`` each.

    >>> A = torch.tensor([[1e16, 1.0, -1e16]], dtype=torch.float64)
    >>> high, low = doubled_residual(A, torch.ones(3, 1, dtype=torch.float64), torch.zeros(1, 1).double())
    >>> high.item()
    -1.0
    """
    high = torch.empty_like(y)
    low = torch.empty_like(y)
    rows = max(1, _CHUNK // (A.shape[1] + 1))
    for start in range(0, A.shape[0], rows):
        part = slice(start, start + rows)
        for column in range(x.shape[1]):
            products, errors = two_product(A[part], -x[:, column])
            rest = errors.sum(dim=1)
            if y_low is not None:
                rest = rest + y_low[part, column]
            ends = (
                [y[part, column, None]]
                if shift is None
                else [y[part, column, None], -shift[part, column, None]]
            )
            terms = torch.cat([products, *ends], dim=1)
            high[part, column], low[part, column] = _compensated_sum(terms, rest)
    return high, low


def _compensated_sum(terms: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over the last dimension by halving; every rounding error is kept and added at the end."""
    while terms.shape[-1] > 1:
        if terms.shape[-1] % 2:
            terms = torch.nn.functional.pad(terms, (0, 1))
        half = terms.shape[-1] // 2
        terms, errors = two_sum(terms[..., :half], terms[..., half:])
        rest = rest + errors.sum(dim=-1)
    return two_sum(terms[..., 0], rest)


def pair_sum(a: Tensor, a_low: Tensor, b: Tensor, b_low: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Return :math:`a + b` of unevaluated sums of two numbers as such a sum, to about :math:`4 u^2`.

    >>> one = torch.ones((), dtype=torch.float64)
    >>> [part.item() for part in pair_sum(one, 1e-20 * one, one)]
    [2.0, 1e-20]
    """
    s, rest = two_sum(a, b)
    rest = rest + a_low
    return two_sum(s, rest if b_low is None else rest + b_low)


def pair_product(a: Tensor, a_low: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`(a + a') b` as an unevaluated sum of two numbers, to about :math:`4 u^2`.

    >>> a = torch.tensor(1.0 + 2.0**-52, dtype=torch.float64)
    >>> pair_product(a, torch.zeros_like(a), a)[1].item() == 2.0**-104
    True
    """
    p, rest = two_product(a, b)
    return two_sum(p, rest + a_low * b)


def plain_or_doubled_residual(
    A: Tensor, x: Tensor, y: Tensor, y_low: Tensor | None = None
) -> tuple[Tensor, Tensor, float]:
    """Doubled residual where it is cheap, the plain one otherwise, with the unit roundoff it rests on.

    >>> A = torch.eye(2, dtype=torch.float64)
    >>> plain_or_doubled_residual(A, A, A)[2] < 1e-31
    True
    """
    unit = torch.finfo(torch.float64).eps / 2
    if A.shape[0] * A.shape[1] * x.shape[1] <= CHEAP:
        return *doubled_residual(A, x, y, y_low), unit**2
    high = y - A @ x
    return (high if y_low is None else high + y_low), torch.zeros_like(high), unit
