import numpy as np
import pytest
import torch

from fivefold.linalg import probed_products as module
from fivefold.linalg.probed_products import ROWS, probed_products

RNG = np.random.default_rng(21)
TURN = np.linalg.qr(RNG.standard_normal((70, 70)))[0]
X = (RNG.standard_normal((ROWS + 1300, 70)) * 2.0 ** -np.linspace(0, 4, 70) @ TURN + 0.02).astype(np.float32)


def products(X=X, k=5, resolved=1.0, **rest):
    return probed_products(torch.from_numpy(X), k, resolved, **rest)


def exact(X=X):
    wide = X.astype(float)
    return wide.T @ wide, wide.sum(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_the_error_of_products_lies_within_its_bound(seed):
    found = products(seed=seed)
    gram, sums = exact()
    error = np.linalg.norm(found.gram.numpy() - gram, 2)
    assert 0 < error <= found.error < 1e-3 * np.linalg.norm(gram, 2)
    assert error < 1e-7 * np.linalg.norm(gram, 2)
    assert np.allclose(found.sums, sums, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [1e-5, 1e-2, 10.0])
def test_a_planted_error_shows(monkeypatch, seed, size):
    gram, _ = exact()
    honest, calls = module.self_product, []

    def wrong(block):
        calls.append(len(block))
        out = honest(block)
        if len(block) == 1300:  # in the last rows only, one entry
            out = out.astype(float)
            out[3, seed] += size * np.linalg.norm(gram, 2)
        return out

    monkeypatch.setattr(module, "self_product", wrong)
    found = products(seed=seed)
    assert sorted(calls) == [1300, ROWS]
    assert found.error >= np.linalg.norm(found.gram.numpy() - gram, 2) >= 0.9 * size * np.linalg.norm(gram, 2)


def test_the_bound_fails_as_often_as_it_says(monkeypatch):
    # For an error of rank one the chi-square bound is nearly sharp: P(chi2_2 <= q) = q / 2 - q^2 / 8 + ...
    monkeypatch.setattr(module, "FAILURE", 0.05)
    E = np.outer(RNG.standard_normal(9), RNG.standard_normal(9))
    top, draws = np.linalg.norm(E, 2), 20_000
    probes = RNG.standard_normal((draws, module._PROBES, 9))
    missed = sum(module._error(E, g, np.zeros_like(g), 1) < top for g in probes) / draws
    deviation = (0.05 * 0.95 / draws) ** 0.5
    assert 0.05 - 0.05**2 - 4 * deviation < missed < 0.05 + 4 * deviation


def test_rows_that_do_not_suit():
    assert products(X + 10) is None  # means far from zero
    assert products(X * np.float32(1e20)) is None  # squares beyond float32
    nan = X.copy()
    nan[-1, 3] = np.nan
    assert products(nan) is None
    assert products(np.ones_like(X)) is None
    assert products(np.zeros((9 * ROWS, 70), dtype=np.float32)) is None
    assert products(X * np.float32(1e-25)) is None  # squares that vanish


def test_squares_below_the_normal_range_of_float32_show():
    # the probes are multiplied in float64, where nothing is lost
    tiny = X * np.float32(2e-22)
    gram, _ = exact(tiny)
    found = products(tiny, resolved=1e9)
    error = np.linalg.norm(found.gram.numpy() - gram, 2)
    assert found.error >= error > 1e-6 * np.linalg.norm(gram, 2)


def test_the_first_rows_show_a_variance_that_cannot_be_resolved():
    long = np.tile(X - X.mean(axis=0), (8, 1))
    assert products(long, 5, 1e-4) is not None
    long[:, 1:] *= np.float32(1e-4)  # the second variance is 1e-8 of the first
    assert products(long, 5, 1e-4) is None
    assert products(long, 1, 1e-4) is not None
