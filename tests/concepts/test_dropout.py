"""Dropout: torch's masks and slopes, both moments over all masks, and the ridge that the noise amounts to."""

from itertools import product

import numpy as np
import pytest
import torch

from fivefold import linalg
from fivefold.concepts.dropout import draw_mask, dropout, expected_loss, ridge_of_dropout

RATES = [0.1, 0.5, 0.8]


def table() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    X = generator.normal(1.0, 1.0, size=(12, 4)) * np.array([1.0, 10.0, 0.1, 3.0])
    return X, generator.normal(2.0, 1.0, size=12)


def all_masks(p: float, columns: int) -> list[tuple[np.ndarray, float]]:
    """Every mask of so many columns, with its probability."""
    masks = [np.array(mask) for mask in product([0.0, 1.0], repeat=columns)]
    return [(mask, (1 - p) ** mask.sum() * p ** (columns - mask.sum())) for mask in masks]


@pytest.mark.parametrize("p", RATES)
def test_fast_path(p: float) -> None:
    torch.manual_seed(0)
    h = torch.linspace(1.0, 9.0, 60, dtype=torch.float64, requires_grad=True)
    fast = torch.nn.functional.dropout(h, p, training=True)
    slope = torch.linspace(-2.0, 5.0, 60, dtype=torch.float64)
    (back,) = torch.autograd.grad(fast, h, slope)
    mask = (fast.detach().numpy() != 0.0).astype(float)
    assert 0 < mask.sum() < 60
    # One division against one multiplication by a rounded reciprocal: two roundings apart.
    np.testing.assert_allclose(dropout(h.detach().numpy(), mask, p), fast.detach().numpy(), rtol=1e-15)
    np.testing.assert_allclose(dropout(slope.numpy(), mask, p), back.numpy(), rtol=1e-15)
    still = torch.nn.functional.dropout(h, p, training=False).detach().numpy()
    np.testing.assert_array_equal(dropout(h.detach().numpy(), None, p), still)


@pytest.mark.parametrize("p", RATES)
def test_both_moments_over_all_masks(p: float) -> None:
    h = np.array([1.0, -2.0, 0.5, 7.0])
    seen = [(dropout(h, mask, p), share) for mask, share in all_masks(p, 4)]
    mean = sum(share * value for value, share in seen)
    variance = sum(share * (value - h) ** 2 for value, share in seen)
    np.testing.assert_allclose(mean, h, rtol=1e-13)
    np.testing.assert_allclose(variance, p / (1 - p) * h**2, rtol=1e-13)


@pytest.mark.parametrize("p", RATES)
def test_the_expected_loss_over_all_masks(p: float) -> None:
    X, y = table()
    w = np.array([0.5, -0.2, 3.0, 1.0])
    total = 0.0
    for row, target in zip(X, y, strict=True):  # the masks of two rows are drawn apart: row by row is enough
        total += sum(share * (target - dropout(row, mask, p) @ w) ** 2 for mask, share in all_masks(p, 4))
    assert expected_loss(X, y, w, p) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("p", [0.0, *RATES])
def test_the_ridge_is_least_squares_with_rows_of_penalty(p: float) -> None:
    X, y = table()
    penalty = np.sqrt(p / (1 - p)) * np.diag(np.linalg.norm(X, axis=0))
    fast = linalg.lstsq(np.vstack([X, penalty]), np.concatenate([y, np.zeros(4)])).x
    np.testing.assert_allclose(ridge_of_dropout(X, y, p), fast, rtol=1e-9)


@pytest.mark.parametrize("p", RATES)
def test_the_ridge_is_where_the_expected_loss_is_least(p: float) -> None:
    X, y = table()
    w = ridge_of_dropout(X, y, p)
    for step in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        assert expected_loss(X, y, w + step, p) > expected_loss(X, y, w, p)


def test_training_on_masks_goes_there() -> None:
    X, y = table()
    p, generator = 0.3, np.random.default_rng(1)
    copies = np.vstack([dropout(X, draw_mask(X.shape, p, generator), p) for _ in range(4000)])
    found = np.linalg.lstsq(copies, np.tile(y, 4000), rcond=None)[0]
    np.testing.assert_allclose(
        X * found, X * ridge_of_dropout(X, y, p), atol=0.05 * np.abs(y).max()
    )  # 4,000 masks a row: the moments are known to about 1/√4000, 1.6%


def test_units_of_measurement_do_not_matter() -> None:
    X, y = table()
    units = np.array([1.0, 1000.0, 0.01, 5.0])
    np.testing.assert_allclose(
        (X * units) @ ridge_of_dropout(X * units, y, 0.4), X @ ridge_of_dropout(X, y, 0.4), rtol=1e-8
    )


@pytest.mark.parametrize("p", RATES)
def test_the_share_of_zeros(p: float) -> None:
    zeros = np.mean(draw_mask((20000,), p, np.random.default_rng(2)) == 0.0)
    assert zeros == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 20000))
