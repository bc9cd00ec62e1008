"""Moments of activations, against sums over a million quantiles."""

import math

import pytest
import torch

from fivefold.networks.activation_moments import moments
from fivefold.networks.style import ACTIVATIONS, activation_layer


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("q", [0.05, 1.0, 30.0])
def test_moments_are_means_over_quantiles(name, q):
    u = (torch.arange(1_000_000, dtype=torch.float64) + 0.5) / 1_000_000
    z = (math.sqrt(2 * q) * torch.erfinv(2 * u - 1)).requires_grad_()
    values = activation_layer(name, in_place=False)(z)
    (slopes,) = torch.autograd.grad(values.sum(), z)
    square, slope = moments(name, q)
    # the sum over quantiles errs by about 1e-6 of the tails of z squared
    assert square == pytest.approx(values.detach().square().mean().item(), rel=2e-5)
    assert slope == pytest.approx(slopes.square().mean().item(), rel=2e-5)


def test_moments_need_no_gradients_of_the_caller():
    moments.cache_clear()
    with torch.no_grad():
        assert moments("relu", 1.0)[1] == pytest.approx(0.5)
