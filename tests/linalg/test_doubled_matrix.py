from fractions import Fraction

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import DoubledMatrix, lstsq, polynomial_design


def test_powers_are_exact_to_thirty_digits():
    x = np.array([-6.860120914, 0.1, 3.0, -1.0 / 3])
    X = polynomial_design(x, 12)
    assert X.shape == (4, 13)
    for i, value in enumerate(x.tolist()):
        for j in range(13):
            exact = Fraction(value) ** j
            got = Fraction(X.high[i, j].item()) + Fraction(X.low[i, j].item())
            assert abs(got - exact) <= abs(exact) * 4 * max(j, 1) * Fraction(1, 2**106)
    plain = np.vander(x, 13, increasing=True)
    assert np.abs(plain - X.high.numpy()).max() <= 4 * np.spacing(np.abs(plain).max())
    assert X.low.abs().max() > 0  # rounded powers would have nothing there


def test_slope_is_the_derivative_and_spread_the_rounding():
    X = polynomial_design([2.0, 0.1], 3)
    assert X.slope[0].tolist() == [0.0, 1.0, 4.0, 12.0]
    assert X.spread.tolist() == [0.0, 2.0**-57]
    without = polynomial_design([2.0, 0.1], 3, intercept=False)
    assert without.slope[0].tolist() == [1.0, 4.0, 12.0]
    assert without.to_dense()[0].tolist() == [2.0, 4.0, 8.0]


def test_products_use_both_parts():
    X = DoubledMatrix([[1.0, 1.0], [2.0, 0.0]], [[1e-17, 0.0], [0.0, 0.0]])
    assert (X @ torch.tensor([1.0, -1.0]).double())[0].item() == 1e-17
    assert (X.H @ torch.tensor([1.0, -0.5]).double())[0].item() == pytest.approx(1e-17)
    assert X.adjoint().to_dense().tolist() == [[1.0, 2.0], [1.0, 0.0]]


def test_both_parts_count_in_least_squares():
    # The columns differ by 1e-17 alone, which float64 cannot see.
    high, low = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]]), np.zeros((3, 2))
    low[1, 0] = 2.0**-60
    fit = lstsq(DoubledMatrix(high, low), high[:, 0])
    assert abs(fit.x[0] - 1) < 1e-15
    assert fit.x[1] != 0 or fit.error_bound[1] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polynomial_design([1.0], 0), "degree of at least 1"),
        (lambda: polynomial_design([1.0], 2.5), "degree of at least 1"),
        (lambda: polynomial_design([[1.0]], 2), "dimension"),
        (lambda: polynomial_design([np.nan], 2), "finite"),
        (lambda: polynomial_design([], 2), "nonempty"),
        (lambda: polynomial_design([1e200], 2), "powers between"),
        (lambda: polynomial_design([1e-200], 2), "powers between"),
        (lambda: DoubledMatrix([[1.0]], [[0.1]]), "low part below"),
        (lambda: DoubledMatrix([[1.0]], [[0.0, 0.0]]), "low part of shape"),
        (lambda: DoubledMatrix([[1.0]], [[0.0]], slope=[[1.0]]), "slope and spread together"),
        (lambda: DoubledMatrix([[1.0]], [[0.0]], slope=[[1.0, 2.0]], spread=[0.0]), "slope"),
        (lambda: DoubledMatrix([[1.0]], [[0.0]], slope=[[1.0]], spread=[0.0, 1.0]), "spread"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
