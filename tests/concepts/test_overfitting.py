"""Overfitting: our least squares makes the errors that the closed forms foretell."""

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.overfitting import expected_errors, new_rows_error, polynomials, smoother

GRID = np.linspace(-1.0, 1.0, 25)
TRUTH = np.sin(3.0 * GRID) + 0.3 * GRID


@pytest.mark.parametrize("degree", [0, 3, 12])
def test_fast_path(degree: int) -> None:
    X = polynomials(GRID, degree)
    y = TRUTH + 0.4 * np.random.default_rng(0).normal(size=25)
    w = ff.linalg.lstsq(X, y).x
    np.testing.assert_allclose(smoother(X) @ y, X @ np.asarray(w), atol=1e-10)
    assert np.trace(smoother(X)) == pytest.approx(degree + 1, abs=1e-9)


def test_the_columns_are_torch_s_polynomials() -> None:
    X = polynomials(GRID, 6)
    for k in range(7):
        column = torch.special.chebyshev_polynomial_t(torch.tensor(GRID), k).numpy()
        np.testing.assert_allclose(X[:, k], column, atol=1e-12)


@pytest.mark.parametrize("degree", [1, 4, 15])
def test_errors_on_the_same_rows(degree: int) -> None:
    X, generator = polynomials(GRID, degree), np.random.default_rng(degree)
    y, again = (TRUTH + 0.4 * generator.normal(size=(4000, 25)) for _ in range(2))
    fitted = y @ smoother(X)
    train, test = np.mean((fitted - y) ** 2, axis=1), np.mean((fitted - again) ** 2, axis=1)
    bias, expected_train, expected_test = expected_errors(X, TRUTH, 0.16)
    assert train.mean() == pytest.approx(expected_train, abs=4 * train.std() / np.sqrt(4000))
    assert test.mean() == pytest.approx(expected_test, abs=4 * test.std() / np.sqrt(4000))
    assert bias == pytest.approx(np.mean((fitted.mean(axis=0) - TRUTH) ** 2), abs=0.002)
    assert expected_test - expected_train == pytest.approx(2 * 0.16 * (degree + 1) / 25, rel=1e-9)  # Mallows


@pytest.mark.parametrize("columns", [3, 8, 24, 45])
def test_errors_on_new_rows_fall_rise_and_fall_again(columns: int) -> None:
    generator = np.random.default_rng(columns)
    w, rows = np.full(45, 45**-0.5), 12
    errors = []
    for _ in range(1500):
        X = generator.normal(size=(rows, 45))
        y = X @ w + 0.3 * generator.normal(size=rows)
        answer = np.zeros(45)
        answer[:columns] = torch.linalg.lstsq(
            torch.tensor(X[:, :columns]), torch.tensor(y)[:, None], driver="gelsd"
        ).solution[:, 0]
        errors.append(float(np.sum((answer - w) ** 2)) + 0.09)  # of a new row, the mean over its columns
    expected = new_rows_error(rows, columns, columns / 45, 1 - columns / 45, 0.09)
    assert np.mean(errors) == pytest.approx(expected, abs=4 * np.std(errors) / np.sqrt(len(errors)))


def test_it_is_infinite_where_columns_meet_rows() -> None:
    assert [new_rows_error(12, d, 0.5, 0.5, 0.1) == np.inf for d in (10, 11, 12, 13, 14)] == [
        *(False, True, True, True, False)
    ]
