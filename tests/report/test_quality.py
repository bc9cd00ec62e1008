"""What the first section shows: scores, groups, intervals, classes."""

from typing import Any

from fivefold.report.page import render
from fivefold.report.quality import classification, comparison, intervals, scatter


def test_scores_stand_beside_constant_and_yardstick(regression_record: dict[str, Any]) -> None:
    view = comparison(regression_record, "test")
    assert view is not None
    assert [row["badge"] for row in view["rows"]] == ["chosen", "yardstick", "ridge", "constant"]
    assert [m["better"] for m in view["metrics"]] == [
        "lower is better",
        "lower is better",
        "higher is better",
    ]
    assert all(" to " in cell[1] for row in view["rows"] for cell in row["cells"])
    assert view["rows_text"] == "900 rows"
    assert view["figure"].startswith("<svg")


def test_a_sentence_is_not_said_twice(regression_record: dict[str, Any]) -> None:
    view = comparison(regression_record, "test")
    assert view is not None
    assert view["paired"] == ""
    regression_record["test"]["paired"]["sentence"] = "Another one."
    view = comparison(regression_record, "test")
    assert view is not None
    assert view["paired"] == "Another one."


def test_groups_and_missing_parts(regression_record: dict[str, Any]) -> None:
    view = comparison(regression_record, "groups")
    assert view is not None
    assert view["column"] == "zipcode"
    assert comparison({}, "groups") is None
    assert comparison({"test": {"scores": [], "sentence": "Too few rows."}}, "test") == {
        "sentence": "Too few rows.",
        "paired": "",
        "column": "",
        "rows": [],
    }


def test_methods_and_metrics_are_capped() -> None:
    score = {"role": "x", "metrics": {"m0": {"value": 1.0}}}
    section = {
        "metrics": [f"m{i}" for i in range(20)],
        "scores": [score | {"name": f"n{i}"} for i in range(50)],
    }
    view = comparison({"test": section}, "test")
    assert view is not None
    assert len(view["rows"]) == 12
    assert view["more"] == 38
    assert len(view["metrics"]) == 6


def test_a_target_named_as_unit_is_explained() -> None:
    section = {
        "metrics": ["MAE"],
        "unit": "price",
        "scores": [{"name": "a", "role": "chosen", "metrics": {"MAE": {"value": 3.0}}}],
    }
    view = comparison({"data": {"target": "price"}, "test": section}, "test")
    assert view is not None
    assert view["note"] == "Errors are in the unit of price."
    assert view["rows"][0]["cells"][0] == ("3", "")


def test_intervals_by_fifth_and_group(regression_record: dict[str, Any]) -> None:
    view = intervals(regression_record)
    assert view is not None
    assert view["level"] == "90%"
    assert len(view["fifths"]) == 5
    assert len(view["groups"]) == 40
    assert view["more"] == view["count"] - 40
    assert view["funnel"].startswith("<svg")
    assert intervals({}) is None


def test_the_group_furthest_below_its_promise_comes_first() -> None:
    groups = [
        {"group": "small and low", "rows": 1, "coverage": 0.0},  # 0.9 standard units below
        {"group": "large and low", "rows": 400, "coverage": 0.8},  # 2.0 below
        {"group": "high", "rows": 400, "coverage": 1.0},
        {"group": "unknown", "rows": 4, "coverage": None},
    ]
    view = intervals({"intervals": {"level": 0.9, "by_group": groups}})
    assert view is not None
    assert [g["name"] for g in view["groups"]] == ["large and low", "small and low", "high", "unknown"]


def test_scatter_pairs_what_it_has() -> None:
    assert scatter({}) == ""
    assert scatter({"scatter": {"observed": [1, None, 3], "predicted": [1, 2, "x"]}}).count("<use href") >= 1


def test_classification(classification_record: dict[str, Any]) -> None:
    view = classification(classification_record)
    assert view is not None
    assert view["confusion"]["labels"] == ["malignant", "benign"]
    row = view["confusion"]["rows"][0]["cells"]
    assert row[0]["right"]
    assert not row[1]["right"]
    assert view["sets"]["sizes"] == "with 1.03 classes on average: 1 class in 212 rows, 2 classes in 7 rows"
    assert view["sets"]["ordered"] is False
    assert classification({}) is None


def test_sets_of_one_size_need_no_average(classification_record: dict[str, Any]) -> None:
    sets = classification_record["classification"]["sets"] | {"sizes": {"1": 219}, "mean_size": 1.0}
    view = classification({**classification_record, "classification": {"sets": sets}})
    assert view is not None
    assert view["sets"]["sizes"] == "each of 1 class"


def test_a_confusion_that_is_not_square_or_too_large_is_left_out() -> None:
    for confusion in ([[1, 2]], [[1]], [[1, 2], [3]], [[1] * 13] * 13, "x", None):
        view = classification({"classification": {"confusion": confusion, "sets": None}})
        assert view is not None
        assert view["confusion"] is None
        assert view["sets"] is None


def test_the_constant_comes_last_and_a_sentence_inside_another_is_not_repeated() -> None:
    score = {"metrics": {"MAE": {"value": 1.0}}}
    roles = ("constant", "ridge", "unheard of", "chosen", "yardstick")
    section = {
        "metrics": ["MAE"],
        "scores": [score | {"name": role, "role": role} for role in roles],
        "sentence": "With 3 groups left out, it is worse.",
        "paired": {"sentence": "It is worse."},
    }
    view = comparison({"groups": section}, "groups")
    assert view is not None
    assert [row["name"] for row in view["rows"]] == ["chosen", "yardstick", "ridge", "unheard of", "constant"]
    assert view["paired"] == ""


def test_of_many_classes_the_record_says_which_confusions_it_holds(
    classification_record: dict[str, Any],
) -> None:
    section = classification_record["classification"] | {"confusion": [], "confusion_note": "Of 9 pairs <b>"}
    data = classification_record["data"] | {"classes": [f"c{i}" for i in range(600)]}
    page = render(classification_record | {"classification": section, "data": data})
    assert "is not shown as a table. Of 9 pairs &lt;b&gt;" in page
