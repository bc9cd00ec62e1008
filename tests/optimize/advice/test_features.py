"""What is measured of a problem, against problems of which it is known."""

import pytest
import torch

from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize.advice.features import measure, structure
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear(rows=400, columns=6, likelihood=None):
    X = random(rows, columns)
    likelihood = likelihood or Bernoulli()
    y = (X[:, 0] > 0).double() if likelihood.outputs == 1 else torch.arange(rows) % likelihood.outputs
    model = Linear(columns, outputs=likelihood.outputs)
    return DataObjective(model, likelihood, (X, y), GaussianPrior(1.0))


def test_the_structure_of_every_kind():
    F = structure(linear())
    assert (F.kind, F.rows, F.outputs, F.convex, F.sampled) == ("linear model", 400, 1, True, False)
    assert structure(linear(rows=4000)).sampled
    assert not F.quadratic
    assert structure(linear(likelihood=Gaussian(sd=1.0))).quadratic
    free = DataObjective(Linear(6), Gaussian(), (random(50, 6), random(50)))
    assert structure(free).convex is None  # its variance is a parameter
    network = DataObjective(torch.nn.Linear(6, 1).double(), Gaussian(sd=1.0), (random(50, 6), random(50)))
    assert structure(network).kind == "network"
    residuals = Objective.from_residuals(lambda w: torch.cat([w - 1, w**2]), random(3))
    assert (structure(residuals).kind, structure(residuals).rows) == ("least squares", 6)
    box = Objective.from_oracle(lambda w: (w @ w, 2 * w), [1.0])
    assert (structure(box).kind, structure(box).products) == ("black box", False)
    told = Objective.from_oracle(lambda w: (w @ w, 2 * w), [1.0], lambda w, v: 2 * v)
    assert structure(told).products


def test_the_ends_of_the_spectrum_and_the_condition():
    values = torch.tensor([1.0, 3.0, 50.0, 400.0]).double()
    found = measure(Objective.from_function(lambda w: (values * w**2).sum() / 2, random(4)))
    assert found.largest == pytest.approx(400.0, rel=1e-8)
    assert found.smallest == pytest.approx(1.0, rel=1e-6)
    assert found.condition == pytest.approx(400.0, rel=1e-6)
    assert min(found.gradient_seconds, found.product_seconds) > 0
    bent = measure(Objective.from_function(lambda w: (w**2).sum() - 5 * w[0] ** 2, random(4)))
    assert bent.convex is False
    assert bent.condition is None


def test_the_noise_of_minibatches_is_that_of_rows():
    """For a Gaussian mean at distance d, tr Sigma / |g|^2 = sd^2 / d^2."""
    rows, d, sd = 20_000, 0.5, 2.0
    y = d + sd * random(rows, seed=3)
    F = DataObjective(Linear(1, intercept=False), Gaussian(sd=1.0), (torch.ones(rows, 1).double(), y))
    found = measure(F, seed=1)
    assert found.noise_rows == pytest.approx(sd**2 / d**2, rel=0.6)  # 32 groups: chi-squared with 31
    assert measure(linear(rows=100)).noise_rows is None


def test_zeros_of_the_design():
    X = random(300, 5)
    X[:, 1:4] = 0
    F = DataObjective(Linear(5, intercept=False), Bernoulli(), (X, (X[:, 0] > 0).double()))
    assert measure(F).zeros == pytest.approx(0.6)
    several = DataObjective(Linear(5, intercept=False, outputs=3), Categorical(3), (X, torch.arange(300) % 3))
    assert measure(several).zeros == pytest.approx(0.6)


def test_what_is_not_finite_at_the_start_is_not_measured():
    found = measure(Objective.from_function(lambda w: w.log().sum(), -torch.ones(2).double()))
    assert found.gradient_seconds is not None
    assert found.largest is None
