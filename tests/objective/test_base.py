"""Objectives of functions, residuals and black boxes."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
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
    assert float(objective.value(torch.zeros(2))) == 1.0


def test_initial_is_a_copy(objective):
    objective.initial.fill_(7.0)
    assert torch.equal(objective.initial, START)


def test_points_are_refused(objective):
    for call in (objective.value, objective.value_and_gradient, objective.hessian):
        with pytest.raises(ArgumentError, match=r"w of shape \[\.\.\., 2\]"):
            call(torch.ones(3))
    with pytest.raises(ArgumentError, match=r"one point \[P\]"):
        objective.hessian(torch.ones(4, 2))


def test_residual_structure():
    F = Objective.from_residuals(residuals, START)
    J = torch.autograd.functional.jacobian(residuals, START)
    torch.testing.assert_close(F.jacobian(START).to_dense(), J, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(F.gauss_newton(START).to_dense(), J.mT @ J, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(F.residuals(START), residuals(START), rtol=0, atol=0)
    # At the minimum the residuals vanish, so Gauss-Newton is the Hessian.
    at = torch.ones(2, dtype=torch.float64)
    torch.testing.assert_close(F.gauss_newton(at).to_dense(), hessian(at), rtol=1e-12, atol=1e-12)
    with pytest.raises(ArgumentError, match=r"one point \[P\]"):
        F.jacobian(torch.ones(2, 2))


def test_oracle_modes_and_batched_products():
    for product, mode in ((None, "central differences"), (hessian_product, "hessian product")):
        H = Objective.from_oracle(oracle, START, product).hessian(START)
        assert H.mode == mode
        X = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        torch.testing.assert_close(H @ X, hessian(START) @ X, rtol=1e-7, atol=1e-5)
        torch.testing.assert_close(H.H @ X, hessian(START) @ X, rtol=1e-7, atol=1e-5)
        assert bool((H @ torch.zeros(2) == 0).all())


def test_oracle_may_write_into_its_argument():
    def rude(w):
        out = oracle(w)
        w[:] = 0
        return out

    F = Objective.from_oracle(rude, START)
    assert float(F.value(START)) == float(F.value(START)) > 20


def test_infinite_values_pass_through():
    F = Objective.from_oracle(lambda w: (np.inf if w[0] > 5 else 1.0, np.zeros(2)), START)
    assert F.value(torch.tensor([[9.0, 0.0], [0.0, 0.0]])).tolist() == [float("inf"), 1.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Objective.from_function(rosenbrock, torch.ones(2, 2)), "initial point with 1 dimension"),
        (lambda: Objective.from_function(rosenbrock, [1.0, float("nan")]), "finite numbers"),
        (lambda: Objective.from_function(lambda w: w, START), "one real value"),
        (lambda: Objective.from_residuals(lambda w: w.sum(), START), r"residuals as a vector \[m\]"),
        (lambda: Objective.from_oracle(lambda w: 3.0, START), "a pair"),
        (lambda: Objective.from_oracle(lambda w: (w, w), START), "one number as the oracle's value"),
        (lambda: Objective.from_oracle(lambda w: (1.0, w[:1]), START), r"a gradient of shape \(2,\)"),
        (
            lambda: Objective.from_oracle(oracle, START, lambda w, v: v[:1]).hessian(START).to_dense(),
            r"a Hessian product of shape \(2,\)",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
