"""Nine of the Moré-Garbow-Hillstrom functions: curved valleys, bad scales and singular minima in 2 to 4 w."""

import math

import torch
from torch import Tensor

from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.comparison.problems.published_residuals import Row, published_residuals

SOURCE = "More, Garbow and Hillstrom, ACM Transactions on Mathematical Software 7, 1981, 17-41"


def rosenbrock(w: Tensor) -> Tensor:
    """10 (w_2 - w_1^2), 1 - w_1: function 1."""
    return torch.stack([10 * (w[1] - w[0] ** 2), 1 - w[0]])


def freudenstein_roth(w: Tensor) -> Tensor:
    """-13 + w_1 + ((5 - w_2) w_2 - 2) w_2, -29 + w_1 + ((w_2 + 1) w_2 - 14) w_2: function 2."""
    a, b = w[0], w[1]
    return torch.stack([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def powell_badly_scaled(w: Tensor) -> Tensor:
    """10^4 w_1 w_2 - 1, exp(-w_1) + exp(-w_2) - 1.0001: function 3."""
    return torch.stack([1e4 * w[0] * w[1] - 1, torch.exp(-w[0]) + torch.exp(-w[1]) - 1.0001])


def brown_badly_scaled(w: Tensor) -> Tensor:
    """w_1 - 10^6, w_2 - 2 10^-6, w_1 w_2 - 2: function 4."""
    return torch.stack([w[0] - 1e6, w[1] - 2e-6, w[0] * w[1] - 2])


def beale(w: Tensor) -> Tensor:
    """y_i - w_1 (1 - w_2^i) with y = 1.5, 2.25, 2.625: function 5."""
    return torch.stack([y - w[0] * (1 - w[1] ** i) for i, y in ((1, 1.5), (2, 2.25), (3, 2.625))])


def helical_valley(w: Tensor) -> Tensor:
    """10 (w_3 - 10 theta), 10 (|(w_1, w_2)| - 1), w_3, theta the turn in (-1/4, 3/4]: function 7."""
    turn = torch.atan2(w[1], w[0]) / (2 * math.pi)
    turn = turn + torch.where((w[0] < 0) & (w[1] < 0), 1.0, 0.0)
    return torch.stack([10 * (w[2] - 10 * turn), 10 * (torch.sqrt(w[0] ** 2 + w[1] ** 2) - 1), w[2]])


def powell_singular(w: Tensor) -> Tensor:
    """Powell's four residuals with a singular Jacobian at 0, for each four of w: functions 13 and 22."""
    a, b, c, d = w.reshape(-1, 4).unbind(-1)
    parts = [a + 10 * b, math.sqrt(5) * (c - d), (b - 2 * c) ** 2, math.sqrt(10) * (a - d) ** 2]
    return torch.stack(parts, dim=-1).reshape(-1)


def wood(w: Tensor) -> Tensor:
    """Two valleys like Rosenbrock's and what ties them: function 14."""
    a, b, c, d = w.unbind()
    parts = [10 * (b - a**2), 1 - a, math.sqrt(90) * (d - c**2), 1 - c]
    return torch.stack([*parts, math.sqrt(10) * (b + d - 2), (b - d) / math.sqrt(10)])


def brown_dennis(w: Tensor) -> Tensor:
    """(w_1 + t w_2 - exp t)^2 + (w_3 + w_4 sin t - cos t)^2, t = i / 5, i to 20: function 16."""
    t = torch.arange(1, 21, dtype=w.dtype, device=w.device) / 5
    return (w[0] + t * w[1] - torch.exp(t)) ** 2 + (w[2] + w[3] * torch.sin(t) - torch.cos(t)) ** 2


def small_problems() -> tuple[Problem, ...]:
    """Return functions 1 to 5, 7, 13, 14 and 16, in that order.

    >>> [problem.name for problem in small_problems()][:2]
    ['rosenbrock', 'freudenstein-roth']
    """
    rows: tuple[Row, ...] = (
        ("rosenbrock", rosenbrock, [-1.2, 1.0], 0.0, [1.0, 1.0]),
        ("freudenstein-roth", freudenstein_roth, [0.5, -2.0], 0.0, [5.0, 4.0]),
        ("powell-badly-scaled", powell_badly_scaled, [0.0, 1.0], 0.0, None),
        ("brown-badly-scaled", brown_badly_scaled, [1.0, 1.0], 0.0, [1e6, 2e-6]),
        ("beale", beale, [1.0, 1.0], 0.0, [3.0, 0.5]),
        ("helical-valley", helical_valley, [-1.0, 0.0, 0.0], 0.0, [1.0, 0.0, 0.0]),
        ("powell-singular", powell_singular, [3.0, -1.0, 0.0, 1.0], 0.0, [0.0] * 4),
        ("wood", wood, [-3.0, -1.0, -3.0, -1.0], 0.0, [1.0] * 4),
        ("brown-dennis", brown_dennis, [25.0, 5.0, -5.0, -1.0], 85822.2, None),
    )
    return tuple(published_residuals(*row, SOURCE) for row in rows)
