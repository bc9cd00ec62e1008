"""Methods by name on one small problem: what is recorded, how each ends, what is certified."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.optimize.comparison.stochastic import STOCHASTIC
from fivefold.tasks.tables.compared_runs import (
    Walk,
    check_methods,
    default_methods,
    known_methods,
    run_methods,
)
from fivefold.tasks.tables.objective import TableObjective, table_objective

NAMES = ("newton", "lbfgs", "adam", "scipy:BFGS", "sampled-newton")


@pytest.fixture(scope="module")
def posed() -> TableObjective:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = np.where(X @ [1.0, -1.0, 0.5] + rng.normal(size=120) > 0, "yes", "no")
    return table_objective({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y}, "y")


@pytest.fixture(scope="module")
def walks(posed: TableObjective) -> dict[str, Walk]:
    said: list[str] = []
    found = run_methods(
        [("first", posed.objective), ("second", posed.objective)],
        NAMES,
        seconds=20.0,
        gradients=40.0,
        seed=0,
        progress=lambda event, details: said.append(f"{event} {details['method']}"),
    )
    assert said == 2 * ["run newton", "run lbfgs", "run adam", "run sampled-newton"]
    first, second = found
    # gradients as a budget give the same bits, problem by problem
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.trace.w, other.trace.w)
    return {walk.method: walk for walk in first}


def test_those_that_converge_agree(posed: TableObjective, walks: dict[str, Walk]) -> None:
    for name in ("newton", "lbfgs", "scipy:BFGS"):
        walk = walks[name]
        assert walk.status is Status.CONVERGED, name
        # within gradient tolerance 1e-8 over the least curvature, about 0.1
        torch.testing.assert_close(walk.trace.w, walks["newton"].trace.w, atol=1e-6, rtol=0)
        assert all(c.holds for c in walk.certificates), name
    assert walks["newton"].optimum is not None
    assert walks["scipy:BFGS"].optimum is None


def test_paths_start_at_the_start_and_descend(posed: TableObjective, walks: dict[str, Walk]) -> None:
    F = posed.objective
    for name in ("newton", "lbfgs", "scipy:BFGS"):
        values = F.value(walks[name].path)
        assert torch.equal(walks[name].path[0], F.initial)
        rounding = 8 * torch.finfo(values.dtype).eps * values.abs()
        assert bool((values[1:] <= (values + rounding)[:-1]).all())
        assert values[-1] < 0.8 * values[0]


def test_a_stochastic_run_is_judged_from_outside(posed: TableObjective, walks: dict[str, Walk]) -> None:
    walk, F = walks["adam"], posed.objective
    assert walk.status is Status.OUT_OF_BUDGET
    assert walk.stochastic is not None
    assert float(walk.trace.gradients[-1]) <= 40
    torch.testing.assert_close(walk.trace.value, F.value(walk.path), atol=1e-12, rtol=0)
    assert walk.trace.best == pytest.approx(float(F.value(walk.trace.w)), abs=1e-12)
    stationary = walk.certificates[0]
    assert stationary.holds is False


def test_what_does_not_suit_is_said_and_the_others_go_on(walks: dict[str, Walk]) -> None:
    walk = walks["sampled-newton"]
    assert walk.status is None or walk.status is Status.CONVERGED
    if walk.status is None:
        assert "many rows" in walk.reason


def test_a_spent_budget_is_no_convergence(posed: TableObjective) -> None:
    ((walk,),) = run_methods(
        [("p", posed.objective)], ["lbfgs"], seconds=None, gradients=3.0, seed=0, progress=lambda *_: None
    )
    assert walk.status is Status.OUT_OF_BUDGET
    assert "spent" in walk.reason
    assert walk.optimum is None


def test_names() -> None:
    assert check_methods(["lbfgs", "adam", "lbfgs"]) == ("lbfgs", "adam")
    with pytest.raises(ArgumentError, match="nearest is 'newton'"):
        check_methods(["newtn"])
    with pytest.raises(ArgumentError, match="nearest is 'scipy:BFGS'"):
        check_methods(["scipy:bfgs"])
    with pytest.raises(ArgumentError, match="at least one"):
        check_methods([])
    assert set(STOCHASTIC) < set(known_methods())
    assert len(set(known_methods())) == len(known_methods())


def test_the_default_begins_with_the_advice(posed: TableObjective) -> None:
    names = default_methods([posed.objective])
    assert check_methods(names) == names
    assert {"newton", "lbfgs", "adam", "sgd"} <= set(names)
