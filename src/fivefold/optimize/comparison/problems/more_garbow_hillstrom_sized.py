"""The Moré-Garbow-Hillstrom functions whose number of parameters can be set."""

import math

import torch
from torch import Tensor

from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import (
    SOURCE,
    powell_singular,
    rosenbrock,
)
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.comparison.problems.published_residuals import Row, published_residuals


def _count(w: Tensor, size: int | None = None) -> Tensor:
    return torch.arange(1, (size or w.shape[0]) + 1, dtype=w.dtype, device=w.device)


def watson(w: Tensor) -> Tensor:
    """A differential equation's residuals for a polynomial with coefficients w, t = i / 29: function 20."""
    t = _count(w, 29) / 29
    powers = t[:, None] ** torch.arange(w.shape[0], dtype=w.dtype, device=w.device)
    slope = powers[:, :-1] @ (_count(w)[:-1] * w[1:])
    return torch.cat([slope - (powers @ w) ** 2 - 1, w[:1], (w[1] - w[0] ** 2 - 1)[None]])


def extended_rosenbrock(w: Tensor) -> Tensor:
    """Rosenbrock's residuals on each pair: function 21."""
    return torch.cat([rosenbrock(pair) for pair in w.reshape(-1, 2)])


def penalty_1(w: Tensor) -> Tensor:
    """sqrt(1e-5) (w_i - 1), and |w|^2 - 1/4: function 23."""
    return torch.cat([math.sqrt(1e-5) * (w - 1), ((w * w).sum() - 0.25)[None]])


def penalty_2(w: Tensor) -> Tensor:
    """w_1 - 0.2, exponentials of neighbours and of each, and a weighted sphere: function 24."""
    i = _count(w)
    a, n = math.sqrt(1e-5), w.shape[0]
    targets = torch.exp(i[1:] / 10) + torch.exp(i[:-1] / 10)
    grown = torch.exp(w / 10)
    sphere = ((n - i + 1) * w * w).sum() - 1
    neighbours = a * (grown[1:] + grown[:-1] - targets)
    return torch.cat([w[:1] - 0.2, neighbours, a * (grown[1:] - math.exp(-0.1)), sphere[None]])


def variably_dimensioned(w: Tensor) -> Tensor:
    """w_i - 1, s and s^2 with s = sum j (w_j - 1): function 25."""
    s = (_count(w) * (w - 1)).sum()
    return torch.cat([w - 1, torch.stack([s, s * s])])


def trigonometric(w: Tensor) -> Tensor:
    """Return n - sum cos w_j + i (1 - cos w_i) - sin w_i: function 26."""
    return w.shape[0] - torch.cos(w).sum() + _count(w) * (1 - torch.cos(w)) - torch.sin(w)


def brown_almost_linear(w: Tensor) -> Tensor:
    """w_i + sum w_j - (n + 1) for i < n, and prod w_j - 1: function 27."""
    return torch.cat([w[:-1] + w.sum() - (w.shape[0] + 1), (w.prod() - 1)[None]])


def discrete_boundary(w: Tensor) -> Tensor:
    """2 w_i - w_{i-1} - w_{i+1} + h^2 (w_i + t_i + 1)^3 / 2, h = 1 / (n + 1): function 28."""
    h = 1 / (w.shape[0] + 1)
    edge = w.new_zeros(1)
    before, after = torch.cat([edge, w[:-1]]), torch.cat([w[1:], edge])
    return 2 * w - before - after + h * h * (w + h * _count(w) + 1) ** 3 / 2


def discrete_integral(w: Tensor) -> Tensor:
    """w_i + h/2 ((1 - t_i) sum_{j<=i} t_j c_j + t_i sum_{j>i} (1 - t_j) c_j): function 29."""
    h = 1 / (w.shape[0] + 1)
    t = h * _count(w)
    cubes = (w + t + 1) ** 3
    below = torch.cumsum(t * cubes, 0)
    weighted = (1 - t) * cubes
    above = weighted.sum() - torch.cumsum(weighted, 0)
    return w + h * ((1 - t) * below + t * above) / 2


def broyden_tridiagonal(w: Tensor) -> Tensor:
    """(3 - 2 w_i) w_i - w_{i-1} - 2 w_{i+1} + 1: function 30."""
    edge = w.new_zeros(1)
    return (3 - 2 * w) * w - torch.cat([edge, w[:-1]]) - 2 * torch.cat([w[1:], edge]) + 1


def broyden_banded(w: Tensor) -> Tensor:
    """w_i (2 + 5 w_i^2) + 1 - sum over five below and one above of w_j (1 + w_j): function 31."""
    i = _count(w)
    offset = i[None, :] - i[:, None]
    band = ((offset >= -5) & (offset <= 1) & (offset != 0)).to(w.dtype)
    return w * (2 + 5 * w * w) + 1 - band @ (w * (1 + w))


