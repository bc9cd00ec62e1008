"""Saturation and dead units: torch's slopes are zero where the concept says so; shares by chance."""

import numpy as np
import pytest
import torch

from fivefold.concepts.dead_units import dead, expected_dead, expected_saturated, saturated, unit_slope


@pytest.mark.parametrize("leak", [0.0, 0.01])
def test_fast_path(leak: float) -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.nn.Linear(4, 30, dtype=torch.float64)
    second = torch.nn.Linear(30, 1, dtype=torch.float64)
    x = torch.randn(25, 4, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        first.weight.normal_(generator=generator)
        first.bias.normal_(-4.0, 2.0, generator=generator)
        second.weight.normal_(generator=generator)
    z = first(x)
    z.retain_grad()
    h = torch.nn.functional.leaky_relu(z, leak)
    h.retain_grad()
    (second(h) - 1.0).square().mean().backward()
    off, back = dead(z.detach().numpy()), first.weight.grad
    assert back is not None
    assert h.grad is not None
    assert 3 < off.sum() < 27
    for unit in range(30):
        found = unit_slope(x.numpy(), z.detach().numpy()[:, unit], h.grad.numpy()[:, unit], leak)
        np.testing.assert_allclose(found, back[unit].numpy(), rtol=1e-10, atol=1e-14)
    still = (back == 0.0).all(dim=1).numpy()
    np.testing.assert_array_equal(still, off if leak == 0.0 else np.zeros(30, dtype=bool))


def test_saturated_is_where_torch_s_slope_is_small() -> None:
    z = torch.linspace(-6, 6, 241, dtype=torch.float64).reshape(-1, 1).requires_grad_()
    (slope,) = torch.autograd.grad(torch.tanh(z).sum(), z)
    for low in (0.5, 0.01):
        seen = float((slope < low).double().mean())
        assert saturated(z.detach().numpy(), low)[0] == pytest.approx(seen, abs=1e-12)


@pytest.mark.parametrize(("mean", "spread", "rows"), [(0.0, 1.0, 4), (-2.0, 1.0, 20), (-3.0, 1.5, 8)])
def test_the_share_of_dead_units(mean: float, spread: float, rows: int) -> None:
    z = np.random.default_rng(0).normal(mean, spread, size=(rows, 40000))
    p = expected_dead(mean, spread, rows)
    assert np.mean(dead(z)) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 40000))


@pytest.mark.parametrize("spread", [0.7, 2.0, 10.0])
def test_the_share_of_saturated_sums(spread: float) -> None:
    z = np.random.default_rng(0).normal(0.0, spread, size=(40000, 1))
    p = expected_saturated(spread, 0.05)
    assert saturated(z, 0.05)[0] == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 40000) + 1e-12)
