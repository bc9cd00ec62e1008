"""Levenberg-Marquardt on the hard textbook problems, on networks without a Jacobian, and on bad input."""

from collections.abc import Callable

import pytest
import torch
from torch.func import functional_call

from fivefold.calculus import JacobianOperator
from fivefold.core import ArgumentError, Budget, Status, drive
from fivefold.linalg import LinearOperator
from fivefold.objective import DataObjective, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods import levenberg_marquardt, linear_residuals
from fivefold.optimize.methods.descent import Descent
from fivefold.optimize.methods.levenberg_marquardt import Damped
from fivefold.optimize.methods.linear_residuals import DenseResiduals, linearize_residuals
from fivefold.optimize.methods.linearization import DENSE_COLUMNS
from fivefold.probability import Bernoulli, Categorical, Gaussian


def rosenbrock(w: torch.Tensor) -> torch.Tensor:
    return torch.stack([10 * (w[1] - w[0] ** 2), 1 - w[0]])


def powell(w: torch.Tensor) -> torch.Tensor:
    return torch.stack(
        [
            w[0] + 10 * w[1],
            5**0.5 * (w[2] - w[3]),
            (w[1] - 2 * w[2]) ** 2,
            10**0.5 * (w[0] - w[3]) ** 2,
        ]
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_rosenbrock_from_a_batch_of_starts(dtype: torch.dtype) -> None:
    F = Objective.from_residuals(rosenbrock, torch.tensor([-1.2, 1.0], dtype=dtype))
    starts = torch.tensor([[-1.2, 1.0], [5.0, -7.0], [1.0, 1.0], [10.0, 3.0]], dtype=dtype)
    end = minimize(F, w0=starts)
    assert end.method == "levenberg-marquardt"
    assert end.status is Status.CONVERGED
    digits = 1e-10 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(end.w, torch.ones_like(starts), rtol=digits, atol=digits)


def test_a_singular_jacobian_at_the_solution() -> None:
    """Powell's function: linear convergence at best, as J loses rank at 0."""
    end = minimize(Objective.from_residuals(powell, torch.tensor([3.0, -1.0, 0.0, 1.0]).double()))
    assert float(end.value) < 1e-20
    assert float(end.w.norm()) < 1e-4


def test_units_do_not_change_the_path() -> None:
    """Moré's scaling: a change of units of the parameters and of F changes no iterate but in its units."""
    units = torch.tensor([1e5, 1e-6], dtype=torch.float64)
    start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
    plain = minimize(Objective.from_residuals(rosenbrock, start))
    other = minimize(Objective.from_residuals(lambda w: 1e3 * rosenbrock(w * units), start / units))
    assert other.steps == plain.steps
    torch.testing.assert_close(other.w * units, plain.w, rtol=1e-9, atol=1e-9)


def test_more_parameters_than_residuals() -> None:
    F = Objective.from_residuals(
        lambda w: torch.stack([w.sum() - 3, (w**2).sum() - 5]), torch.ones(6).double()
    )
    end = minimize(F, w0=torch.arange(6.0).double())
    assert end.status is Status.CONVERGED
    assert float(end.value) < 1e-20


def brown_dennis(w: torch.Tensor) -> torch.Tensor:
    t = torch.arange(1, 21, dtype=w.dtype) / 5
    return (w[0] + t * w[1] - torch.exp(t)) ** 2 + (w[2] + w[3] * torch.sin(t) - torch.cos(t)) ** 2


def penalty(w: torch.Tensor) -> torch.Tensor:
    return torch.cat([1e-5**0.5 * (w - 1), ((w**2).sum() - 0.25).reshape(1)])


@pytest.mark.parametrize(
    ("residuals", "start", "minimum"),
    [
        (brown_dennis, [25.0, 5.0, -5.0, -1.0], 85822.2 / 2),
        (penalty, [1.0, 2.0, 3.0, 4.0], 2.24997e-5 / 2),
        (penalty, [float(i) for i in range(1, 11)], 7.08765e-5 / 2),
    ],
)
def test_large_residuals_are_no_slow_descent(
    residuals: Callable[[torch.Tensor], torch.Tensor], start: list[float], minimum: float
) -> None:
    """Functions 16 and 23 of Moré, Garbow and Hillstrom: without S, 1000 steps are not enough for either."""
    end = minimize(
        Objective.from_residuals(residuals, torch.tensor(start, dtype=torch.float64)), "levenberg-marquardt"
    )
    assert end.status is Status.CONVERGED
    # six digits are published
    assert float(end.value) == pytest.approx(minimum, rel=1e-5)
    # measured: 27, 53, 74
    assert end.steps < 150


def test_a_second_derivative_of_a_large_problem_is_not_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levenberg_marquardt, "SECANT_COLUMNS", 1)
    F = Objective.from_residuals(penalty, torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    moves = levenberg_marquardt.levenberg_marquardt(F)
    descent = Descent(F, F.initial[None], moves, 1e-8, False, moves.known.distance)
    # with it, 53 steps are enough
    assert drive(descent, Budget(steps=60)).status is Status.OUT_OF_BUDGET


def test_a_nonzero_residual_agrees_with_newton() -> None:
    x = torch.linspace(0, 1, 20, dtype=torch.float64)
    y = torch.cos(3 * x)

    def fit(w: torch.Tensor) -> torch.Tensor:
        return torch.exp(w[0] * x) + w[1] * x + w[2] - y

    F = Objective.from_residuals(fit, torch.tensor([0.5, 1.0, 0.0], dtype=torch.float64))
    ours, reference = minimize(F), minimize(F, "newton", tolerance=1e-12)
    torch.testing.assert_close(ours.w, reference.w, rtol=1e-8, atol=1e-8)


def test_where_residuals_are_not_finite_the_step_shrinks() -> None:
    F = Objective.from_residuals(lambda w: torch.log(w) - 2, torch.tensor([1e-3], dtype=torch.float64))
    end = minimize(F)
    assert float(end.w[0]) == pytest.approx(torch.e**2, rel=1e-9)
    broken = minimize(F, w0=[-1.0])
    assert broken.status is Status.ILL_POSED


def test_a_minimum_at_infinity_is_not_called_convergence_early() -> None:
    F = Objective.from_residuals(lambda w: torch.exp(-w) + 1, torch.tensor([0.0], dtype=torch.float64))
    end = minimize(F, budget=Budget(steps=30))
    # the residual falls to 1 only far out, where its derivative is rounding
    assert end.status is not Status.CONVERGED or float(end.value) == pytest.approx(0.5, rel=1e-12)


def test_a_gain_foretold_wrongly_raises_the_damping() -> None:
    """A planted error: a model that promises the opposite is never followed."""

    class Uphill(DenseResiduals):
        def step(self, damping: float, scale: torch.Tensor) -> tuple[torch.Tensor, float]:
            p, promised = super().step(damping, scale)
            return -p, promised

    F = Objective.from_residuals(rosenbrock, torch.tensor([-1.2, 1.0], dtype=torch.float64))
    moves = Damped(lambda w: Uphill(F, w, F.jacobian(w)))
    w = F.initial[None]
    end = moves.move(w, *F.value_and_gradient(w), torch.tensor([0]))
    assert float(end.step[0]) == 0
    good = Damped(lambda w: linearize_residuals(F, w))
    assert float(good.move(w, *F.value_and_gradient(w), torch.tensor([0])).value[0]) < float(F.value(w)[0])


def test_reset_forgets_the_damping() -> None:
    F = Objective.from_residuals(rosenbrock, torch.tensor([-1.2, 1.0], dtype=torch.float64))
    moves = Damped(lambda w: linearize_residuals(F, w))
    w, row = F.initial[None], torch.tensor([0])
    first = moves.move(w, *F.value_and_gradient(w), row)
    moves.move(first.w, first.value, first.gradient, row)
    moves.reset(row)
    torch.testing.assert_close(moves.move(w, *F.value_and_gradient(w), row).w, first.w)


def test_products_alone_reach_the_same_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_residuals, "fits", lambda rows, w: False)
    F = Objective.from_residuals(rosenbrock, torch.tensor([-1.2, 1.0], dtype=torch.float64))
    end = minimize(F)
    assert end.status is Status.CONVERGED
    torch.testing.assert_close(end.w, torch.ones(2, dtype=torch.float64), rtol=1e-7, atol=1e-7)


