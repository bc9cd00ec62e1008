"""The choice between a loop and a map, and the chunk under a memory bound."""

import time

import pytest
import torch

from fivefold.calculus import Plan
from fivefold.calculus.fallback import Way
from fivefold.calculus.plan import CHUNK
from fivefold.core import ArgumentError

X = torch.arange(2.0 * 30, dtype=torch.float64).reshape(2, 30)


def ways(slow="", fails=""):
    calls = []

    def run(name, Z):
        calls.append((name, Z.shape[1]))
        if name == fails:
            raise RuntimeError("no rule")
        if name == slow:
            time.sleep(0.01 * Z.shape[1])
        return 2 * Z

    made = [
        Way(n, b, lambda Z, n=n: run(n, Z)) for n, b in (("map", "vmap"), ("one", "loop"), ("last", "loop"))
    ]
    return made, calls


@pytest.mark.parametrize("batching", ["auto", "loop", "measured"])
@pytest.mark.parametrize("columns", [0, 1, 2, 3, 30])
def test_the_result_is_that_of_the_columns(batching, columns):
    made, _ = ways()
    plan = Plan(batching)
    for _ in range(2):
        assert bool((plan.run(made, X[:, :columns]) == 2 * X[:, :columns]).all())


def test_measured_takes_the_faster():
    made, calls = ways(slow="map")
    plan = Plan("measured")
    plan.run(made, X)
    assert plan.chosen == ("one", "loop")
    made, calls = ways(slow="one")
    plan = Plan("measured")
    plan.run(made, X)
    assert plan.chosen == ("map", "vmap")
    calls.clear()
    plan.run(made, X)
    assert calls == [("map", 30)], "the choice is kept"


def test_measured_without_a_map_or_a_first_loop():
    made, calls = ways(fails="map")
    plan = Plan("measured")
    assert bool((plan.run(made, X) == 2 * X).all())
    assert plan.chosen == ("one", "loop")
    made, calls = ways(fails="one")
    plan = Plan("loop")
    assert bool((plan.run(made, X) == 2 * X).all())
    assert plan.chosen == ("last", "loop")
    assert ("map", 30) not in calls


def test_chunks():
    made, calls = ways()
    wide = torch.ones(2, 2 * CHUNK + 5)
    plan = Plan("auto")
    plan.run(made, wide)
    assert max(k for _, k in calls) == CHUNK
    made, calls = ways()
    plan = Plan("auto", memory=16 * 6)  # two rows of float64 a column
    plan.run(made, X)
    assert max(k for name, k in calls if name == "map") == 6


def test_refuses():
    with pytest.raises(ArgumentError, match="batching as one of"):
        Plan("vmap")
    with pytest.raises(ArgumentError, match="a positive number of bytes"):
        Plan(memory=0)
    made, _ = ways()
    with pytest.raises(ArgumentError, match=r"within 8 bytes.*raise memory="):
        Plan("loop", memory=8).run(made, X)


@pytest.mark.parametrize("batching", ["loop", "auto", "measured"])
def test_a_way_that_fails_after_its_trial_is_given_up(batching):
    """As torch's symbolic zeros do, which a dispatch mode replaces: only the trial is seen by one."""
    released = []

    def fails_later(X):
        if torch.utils._python_dispatch._get_current_dispatch_mode() is None:
            raise RuntimeError("ZeroTensors are immutable")
        return 2 * X

    ways = [
        Way("broken", "vmap", fails_later, lambda: released.append("vmap")),
        Way("broken", "loop", fails_later, lambda: released.append("loop")),
        Way("sound", "loop", lambda X: 2 * X),
    ]
    plan = Plan(batching, 10_000)
    X = torch.arange(18.0).reshape(3, 6)
    for _ in range(2):
        torch.testing.assert_close(plan.run(ways, X), 2 * X, rtol=0, atol=0)
    assert plan.chosen == ("sound", "loop")
    assert "loop" in released or batching == "auto"


def test_the_functions_own_error_passes_through():
    calls = []

    def fails_at_the_second(X):
        calls.append(len(X))
        if len(calls) > 1:
            raise ValueError("the function's own")
        return X

    with pytest.raises(ValueError, match="the function's own"):
        Plan("loop").run([Way("only", "loop", fails_at_the_second)], torch.ones(2, 3))
