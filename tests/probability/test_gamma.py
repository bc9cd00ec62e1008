"""The gamma density at its limits."""

import numpy as np
import pytest
import scipy.stats
import torch

from fivefold.core import DataError
from fivefold.probability import Gamma


@pytest.mark.parametrize("theta", [-8.0, 0.0, 5.0, 25.0])
def test_value_for_small_and_huge_shapes(theta):
    """For a shape of e^25 = 7e10 the usual form loses ten digits; SciPy is asked in log y around the mode."""
    k = float(np.exp(theta))
    y = (
        torch.tensor([0.9, 1.0, 1.2], dtype=torch.float64)
        if theta < 20
        else 1 + torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64) / np.sqrt(k)
    )
    eta, own = torch.zeros_like(y), torch.tensor([theta], dtype=torch.float64)
    found = Gamma().negative_log_density(eta, y, own)
    if theta < 20:
        expected = -scipy.stats.gamma.logpdf(y.numpy(), k, scale=1 / k)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    else:
        normal = -scipy.stats.norm.logpdf(y.numpy(), 1.0, 1 / np.sqrt(k))
        np.testing.assert_allclose(found.numpy(), normal, atol=1e-4)  # skewness 2 / sqrt(k) = 7e-6


def test_shape_one_is_exponential():
    y, eta = torch.tensor([0.1, 3.0], dtype=torch.float64), torch.tensor([1.0, -0.5], dtype=torch.float64)
    expected = -torch.distributions.Exponential(torch.exp(-eta)).log_prob(y)
    torch.testing.assert_close(
        Gamma().negative_log_density(eta, y, torch.zeros(1, dtype=torch.float64)),
        expected,
        rtol=1e-13,
        atol=0,
    )


def test_unit_of_y_moves_only_the_constant():
    y, eta = torch.tensor([0.1, 3.0], dtype=torch.float64), torch.tensor([1.0, -0.5], dtype=torch.float64)
    theta = torch.tensor([0.7], dtype=torch.float64)
    moved = Gamma().negative_log_density(eta + np.log(1000), 1000 * y, theta)
    expected = Gamma().negative_log_density(eta, y, theta) + np.log(1000)
    torch.testing.assert_close(moved, expected, rtol=1e-13, atol=0)


def test_samples_have_the_variance_and_are_positive():
    eta, theta = torch.full((100_000,), 1.0, dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64)
    y = Gamma().sample(eta, torch.Generator().manual_seed(0), theta)
    assert float(y.var()) == pytest.approx(np.exp(2.0 - 0.5), rel=0.04)
    tiny = Gamma().sample(eta, torch.Generator().manual_seed(0), torch.tensor([-8.0], dtype=torch.float64))
    assert float(tiny.min()) > 0


def test_start_is_near_the_shape():
    theta = torch.tensor([1.3], dtype=torch.float64)
    y = Gamma().sample(torch.zeros(20_000, dtype=torch.float64), torch.Generator().manual_seed(0), theta)
    assert Gamma().initial_theta(y).tolist() == pytest.approx([1.3], abs=0.05)
    assert bool(torch.isfinite(Gamma().initial_theta(torch.ones(3))).all())


def test_zero_is_impossible():
    with pytest.raises(DataError, match="drop those rows, or use a likelihood that allows zero"):
        Gamma().check([0.0, 1.0])
