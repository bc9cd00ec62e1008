"""Damped steps with a curvature against dense solves, formed and by products."""

import math

import pytest
import torch

from fivefold.objective import DataObjective
from fivefold.optimize.methods import linear_curvature
from fivefold.optimize.methods.linear_curvature import Curved
from fivefold.probability import Gaussian

TORCH = torch.Generator().manual_seed(3)
X = torch.randn(30, 2, generator=TORCH, dtype=torch.float64)
Y = torch.sin(X[:, 0]) + X[:, 1]


def network() -> DataObjective:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    return DataObjective(module, Gaussian(sd=1.0), (X, Y))


F = network()
W = F.initial
G = F.gauss_newton(W).to_dense()
g = F.value_and_gradient(W)[1]


@pytest.mark.parametrize("formed", [True, False])
@pytest.mark.parametrize("damping", [0.01, 5.0])
def test_the_step_solves_the_damped_system(
    formed: bool, damping: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear_curvature, "fits", lambda rows, w: formed)
    around = Curved(F, F.gauss_newton, W, scaled=True)
    scale = torch.linspace(0.5, 2, W.shape[0], dtype=torch.float64)
    p, promised = around.step(damping, scale)
    exact = torch.linalg.solve(G + damping * torch.diag(scale**2), -g)
    # conjugate gradients stop at a tenth of the residual, in the scaled parameters
    left = (G @ p + damping * scale**2 * p + g) / scale
    assert float(left.norm()) <= (1e-12 if formed else 0.1) * float((g / scale).norm())
    if formed:
        torch.testing.assert_close(p, exact, rtol=1e-9, atol=1e-11)
    assert promised == pytest.approx(float(-(g @ p) - 0.5 * p @ G @ p), rel=1e-9)
    assert promised > 0
    assert around.correction(p, damping, scale) is None


def test_the_scale_is_the_root_of_the_diagonal_or_of_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    diagonal = G.diagonal()
    torch.testing.assert_close(Curved(F, F.gauss_newton, W, scaled=True).scale, diagonal.sqrt())
    mean = diagonal.mean().sqrt()
    torch.testing.assert_close(Curved(F, F.fisher, W, scaled=False).scale, mean.expand(W.shape[0]))
    monkeypatch.setattr(linear_curvature, "fits", lambda rows, w: False)
    # four random signs: within a factor of two
    assert 0.5 < float(Curved(F, F.fisher, W, scaled=False).scale[0] / mean) < 2


def test_the_shortest_step_leaves_what_the_data_do_not_see() -> None:
    p = Curved(F, F.gauss_newton, W, scaled=True).shortest()
    torch.testing.assert_close(G @ p, -g, rtol=1e-6, atol=1e-9)


def test_decrease_and_distance() -> None:
    around = Curved(F, F.gauss_newton, W, scaled=True)
    down, noise = around.decrease(W - 0.1 * g)
    assert down == pytest.approx(float(F.value(W) - F.value(W - 0.1 * g)), rel=1e-12)
    assert 0 < noise < 1e-12
    assert around.distance == pytest.approx(float(g.norm()))
    far = torch.full_like(W, 1e200)
    assert Curved(F, F.gauss_newton, far, scaled=True).distance == math.inf


def test_an_indefinite_curvature_leaves_steepest_descent() -> None:
    around = Curved(F, lambda w: -1.0 * F.gauss_newton(w), W, scaled=False)
    p, _ = around.step(1e-3, torch.ones_like(W))
    torch.testing.assert_close(p, -g / 1e-3)
