from fractions import Fraction

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.linalg import lstsq_batches, polynomial_design, ridge

RNG = np.random.default_rng(9)
X = RNG.standard_normal((40, 5)) + 30
Y = X @ [1.0, 2.0, -3.0, 0.5, 1.5] + RNG.standard_normal(40) + 4


def exact(X, y, penalty):
    """Normal equations in rational arithmetic."""
    X, y = [[Fraction(v) for v in row] for row in X.tolist()], [Fraction(v) for v in y.tolist()]
    n = len(X[0])
    rows = [
        [sum(r[a] * r[b] for r in X) + (Fraction(penalty) if a == b else 0) for b in range(n)]
        + [sum(r[a] * t for r, t in zip(X, y, strict=True))]
        for a in range(n)
    ]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return np.array([float(row[n]) for row in rows])


@pytest.mark.parametrize("penalty", [1e-20, 0.1, 1e6])
def test_against_rational_arithmetic(penalty):
    fit = ridge(X, Y, penalty)
    truth = exact(X, Y, penalty)
    assert np.abs(fit.x / truth - 1).max() < 1e-15
    assert (np.abs(fit.x - truth) <= fit.error_bound + 2.0**-52 * np.abs(truth)).all()
    assert fit.status is Status.CONVERGED
    assert np.allclose(fit.residual, Y - X @ truth, atol=1e-11)


def test_a_tiny_penalty_decides_a_singular_direction():
    twice = np.column_stack([X, X[:, 0]])
    fit = ridge(twice, Y, 1e-6)
    assert fit.rank == 5
    assert fit.x[0] == pytest.approx(fit.x[5], rel=1e-12)
    assert 2 * fit.x[0] == pytest.approx(exact(X * [2**0.5, 1, 1, 1, 1], Y, 1e-6)[0] * 2**0.5, rel=1e-9)


def test_intercept_and_degrees_of_freedom():
    fit = ridge(X, Y, 7.0, intercept=True)
    centred = X - X.mean(0)
    truth = np.linalg.solve(centred.T @ centred + 7 * np.eye(5), centred.T @ (Y - Y.mean()))
    assert np.allclose(fit.x, truth, rtol=1e-11)
    assert fit.intercept == pytest.approx(Y.mean() - X.mean(0) @ truth, rel=1e-11)
    s2 = np.linalg.svd(centred, compute_uv=False) ** 2
    assert fit.degrees_of_freedom == pytest.approx((s2 / (s2 + 7)).sum(), rel=1e-12)
    batches = lstsq_batches([(X, Y)], intercept=True, penalty=7.0)
    assert np.allclose(batches.x, fit.x, rtol=1e-12)


def test_kinds_and_wide_and_doubled():
    fit = ridge(torch.ones(1, 3), torch.ones(1, 2), 1.0)
    assert fit.x.dtype == torch.float32
    assert fit.x.shape == (3, 2)
    assert torch.allclose(fit.x, torch.full((3, 2), 0.25))
    assert 7 < fit.digits < 7.5
    t = np.linspace(-2, 2, 15)
    design = polynomial_design(t, 4)
    plain, doubled = ridge(np.vander(t, 5, increasing=True), t**3, 0.5), ridge(design, t**3, 0.5)
    assert np.allclose(plain.x, doubled.x, rtol=1e-12, atol=1e-13)
    assert (doubled.error_bound <= plain.error_bound + 1e-15).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ridge(X, Y, 0.0), "positive penalty"),
        (lambda: ridge(X, Y, np.inf), "positive penalty"),
        (lambda: ridge(X, Y[:3], 1.0), "y with 40 rows"),
        (lambda: ridge(X[0], Y, 1.0), "matrix"),
        (lambda: ridge(X * np.nan, Y, 1.0), "finite"),
        (lambda: ridge(X[:0], Y[:0], 1.0), "nonempty"),
        (lambda: ridge(X, Y, 1.0, tolerance=3.0), "between 0 and 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
