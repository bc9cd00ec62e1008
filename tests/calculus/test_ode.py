"""Solutions against closed forms, gradients against finite differences, and failures by name."""

import math
import sys

import pytest
import torch

from fivefold.calculus import gradient_check, ode_gradient, solve_ode
from fivefold.core import ArgumentError, MissingExtraError, Status

T = torch.linspace(0.0, 2.0, 5, dtype=torch.float64)
Y0 = torch.tensor([1.0, 0.5], dtype=torch.float64)
W = torch.tensor([1.3, -0.2], dtype=torch.float64)


def pendulum(t, y, w):
    return torch.stack([y[1], -w[0] * torch.sin(y[0]) + w[1] * y[1]])


def test_decay_and_oscillation():
    found = solve_ode(lambda t, y, w: torch.stack([y[1], -y[0]]), Y0, T)
    exact = torch.stack([Y0[0] * T.cos() + Y0[1] * T.sin(), -Y0[0] * T.sin() + Y0[1] * T.cos()], dim=1)
    assert found.status is Status.CONVERGED
    assert found.holds
    assert bool(((found.y - exact).abs().amax(1) <= found.error + 1e-15).all())
    assert float(found.error.max()) < 1e-4


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("method", ["dopri5", "dopri8"])
def test_the_error_holds_at_every_tolerance(tolerance, method):
    times = torch.linspace(0.5, 3.0, 4, dtype=torch.float64)
    start = torch.full((2, 1), 0.25, dtype=torch.float64)
    found = solve_ode(lambda t, y, w: 2 * t * y.sqrt(), start, times, tolerance=tolerance, method=method)
    exact = ((times**2 - 0.25) / 2 + 0.5) ** 2
    assert bool(((found.y[:, 1, 0] - exact).abs() <= found.error + 1e-13).all())


def test_backwards_in_time_with_parameters():
    found = solve_ode(lambda t, y, w: w * y, Y0[:1], -T[:3], torch.tensor([0.7], dtype=torch.float64))
    torch.testing.assert_close(found.y[:, 0], torch.exp(-0.7 * T[:3]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("adjoint", [True, False])
def test_gradient_against_differences(adjoint):
    def loss(y):
        return (y**2).sum() + y[2, 0] * y[-1, 1]

    found = ode_gradient(pendulum, Y0, T, W, loss, tolerance=1e-7, adjoint=adjoint)
    assert found.status is Status.CONVERGED
    assert found.certificates[0].holds

    def value(z):
        return loss(solve_ode(pendulum, z[:2], T, z[2:], tolerance=1e-9).y)

    full = torch.cat([found.initial, found.parameters])
    check = gradient_check(value, torch.cat([Y0, W]), gradient=lambda z: full, tolerance=1e-5)
    assert check.holds
    wrong = gradient_check(value, torch.cat([Y0, W]), gradient=lambda z: full * 1.001, tolerance=1e-5)
    assert wrong.holds is False
    assert found.value == pytest.approx(float(value(torch.cat([Y0, W]))), rel=1e-6)


def test_a_solution_that_blows_up():
    times = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    found = solve_ode(lambda t, y, w: y**2, torch.ones(1, dtype=torch.float64), times)
    assert found.status in (Status.ILL_POSED, Status.DIVERGED, Status.OUT_OF_BUDGET)
    assert found.holds is None
    assert found.times.tolist() == [0.0, 0.5]
    assert float(found.y[1, 0]) == pytest.approx(2.0, rel=1e-5)
    assert bool(torch.isfinite(found.y).all())
    back = ode_gradient(
        lambda t, y, w: y**2, torch.ones(1, dtype=torch.float64), times, None, lambda y: y[-1].sum()
    )
    assert not back.status.succeeded
    assert back.initial is None
    assert back.certificates[0].holds is None


def test_a_stiff_system_is_named():
    found = solve_ode(lambda t, y, w: -1e6 * (y - t.cos()), torch.zeros(1, dtype=torch.float64), T, steps=200)
    assert found.status is Status.OUT_OF_BUDGET
    assert "stiff" in found.certificates[0].method
    assert found.holds is None


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchdiffeq", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fivefold\[ode\]'"):
        solve_ode(pendulum, Y0, T, W)


def test_refuses():
    with pytest.raises(ArgumentError, match="float32 or float64"):
        solve_ode(pendulum, Y0.to(torch.complex64), T, W)
    with pytest.raises(ArgumentError, match="nonempty initial state"):
        solve_ode(pendulum, Y0[:0], T, W)
    with pytest.raises(ArgumentError, match="finite initial state"):
        solve_ode(pendulum, Y0 * math.inf, T, W)
    for times in (T[:1], T[[0, 0]], T[[0, 2, 1]], T * math.nan):
        with pytest.raises(ArgumentError, match="strictly increasing"):
            solve_ode(pendulum, Y0, times, W)
    with pytest.raises(ArgumentError, match="a tolerance from"):
        solve_ode(pendulum, Y0, T, W, tolerance=0)
    with pytest.raises(ArgumentError, match="a float64 state"):
        solve_ode(pendulum, Y0.float(), T, W.float())
    with pytest.raises(ArgumentError, match="method as one of"):
        solve_ode(pendulum, Y0, T, W, method="euler")
    with pytest.raises(ArgumentError, match="at least 1 step"):
        solve_ode(pendulum, Y0, T, W, steps=0)
    with pytest.raises(ArgumentError, match=r"parameters \[P\] in torch.float64"):
        solve_ode(pendulum, Y0, T, W.float())
    with pytest.raises(ArgumentError, match="a field of the state's shape"):
        solve_ode(lambda t, y, w: y[:1], Y0, T)
    with pytest.raises(ArgumentError, match="a loss with one real value"):
        ode_gradient(pendulum, Y0, T, W, lambda y: y)