def linear_full_rank(w: Tensor) -> Tensor:
    """w_i - (2/m) sum w_j - 1, and -(2/m) sum w_j - 1 for the other m - n, m = 2 n: function 32."""
    m = 2 * w.shape[0]
    return torch.cat([w, torch.zeros_like(w)]) - 2 / m * w.sum() - 1


def linear_rank_1(w: Tensor) -> Tensor:
    """Return i sum_j j w_j - 1, m = 2 n: function 33."""
    return _count(w, 2 * w.shape[0]) * (_count(w) * w).sum() - 1


def linear_rank_1_with_zeros(w: Tensor) -> Tensor:
    """(i - 1) sum_{1 < j < n} j w_j - 1, and -1 at both ends, m = 2 n: function 34."""
    m = 2 * w.shape[0]
    factors = _count(w, m) - 1
    factors = torch.cat([factors[:-1], factors.new_zeros(1)])
    return factors * (_count(w) * w)[1:-1].sum() - 1


def chebyquad(w: Tensor) -> Tensor:
    """Mean of the shifted Chebyshev polynomials T_i at w less their integral over [0, 1]: function 35."""
    n, x = w.shape[0], 2 * w - 1
    polynomials = [torch.ones_like(x), x]
    for _ in range(n - 1):
        polynomials.append(2 * x * polynomials[-1] - polynomials[-2])
    integrals = [0.0 if i % 2 else -1 / (i * i - 1) for i in range(1, n + 1)]
    return torch.stack([p.mean() - q for p, q in zip(polynomials[1:], integrals, strict=True)])


def sized_problems() -> tuple[Problem, ...]:
    """Return functions 20 to 35 at the sizes whose minima are published.

    >>> [problem.size for problem in sized_problems() if problem.name.startswith("watson")]
    [6, 9, 12]
    """
    boundary = [j / 11 * (j / 11 - 1) for j in range(1, 11)]
    powell, flat = [3.0, -1.0, 0.0, 1.0], [-1.0] * 10
    m = 20
    rows: tuple[Row, ...] = (
        ("watson-6", watson, [0.0] * 6, 2.28767e-3, None),
        ("watson-9", watson, [0.0] * 9, 1.39976e-6, None),
        ("watson-12", watson, [0.0] * 12, 4.72238e-10, None),
        ("extended-rosenbrock-10", extended_rosenbrock, [-1.2, 1.0] * 5, 0.0, [1.0] * 10),
        ("extended-powell-singular-12", powell_singular, powell * 3, 0.0, [0.0] * 12),
        ("penalty-1-4", penalty_1, [1.0, 2.0, 3.0, 4.0], 2.24997e-5, None),
        ("penalty-1-10", penalty_1, [float(j) for j in range(1, 11)], 7.08765e-5, None),
        ("penalty-2-4", penalty_2, [0.5] * 4, 9.37629e-6, None),
        ("penalty-2-10", penalty_2, [0.5] * 10, 2.93660e-4, None),
        (
            "variably-dimensioned-10",
            variably_dimensioned,
            [1 - j / 10 for j in range(1, 11)],
            0.0,
            [1.0] * 10,
        ),
        ("trigonometric-10", trigonometric, [0.1] * 10, 0.0, None),
        ("brown-almost-linear-10", brown_almost_linear, [0.5] * 10, 0.0, None),
        ("discrete-boundary-10", discrete_boundary, boundary, 0.0, None),
        ("discrete-integral-10", discrete_integral, boundary, 0.0, None),
        ("broyden-tridiagonal-10", broyden_tridiagonal, flat, 0.0, None),
        ("broyden-banded-10", broyden_banded, flat, 0.0, None),
        ("linear-full-rank-10", linear_full_rank, [1.0] * 10, float(m - 10), flat),
        ("linear-rank-1-10", linear_rank_1, [1.0] * 10, m * (m - 1) / (2 * (2 * m + 1)), None),
        (
            "linear-rank-1-with-zeros-10",
            linear_rank_1_with_zeros,
            [1.0] * 10,
            (m * m + 3 * m - 6) / (2 * (2 * m - 3)),
            None,
        ),
        ("chebyquad-7", chebyquad, [j / 8 for j in range(1, 8)], 0.0, None),
        ("chebyquad-8", chebyquad, [j / 9 for j in range(1, 9)], 3.51687e-3, None),
        ("chebyquad-9", chebyquad, [j / 10 for j in range(1, 10)], 0.0, None),
        ("chebyquad-10", chebyquad, [j / 11 for j in range(1, 11)], 6.50395e-3, None),
    )
    return tuple(published_residuals(*row, SOURCE) for row in rows)
