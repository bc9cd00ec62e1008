"""What stands where in w, and which of it the prior reaches."""

import pytest
import torch

from fivefold.objective import DataObjective, Linear
from fivefold.probability import Gaussian, GaussianPrior, Poisson

P = 4


def test_free_variance_starts_at_the_spread_and_stays_flat(small):
    X, y = small.data(Gaussian())
    for prior in (
        GaussianPrior(1.0),
        GaussianPrior(torch.ones(P + 1)),
        GaussianPrior(1.0, torch.ones(P + 1)),
    ):
        F = DataObjective(Linear(X), Gaussian(), (X, y), prior)
        assert float(F.initial[-1]) == pytest.approx(float(y.var(correction=0).log()))
        assert float(F.prior.precision[-1]) == 0.0
    assert F.prior.precision.tolist() == [1.0] * P + [0.0, 0.0]
    assert F.prior.mean.tolist() == [1.0] * (P + 1) + [0.0]
    every = GaussianPrior(torch.full((P + 2,), 2.0))
    F = DataObjective(Linear(X), Gaussian(), (X, y), every)
    assert F.prior.precision.tolist() == [2.0] * (P + 2)


def test_the_priors_share_is_divided_by_the_whole_n(small):
    X, y = small.data(Poisson())
    prior = GaussianPrior(2.0)
    with_prior = DataObjective(Linear(X), Poisson(), (X, y), prior)
    without = DataObjective(Linear(X), Poisson(), (X, y))
    w = small.points(with_prior)
    for rows in (slice(None), slice(5)):
        gap = with_prior.on(rows).value(w) - without.on(rows).value(w)
        torch.testing.assert_close(gap, prior.value(w[:P]) / small.N, rtol=1e-11, atol=1e-12)


def test_split(small):
    X, y = small.data(Gaussian())
    F = DataObjective(Linear(X), Gaussian(), (X, y))
    own, theta = F.split(torch.arange(12.0).reshape(2, 6))
    assert own.shape == (2, 5)
    assert theta.tolist() == [[5.0], [11.0]]
