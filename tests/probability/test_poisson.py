"""The Poisson density at its limits."""

import torch

from fivefold.probability import Poisson


def test_poisson_overflow_is_infinity_and_never_nan():
    value = Poisson().negative_log_density(torch.tensor([800.0]), torch.tensor([3.0]))
    assert bool(torch.isinf(value).all())


def test_contract_notices_a_wrong_gradient():
    """The identity E[gradient] = 0 fails for a gradient that is off by 1 per cent."""
    eta, y = torch.tensor(0.7, dtype=torch.float64), torch.arange(60, dtype=torch.float64)
    p = torch.exp(-Poisson().negative_log_density(eta.expand(60), y))
    right = Poisson().gradient(eta.expand(60), y)
    assert abs(float(p @ right)) < 1e-12
    wrong = 1.01 * torch.exp(eta) - y
    assert abs(float(p @ wrong)) > 1e-3
