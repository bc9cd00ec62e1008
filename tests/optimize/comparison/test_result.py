"""Judgement from outside, on traces by hand."""

import math

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.optimize.comparison.result import Comparison, Run
from fivefold.optimize.comparison.trace import Trace


def trace(values: list[float], norms: list[float] | None = None) -> Trace:
    """One gradient and two seconds per point, the start free."""
    count = len(values)
    costs = torch.arange(count, dtype=torch.float64)
    norm = torch.tensor(norms if norms is not None else [1.0] * count, dtype=torch.float64)
    value = torch.tensor(values, dtype=torch.float64)
    return Trace(costs, 2 * costs, value, norm, torch.zeros(1), "by hand")


def comparison(
    traces: dict[str, list[Trace]], minimum: float | None = None, seeds: tuple[int, ...] = (0,)
) -> Comparison:
    runs = tuple(
        Run("p", 0, seed, name, each[k]) for k, seed in enumerate(seeds) for name, each in traces.items()
    )
    return Comparison(runs, tuple(traces), seeds, (1e-1, 1e-3), {"p": minimum})


def test_costs_against_the_best_found() -> None:
    """F_best = 0 and F(w0) = 10: 1 passes for 0.1, 0.01 for 0.001."""
    both = comparison({"a": [trace([10.0, 1.0, 0.0])], "b": [trace([10.0, 5.0, 1.5, 1.0])]})
    assert both.costs(0.1).tolist() == [[[1.0, 3.0]]]
    assert both.costs(0.001).tolist() == [[[2.0, math.inf]]]
    assert both.costs().tolist() == both.costs(0.001).tolist()
    assert both.costs(0.1, measure="seconds").tolist() == [[[2.0, 6.0]]]
    assert both.solved(0.1).tolist() == [1, 1]
    assert both.solved().tolist() == [1, 0]


def test_a_lower_published_minimum_counts_and_its_rounding_does_not() -> None:
    found = {"a": [trace([10.0, 1.000001])]}
    assert comparison(found, 1.0).best().tolist() == [1.000001]
    assert comparison(found, 0.5).best().tolist() == [0.5]
    assert comparison(found, 0.5).solved(0.1).tolist() == [1]
    assert comparison(found, 0.5).solved(0.01).tolist() == [0]
    assert comparison(found, 2.0).best().tolist() == [1.000001]


def test_the_gradient_may_be_asked_for_too() -> None:
    both = comparison({"a": [trace([10.0, 0.0, 0.0], [4.0, 1.0, 0.02])]})
    assert both.costs(0.1, gradient=0.01).tolist() == [[[2.0]]]
    assert both.solved(0.1, gradient=0.001).tolist() == [0]


def test_a_run_without_a_finite_start_has_solved_nothing() -> None:
    both = comparison({"a": [trace([math.nan, 1.0])], "b": [trace([10.0, 1.0])], "c": [trace([])]})
    assert both.solved(0.1).tolist() == [0, 1, 0]


def test_no_finite_value_anywhere() -> None:
    assert comparison({"a": [trace([math.nan])]}).solved(0.1).tolist() == [0]


def test_where_f_has_no_lower_bound_far_enough_is_enough() -> None:
    both = comparison(
        {"a": [trace([10.0, -1e14, -1e200])], "b": [trace([10.0, -1e15])], "c": [trace([10.0])]}
    )
    assert both.best().tolist() == [-1e13]
    assert both.costs(0.001).tolist() == [[[1.0, 1.0, math.inf]]]


def test_seeds_count_by_their_majority() -> None:
    good, bad = trace([10.0, 0.0]), trace([10.0, 9.0])
    both = comparison({"a": [good, good, bad], "b": [good, bad, bad]}, seeds=(0, 1, 2))
    assert both.solved(0.1).tolist() == [1, 0]
    assert both.costs(0.1).shape == (1, 3, 2)


def test_profiles_and_table() -> None:
    both = comparison({"a": [trace([10.0, 0.0])], "b": [trace([10.0, 5.0, 0.0])]})
    assert both.performance(0.1).area.tolist() == pytest.approx([1.0, 2 / 3])
    assert both.data(0.1).area.tolist() == pytest.approx([0.5, 0.0])
    assert both.pairwise(0.1).tolist() == [[1.0, 1.0], [pytest.approx(2 / 3), 1.0]]
    table = both.table()
    assert [(row["method"], row["accuracy"], row["solved"]) for row in table] == [
        ("a", 0.1, 1),
        ("b", 0.1, 1),
        ("a", 0.001, 1),
        ("b", 0.001, 1),
    ]
    nothing = comparison({"a": [trace([10.0, 9.0])]}, minimum=0.0)
    assert nothing.data(0.1).area.tolist() == [0.0]


@pytest.mark.parametrize(
    "wrong", [{"accuracy": 0.0}, {"accuracy": 1.0}, {"measure": "steps"}, {"gradient": 2.0}]
)
def test_bad_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ArgumentError, match="expected"):
        comparison({"a": [trace([1.0])]}).costs(**wrong)
