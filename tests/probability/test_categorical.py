"""Identities of the categorical density."""

import torch

from fivefold.probability import Bernoulli, Categorical


def test_categorical_is_bernoulli_for_two_classes():
    """K = 2 with predictors (0, eta) is the Bernoulli density of eta."""
    eta = torch.linspace(-4, 4, 6, dtype=torch.float64)
    y = (torch.arange(6) % 2).to(torch.float64)
    both = torch.stack([torch.zeros_like(eta), eta], dim=-1)
    torch.testing.assert_close(
        Categorical(2).negative_log_density(both, y.long()),
        Bernoulli().negative_log_density(eta, y),
        rtol=1e-13,
        atol=1e-14,
    )


def test_a_constant_added_to_all_predictors_changes_nothing():
    likelihood, y = Categorical(4), torch.tensor([0, 3, 1])
    eta = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for method in (likelihood.negative_log_density, likelihood.gradient, likelihood.curvature):
        torch.testing.assert_close(method(eta + 5.5, y), method(eta, y), rtol=1e-12, atol=1e-13)
    ones = torch.ones(4, 1, dtype=torch.float64)
    assert float((likelihood.curvature(eta, y) @ ones).abs().max()) < 1e-15
