"""The cumulative logit density and its cutpoints."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.probability import Bernoulli, Ordinal

ETA = torch.tensor([0.3, -2.0, 1.5], dtype=torch.float64)


def test_two_classes_are_bernoulli():
    """P(y = 1) = sigmoid(eta - c)."""
    y, theta = torch.tensor([1, 0, 1]), torch.tensor([0.4], dtype=torch.float64)
    for name in ("negative_log_density", "gradient", "curvature"):
        torch.testing.assert_close(
            getattr(Ordinal(2), name)(ETA, y, theta),
            getattr(Bernoulli(), name)(ETA - 0.4, y.double()),
            rtol=1e-13,
            atol=1e-15,
        )


def test_coordinates_undo_cutpoints():
    likelihood = Ordinal(5)
    theta = torch.tensor([[0.3, -1.0, 2.0, 0.1], [5.0, 0.0, -3.0, 1.0]], dtype=torch.float64)
    c = likelihood.cutpoints(theta)
    assert bool((c.diff(dim=-1) > 0).all())
    torch.testing.assert_close(likelihood.coordinates(c), theta, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("cutpoints", "message"),
    [
        ([1.0, 0.0], "cutpoints that rise"),
        ([1.0, 1.0], "no two may be equal"),
        ([1.0, float("nan")], "finite cutpoints"),
        ([1.0], r"cutpoints of shape \[..., 2\]"),
    ],
)
def test_cutpoints_out_of_order_are_refused(cutpoints, message):
    with pytest.raises(ArgumentError, match=message):
        Ordinal(3).coordinates(torch.tensor(cutpoints, dtype=torch.float64))


def test_probabilities_sum_to_one_and_give_the_mean():
    likelihood, theta = Ordinal(4), torch.tensor([-1.0, 0.2, -0.5], dtype=torch.float64)
    p = likelihood.probabilities(ETA, theta)
    torch.testing.assert_close(p.sum(-1), torch.ones(3, dtype=torch.float64), rtol=1e-14, atol=0)
    torch.testing.assert_close(
        likelihood.mean(ETA, theta), p @ torch.arange(4.0).double(), rtol=1e-14, atol=0
    )


def test_cutpoints_that_nearly_touch_keep_their_digits():
    """For a gap d of e^-30, P = d f(c): the difference of two sigmoids would have no digit."""
    likelihood, theta = Ordinal(3), torch.tensor([0.5, -30.0], dtype=torch.float64)
    eta = torch.tensor([0.2], dtype=torch.float64)
    value = likelihood.negative_log_density(eta, torch.tensor([1]), theta)
    s = torch.sigmoid(torch.tensor(0.3, dtype=torch.float64))
    assert float(value) == pytest.approx(30.0 - float(torch.log(s * (1 - s))), rel=1e-12)


def test_wide_gaps_keep_finite_derivatives():
    likelihood, theta = Ordinal(3), torch.tensor([0.0, 8.0], dtype=torch.float64)
    y = torch.tensor([0, 1, 2])
    C = likelihood.joint_curvature(ETA, y, theta)
    for each in (likelihood.theta_gradient(ETA, y, theta), C.cross, C.theta):
        assert bool(torch.isfinite(each).all())


def test_start_is_at_the_shares_of_the_classes():
    y = torch.tensor([0] * 20 + [1] * 30 + [2] * 50)
    likelihood = Ordinal(3)
    p = likelihood.probabilities(torch.zeros(1, dtype=torch.float64), likelihood.initial_theta(y))
    np.testing.assert_allclose(p[0].numpy(), [0.2, 0.3, 0.5], atol=0.01)
    assert bool(torch.isfinite(Ordinal(4).initial_theta(torch.tensor([0, 0]))).all())


def test_samples_have_the_probabilities():
    likelihood, theta = Ordinal(3), torch.tensor([-0.5, 0.3], dtype=torch.float64)
    eta = torch.full((50_000,), 0.4, dtype=torch.float64)
    y = likelihood.sample(eta, torch.Generator().manual_seed(0), theta)
    expected = likelihood.probabilities(eta[:1], theta)[0].numpy()
    np.testing.assert_allclose(np.bincount(y.numpy()) / 50_000, expected, atol=4 * 0.5 / 50_000**0.5)
