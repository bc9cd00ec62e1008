import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Kind, NumericalError, Status
from fivefold.linalg import Diagonal, Identity, spectral_density

NAMES = ("flat", "three outliers", "near signs")


@pytest.fixture
def lazy(stochastic):
    return stochastic.lazy


def smooth(values, grid, sigma):
    bells = torch.exp(-0.5 * ((grid - values[:, None]) / sigma) ** 2)
    return bells.mean(0) / (sigma * math.sqrt(2 * math.pi))


@pytest.mark.parametrize("name", NAMES)
def test_pointwise_intervals_cover_at_their_rate(stochastic, lazy, name):
    values = stochastic.spectra[name]
    grid = torch.linspace(float(values.min()), float(values.max()), 15, dtype=torch.float64)
    sigma = float(values.max() - values.min()) / 15
    truth = smooth(values, grid, sigma)
    inside = []
    for seed in range(30):
        run = spectral_density(lazy(name), grid=grid, bandwidth=sigma, products=200, tolerance=0.0, seed=seed)
        low, high = run.interval()
        inside.append(((low <= truth) & (truth <= high)).double().mean())
        assert run.products <= 200
    assert float(np.mean(inside)) >= 0.95 - 3 * float(np.std(inside)) / math.sqrt(30)


def test_mass_mean_and_the_default_grid(stochastic, lazy):
    A, values = lazy("flat"), stochastic.spectra["flat"]
    run = spectral_density(A, products=2000, tolerance=0.05)
    assert run.status is Status.CONVERGED
    assert float(torch.trapezoid(run.density, run.grid)) == pytest.approx(1, abs=0.05)
    assert float(run.weights.sum()) == pytest.approx(1, rel=1e-12)
    assert float((run.weights * run.nodes).sum()) == pytest.approx(float(values.mean()), rel=0.05)
    assert float(run.standard_error.max()) <= 0.05 * float(run.density.max())
    assert len(run.grid) == 200
    assert "reached the tolerance" in run.message
    shifted = spectral_density(
        stochastic.Lazy(A.matrix + 5 * torch.eye(stochastic.n)), products=300, tolerance=0.0
    )
    base = spectral_density(A, products=300, tolerance=0.0)
    assert torch.allclose(shifted.grid - 5, base.grid, atol=1e-8)
    assert torch.allclose(shifted.density, base.density, atol=1e-6)


def test_a_bandwidth_below_the_resolution_and_a_spent_budget_are_said(lazy):
    run = spectral_density(lazy("flat"), bandwidth=1e-4, depth=5, products=60, tolerance=1e-3)
    assert run.certificates[1].holds is False
    assert run.certificates[2].holds is False
    assert run.status is Status.OUT_OF_BUDGET
    assert "budget" in run.message


def test_exact_for_known_and_small_ones(lazy):
    grid = torch.linspace(-1, 4, 9, dtype=torch.float64)
    M = lazy("flat").matrix[:20, :20]
    truth = smooth(torch.linalg.eigvalsh(M), grid, 0.3)
    run = spectral_density(M, grid=grid, bandwidth=0.3)
    assert torch.allclose(run.density, truth, rtol=1e-12)
    assert run.method == "exact"
    assert run.interval()[0].tolist() == run.density.tolist()
    assert run.certificates[0].kind is Kind.PROOF
    run = spectral_density(2.0 * Diagonal([0.0, 1.0]) + Identity(2), grid=grid, bandwidth=0.3)
    assert torch.allclose(run.density, smooth(torch.tensor([1.0, 3.0]).double(), grid, 0.3))
    one = spectral_density(np.eye(3))
    assert isinstance(one.density, np.ndarray)
    assert one.bandwidth > 0


def test_bad_products_are_noticed(stochastic, lazy):
    A = lazy("flat").matrix
    with pytest.raises(ArgumentError, match="do not change between calls"):
        spectral_density(stochastic.Lazy(A, noise=0.01))
    with pytest.raises(NumericalError, match="finite products"):
        spectral_density(stochastic.Lazy(A * math.nan))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: spectral_density(torch.ones(2, 3)), "square"),
        (lambda _: spectral_density(torch.ones(0, 0)), "nonempty"),
        (lambda _: spectral_density([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (
            lambda stochastic: spectral_density(stochastic.Lazy(torch.eye(2), symmetric=False)),
            "symmetric operator",
        ),
        (lambda _: spectral_density(torch.eye(2), bandwidth=0.0), "bandwidth"),
        (lambda _: spectral_density(torch.eye(2), grid=[math.nan]), "finite"),
        (lambda _: spectral_density(torch.eye(2), grid=[[1.0]]), "grid"),
        (lambda _: spectral_density(torch.eye(2), depth=0), "depth"),
        (lambda _: spectral_density(torch.eye(2), products=2), "at least 4 products"),
        (lambda _: spectral_density(torch.eye(2)).interval(0.0), "level"),
    ],
)
def test_bad_input(stochastic, call, message):
    with pytest.raises(ArgumentError, match=message):
        call(stochastic)
