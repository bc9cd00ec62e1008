"""Roots of systems: classical ones, a discretised equation, and what has none."""

import importlib.util
import math

import pytest
import torch
from scipy.optimize import root as scipy_root
from torch.testing import assert_close

import fivefold as ff
from fivefold.core import ArgumentError, Status
from fivefold.linalg import as_operator
from fivefold.optimize import root


def powell(x):
    """Powell's badly scaled system; More, Garbow and Hillstrom 1981, problem 3."""
    return torch.stack([1e4 * x[0] * x[1] - 1, torch.exp(-x[0]) + torch.exp(-x[1]) - 1.0001])


def broyden(x):
    """Broyden's tridiagonal system; More, Garbow and Hillstrom 1981, problem 30."""
    left = torch.cat([x.new_zeros(1), x[:-1]])
    right = torch.cat([x[1:], x.new_zeros(1)])
    return (3 - 2 * x) * x - left - 2 * right + 1


def bratu(n):
    """u'' + 2 exp u = 0 on (0, 1), zero at both ends, by second differences."""
    h = 1 / (n + 1)

    def F(u):
        wide = torch.nn.functional.pad(u, (1, 1))
        return wide[2:] - 2 * u + wide[:-2] + 2 * h * h * torch.exp(u)

    return F


def test_powells_badly_scaled_system():
    end = root(powell, [0.0, 1.0], tolerance=1e-12)
    assert end.status is Status.CONVERGED
    # published: (1.098...e-5, 9.106...)
    assert_close(end.x, torch.tensor([1.098159e-5, 9.106146]).double(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("method", ["newton", "newton-krylov"])
def test_broydens_tridiagonal_system(method):
    start = -torch.ones(150).double()
    end = root(broyden, start, method=method)
    peer = scipy_root(lambda x: broyden(torch.from_numpy(x)).numpy(), start.numpy(), tol=1e-12)
    assert end.status.succeeded
    assert end.method == method
    assert_close(end.x.numpy(), peer.x, rtol=0, atol=1e-8)


def test_a_quadratic_system_is_certified():
    end = root(broyden, -torch.ones(20).double(), lipschitz="quadratic")
    residual, near = end.certificates
    assert residual.verdict == near.verdict == "yes"
    exact = root(broyden, end.x, tolerance=1e-15, lipschitz="quadratic").x
    assert float((end.x - exact).norm()) <= near.bound < 1e-6


def test_without_a_constant_the_theorem_is_unknown():
    end = root(broyden, -torch.ones(20).double())
    assert end.certificates[1].verdict == "unknown"
    assert "lipschitz=" in end.certificates[1].method


def test_krylov_with_a_preconditioner_needs_few_products():
    n = 300
    second = -2 * torch.eye(n).double() + torch.diag(torch.ones(n - 1).double(), 1)
    second = second + second.triu(1).mT
    M = as_operator(torch.linalg.inv(second))
    with_it = root(bratu(n), torch.zeros(n).double(), preconditioner=M, tolerance=1e-12)
    assert with_it.method == "newton-krylov"
    assert with_it.status.succeeded
    assert with_it.products < 60
    made = root(bratu(n), torch.zeros(n).double(), preconditioner=lambda x: M, tolerance=1e-12)
    assert made.products == with_it.products
    # the exact solution's top: u(1/2) = 2 log cosh(theta / 4), theta = 2 cosh(theta / 4) for exponent 2
    theta = 1.0
    for _ in range(200):
        theta = 2 * math.cosh(theta / 4)
    assert abs(float(with_it.x.max()) - 2 * math.log(math.cosh(theta / 4))) < 1e-4


def test_a_jacobian_given_as_an_operator_is_used():
    made = []

    def jacobian(x):
        made.append(x)
        return as_operator(torch.diag(2 * x))

    end = root(lambda x: x**2 - torch.tensor([4.0, 9.0]).double(), [1.0, 1.0], jacobian=jacobian)
    assert_close(end.x, torch.tensor([2.0, 3.0]).double(), rtol=1e-10, atol=0)
    assert len(made) == end.steps


def test_a_full_step_too_long_is_shortened():
    end = root(torch.atan, [3.0])
    # plain Newton diverges from any start beyond 1.39
    assert end.status.succeeded
    assert float(end.history["step"][1]) < 1
    assert bool((end.history["residual_norm"].diff() < 0).all())


@pytest.mark.parametrize("method", ["newton", "newton-krylov"])
def test_a_singular_jacobian_at_the_start_is_passed(method):
    end = root(lambda x: torch.stack([x[0] ** 2 + x[1] - 1, x[1] - x[0]]), [-0.5, 0.0], method=method)
    assert end.status.succeeded
    assert float(end.residual_norm) <= 1e-10


@pytest.mark.parametrize("method", ["newton", "newton-krylov"])
def test_a_minimum_that_is_no_root_is_said(method):
    end = root(lambda x: x**2 + 1, [0.0, 0.0], method=method)
    assert end.status is Status.STALLED
    assert "no root" in end.reason
    assert end.certificates[0].verdict == "no"
    far = root(lambda x: x**2 + 1, [1.5, 0.7], method=method)
    assert far.status is not Status.CONVERGED


def test_a_singular_root_is_reached_slowly_and_not_certified():
    end = root(lambda x: x**2, [1.0], lipschitz="quadratic")
    assert end.status.succeeded
    assert end.certificates[1].verdict == "unknown"


def test_where_f_is_not_finite_the_search_turns_back():
    end = root(lambda x: torch.log(x) + 1, [2.5])
    assert_close(end.x, torch.tensor([math.exp(-1)], dtype=torch.float64), rtol=1e-10, atol=0)


def test_not_finite_at_the_start_is_ill_posed():
    end = root(torch.log, [-1.0])
    assert end.status is Status.ILL_POSED
    assert end.certificates[0].verdict == "no"


def test_a_budget_ends_it():
    end = root(broyden, -torch.ones(20).double(), budget=ff.Budget(steps=1))
    assert end.status is Status.OUT_OF_BUDGET
    assert end.steps == 1
    assert end.certificates[0].verdict == "no"


def test_float32_stays():
    end = root(broyden, -torch.ones(20))
    assert end.status.succeeded
    assert end.x.dtype == torch.float32


def test_a_start_that_is_a_root_is_left_alone():
    end = root(lambda x: x - 1, [1.0])
    assert end.steps == 0
    assert end.status.succeeded


@pytest.mark.parametrize(
    ("F", "x0", "more", "message"),
    [
        (lambda x: x[:1], [1.0, 2.0], {}, "F to return 2 real numbers"),
        (lambda x: x.sum(), [1.0], {}, "F to return 1 real numbers"),
        (lambda x: 3.0, [1.0], {}, "F to return a tensor"),
        (lambda x: x.to(torch.int64), [1.0], {}, "real numbers"),
        (lambda x: x, [math.nan], {}, "finite numbers in the start"),
        (lambda x: x, [[1.0]], {}, "the start with 1 dimension"),
        (lambda x: x, [1.0], {"method": "newtn"}, "a method of auto"),
        (lambda x: x, [1.0], {"tolerance": 0.0}, "a positive, finite tolerance"),
        (lambda x: x, [1.0], {"method": "newton", "preconditioner": as_operator(torch.eye(1))}, "alone"),
    ],
)
def test_bad_input_is_refused(F, x0, more, message):
    with pytest.raises(ArgumentError, match=message):
        root(F, x0, **more)


def test_harmonic_balance_agrees_with_time_integration(repository, capsys):
    spec = importlib.util.spec_from_file_location(
        "harmonic_balance", repository / "examples/harmonic_balance.py"
    )
    example = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = example  # dataclasses look their module up
    try:
        spec.loader.exec_module(example)
        circuit = example.Rectifier()
        found, harmonics = example.balance(circuit)
        v = harmonics.signal(found.x).numpy()
        # the time constant is two periods: 20 leave exp(-10) of the start, and the diode recharges sooner
        reference = example.integrate(circuit, periods=20, samples=len(v))
        x = torch.randn(2 * harmonics.count + 1, generator=torch.Generator().manual_seed(0)).double()
        J = example.BalanceJacobian(harmonics, 0.3, 0.1, torch.rand(harmonics.samples).double())
        M = example.MeanInverse(harmonics, 0.3, 0.1)
        plain = example.BalanceJacobian(harmonics, 0.3, 0.1, torch.zeros(harmonics.samples).double())
    finally:
        del sys.modules[spec.name]
    assert found.status is Status.CONVERGED
    assert found.certificates[1].verdict == "yes"
    # the integration is to 1e-9; 100 harmonics of the diode's pulse leave some 1e-8
    assert abs(v - reference).max() < 1e-6
    assert v.max() - v.min() > 0.1, "the ripple is not nothing"
    assert_close(J.H @ x, J.to_dense().mT @ x, rtol=0, atol=1e-12)
    assert_close(M @ (plain @ x), x, rtol=0, atol=1e-10)
    assert_close(M.H @ x, M.to_dense().mT @ x, rtol=0, atol=1e-10)
