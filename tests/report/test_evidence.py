"""Certificates and candidates."""

from typing import Any

import pytest

from fivefold.report.evidence import certificates, methods, spent, verdict


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("yes", "yes"),
        ("no", "no"),
        (True, "yes"),
        (False, "no"),
        (None, "unknown"),
        ("maybe", "unknown"),
        ([], "unknown"),
    ],
)
def test_verdicts(value: Any, read: str) -> None:
    assert verdict(value) == read


def test_failures_come_first(regression_record: dict[str, Any]) -> None:
    view = certificates(regression_record)
    assert [row["tone"] for row in view["rows"]] == ["bad", "open", "good", "good"]
    assert view["sentence"].startswith("2 of 4 certificates hold; 1 does not")


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([], "No certificate was issued for this fit."),
        (["yes"], "1 of 1 certificate holds."),
        (["yes", None], "1 of 2 certificates holds; 1 could not be decided."),
        (["no", "no"], "0 of 2 certificates hold; 2 do not: do not rely on the model for that claim."),
    ],
)
def test_the_sentence(verdicts: list[Any], sentence: str) -> None:
    assert certificates({"certificates": [{"holds": v} for v in verdicts]})["sentence"] == sentence


def test_numbers_that_are_not_finite_are_dashes() -> None:
    row = certificates({"certificates": [{"value": float("inf"), "bound": None}]})["rows"][0]
    assert row["value"] == "– (infinite)"
    assert row["bound"] == ""


def test_methods(regression_record: dict[str, Any]) -> None:
    view = methods(regression_record)
    assert view["chosen"] == "log-splines"
    assert view["count"] == 7
    by_name = {row["name"]: row for row in view["rows"]}
    assert by_name["dense network"]["status"] == "out of budget"
    assert by_name["dense network"]["error"] == "0.0040"
    assert by_name["Fourier features"]["score"] == "– (not measured)"
    assert "Fourier" not in view["figure"]
    assert spent(regression_record) == "22 s"


@pytest.mark.parametrize(
    ("training", "shown"),
    [
        ({"sentence": "Trained by AdamW."}, "Trained by AdamW."),
        ({"sentence": "a\u202eb"}, "a⟨U+202E⟩b"),
        ({"optimizer": "adamw"}, ""),
        (None, ""),
        ("AdamW", ""),
    ],
)
def test_how_a_method_was_trained_is_read_with_care(training: Any, shown: str) -> None:
    row = methods({"candidates": [{"name": "dense network", "training": training}]})["rows"][0]
    assert row["training"] == shown


def test_many_methods_are_capped() -> None:
    view = methods({"candidates": [{"name": f"n{i}", "score": i} for i in range(100)]})
    assert len(view["rows"]) == 40
    assert view["more"] == 60
    assert view["rows"][0]["reason"] == "no reason recorded"
