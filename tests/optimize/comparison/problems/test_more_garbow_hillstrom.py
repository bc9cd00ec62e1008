"""The collection against what the article publishes: every start, every minimum, every local minimum."""

import pytest
import torch
from scipy.optimize import least_squares, minimize

from fivefold.objective import Objective, ResidualObjective
from fivefold.optimize.comparison.problems.more_garbow_hillstrom import local_minima, more_garbow_hillstrom
from fivefold.optimize.comparison.problems.problem import Problem

PROBLEMS = {problem.name: problem for problem in more_garbow_hillstrom()}

AT_INFINITY = {"bard", "kowalik-osborne"}
"""Their published local minima are limits."""


def solve(problem: Problem, start: torch.Tensor) -> tuple[float, torch.Tensor]:
    """The sum of squares where SciPy's scaled trust region ends, with the exact Jacobian."""
    F = problem.make()
    assert isinstance(F, ResidualObjective)
    end = least_squares(
        lambda w: F.residuals(w).numpy(),
        start.numpy(),
        lambda w: F.jacobian(w).to_dense().numpy(),
        x_scale="jac",
        xtol=3e-16,
        ftol=3e-16,
        gtol=3e-16,
        max_nfev=1000,
    )
    return 2 * float(end.cost), torch.as_tensor(end.x)


def test_all_35_functions_are_there_once() -> None:
    names = [problem.name for problem in more_garbow_hillstrom()]
    assert len(names) == len(set(names)) == 42
    # Osborne's two fits lose their numbers with the sizes
    assert len({name.rstrip("0123456789").rstrip("-") for name in names} - {"osborne"}) + 2 == 35


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimum_found_is_the_published_one(name: str) -> None:
    """Within one unit of the sixth digit: the article cuts some numbers where others are rounded."""
    problem = PROBLEMS[name]
    found, _ = solve(problem, problem.starts[0])
    published = [2 * problem.minimum, *(2 * value for value in local_minima().get(name, ()))]
    scale = 2 * float(problem.make().value(problem.starts[0]))
    assert min(abs(found - value) / max(value, 1e-9 * scale) for value in published) < 1.2e-5


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradient_at_a_point_off_the_start_is_that_of_the_values(name: str) -> None:
    """Central differences of the function that is also what the tests of values see; 1e-5 of its size."""
    problem = PROBLEMS[name]
    F = problem.make()
    w = problem.starts[0] * 1.01 + 0.003
    value, gradient = F.value_and_gradient(w)
    h = 1e-6 * (1 + w.abs())
    measured = torch.stack(
        [(F.value(w + step) - F.value(w - step)) / (2 * step.sum()) for step in torch.diag(h)]
    )
    assert torch.allclose(gradient, measured, rtol=1e-4, atol=1e-5 * float(value.abs() + gradient.norm()))


@pytest.mark.parametrize("name", [name for name, each in PROBLEMS.items() if each.solution is not None])
def test_published_solution_has_the_published_minimum(name: str) -> None:
    problem = PROBLEMS[name]
    # the one solution that is printed with four digits is that of Jennrich and Sampson
    tolerance = 1e-5 if name == "jennrich-sampson" else 1e-9
    value = float(problem.make().value(problem.solution))
    assert value == pytest.approx(problem.minimum, rel=tolerance, abs=1e-18)


def test_published_local_minima_are_stationary_values() -> None:
    nearby = {
        "freudenstein-roth": [11.41, -0.8968],
        "biggs": PROBLEMS["biggs"].starts[0].tolist(),
        "trigonometric-10": PROBLEMS["trigonometric-10"].starts[0].tolist(),
        "brown-almost-linear-10": [0.0] * 9 + [11.0],
    }
    assert set(nearby) | AT_INFINITY == set(local_minima())
    for name in ("freudenstein-roth", "trigonometric-10", "brown-almost-linear-10"):
        found, w = solve(PROBLEMS[name], torch.tensor(nearby[name], dtype=torch.float64))
        assert found == pytest.approx(2 * local_minima()[name][0], rel=1.2e-5)
        assert float(PROBLEMS[name].make().gradient(w).norm()) < 1e-5
    # that of Biggs lies on the plane w_1 = w_5, w_3 = w_6, which holds the start, and which L-BFGS-B stays on
    F = PROBLEMS["biggs"].make()
    end = minimize(
        lambda w: tuple(each.numpy() for each in F.value_and_gradient(w)),
        nearby["biggs"],
        jac=True,
        method="L-BFGS-B",
        tol=1e-12,
    )
    assert float(end.fun) == pytest.approx(local_minima()["biggs"][0], rel=1e-5)


def test_the_limits_at_infinity_are_approached() -> None:
    bard = PROBLEMS["bard"].make()
    far = torch.tensor([0.8406, -1e9, -1e9], dtype=torch.float64)
    assert float(bard.value(far)) == pytest.approx(local_minima()["bard"][0], rel=1e-5)
    kowalik = PROBLEMS["kowalik-osborne"].make()

    # w_1 / w_3 and w_1 / w_4 tend to constants, of which the best are found
    end = least_squares(
        lambda v: kowalik.residuals([1e9, v[0], v[1] * 1e9, v[2] * 1e9]).numpy(), [-14.0, -43.0, -33.0]
    )
    assert end.cost == pytest.approx(local_minima()["kowalik-osborne"][0], rel=1e-4)
    assert end.x[0] == pytest.approx(-14.07, abs=0.01)


def test_a_wrong_function_would_be_seen() -> None:
    """With one datum of Bard's changed in its second digit, the minimum is no longer the published one."""
    F = PROBLEMS["bard"].make()
    wrong = Objective.from_residuals(
        lambda w: F._residuals(w) + torch.nn.functional.one_hot(torch.tensor(3), 15) * 0.01, F.initial
    )
    end = least_squares(lambda w: wrong.residuals(w).numpy(), F.initial.numpy())
    assert abs(end.cost - PROBLEMS["bard"].minimum) > 1e-4 * PROBLEMS["bard"].minimum
