"""The section about the data."""

from typing import Any

import pytest

from fivefold.report.dataset import dataset


def test_facts_and_columns(regression_record: dict[str, Any]) -> None:
    view = dataset(regression_record)
    facts = dict(view["facts"])
    assert facts["Rows"] == "3,000"
    assert facts["Types"] == "13 numbers, 1 boolean, 1 category"
    first = view["open"][0]
    assert first["name"] == "sqft_living"
    assert first["missing"] == "7 (0.2%)"
    assert first["spark"].startswith("<svg")
    assert view["spectrum"].startswith("<svg")
    assert view["findings"][0]["confidence"] == "high"


@pytest.mark.parametrize(
    ("condition", "word"),
    [(3.0, "independent"), (20.0, "without harm"), (500.0, "single coefficient"), (1e12, "combinations")],
)
def test_conditioning_is_explained(condition: float, word: str) -> None:
    said = dataset({"table": {"condition": condition, "spectrum": [2.0, 1.0], "effective_rank": 1.9}})
    assert word in said["conditioning"][0]
    assert "1.9 of 2 directions" in said["conditioning"][1]


def test_an_infinite_condition_is_said() -> None:
    said = dataset({"table": {"condition": None, "spectrum": [2.0, 0.0]}})["conditioning"]
    assert said == ["The condition number is not finite: some columns are combinations of others."]


def test_everything_is_capped() -> None:
    table = {
        "columns": [{"name": f"c{i}"} for i in range(1000)],
        "collinear": [{"columns": ["a", "b"], "sentence": ""}] * 99,
        "findings": [{"title": "t"}] * 99,
        "leaks": ["l"] * 99,
    }
    view = dataset({"table": table, "data": {"dropped": ["d"] * 99, "classes": list(range(30))}})
    assert len(view["open"]) + len(view["rest"]) == 300
    assert view["more"] == 700
    assert view["collinear"][0] == "a, b"
    assert {view[k] for k in ("more_leaks", "more_findings", "more_collinear", "more_dropped")} == {79}
    assert dict(view["facts"])["Classes"].endswith("and 22 more")


def test_the_family_stands_with_its_reason() -> None:
    facts = dict(dataset({"data": {"family": "gamma", "family_reason": "log density: gamma -1"}})["facts"])
    assert facts == {"Family": "gamma: log density: gamma -1"}
    assert dict(dataset({"data": {"family": "gaussian"}})["facts"]) == {"Family": "gaussian"}


def test_an_empty_record() -> None:
    view = dataset({})
    assert view["facts"] == []
    assert view["open"] == []
    assert view["spectrum"] == ""


def test_a_note_that_is_a_warning_is_not_repeated() -> None:
    view = dataset({"warnings": ["a"], "data": {"dropped": ["a", "b"]}})
    assert view["dropped"] == ["b"]
