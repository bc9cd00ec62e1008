"""The negative binomial density at its limits."""

import numpy as np
import pytest
import torch

from fivefold.probability import NegativeBinomial, Poisson

ETA = torch.tensor([0.3, 2.0, -1.0, 3.0], dtype=torch.float64)
Y = torch.tensor([2.0, 30.0, 0.0, 7.0], dtype=torch.float64)


@pytest.mark.parametrize("log_dispersion", [-40.0, -30.0])
def test_small_dispersion_is_poisson(log_dispersion):
    """At alpha = 1e-13 and below the two densities agree to rounding: plain log-gammas would not."""
    theta = torch.tensor([log_dispersion], dtype=torch.float64)
    for name in ("negative_log_density", "gradient", "curvature"):
        ours = getattr(NegativeBinomial(), name)(ETA, Y, theta)
        torch.testing.assert_close(ours, getattr(Poisson(), name)(ETA, Y), rtol=1e-10, atol=1e-11)
    assert float(NegativeBinomial().theta_gradient(ETA, Y, theta).abs().max()) < 1e-9


def test_probabilities_sum_to_one():
    y = torch.arange(0, 20_000, dtype=torch.float64)
    for theta in (-3.0, 0.0, 1.5):
        own = torch.tensor([theta], dtype=torch.float64)
        value = NegativeBinomial().negative_log_density(torch.full_like(y, 1.2), y, own)
        assert float(torch.exp(-value).sum()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("theta", [-6.0, -1.0, 0.0, 2.0, 4.0])
@pytest.mark.parametrize("eta", [-6.0, 0.0, 5.0])
def test_information_of_the_dispersion_is_its_sum(eta, theta):
    """The integral behind the expected curvature in theta, beside the sum over y that it stands for."""
    own = torch.tensor([theta], dtype=torch.float64)
    y = torch.arange(0, 400_000, dtype=torch.float64)
    rows = torch.full_like(y, eta)
    likelihood = NegativeBinomial()
    p = torch.exp(-likelihood.negative_log_density(rows, y, own))
    expected = float(p @ likelihood.theta_gradient(rows, y, own)[:, 0].square())
    found = float(likelihood.joint_fisher(rows[:1], own).theta)
    # Where the dispersion hardly matters the information is a difference of numbers of the size of the mean.
    assert found == pytest.approx(expected, rel=3e-6 if theta == 4.0 and eta == 5.0 else 1e-9, abs=1e-12)


def test_samples_have_the_variance():
    eta, theta = torch.full((100_000,), 1.0, dtype=torch.float64), torch.tensor([-0.5], dtype=torch.float64)
    y = NegativeBinomial().sample(eta, torch.Generator().manual_seed(0), theta)
    mean = np.e
    assert float(y.var()) == pytest.approx(mean + np.exp(-0.5) * mean**2, rel=0.05)


def test_start_is_near_the_dispersion():
    theta = torch.tensor([0.2], dtype=torch.float64)
    eta = torch.full((20_000,), 1.5, dtype=torch.float64)
    y = NegativeBinomial().sample(eta, torch.Generator().manual_seed(0), theta)
    assert NegativeBinomial().initial_theta(y).tolist() == pytest.approx([0.2], abs=0.1)
    assert NegativeBinomial().initial_theta(torch.zeros(3)).tolist() == pytest.approx([np.log(0.05)])


def test_newton_reaches_the_maximum():
    """With one mean for all rows, the maximum is at the sample mean whatever the dispersion."""
    generator = torch.Generator().manual_seed(5)
    likelihood = NegativeBinomial()
    y = likelihood.sample(torch.full((400,), 2.0, dtype=torch.float64), generator, torch.zeros(1).double())
    w = torch.cat([y.mean().log().reshape(1), likelihood.initial_theta(y)])
    for _ in range(50):
        eta, theta = w[0].expand(len(y)), w[1:]
        g = torch.stack(
            [likelihood.gradient(eta, y, theta).sum(), likelihood.theta_gradient(eta, y, theta).sum()]
        )
        C = likelihood.joint_curvature(eta, y, theta)
        H = torch.stack(
            [
                torch.stack([C.eta.sum(), C.cross.sum()]),
                torch.stack([C.cross.sum(), C.theta.sum()]),
            ]
        )
        w = w - torch.linalg.solve(H, g)
    assert float(g.abs().max()) < 1e-9
    assert float(w[0]) == pytest.approx(float(y.mean().log()), rel=1e-12)  # with one mean, it is the mean's
