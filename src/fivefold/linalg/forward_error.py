"""How far a least-squares solution can be from the truth, coefficient by coefficient."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.doubled_matrix import DoubledMatrix
from fivefold.linalg.input_rounding import half_ulp_where_rounded
from fivefold.linalg.refinement import Pair, Problem

_UNIT = 2.0**-53
_TRUSTED = 0.5
"""The factor of the matrix is itself rounded; where that costs more than half, no bound is given."""


def factor_error(s: Tensor, m: int, n: int) -> float:
    r"""Return what the rounding of R can do to its inverse, relatively.

    .. math:: \theta = 10 \max(m, n)\, u\, \sigma_1 / \sigma_n

    >>> factor_error(torch.tensor([1.0, 1e-3]), 10, 2) < 1e-10
    True
    """
    smallest = float(s[-1])
    return 10 * max(m, n) * _UNIT * float(s[0]) / smallest if smallest > 0 else float("inf")


def computed_error(
    problem: Problem, R: Tensor, theta: float, z: Pair, r: Pair, f: Tensor, g: Tensor
) -> Tensor:
    r"""Bound the distance of z from the minimiser of the problem as given, for each coefficient.

    .. math:: |z^* - z|_i \le \|e_i^\top R^{-1}\| \left( \frac{\|f\|}{1 - \theta}
        + \frac{\|R^{-\top} g\|}{(1 - \theta)^2} \right), \qquad f = y - r - X z, \; g = X^\top r

    which follows from :math:`z^* - z = X^+ f + (X^\top X)^{-1} g` for any pair (z, r).

    Args:
        problem: With matrix ``[m, n]`` and k right-hand sides.
        R: ``[n, n]``.
        theta: From :func:`factor_error`.
        z: The solution.
        r: The residual.
        f: Defect ``[m, k]``.
        g: Gradient ``[n, k]``.

    Returns:
        ``[n, k]``, the rounding of z to its high part included; infinite where theta exceeds one half.

    >>> p = Problem(torch.eye(1).double(), None, torch.ones(1, 1).double())
    >>> one, no = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
    >>> computed_error(p, torch.eye(1).double(), 0.0, Pair(one, no), Pair(no, no), no, no).item() < 1e-28
    True
    """
    if not theta <= _TRUSTED:
        return torch.full_like(z.high, torch.inf)
    m, n = problem.X.shape
    inverse = torch.linalg.solve_triangular(R, torch.eye(n, dtype=R.dtype, device=R.device), upper=True)
    X = problem.X.abs()
    # Dot products of length n and m: Higham's gamma, or its square where sums are doubled.
    by_row = (3 * n + 4) ** 2 * problem.unit if problem.doubled else (2 * n + 4) * problem.unit
    by_column = (3 * m + 4) ** 2 * problem.unit if problem.doubled else (2 * m + 4) * problem.unit
    noise_f = by_row * (X @ z.high.abs() + problem.Y.abs() + r.high.abs())
    noise_g = by_column * (X.mT @ r.high.abs())
    from_f = (_norm(f) + _norm(noise_f)) / (1 - theta)
    from_g = (_norm(inverse.mT @ g) + _norm(inverse.abs().mT @ noise_g)) / (1 - theta) ** 2
    rows = torch.linalg.vector_norm(inverse, dim=1, keepdim=True) * (1 + theta)
    out: Tensor = rows * (from_f + from_g) + z.low.abs()
    return out


@dataclass(frozen=True, eq=False)
class InputRounding:
    r"""How far the entries of X and y can lie from what they stand for, in the units of the scaled problem.

    Args:
        of_matrix: ``[m, n]``, or ``None`` where the entries are known to doubled precision.
        of_y: ``[m, k]``.
        slope: ``[m, n]``: the rows' derivatives by the number that they were made from, or ``None``.
        spread: ``[m, 1]``: bound of that number's rounding.

    >>> X = torch.tensor([[0.5], [0.1]], dtype=torch.float64)
    >>> InputRounding.found(X, None, X, torch.ones(1).double(), 1.0).of_y.tolist()
    [[0.0], [6.938893903907228e-18]]
    """

    of_matrix: Tensor | None
    of_y: Tensor
    slope: Tensor | None
    spread: Tensor | None

    @staticmethod
    def found(
        X: Tensor, source: DoubledMatrix | None, Y: Tensor, scale: Tensor, unit_of_y: float
    ) -> "InputRounding":
        """Look at the entries as they came, before X was divided by ``scale`` and Y by ``unit_of_y``."""
        of_y = half_ulp_where_rounded(Y) / unit_of_y
        if source is None:
            return InputRounding(half_ulp_where_rounded(X) / scale, of_y, None, None)
        if source.slope is None or source.spread is None:
            return InputRounding(None, of_y, None, None)
        return InputRounding(None, of_y, source.slope / scale, source.spread[:, None])


def input_error(rounding: InputRounding, Q: Tensor, R: Tensor, z: Tensor, r: Tensor) -> Tensor:
    r"""Bound what the rounding of the input itself can have moved: no method can avoid it.

    .. math:: |\delta z| \le |X^+| (E |z| + e) + |(X^\top X)^{-1}| E^\top |r|

    to first order. Where one number per row was rounded, its error moves the whole row along its slope.

    Args:
        rounding: E and e.
        Q: ``[m, n]``.
        R: ``[n, n]``.
        z: The solution ``[n, k]``.
        r: The residual ``[m, k]``.

    Returns:
        ``[n, k]``.

    >>> one = torch.ones(1, 1).double()
    >>> input_error(InputRounding(None, 1e-17 * one, None, None), one, 2 * one, one, one).item()
    5e-18
    """
    inverse = torch.linalg.solve_triangular(R, torch.eye(R.shape[0]).to(R), upper=True)
    pseudo = (inverse @ Q.mT).abs()
    out = pseudo @ rounding.of_y
    if rounding.of_matrix is not None:
        gram_inverse = (inverse @ inverse.mT).abs()
        out = out + pseudo @ (rounding.of_matrix @ z.abs()) + gram_inverse @ (rounding.of_matrix.mT @ r.abs())
    if rounding.slope is not None and rounding.spread is not None:
        along = (inverse @ (inverse.mT @ rounding.slope.mT)).abs()
        out = out + pseudo @ ((rounding.slope @ z).abs() * rounding.spread)
        out = out + along @ (r.abs() * rounding.spread)
    total: Tensor = out
    return total


def _norm(t: Tensor) -> Tensor:
    out: Tensor = torch.linalg.vector_norm(t, dim=0)
    return out
