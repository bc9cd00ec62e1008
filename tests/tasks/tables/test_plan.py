"""The plan depends on sizes and the budget alone, and comes back from its record."""

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest

from fivefold.core import ArtifactError, Budget
from fivefold.tasks.tables.plan import OPERATIONS_PER_SECOND, Plan


@dataclass
class _Method:
    name: str
    per_row: float
    least_rows: int = 1
    description: str = ""

    def cost(self, rows, columns, outputs, exact=True):
        return self.per_row * rows * columns * outputs * (1 if exact else 10)

    def fit(self, problem):
        raise AssertionError("a plan fits nothing")


CHEAP, DEAR, GREEDY = _Method("constant", 1.0), _Method("dear", 1e6), _Method("greedy", 1e12)


def _make(seconds=60.0, rows=1000, rarest=1000, methods=(GREEDY, DEAR, CHEAP), columns=10):
    budget = Budget() if seconds is None else Budget(seconds=seconds)
    return Plan.make(methods, rows, columns, 1, budget, 7, 2, rarest)


def test_the_same_sizes_give_the_same_plan():
    assert _make().to_record() == _make().to_record()


def test_what_the_budget_does_not_hold_is_left_out_and_said():
    plan = _make()
    assert plan.names == ["constant", "dear"]
    assert "the budget of 60 s does not hold" in plan.dropped["greedy"]
    assert _make(seconds=0.001).names == ["constant"]


def test_a_larger_budget_never_admits_less():
    names = [set(_make(seconds=s).names) for s in (0.01, 1, 10, 100, 1e6, 1e12)]
    assert all(a <= b for a, b in pairwise(names))
    assert names[-1] == {"constant", "dear", "greedy"}


def test_repetitions_grow_with_the_budget_up_to_their_limit():
    counts = [_make(seconds=s, methods=(CHEAP, DEAR)).repetitions for s in (1, 5, 60, 1e9)]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[-1] == 5
    assert _make(seconds=1e9, rows=5000).repetitions == 3


def test_a_method_that_needs_more_rows_is_left_out():
    method = _Method("network", 1.0, least_rows=500)
    plan = _make(rows=100, methods=(CHEAP, method))
    assert plan.dropped == {"network": "needs at least 500 training rows; there are 100"}


def test_no_more_folds_than_rows_of_the_rarest_class():
    assert [_make(rarest=r).folds for r in (2, 3, 5, 100)] == [2, 3, 5, 5]
    assert _make(rarest=1).folds == 5  # one fold does not know the class, of two or of five


def test_no_limit_is_planned_like_a_minute():
    assert _make(None).names == _make(60.0).names
    assert _make(None).budget is None


def test_the_unit_of_the_budget_is_operations_of_a_nominal_machine():
    """A method whose fits just fill the share for choice is in; one of ten times the cost is out."""
    rows, columns, folds = 1000, 10, 5
    fits = 0.45 * OPERATIONS_PER_SECOND * 60 / folds
    inside = _Method("inside", 0.9 * fits / rows / columns)
    outside = _Method("outside", 10 * fits / rows / columns)
    plan = _make(methods=(CHEAP, inside, outside))
    assert "inside" in plan.names
    assert "outside" in plan.dropped


def test_what_was_admitted_counts_against_the_rest():
    """Each alone would fill nine tenths of the share for choice; two of five folds are spent on the first."""
    share = 0.45 * OPERATIONS_PER_SECOND * 60
    each = 0.9 * share / 5 / 0.8 / 10_000
    methods = tuple(_Method(f"m{i}", each * (1 + 0.001 * i)) for i in range(3))
    assert _make(methods=(CHEAP, *methods)).names == ["constant", "m0"]


def test_a_stored_plan_comes_back_to_be_followed():
    plan = _make()
    plan.done = [("constant", 0, 0), ("dear", 0, 1)]
    stored = json.loads(json.dumps(plan.to_record()))
    assert stored == plan.to_record()
    back = Plan.from_record(stored)
    assert back.follow
    assert back.done == plan.done
    assert back.to_record() == plan.to_record()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"version": 2}, "a plan of version 1"), ({"unknown": 1}, "the fields of a plan")],
)
def test_another_plan_is_refused(change, message):
    with pytest.raises(ArtifactError, match=message):
        Plan.from_record({**_make().to_record(), **change})
    with pytest.raises(ArtifactError, match="the fields of a plan"):
        Plan.from_record({"version": 1})
