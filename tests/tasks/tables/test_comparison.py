"""The verb on small tables: its record holds what the page needs, and is what the runs say."""

import json
from typing import Any

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.tables.comparison import compare_tables


def table(seed: int = 0, scale: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=150), rng.normal(size=150)
    both = x + scale * 1e-2 * z
    return {"x": x, "both": both, "z": z, "y": x - both + 0.5 * z + 0.1 * rng.normal(size=150)}


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return compare_tables([table()], ["y"], ["adam", "newton", "lbfgs"], gradients=25, budget="30s")


def test_the_record_is_plain_and_finite(record: dict[str, Any]) -> None:
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_newton_solves_a_quadratic_in_a_step_and_the_words_say_so(record: dict[str, Any]) -> None:
    problem = record["problems"][0]
    rows = {m["name"]: m for m in problem["methods"]}
    assert rows["newton"]["status"] == "converged"
    assert "1 step in all. F is a quadratic" in rows["newton"]["verdict"]
    assert rows["newton"]["reached"]["gradients"] is not None
    assert rows["adam"]["reached"]["gradients"] is None
    assert rows["adam"]["status"] == "out of budget"
    assert [m["won"] for m in problem["methods"]].count(True) == 1
    assert problem["methods"][0]["won"]
    assert [rows[n]["rank"] for n in ("adam", "newton", "lbfgs")] == [0, 1, 2]


def test_curves_fall_and_end_at_the_gap(record: dict[str, Any]) -> None:
    for method in record["problems"][0]["methods"]:
        path = method["trajectory"]
        assert len(path["gradients"]) == len(path["seconds"]) == len(path["gap"])
        assert all(a >= b for a, b in zip(path["gap"], path["gap"][1:], strict=False))
        assert path["gap"][-1] == pytest.approx(method["gap"], abs=1e-15)


def test_curvature_names_the_columns_that_go_together(record: dict[str, Any]) -> None:
    spectrum = record["problems"][0]["spectrum"]
    # x and both differ by a hundredth: their difference is the flattest direction, their sum the steepest
    assert {"x", "both"} == set(spectrum["flattest"].split(", "))
    assert spectrum["values"][0] == pytest.approx(2, rel=0.1)
    assert record["problems"][0]["condition"] > 100
    assert "condition number" in " ".join(spectrum["sentences"])


def test_paths_end_at_the_solution(record: dict[str, Any]) -> None:
    problem = record["problems"][0]
    plane = problem["plane"]
    assert len(plane["height"]) == len(plane["first"])
    newton = next(m for m in problem["methods"] if m["name"] == "newton")
    assert abs(newton["path"]["first"][-1]) < 1e-9
    assert newton["along"]["length"][-1] == pytest.approx(1, abs=1e-6)


def test_several_problems_have_profiles() -> None:
    found = compare_tables(
        [table(), table(1, 100.0)], ["y"], ["newton", "gradient-descent"], gradients=30, budget="30s"
    )
    assert len(found["problems"]) == 2
    methods = {m["name"]: m for m in found["profiles"]["methods"]}
    assert methods["newton"]["solved"] == 1.0
    assert found["headline"].startswith("newton does best over 2 problems")
    json.dumps(found, allow_nan=False)


def test_a_network_is_a_problem_too() -> None:
    found = compare_tables([table()], ["y"], ["lbfgs"], models=["network"], gradients=15, budget="20s")
    problem = found["problems"][0]
    assert problem["methods"][0]["gradients"] <= 15
    assert "16 units" in dict(problem["facts"])["Model"]


def test_a_shift_of_all_classes_does_not_count_as_curvature() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=120)
    y = np.array(["u", "v", "w"])[np.digitize(x + rng.normal(size=120), [-0.5, 0.5])]
    found = compare_tables([{"x": x, "y": y}], ["y"], ["newton"], types={"y": "category"}, gradients=60)
    problem = found["problems"][0]
    # softmax scores may be shifted together, and the intercepts have a flat prior
    assert problem["condition"] < 1e6
    assert "(intercept) F does not change at all" in " ".join(problem["spectrum"]["sentences"])


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="at least one table"):
        compare_tables([], ["y"])
    with pytest.raises(ArgumentError, match="models among"):
        compare_tables([table()], ["y"], models=["trees"])
    with pytest.raises(ArgumentError, match="one target"):
        compare_tables([table()], ["y", "x"])
    with pytest.raises(ArgumentError, match="nearest is 'adam'"):
        compare_tables([table()], ["y"], ["adma"])
