"""Bayes' rule: against conjugate formulas, and against a posterior made of the fast path's objective."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import betaln

import fivefold as ff
from fivefold.concepts.bayes_rule import coin, log_posterior, posterior
from fivefold.probability import Bernoulli, GaussianPrior


def test_fast_path() -> None:
    generator = np.random.default_rng(23)
    x = generator.normal(1.0, 2.0, 25)
    y = (generator.uniform(size=25) < 1 / (1 + np.exp(-0.8 * x))).astype(np.float64)
    grid = np.linspace(-2.0, 3.0, 201)
    logits = x[:, None] * grid[None, :]
    log_likelihoods = np.where(y[:, None] == 1.0, -np.logaddexp(0, -logits), -np.logaddexp(0, logits))
    prior = stats.norm(0.3, 1 / np.sqrt(2.0)).logpdf(grid)
    log_p, log_evidence = log_posterior(prior, log_likelihoods)

    X = torch.tensor(x)[:, None]
    objective = ff.DataObjective(
        ff.Linear(X, intercept=False),
        Bernoulli(),
        (X, torch.tensor(y)),
        GaussianPrior(2.0, mean=torch.tensor([0.3], dtype=torch.float64)),
    )
    joint = -objective.scale * objective.value(torch.tensor(grid)[:, None])
    assert log_evidence == pytest.approx(torch.logsumexp(joint, 0).item(), abs=1e-10)
    np.testing.assert_allclose(log_p, torch.log_softmax(joint, 0).numpy(), atol=1e-10)


def test_a_positive_test() -> None:
    sick, well = posterior(np.array([0.01, 0.99]), np.array([0.9, 0.09]))
    assert sick == pytest.approx(0.009 / (0.009 + 0.0891), rel=1e-14)
    assert sick + well == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (2.0, 12.0), (5.5, 3.0)])
def test_a_coin_is_a_beta(a: float, b: float) -> None:
    grid = np.linspace(0.0005, 0.9995, 1000)
    exact = stats.beta(a + 7, b + 3).pdf(grid)
    # The midpoint rule on a thousand points is right to about the square of a thousandth.
    np.testing.assert_allclose(coin(7, 3, grid, a, b), exact, rtol=1e-5, atol=1e-12)


def test_the_evidence_of_a_sequence_of_tosses() -> None:
    grid = np.linspace(0.0005, 0.9995, 1000)
    tosses = np.where(np.arange(10)[:, None] < 7, np.log(grid), np.log1p(-grid))
    _, log_evidence = log_posterior(np.full(1000, -np.log(1000.0)), tosses)
    assert log_evidence == pytest.approx(betaln(8, 4), abs=1e-5)


def test_order_and_batches_do_not_matter() -> None:
    generator = np.random.default_rng(29)
    log_prior = np.log(generator.dirichlet(np.ones(6)))
    logs = np.log(generator.uniform(0.05, 1.0, (8, 6)))
    at_once, total = log_posterior(log_prior, logs)
    first, one = log_posterior(log_prior, logs[5:])
    then, two = log_posterior(first, logs[:5])
    np.testing.assert_allclose(then, at_once, atol=1e-13)
    assert one + two == pytest.approx(total, abs=1e-12)


def test_thousands_of_observations_do_not_underflow() -> None:
    log_p, log_evidence = log_posterior(np.log(np.array([0.5, 0.5])), np.log(np.tile([0.2, 0.1], (5000, 1))))
    assert log_p[0] == 0.0
    assert log_evidence == pytest.approx(5000 * np.log(0.2) + np.log(0.5))
