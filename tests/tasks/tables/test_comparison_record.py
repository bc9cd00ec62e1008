"""The record: key numbers and profiles from given costs."""

import json
import math
from typing import Any

import numpy as np

from fivefold.tasks.tables.comparison_record import build_comparison
from fivefold.tasks.tables.objective import table_objective


def method(name: str, seconds: float | None) -> dict[str, Any]:
    gradients = None if seconds is None else 10 * seconds
    return {"name": name, "reached": {"seconds": seconds, "gradients": gradients}}


def problem(*methods: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "y",
        "headline": "so",
        "methods": list(methods),
        "condition": 50.0,
        "descent": math.inf,
    }


def build(*problems: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    table = table_objective({"x": rng.normal(size=30), "y": rng.normal(size=30)}, "y")
    return build_comparison(list(problems), [("y", table)], ["a", "b"], "5 s", "file.csv", 1.5)


def test_one_problem_has_key_numbers() -> None:
    record = build(problem(method("a", 1.0), method("b", 3.0)))
    assert record["headline"] == "so"
    assert [k["label"] for k in record["keys"]] == [
        "Quickest, and in fewest gradients",
        "The next, b, takes",
        "Condition number",
    ]
    assert record["keys"][1]["value"] == "3 ×"
    assert record["keys"][2]["details"] == []
    assert record["profiles"] == {}
    assert record["problems"][0]["descent"] is None  # JSON has no infinity
    json.dumps(record, allow_nan=False)


def test_quickest_need_not_be_fewest() -> None:
    slow = {"name": "b", "reached": {"seconds": 3.0, "gradients": 2.0}}
    record = build(problem(method("a", 1.0), slow))
    assert record["keys"][0]["label"] == "Quickest by the clock"
    assert "fewest gradients: b, 2" in record["keys"][0]["details"]


def test_nobody_solves_it() -> None:
    assert build(problem(method("a", None), method("b", None)))["keys"][0]["value"] == "none"


def test_profiles_over_several_problems_whatever_the_order_of_methods() -> None:
    record = build(
        problem(method("a", 1.0), method("b", 2.0)),
        problem(method("b", 1.0), method("a", 3.0)),
        problem(method("a", 1.0), method("b", None)),
        problem(method("a", None), method("b", None)),
    )
    a, b = record["profiles"]["methods"]
    assert (a["solved"], b["solved"]) == (0.75, 0.5)
    assert (a["share"][0], b["share"][0]) == (0.5, 0.25)
    assert a["share"][-1] == 0.75
    assert record["headline"].startswith("a does best over 4 problems: it solves 75%")
    assert record["keys"] == []
    assert "4 problems are few" in record["profiles"]["sentences"][0]
