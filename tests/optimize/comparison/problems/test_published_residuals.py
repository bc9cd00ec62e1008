"""Half the sum of squares, in float64, with half the published minimum."""

import torch

from fivefold.optimize.comparison.problems.published_residuals import numbers, published_residuals


def test_the_minimum_is_half_the_published_sum_of_squares() -> None:
    problem = published_residuals(
        "line", lambda w: torch.stack([w[0] - 1, w[0] - 3]), [5], 2.0, [2.0], "by hand"
    )
    F = problem.make()
    assert problem.minimum == 1.0
    assert float(F.value(problem.solution)) == 1.0  # (1 + 1) / 2
    assert float(F.value(problem.starts[0])) == 10.0  # (16 + 4) / 2
    assert F.initial.dtype == torch.float64
    assert problem.starts.shape == (1, 1)


def test_what_is_not_published_stays_unknown() -> None:
    problem = published_residuals("line", lambda w: w, [1.0], None, None, "by hand")
    assert problem.minimum is None
    assert problem.solution is None


def test_each_call_makes_an_objective_of_its_own() -> None:
    problem = published_residuals("line", lambda w: w, [1.0], None, None, "by hand")
    assert problem.make() is not problem.make()


def test_numbers_take_the_kind_of_the_tensor_they_meet() -> None:
    assert numbers("1\n.25 3", torch.zeros(1, dtype=torch.float32)).tolist() == [1.0, 0.25, 3.0]
    assert numbers("1", torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
