"""The normal density with a free variance."""

import numpy as np
import pytest
import torch

from fivefold.probability import Gaussian


def test_free_gaussian_starts_at_the_spread_of_y():
    y = torch.tensor([1.0, 5.0], dtype=torch.float64)
    assert Gaussian().initial_theta(y).tolist() == pytest.approx([np.log(4.0)])
    assert Gaussian().initial_theta(torch.ones(3)).tolist() == [0.0]
    assert Gaussian(sd=1.0).initial_theta(y).shape == (0,)


def test_the_free_variance_is_the_fixed_one():
    eta, y = torch.tensor([0.3, -1.0], dtype=torch.float64), torch.tensor([2.0, 0.5], dtype=torch.float64)
    theta = torch.tensor([2 * np.log(0.7)])
    free, fixed = Gaussian(), Gaussian(sd=0.7)
    for name in ("negative_log_density", "gradient", "curvature"):
        torch.testing.assert_close(
            getattr(free, name)(eta, y, theta), getattr(fixed, name)(eta, y), rtol=1e-14, atol=1e-14
        )


def test_scaling_the_data_shifts_the_log_variance():
    """With y, eta and sd in another unit c, the density changes by log c."""
    eta, y = torch.tensor([0.3]), torch.tensor([2.0])
    moved = Gaussian(sd=1000.0 * 0.7).negative_log_density(1000 * eta, 1000 * y)
    expected = Gaussian(sd=0.7).negative_log_density(eta, y) + np.log(1000)
    torch.testing.assert_close(moved, expected, rtol=1e-6, atol=0)


def test_one_parameter_of_its_own():
    assert (Gaussian().parameters, Gaussian(sd=1.0).parameters) == (1, 0)
    assert Gaussian().initial_theta(torch.tensor([1.0, 3.0])).tolist() == pytest.approx([0.0], abs=1e-15)