def big_network() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 48),
        torch.nn.Tanh(),
        torch.nn.Linear(48, 48),
        torch.nn.Tanh(),
        torch.nn.Linear(48, 1),
    ).double()
    X = torch.rand(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return module, X, torch.sin(4 * X[:, 0]) * X[:, 1]


def _refuse(self: LinearOperator) -> torch.Tensor:
    raise AssertionError(f"a matrix of shape {tuple(self.shape)} was formed")


def _residuals() -> Objective:
    module, X, y = big_network()
    names = {name: p.detach() for name, p in module.named_parameters()}
    sizes = [p.numel() for p in names.values()]

    def fit(w: torch.Tensor) -> torch.Tensor:
        parts = zip(names.items(), w.split(sizes), strict=True)
        out: torch.Tensor = functional_call(
            module, {name: v.reshape(p.shape) for (name, p), v in parts}, (X,)
        )
        return out[:, 0] - y

    return Objective.from_residuals(fit, torch.cat([p.reshape(-1) for p in names.values()]))


def _data() -> Objective:
    module, X, y = big_network()
    return DataObjective(module, Gaussian(sd=1.0), (X, y))


@pytest.mark.parametrize("make", [_residuals, _data])
def test_a_module_beyond_the_bound_is_fitted_without_a_jacobian(
    make: Callable[[], Objective], monkeypatch: pytest.MonkeyPatch
) -> None:
    F = make()
    assert F.size > DENSE_COLUMNS
    monkeypatch.setattr(LinearOperator, "to_dense", _refuse)
    monkeypatch.setattr(JacobianOperator, "to_dense", _refuse)
    floor = 0.0 if make is _residuals else 0.5 * torch.log(torch.tensor(2 * torch.pi)).item()
    first = float(F.value(F.initial)) - floor
    end = minimize(F, "levenberg-marquardt", budget=Budget(steps=8), examine=False)
    # measured: to 1.7 per cent by LSMR, to 0.5 by conjugate gradients
    assert float(end.value) - floor < 0.05 * first


def test_a_data_objective_by_its_gauss_newton_matrix() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    torch.manual_seed(1)
    module = torch.nn.Linear(3, 1).double()
    F = DataObjective(module, Bernoulli(), (x, (x[:, 0] + 0.5 * torch.sin(9 * x[:, 1]) > 0).to(torch.int64)))
    ours = minimize(F, "levenberg-marquardt")
    assert ours.status is Status.CONVERGED
    torch.testing.assert_close(ours.w, minimize(F, "newton").w, rtol=1e-5, atol=1e-5)


def test_objectives_without_residuals_are_refused() -> None:
    with pytest.raises(ArgumentError, match="from_residuals"):
        minimize(Objective.from_function(lambda w: (w**2).sum(), torch.ones(2)), "levenberg-marquardt")
    x = torch.ones(4, 1, dtype=torch.float64)
    F = DataObjective(torch.nn.Linear(1, 1).double(), Gaussian(), (x, x[:, 0]))
    with pytest.raises(ArgumentError, match="convex"):
        minimize(F, "levenberg-marquardt")
    assert Categorical(3).convex
