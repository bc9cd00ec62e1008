"""The learned second derivative is symmetric, exact along the step, and used where it foretells."""

from itertools import pairwise

import torch

from fivefold.objective import ResidualObjective
from fivefold.optimize.methods.linear_residuals import DenseResiduals
from fivefold.optimize.methods.structured_secant import StructuredSecant

W = torch.tensor([0.3, -0.4, 0.9], dtype=torch.float64)
STEP = torch.tensor([0.02, 0.01, -0.03], dtype=torch.float64)


def curved(w: torch.Tensor) -> torch.Tensor:
    return torch.stack([3 + w[0] ** 2, 5 - w[1] * w[2], 2 * w[2] ** 2 + w[0], w[1] + 1])


def at(w: torch.Tensor, unit: float = 1.0) -> DenseResiduals:
    F = ResidualObjective(lambda w: curved(unit * w), w / unit)
    return DenseResiduals(F, w / unit, F.jacobian(w / unit))


def learned(*, unit: float = 1.0) -> torch.Tensor:
    """S after a step and another one, read once it is used."""
    secant = StructuredSecant(W)
    scale = unit * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    points = [W, W + STEP, W + STEP + 0.01]
    for before, after in pairwise(points):
        secant.learn(at(before, unit), at(after, unit), scale)
    assert secant.change()
    assert secant.matrix is not None
    return secant.matrix


def test_it_is_symmetric_and_exact_along_the_last_step() -> None:
    S = learned()
    torch.testing.assert_close(S, S.mT)
    before, after = at(W + STEP), at(W + STEP + 0.01)
    s = after.w - before.w
    torch.testing.assert_close(S @ s, before.turned(after), rtol=1e-9, atol=1e-12)
    # by the residuals' own Hessians in the middle of the step, up to its square
    r = ResidualObjective(curved, W).residuals(after.w)
    H = torch.func.hessian(curved)(0.5 * (before.w + after.w))
    torch.testing.assert_close(S @ s, torch.einsum("i,ijk,k->j", r, H, s), rtol=1e-9, atol=1e-12)


def test_units_of_the_parameters_change_nothing() -> None:
    torch.testing.assert_close(learned(unit=1e4) / 1e8, learned(), rtol=1e-7, atol=1e-9)


def test_where_f_bends_downwards_the_scale_takes_the_place_of_the_gradients() -> None:
    F = ResidualObjective(lambda w: torch.stack([10 - w[0] ** 2, 10 - w[1] ** 2]), W[:2])
    before, after = (DenseResiduals(F, w, F.jacobian(w)) for w in (W[:2], W[:2] + 0.1))
    s = after.w - before.w
    assert float((after.gradient - before.gradient) @ s) < 0
    secant = StructuredSecant(W[:2])
    secant.learn(before, after, torch.ones(2, dtype=torch.float64))
    assert secant.change()
    assert secant.matrix is not None
    torch.testing.assert_close(secant.matrix @ s, before.turned(after), rtol=1e-9, atol=1e-12)


def test_the_model_that_foretold_the_decrease_is_followed() -> None:
    around, ahead = at(W), at(W + STEP)
    down = float(around.value - ahead.value)
    secant = StructuredSecant(W)
    # nothing is known yet
    assert not secant.turn(around, STEP, down)
    assert not secant.change()
    secant.learn(around, ahead, torch.ones(3, dtype=torch.float64))
    assert secant.turn(around, STEP, down)
    assert secant.matrix is not None
    assert not secant.turn(around, STEP, down)
    # a decrease that the plain model foretells leads back to it
    assert secant.turn(around, STEP, around.foretold(STEP))
    assert secant.matrix is None


def test_what_is_not_finite_is_forgotten() -> None:
    around = at(W)
    secant = StructuredSecant(W)
    secant.learn(around, around, torch.ones(3, dtype=torch.float64))
    assert not secant.change()
    assert secant.matrix is None
