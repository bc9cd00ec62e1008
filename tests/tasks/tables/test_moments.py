"""Moments of pages give what all rows in memory give, far from the origin too."""

import numpy as np
import pytest
import torch

from fivefold.core import NumericalError, Status
from fivefold.inference import gaussian_evidence
from fivefold.tasks.tables.moments import Moments, solve


def _rows(n=3000, seed=0, weighted=False):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, 7)) @ rng.normal(size=(7, 7)) + 100 * rng.uniform(-1, 1, 7)).astype(np.float32)
    y = x @ rng.normal(size=7) + 50 + rng.normal(size=n)
    return x, y, rng.uniform(0.1, 3, n) if weighted else None


def _paged(x, y, a, page=700):
    moments = Moments.about(x[:50].astype(np.float64).mean(0), float(y[:50].mean()))
    for at in range(0, len(y), page):
        cut = slice(at, at + page)
        moments.add(x[cut], y[cut], None if a is None else a[cut])
    return moments


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_are_those_of_all_rows(weighted):
    x, y, a = _rows(weighted=weighted)
    gram, moment, power, mean_x, mean_y = _paged(x, y, a).centred()
    share = np.ones(len(y)) if a is None else a / a.mean()
    d = x.astype(np.float64)
    np.testing.assert_allclose(mean_x, np.average(d, axis=0, weights=share), rtol=1e-12)
    assert mean_y == pytest.approx(np.average(y, weights=share), rel=1e-12)
    centred, t = d - mean_x, y - mean_y
    np.testing.assert_allclose(gram, centred.T @ (share[:, None] * centred), rtol=1e-9)
    np.testing.assert_allclose(moment, centred.T @ (share * t), rtol=1e-9)
    assert power == pytest.approx(float(share @ t**2), rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_coefficients_are_those_of_the_marginal_likelihood_in_memory(weighted):
    """The two iterate one fixed point from different starts to 1e-3 of its log variances."""
    x, y, a = _rows(weighted=weighted)
    found, status, certificate = solve(_paged(x, y, a), [3, 4], np.ones(7))
    weights = None if a is None else torch.from_numpy(a / a.mean())
    whole = gaussian_evidence(
        torch.from_numpy(x.astype(np.float64)), torch.from_numpy(y), [3, 4], weights, tolerance=1e-6
    )
    np.testing.assert_allclose(found, whole.w.numpy(), rtol=1e-5)
    assert status is Status.CONVERGED
    assert certificate.holds
    assert "3,000 rows" in certificate.assumptions[0]


def test_a_block_that_says_nothing_is_shrunken():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(500, 21)).astype(np.float32)
    y = 2 * x[:, 0] + rng.normal(size=500)
    found, _, _ = solve(_paged(x, y, None), [1, 20], np.full(21, 0.05))
    free = np.linalg.lstsq(np.column_stack([np.ones(500), x]), y, rcond=None)[0]
    assert np.linalg.norm(found[2:]) < 0.5 * np.linalg.norm(free[2:])
    assert found[1] == pytest.approx(2, abs=0.15)


def test_the_unit_of_the_target_does_not_matter():
    x, y, _ = _rows()
    plain = solve(_paged(x, y, None), [7], np.ones(7))[0]
    for unit in (1e-12, 1e12):
        scaled = solve(_paged(x, y * unit, None), [7], np.ones(7) * unit)[0]
        np.testing.assert_allclose(scaled, plain * unit, rtol=1e-6)


def test_moments_that_are_no_numbers_are_refused():
    moments = Moments.about(np.zeros(1), 0.0)
    moments.add(np.array([[np.nan], [1.0]], dtype=np.float32), np.array([1.0, 2.0]))
    with pytest.raises(NumericalError):
        solve(moments, [1], np.ones(1))
