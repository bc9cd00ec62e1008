"""Binomial counts beside Bernoulli observations, and trials that differ from row to row."""

import pytest
import scipy.stats
import torch

from fivefold.probability import Bernoulli, Binomial

ETA = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)


def test_one_trial_is_bernoulli():
    y = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    for name in ("negative_log_density", "gradient", "curvature"):
        torch.testing.assert_close(
            getattr(Binomial(1), name)(ETA, y), getattr(Bernoulli(), name)(ETA, y), rtol=1e-14, atol=0
        )


def test_trials_by_row_and_some_of_the_rows():
    likelihood, y = Binomial([2, 9, 5]), torch.tensor([1.0, 0.0, 5.0], dtype=torch.float64)
    p = torch.sigmoid(ETA).numpy()
    expected = -scipy.stats.binom.logpmf(y.numpy(), [2, 9, 5], p)
    assert likelihood.negative_log_density(ETA, y).tolist() == pytest.approx(expected.tolist(), rel=1e-13)
    rows = torch.tensor([2, 0])
    part = likelihood.take(rows)
    for name in ("negative_log_density", "gradient", "curvature"):
        whole = getattr(likelihood, name)(ETA, y)
        assert torch.equal(getattr(part, name)(ETA[rows], y[rows]), whole[rows])
    assert part.to_record() == {"name": "binomial", "trials": [5, 2]}
    assert likelihood.to_record()["trials"] == [2, 9, 5]


def test_a_likelihood_without_rows_is_taken_whole():
    likelihood = Binomial(3)
    assert likelihood.take(torch.tensor([0])) is likelihood


def test_relative_precision_in_the_tails():
    likelihood = Binomial(10)
    eta = torch.tensor([40.0, -40.0], dtype=torch.float64)
    y = torch.tensor([10.0, 0.0], dtype=torch.float64)
    tail = 10 * float(torch.exp(torch.tensor(-40.0, dtype=torch.float64)))
    assert likelihood.gradient(eta, y).tolist() == pytest.approx([-tail, tail], rel=1e-14)
    assert likelihood.negative_log_density(eta, y).tolist() == pytest.approx([tail, tail], rel=1e-14)


def test_samples_have_the_variance():
    """Var of a sample variance of 40,000 draws: relative 0.7%; 5% is far outside it."""
    y = Binomial(20).sample(torch.full((40_000,), 0.8, dtype=torch.float64), torch.Generator().manual_seed(1))
    p = float(torch.sigmoid(torch.tensor(0.8)))
    assert float(y.var()) == pytest.approx(20 * p * (1 - p), rel=0.05)
