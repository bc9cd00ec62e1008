"""Objectives of functions, residuals and black boxes."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Diagonal
from fivefold.objective import Objective

START = torch.tensor([-1.2, 1.0], dtype=torch.float64)


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def residuals(w):
    return 2**0.5 * torch.stack([1 - w[0], 10 * (w[1] - w[0] ** 2)])


def oracle(w):
    a, b = w
    value = (1 - a) ** 2 + 100 * (b - a**2) ** 2
    return value, np.array([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)])


def hessian(w):
    a, b = (float(x) for x in w)
    return torch.tensor([[2 - 400 * (b - 3 * a**2), -400 * a], [-400 * a, 200]], dtype=torch.float64)


def hessian_product(w, v):
    return hessian(w).numpy() @ v


MAKERS = {
    "function": lambda: Objective.from_function(rosenbrock, START),
    "residuals": lambda: Objective.from_residuals(residuals, START),
    "oracle": lambda: Objective.from_oracle(oracle, START),
    "oracle with product": lambda: Objective.from_oracle(oracle, START, hessian_product),
}


@pytest.fixture(params=MAKERS, ids=list(MAKERS))
def objective(request):
    return MAKERS[request.param]()


def test_contract(objective):
    assert (objective.size, objective.scale, objective.dtype) == (2, 1.0, torch.float64)
    assert torch.equal(objective.initial, START)
    value, gradient = objective.value_and_gradient(START)
    expected, slope = oracle(START.numpy())
    assert float(value) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient.numpy(), slope, rtol=1e-12)
    torch.testing.assert_close(objective.value(START), value, rtol=1e-13, atol=0)
    torch.testing.assert_close(objective.gradient(START), gradient, rtol=0, atol=0)
    # Central differences of the gradient: truncation h^2 times the third derivatives (about 1e3).
    torch.testing.assert_close(objective.hessian(START).to_dense(), hessian(START), rtol=1e-7, atol=1e-6)
    assert objective.hessian(START).symmetric


def test_batch_is_the_loop(objective):
    points = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    value, gradient = objective.value_and_gradient(points)
    assert value.shape == (3, 2)
    torch.testing.assert_close(objective.value(points), value, rtol=1e-12, atol=1e-12)
    for i in range(3):
        for j in range(2):
            one, slope = objective.value_and_gradient(points[i, j])
            torch.testing.assert_close(value[i, j], one, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(gradient[i, j], slope, rtol=1e-12, atol=1e-12)


def test_points_may_be_numpy_or_float32(objective):
    assert objective.value(np.array([0.0, 0.0])).dtype == torch.float64
    assert float(objective.value(torch.zeros(2))) == pytest.approx(1.0, rel=1e-15)


def test_initial_is_a_copy(objective):
    objective.initial.fill_(7.0)
    assert torch.equal(objective.initial, START)


def test_points_are_refused(objective):
    for call in (objective.value, objective.value_and_gradient, objective.hessian):
        with pytest.raises(ArgumentError, match=r"w of shape \[\.\.\., 2\]"):
            call(torch.ones(3))
    with pytest.raises(ArgumentError, match=r"one point \[P\]"):
        objective.hessian(torch.ones(4, 2))


def test_initial_point_is_refused():
    with pytest.raises(ArgumentError, match="initial point with 1 dimension"):
        Objective.from_function(rosenbrock, torch.ones(2, 2))
    with pytest.raises(ArgumentError, match="finite numbers"):
        Objective.from_function(rosenbrock, [1.0, float("nan")])


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_scale_is_refused(scale):
    class Flat(Objective):
        def _value(self, w):
            return w.sum(-1)

        def _value_and_gradient(self, w):
            return w.sum(-1), torch.ones_like(w)

        def _hessian(self, w):
            return Diagonal(torch.zeros_like(w))

    assert Flat(START, scale=3.0).scale == 3.0
    with pytest.raises(ArgumentError, match="a positive, finite scale"):
        Flat(START, scale=scale)


@pytest.mark.parametrize("name", MAKERS)
def test_an_expansion_has_value_gradient_and_hessian(name):
    F, w = MAKERS[name](), torch.tensor([0.3, -0.7], dtype=torch.float64)
    at = F.expand(w)
    value, gradient = F.value_and_gradient(w)
    assert float(at.value) == float(value)
    torch.testing.assert_close(at.gradient, gradient, rtol=0, atol=0)
    torch.testing.assert_close(at.hessian().to_dense(), F.hessian(w).to_dense(), rtol=1e-12, atol=1e-12)
    with pytest.raises(ArgumentError, match=r"one point of shape \[2\]"):
        F.expand(torch.zeros(3, 2, dtype=torch.float64))
