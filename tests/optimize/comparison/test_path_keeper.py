"""The keeper sees what the objective is asked, keeps what lowered F, and changes no number."""

from itertools import pairwise

import torch

from fivefold.objective import DataObjective, Linear
from fivefold.optimize import minimize
from fivefold.optimize.comparison import path_keeper as room
from fivefold.optimize.comparison.counted import count_evaluations
from fivefold.optimize.comparison.path_keeper import PathKeeper, keep_path
from fivefold.optimize.comparison.trace import Recorder
from fivefold.probability import Bernoulli, GaussianPrior


def problem() -> DataObjective:
    X = torch.randn(60, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return DataObjective(Linear(X), Bernoulli(), (X, (X[:, 0] > 0.3).double()), GaussianPrior(1.0))


def test_the_twin_has_the_same_numbers_and_class() -> None:
    F, keeper = problem(), PathKeeper()
    twin = keep_path(F, keeper)
    w = torch.ones(4).double()
    assert isinstance(twin, DataObjective)
    value, gradient = twin.value_and_gradient(w)
    assert torch.equal(value, F.value(w))
    assert torch.equal(gradient, F.gradient(w))
    assert torch.equal(twin.hessian(w).to_dense(), F.hessian(w).to_dense())


def test_some_of_the_rows_are_another_function() -> None:
    keeper = PathKeeper()
    twin = keep_path(problem(), keeper)
    twin.on([0, 1]).value_and_gradient(torch.ones(4))
    twin.on([0, 1]).on([0]).value_and_gradient(torch.ones(4))
    assert keeper.points == []


def test_a_minimisation_descends_through_a_counted_twin() -> None:
    F, keeper = problem(), PathKeeper()
    recorder = Recorder(F.initial)
    end = minimize(count_evaluations(keep_path(F, keeper), recorder), "lbfgs")
    values = F.value(torch.stack(keeper.points))
    assert bool((values[1:] < values[:-1]).all())
    assert torch.equal(keeper.points[0], F.initial)
    torch.testing.assert_close(keeper.points[-1], end.w, atol=1e-7, rtol=0)
    assert recorder.gradients >= len(keeper.points)


def test_what_is_not_a_number_is_left_out() -> None:
    keeper = PathKeeper()
    keeper.see(torch.zeros(2, 1), torch.tensor([float("nan"), 1.0]))
    assert len(keeper.points) == 1


def test_many_points_are_thinned_evenly_with_both_ends() -> None:
    keeper = PathKeeper()
    for i in range(5000):
        keeper.see(torch.tensor([float(i)]), torch.tensor(-float(i)))
    numbers = [float(w) for w in keeper.points]
    assert len(numbers) <= room.MOST_POINTS + 1
    assert numbers[0] == 0
    assert numbers[-1] == 4999
    steps = {b - a for a, b in pairwise(numbers[:-1])}
    assert len(steps) == 1
