"""The functions of any size against loops over the printed formulas, away from the start."""

import math

import numpy as np
import pytest
import torch

from fivefold.optimize.comparison.problems import more_garbow_hillstrom_sized as sized


def watson(x):
    n = len(x)
    rows = []
    for i in range(1, 30):
        t = i / 29
        slope = sum((j - 1) * x[j - 1] * t ** (j - 2) for j in range(2, n + 1))
        rows.append(slope - sum(x[j - 1] * t ** (j - 1) for j in range(1, n + 1)) ** 2 - 1)
    return [*rows, x[0], x[1] - x[0] ** 2 - 1]


def penalty_2(x):
    n, a = len(x), math.sqrt(1e-5)
    rows = [x[0] - 0.2]
    for i in range(2, n + 1):
        y = math.exp(i / 10) + math.exp((i - 1) / 10)
        rows.append(a * (math.exp(x[i - 1] / 10) + math.exp(x[i - 2] / 10) - y))
    for i in range(n + 1, 2 * n):
        rows.append(a * (math.exp(x[i - n] / 10) - math.exp(-1 / 10)))
    return [*rows, sum((n - j + 1) * x[j - 1] ** 2 for j in range(1, n + 1)) - 1]


def trigonometric(x):
    n = len(x)
    return [
        n - sum(math.cos(v) for v in x) + i * (1 - math.cos(x[i - 1])) - math.sin(x[i - 1])
        for i in range(1, n + 1)
    ]


def at(x, i):
    return x[i - 1] if 1 <= i <= len(x) else 0.0


def discrete_boundary(x):
    n = len(x)
    h = 1 / (n + 1)
    return [
        2 * x[i - 1] - at(x, i - 1) - at(x, i + 1) + h**2 * (x[i - 1] + i * h + 1) ** 3 / 2
        for i in range(1, n + 1)
    ]


def discrete_integral(x):
    n = len(x)
    h = 1 / (n + 1)
    t = [j * h for j in range(n + 1)]
    rows = []
    for i in range(1, n + 1):
        low = sum(t[j] * (x[j - 1] + t[j] + 1) ** 3 for j in range(1, i + 1))
        high = sum((1 - t[j]) * (x[j - 1] + t[j] + 1) ** 3 for j in range(i + 1, n + 1))
        rows.append(x[i - 1] + h * ((1 - t[i]) * low + t[i] * high) / 2)
    return rows


def broyden_tridiagonal(x):
    return [(3 - 2 * x[i - 1]) * x[i - 1] - at(x, i - 1) - 2 * at(x, i + 1) + 1 for i in range(1, len(x) + 1)]


def broyden_banded(x):
    n = len(x)
    rows = []
    for i in range(1, n + 1):
        near = [j for j in range(max(1, i - 5), min(n, i + 1) + 1) if j != i]
        rows.append(x[i - 1] * (2 + 5 * x[i - 1] ** 2) + 1 - sum(at(x, j) * (1 + at(x, j)) for j in near))
    return rows


def linear_full_rank(x):
    n = len(x)
    return [(x[i] if i < n else 0) - sum(x) / n - 1 for i in range(2 * n)]


def linear_rank_1(x):
    n = len(x)
    return [i * sum(j * x[j - 1] for j in range(1, n + 1)) - 1 for i in range(1, 2 * n + 1)]


def linear_rank_1_with_zeros(x):
    n = len(x)
    inner = sum(j * x[j - 1] for j in range(2, n))
    return [-1, *((i - 1) * inner - 1 for i in range(2, 2 * n)), -1]


def chebyquad(x):
    n = len(x)
    rows = []
    for i in range(1, n + 1):
        T = np.polynomial.chebyshev.Chebyshev.basis(i, domain=[0, 1])
        integral = T.integ()
        rows.append(float(np.mean(T(np.asarray(x)))) - float(integral(1) - integral(0)))
    return rows


LOOPS = {
    "watson": watson,
    "extended_rosenbrock": lambda x: [
        r for k in range(0, len(x), 2) for r in (10 * (x[k + 1] - x[k] ** 2), 1 - x[k])
    ],
    "penalty_1": lambda x: [math.sqrt(1e-5) * (v - 1) for v in x] + [sum(v * v for v in x) - 0.25],
    "penalty_2": penalty_2,
    "variably_dimensioned": lambda x: [
        *(v - 1 for v in x),
        sum(j * (v - 1) for j, v in enumerate(x, 1)),
        sum(j * (v - 1) for j, v in enumerate(x, 1)) ** 2,
    ],
    "trigonometric": trigonometric,
    "brown_almost_linear": lambda x: [v + sum(x) - (len(x) + 1) for v in x[:-1]] + [math.prod(x) - 1],
    "discrete_boundary": discrete_boundary,
    "discrete_integral": discrete_integral,
    "broyden_tridiagonal": broyden_tridiagonal,
    "broyden_banded": broyden_banded,
    "linear_full_rank": linear_full_rank,
    "linear_rank_1": linear_rank_1,
    "linear_rank_1_with_zeros": linear_rank_1_with_zeros,
    "chebyquad": chebyquad,
}


@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("name", LOOPS)
def test_residuals_against_a_loop(name: str, size: int) -> None:
    x = np.random.default_rng(size).standard_normal(size)
    got = getattr(sized, name)(torch.as_tensor(x)).numpy()
    np.testing.assert_allclose(got, LOOPS[name](x.tolist()), rtol=1e-11, atol=1e-11)


def test_every_function_of_the_file_is_used_by_a_problem() -> None:
    names = {
        problem.name.rstrip("0123456789").rstrip("-").replace("-", "_") for problem in sized.sized_problems()
    }
    assert set(LOOPS) <= names | {"extended_powell_singular"}
