"""The loss along directions against the module evaluated by hand."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.objective import Objective
from fivefold.theory import loss_along


def moved(one: Any, step: torch.Tensor) -> float:
    net = copy.deepcopy(one.module)
    with torch.no_grad():
        w = torch.nn.utils.parameters_to_vector(net.parameters()) + step
        torch.nn.utils.vector_to_parameters(w, net.parameters())
        return float(one.loss(net(one.X), one.y))


@pytest.mark.parametrize("kind", ["dense", "cnn", "attention"])
def test_lines_are_the_modules_losses(kind: str, case: Callable[[str], Any]) -> None:
    one = case(kind)
    before = {name: t.clone() for name, t in one.module.state_dict().items()}
    lines = loss_along(one.module, one.loss, (one.X, one.y), k=2, points=5)
    for i in range(2):
        for j in range(5):
            exact = moved(one, lines.steps[i, j] * lines.directions[:, i])
            assert float(lines.losses[i, j]) == pytest.approx(exact, rel=1e-11)
    assert lines.evaluations == 11
    assert torch.allclose(lines.losses[:, 2], torch.full((2,), lines.here).double())
    assert all(torch.equal(t, before[name]) for name, t in one.module.state_dict().items())


def test_the_quadratic_is_the_second_order_model(case: Callable[[str], Any]) -> None:
    one = case("dense")
    data = (one.X, one.y)
    wide, narrow = (loss_along(one.module, one.loss, data, k=1, points=3, reach=r) for r in (2e-2, 1e-2))
    # what is left is of third order: halving the reach leaves an eighth
    left = [(lines.losses - lines.quadratic)[0, 2].abs() for lines in (wide, narrow)]
    assert float(left[0] / left[1]) == pytest.approx(8, rel=0.1)


def test_a_linear_regression_is_quadratic(case: Callable[[str], Any]) -> None:
    one = case("linear")
    lines = loss_along(one.module, one.loss, (one.X, one.y), k=3)
    assert float(lines.departure.max()) < 1e-12
    assert torch.allclose(lines.curvatures, torch.linalg.eigvalsh(one.H).flip(0)[:3], rtol=1e-9)


def test_directions_of_ones_own(case: Callable[[str], Any]) -> None:
    one = case("dense")
    torch.manual_seed(0)
    D = torch.randn(one.H.shape[0], 1, dtype=torch.float64)
    lines = loss_along(one.module, one.loss, (one.X, one.y), directions=D, points=3, reach=0.5)
    v = D[:, 0] / D.norm()
    assert float(lines.curvatures[0]) == pytest.approx(float(v @ one.H @ v), rel=1e-10)
    assert float(lines.losses[0, 2]) == pytest.approx(moved(one, 0.5 * v), rel=1e-11)


def test_a_spent_budget_leaves_lines_out(case: Callable[[str], Any]) -> None:
    one = case("dense")
    lines = loss_along(one.module, one.loss, (one.X, one.y), k=3, points=3, budget="1ms")
    assert bool(lines.losses[0].isfinite().all())
    assert bool(lines.losses[2].isnan().all())
    assert bool(lines.departure.isfinite().all())


def test_bad_arguments() -> None:
    F = Objective.from_function(lambda w: w @ w, torch.zeros(2))
    with pytest.raises(ArgumentError, match="between 3 and 1001"):
        loss_along(F, points=2)
    with pytest.raises(ArgumentError, match="finite reach"):
        loss_along(F, reach=0.0)
    with pytest.raises(ArgumentError, match="directions of shape"):
        loss_along(F, directions=torch.ones(3, 1))
    with pytest.raises(ArgumentError, match="not zero"):
        loss_along(F, directions=torch.zeros(2, 1))
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    with pytest.raises(ArgumentError, match="dropout"):
        loss_along(net, nn.MSELoss(), (torch.ones(3, 2), torch.ones(3, 2)))
