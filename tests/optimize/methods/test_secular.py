"""The two subproblems against their optimality conditions, which characterise global minimisers."""

import pytest
import torch

from fivefold.optimize.methods.secular import ball_step, cubic_step, model_decrease


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


VALUES = random(40, 6).sort(-1).values
COEFFICIENTS = random(40, 6, seed=1)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("radius", [1e-3, 1.0, 1e3])
def test_a_ball_step_satisfies_the_conditions_of_a_global_minimiser(scale, radius):
    lam, c = scale * VALUES, scale * COEFFICIENTS
    Delta = torch.full((40,), radius, dtype=torch.float64)
    s = ball_step(lam, c, Delta)
    length = s.norm(dim=-1)
    assert bool((length <= radius * (1 + 1e-9)).all())
    # (Lambda + mu) s = -c for one mu >= max(0, -lambda_1), and mu = 0 inside
    mu = -(s * (c + lam * s)).sum(-1) / length**2
    residual = (lam + mu[:, None]) * s + c
    assert float(residual.abs().max()) <= 1e-7 * scale * max(1.0, radius)
    assert bool((mu >= -lam[:, 0].clamp_max(0) - 1e-7 * scale).all())
    inside = length < radius * (1 - 1e-6)
    assert bool((mu[inside].abs() <= 1e-9 * scale).all())
    if radius == 1e3:
        assert bool((~inside == (lam[:, 0] < 0))[lam[:, 0].abs() > 1e-2 * scale].all())


def test_a_newton_step_inside_the_ball_is_taken():
    lam, c = VALUES.abs() + 1, COEFFICIENTS
    torch.testing.assert_close(ball_step(lam, c, torch.full((40,), 1e3, dtype=torch.float64)), -c / lam)


def test_the_hard_case_goes_along_the_lowest_eigenvector():
    lam = torch.tensor([[-2.0, 1.0, 3.0]]).double()
    c = torch.tensor([[0.0, 3.0, 5.0]]).double()
    s = ball_step(lam, c, torch.tensor([4.0]).double())
    # (Lambda + 2) s = -c off the first, the rest of the length along it
    torch.testing.assert_close(s[0, 1:], torch.tensor([-1.0, -1.0]).double())
    assert float(s.norm()) == pytest.approx(4.0)
    cubed = cubic_step(lam, c, torch.tensor([0.5]).double())
    torch.testing.assert_close(cubed[0, 1:], torch.tensor([-1.0, -1.0]).double(), rtol=1e-9, atol=1e-9)
    assert 0.5 * float(cubed.norm()) == pytest.approx(2.0)


@pytest.mark.parametrize("sigma", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_cubic_step_satisfies_the_conditions_of_a_global_minimiser(sigma, scale):
    lam, c = scale * VALUES, scale * COEFFICIENTS
    s = cubic_step(lam, c, torch.full((40,), sigma, dtype=torch.float64))
    mu = sigma * s.norm(dim=-1)
    residual = (lam + mu[:, None]) * s + c
    size = (lam.abs().amax(-1) + mu) * s.norm(dim=-1)
    assert float((residual.norm(dim=-1) / size).max()) <= 1e-9
    assert bool((mu >= -lam[:, 0] * (1 - 1e-9)).all())


def test_no_other_point_is_lower():
    radius, sigma = torch.ones(40).double(), torch.full((40,), 0.7, dtype=torch.float64)
    ball, cube = ball_step(VALUES, COEFFICIENTS, radius), cubic_step(VALUES, COEFFICIENTS, sigma)

    def cubic(s):
        return -model_decrease(VALUES, COEFFICIENTS, s) + sigma * s.norm(dim=-1) ** 3 / 3

    for seed in range(50):
        other = random(40, 6, seed=seed)
        unit = other / other.norm(dim=-1, keepdim=True)
        for share in (0.3, 1.0):
            worse = model_decrease(VALUES, COEFFICIENTS, share * unit)
            assert bool((worse <= model_decrease(VALUES, COEFFICIENTS, ball) + 1e-9).all())
        assert bool((cubic(2 * other) >= cubic(cube) - 1e-9).all())


def test_a_zero_model_does_not_move_or_divide_by_zero():
    zero = torch.zeros(1, 2).double()
    one = torch.ones(1).double()
    assert ball_step(zero, zero, one).tolist() == [[0.0, 0.0]]
    assert bool((cubic_step(zero, zero, one) == 0).all())
