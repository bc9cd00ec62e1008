"""Strong Wolfe conditions, checked where they are claimed, and the cases in which they cannot hold."""

import math

import pytest
import torch

from fivefold.optimize import search_wolfe

C1, C2 = 1e-4, 0.9


def along(phi, slope):
    """A function of [B, 1] points from phi(t) and phi'(t)."""
    return lambda w: (phi(w[:, 0]), slope(w[:, 0])[:, None])


def search(F, at, first=1.0, direction=None, **settings):
    w = torch.as_tensor(at, dtype=torch.float64).reshape(-1, 1)
    value, gradient = F(w)
    p = -gradient if direction is None else torch.full_like(w, direction)
    t = torch.full_like(value, first)
    return search_wolfe(F, w, value, gradient, p, t, **settings), (w, value, gradient, p)


def holds(end, start, c1=C1, c2=C2):
    _, value, gradient, p = start
    slope = (gradient * p).sum(-1)
    falls = end.value <= value + c1 * end.step * slope
    flat = ((end.gradient * p).sum(-1)).abs() <= -c2 * slope
    return falls & flat


FUNCTIONS = {
    # More and Thuente 1994, functions 1 and 2, with a minimum near 1.4 and 1.6
    "more-thuente 1": along(lambda a: -a / (a**2 + 2), lambda a: (a**2 - 2) / (a**2 + 2) ** 2),
    "more-thuente 2": along(
        lambda a: (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
        lambda a: 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
    ),
    "quartic": along(lambda a: (a - 3) ** 4, lambda a: 4 * (a - 3) ** 3),
    "waves": along(
        lambda a: 0.1 * (a - 5) ** 2 + torch.sin(3 * a), lambda a: 0.2 * (a - 5) + 3 * torch.cos(3 * a)
    ),
    "barrier": along(lambda a: a - torch.log(1 - a) - 4 * a, lambda a: -3 + 1 / (1 - a)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("first", [1e-3, 1e-1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("curvature", [0.9, 0.1])
def test_both_conditions_hold_from_any_first_step(name, first, curvature):
    at = 1.2 if name == "waves" else 0.0
    end, start = search(FUNCTIONS[name], at, first, direction=1.0, curvature=curvature)
    assert bool(end.found.all())
    assert bool(holds(end, start, c2=curvature).all())
    torch.testing.assert_close(end.w, start[0] + end.step[:, None] * start[3])
    assert end.evaluations <= 25


def test_a_batch_gives_what_each_point_gives_alone():
    F = FUNCTIONS["waves"]
    points = [1.2, -1.0, 4.0, 9.0]
    together, _ = search(F, points)
    for row, at in enumerate(points):
        alone, _ = search(F, at)
        assert together.step[row] == alone.step[0]
        assert together.value[row] == alone.value[0]


def test_a_border_of_the_domain_is_not_crossed():
    end, start = search(FUNCTIONS["barrier"], 0.0, 1e6, direction=1.0)
    assert 0 < float(end.w[0, 0]) < 1
    assert bool(holds(end, start).all())


def test_a_step_within_rounding_of_the_minimum_is_accepted():
    # F - min F = 1e-20 is far below the rounding of F = 1: values cannot show the fall, slopes do
    F = along(lambda a: 1 + a**2, lambda a: 2 * a)
    end, _ = search(F, 1e-10, 0.5)
    assert bool(end.found.all())
    assert float(end.w[0, 0]) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("phi", "slope"),
    [
        (torch.neg, lambda a: -torch.ones_like(a)),
        (lambda a: -(a**2) - a, lambda a: -2 * a - 1),
        (lambda a: -((1 + a) ** 0.999), lambda a: -0.999 * (1 + a) ** -0.001),
    ],
)
def test_a_fall_without_bound_is_said(phi, slope):
    end, start = search(along(phi, slope), 0.0, direction=1.0)
    assert bool(end.unbounded.all())
    assert bool(torch.isfinite(end.value).all())
    assert float(end.value) < float(start[1])


def test_a_fall_that_flattens_is_not_taken_for_one_without_bound():
    end, start = search(along(lambda a: -torch.sqrt(1 + a), lambda a: -0.5 / torch.sqrt(1 + a)), 0.0)
    assert not bool(end.unbounded.any())
    assert bool(holds(end, start).all())


def test_minus_infinity_is_a_fall_without_bound():
    F = along(lambda a: torch.log(torch.clamp(1 - a, min=0)), lambda a: -1 / (1 - a))
    end, _ = search(F, 0.0, 1.0, direction=1.0)
    assert bool(end.unbounded.all())


def test_a_wrong_gradient_gives_step_zero_and_the_first_point():
    F = along(lambda a: a**2, lambda a: -2 * a)
    end, start = search(F, 1.0)
    assert end.step.tolist() == [0.0]
    assert not bool(end.found.any())
    assert torch.equal(end.w, start[0])
    assert torch.equal(end.value, start[1])


def test_no_descent_direction_gives_step_zero_without_evaluation():
    F = along(lambda a: a**2, lambda a: 2 * a)
    for direction in (1.0, 0.0, math.nan):
        end, _ = search(F, 1.0, direction=direction)
        assert end.step.tolist() == [0.0]
        assert end.evaluations == 0


def test_nan_everywhere_else_gives_step_zero():
    F = along(lambda a: torch.where(a == 1, a, torch.nan), torch.ones_like)
    end, _ = search(F, 1.0)
    assert end.step.tolist() == [0.0]
    assert bool(torch.isfinite(end.value).all())


def test_where_rounds_run_out_the_lowest_point_is_kept():
    end, start = search(FUNCTIONS["quartic"], 0.0, 1e-3, direction=1.0, rounds=2)
    assert not bool(end.found.any())
    assert float(end.step) > 0
    assert float(end.value) < float(start[1])
