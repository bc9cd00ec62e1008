"""The first screen: the sentence, the three key numbers, the warnings."""

from typing import Any

import pytest

from fivefold.report.finding import headline, key_numbers, measured, relation, unit_of, warnings


def test_regression(regression_record: dict[str, Any]) -> None:
    error, beside, promise = key_numbers(regression_record)
    assert error.label == "RMSE on unseen rows"
    assert error.value.startswith("$")
    assert error.details[0].startswith("95% interval $")
    assert error.details[1].startswith("a constant guess: $")
    assert beside.label == "RMSE beside boosted trees"
    assert beside.value.startswith("−")
    assert beside.details[0] == "better"
    assert beside.tone == "good"
    assert promise.label == "90% intervals cover"
    assert promise.value.endswith("%")


def test_classification(classification_record: dict[str, Any]) -> None:
    labels = [number.label for number in key_numbers(classification_record)]
    assert labels == ["log loss on unseen rows", "log loss beside boosted trees", "90% prediction sets cover"]


def test_what_is_missing_is_replaced(regression_record: dict[str, Any]) -> None:
    regression_record["intervals"] = None
    regression_record["test"]["paired"] = None
    labels = [number.label for number in key_numbers(regression_record)]
    assert labels == ["RMSE on unseen rows", "RMSE of the yardstick", "RMSE on unseen groups"]
    assert [n.label for n in key_numbers({"certificates": [{"holds": "no"}, {"holds": "yes"}]})] == [
        "Certificates that hold"
    ]
    assert key_numbers({}) == []


def test_a_broken_promise_is_said_in_words(regression_record: dict[str, Any]) -> None:
    regression_record["intervals"]["coverage"] = {"value": 0.8, "low": 0.78, "high": 0.82}
    promise = key_numbers(regression_record)[2]
    assert promise.tone == "bad"
    assert promise.details[0] == "of unseen rows: fewer than promised"


def test_a_worse_model_is_called_worse(regression_record: dict[str, Any]) -> None:
    pair = regression_record["test"]["paired"]
    pair |= {"difference": 5000.0, "low": 1000.0, "high": 9000.0}
    beside = key_numbers(regression_record)[1]
    assert (beside.tone, beside.details[0]) == ("bad", "worse")
    assert beside.value.startswith("+")
    assert relation({"lower_is_better": {"gain": False}}, {"metric": "gain", "low": 1, "high": 2}) == "better"
    assert relation({}, {}) == ""


def test_the_headline_falls_back_on_a_number(regression_record: dict[str, Any]) -> None:
    regression_record["headline"] = None
    assert headline(regression_record).startswith("RMSE on unseen rows: $")


def test_warnings_are_capped() -> None:
    said, more = warnings({"warnings": [f"warning {i}" for i in range(40)]})
    assert len(said) == 12
    assert more == 28


def test_the_target_s_name_is_no_unit() -> None:
    assert unit_of({"data": {"target": "price"}}, {"unit": "price"}) == ""
    assert unit_of({"data": {"target": "price"}}, {"unit": "USD"}) == "USD"


def test_shares_are_percentages() -> None:
    assert measured("accuracy", {"value": 0.97, "low": 0.9, "high": 0.99}) == ("97.0%", "90.0% to 99.0%")
    assert measured("R²", {"value": 0.87}, "$") == ("0.87", "")


@pytest.mark.parametrize(("low", "value", "high", "said", "tone"), [
    (0.91, 0.93, 0.95, ": as promised", "good"),
    (0.88, 0.91, 0.94, ": as promised, up to chance", "good"),
    (0.85, 0.88, 0.91, ": fewer, perhaps by chance", "open"),
    (0.80, 0.85, 0.89, ": fewer than promised", "bad"),
])  # fmt: skip
def test_a_promise_is_judged_by_its_interval(
    low: float, value: float, high: float, said: str, tone: str
) -> None:
    sets = {"level": 0.9, "coverage": {"low": low, "value": value, "high": high}}
    found = key_numbers({"classification": {"sets": sets}})[0]
    assert found.details[0] == f"of unseen rows{said}"
    assert found.tone == tone
