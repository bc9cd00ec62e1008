"""Least squares against NIST's Longley data, rational arithmetic and closed forms."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.linalg import DataMatrix, Diagonal, Identity, Scaled, lstsq

# NIST StRD, dataset Longley (J. W. Longley, JASA 62, 1967): employment, deflator, GNP, unemployed, armed
# forces, population, year. The certified values were confirmed here in rational arithmetic.
LONGLEY = np.array(
    [
        [60323, 83.0, 234289, 2356, 1590, 107608, 1947],
        [61122, 88.5, 259426, 2325, 1456, 108632, 1948],
        [60171, 88.2, 258054, 3682, 1616, 109773, 1949],
        [61187, 89.5, 284599, 3351, 1650, 110929, 1950],
        [63221, 96.2, 328975, 2099, 3099, 112075, 1951],
        [63639, 98.1, 346999, 1932, 3594, 113270, 1952],
        [64989, 99.0, 365385, 1870, 3547, 115094, 1953],
        [63761, 100.0, 363112, 3578, 3350, 116219, 1954],
        [66019, 101.2, 397469, 2904, 3048, 117388, 1955],
        [67857, 104.6, 419180, 2822, 2857, 118734, 1956],
        [68169, 108.4, 442769, 2936, 2798, 120445, 1957],
        [66513, 110.8, 444546, 4681, 2637, 121950, 1958],
        [68655, 112.6, 482704, 3813, 2552, 123366, 1959],
        [69564, 114.2, 502601, 3931, 2514, 125368, 1960],
        [69331, 115.7, 518173, 4806, 2572, 127852, 1961],
        [70551, 116.9, 554894, 4007, 2827, 130081, 1962],
    ]
)
CERTIFIED = np.array(
    [
        -3482258.63459582,
        15.0618722713733,
        -0.358191792925910e-01,
        -2.02022980381683,
        -1.03322686717359,
        -0.511041056535807e-01,
        1829.15146461355,
    ]
)
X_LONGLEY = np.column_stack([np.ones(16), LONGLEY[:, 1:]])
Y_LONGLEY = LONGLEY[:, 0]


def exact_lstsq(X, y):
    """Coefficients of the normal equations in rational arithmetic of the float64 data."""
    X = [[Fraction(v) for v in row] for row in X.tolist()]
    y = [Fraction(v) for v in y.tolist()]
    n = len(X[0])
    rows = [
        [sum(r[a] * r[b] for r in X) for b in range(n)] + [sum(r[a] * t for r, t in zip(X, y, strict=True))]
        for a in range(n)
    ]
    for i in range(n):
        p = next(r for r in range(i, n) if rows[r][i] != 0)
        rows[i], rows[p] = rows[p], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return np.array([float(rows[i][n]) for i in range(n)])


def verdicts(result):
    return [c.verdict for c in result.certificates]


def test_longley_certified_coefficients():
    fit = lstsq(X_LONGLEY, Y_LONGLEY)
    # NIST prints 15 digits; 5e-15 is half a unit of the last.
    assert np.abs(fit.x / CERTIFIED - 1).max() < 5e-15
    assert fit.digits > 11
    assert fit.status is Status.CONVERGED
    assert verdicts(fit) == ["yes", "yes", "yes"]
    assert float((fit.residual**2).sum()) == pytest.approx(836424.055505915, rel=1e-13)
    plain = np.linalg.lstsq(X_LONGLEY, Y_LONGLEY)[0]
    assert np.abs(plain / CERTIFIED - 1).max() > 1e-13  # the test can tell the difference


def test_longley_in_batches():
    fit = lstsq(DataMatrix([X_LONGLEY[:5], X_LONGLEY[5:6], X_LONGLEY[6:]]), Y_LONGLEY)
    assert isinstance(fit.x, np.ndarray)
    assert np.abs(fit.x / CERTIFIED - 1).max() < 1e-13
    assert fit.digits > 6
    assert verdicts(fit) == ["yes", "yes", "yes"]


@pytest.mark.parametrize("degree", [4, 7, 10])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_the_error_bound_is_never_crossed_on_vandermonde_matrices(degree, shift):
    t = shift + np.arange(1, 15) / 16
    X = np.vander(t, degree + 1)
    y = np.sin(3 * t) + 10
    exact = exact_lstsq(X, y)
    fit = lstsq(X, y)
    # Rounding the answer itself, and the float64 rendering of the rational one, cost one unit each.
    slack = 2.0**-51 * np.abs(exact)
    assert (np.abs(fit.x - exact) <= fit.error_bound + slack).all()
    if fit.status is Status.CONVERGED:
        assert np.abs(fit.x - exact).max() <= 10.0 ** (1 - min(fit.digits, 15)) * np.abs(exact).max()


def test_hilbert_digits_come_out_false_and_refinement_earns_its_keep():
    H = np.array([[1.0 / (i + j + 1) for j in range(6)] for i in range(8)])
    y = H @ np.arange(1.0, 7.0) + np.cos(np.arange(8))
    exact = exact_lstsq(H, y)
    fit = lstsq(H, y)
    plain = np.linalg.lstsq(H, y)[0]
    assert np.abs(fit.x / exact - 1).max() < 1e-14 < np.abs(plain / exact - 1).max()
    hopeless = np.array([[1.0 / (i + j + 1) for j in range(11)] for i in range(13)])
    bad = lstsq(hopeless, np.cos(np.arange(13)), tolerance=1e-18)
    assert bad.certificates[2].holds is None
    assert bad.status is Status.ILL_POSED
    assert bad.digits == 0
    assert "no digit" in bad.message


def test_minimum_norm_where_deficient_says_so_and_is_the_shortest():
    rng = np.random.default_rng(5)
    X = 4 + rng.standard_normal((12, 3))
    X = np.column_stack([X, X[:, 0] + X[:, 1]]) * np.array([1.0, 1e4, 1.0, 1e-3])
    X[:, 3] = X[:, 0] + X[:, 1]
    y = rng.standard_normal(12) + 7
    fit = lstsq(X, y)
    assert fit.rank == 3
    assert fit.status is Status.ILL_POSED
    assert "not unique" in fit.message
    assert verdicts(fit) == ["no", "yes", "unknown"]
    assert np.isinf(fit.error_bound).all()
    reference = np.linalg.pinv(X, rcond=1e-13) @ y
    assert np.allclose(fit.x, reference, rtol=1e-8)
    asked = lstsq(X, y, method="minimum-norm")
    assert asked.status is Status.CONVERGED
    with pytest.raises(ArgumentError, match="full column rank"):
        lstsq(X, y, method="qr")


def test_wide_systems():
    X = np.array([[1.0, 2.0, 2.0]])
    fit = lstsq(X, [9.0], method="minimum-norm")
    assert np.allclose(fit.x, [1.0, 2.0, 2.0], rtol=1e-14)
    assert verdicts(fit) == ["no", "yes", "unknown"]
    assert lstsq(X, [9.0]).status is Status.ILL_POSED
    batches = lstsq(DataMatrix([X, 2 + X]), [9.0, 15.0], method="minimum-norm")
    assert np.allclose(batches.x, np.linalg.pinv(np.vstack([X, 2 + X])) @ [9.0, 15.0], rtol=1e-12)


def test_a_truncation_that_hurts_is_not_a_minimiser():
    X = np.array([[1.0, 0.0], [1.0, 1e-3], [1.0, 2e-3]])
    fit = lstsq(X, [1.0, 2.0, 4.0], tolerance=0.9)
    assert fit.rank == 1
    assert fit.certificates[1].holds is False
    asked = lstsq(X, [1.0, 2.0, 4.0], tolerance=0.9, method="minimum-norm")
    assert asked.status is Status.ILL_POSED
    assert "not orthogonal" in asked.message


def test_scale_translation_and_columns():
    rng = np.random.default_rng(2)
    X = 50 + rng.standard_normal((30, 3))
    y = 20 + rng.standard_normal((30, 2))
    base = lstsq(X, y)
    assert base.x.shape == (3, 2)
    assert base.residual.shape == (30, 2)
    assert np.allclose(lstsq(X, y[:, 1]).x, base.x[:, 1], rtol=1e-13)
    scaled = lstsq(X * np.array([1e-100, 1.0, 1e100]), 1e-50 * y)
    assert np.allclose(scaled.x * np.array([1e-50, 1e50, 1e150])[:, None], base.x, rtol=1e-12)
    moved = lstsq(X, y + X @ np.ones((3, 2)))
    assert np.allclose(moved.x, base.x + 1, rtol=1e-11)


def test_consistent_and_zero_right_hand_sides():
    X = 3 + np.random.default_rng(1).standard_normal((10, 3))
    fit = lstsq(X, X @ [1.0, -2.0, 3.0])
    assert np.allclose(fit.x, [1, -2, 3], rtol=1e-12)
    assert fit.status is Status.CONVERGED
    zero = lstsq(X, np.zeros(10))
    assert zero.x.tolist() == [0, 0, 0]
    assert zero.status is Status.CONVERGED
    nothing = lstsq(np.zeros((3, 2)), [1.0, 2.0, 3.0])
    assert nothing.rank == 0
    assert nothing.x.tolist() == [0, 0]
    assert nothing.status is Status.ILL_POSED


def test_kinds_dtypes_and_operators():
    X = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    fit = lstsq(X, torch.tensor([1.0, 4.0, 1.0]))
    assert fit.x.dtype == torch.float32
    assert fit.x.tolist() == [1.0, 2.0]
    assert 6 < fit.digits < 8
    assert lstsq(Diagonal([2.0, 4.0]), [2.0, 4.0]).x.tolist() == [1.0, 1.0]
    assert lstsq(Scaled(2.0, Identity(2)), torch.ones(2)).x.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((3, 2)), np.ones(4), "y with 3 rows"),
        (np.ones((3, 2)), [1.0, np.nan, 1.0], "finite numbers in y"),
        ([[np.inf]], [1.0], "finite numbers in X"),
        (np.ones((0, 2)), np.ones(0), "nonempty"),
        (np.ones(3), np.ones(3), "matrix"),
        (np.ones((2, 3, 2)), np.ones(3), "one matrix"),
        (np.ones((3, 1)), np.ones((3, 1, 1)), "dimension"),
    ],
)
def test_bad_input(X, y, message):
    with pytest.raises(ArgumentError, match=message):
        lstsq(X, y)


def test_unknown_method():
    with pytest.raises(ArgumentError, match="method among"):
        lstsq([[1.0]], [1.0], method="magic")
