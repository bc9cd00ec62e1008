"""The model card."""

from pathlib import Path

import numpy as np
import pytest

from fivefold.artifact import Bundle, load, model_card, save

RECORD = {
    "title": "price from house_prices.parquet",
    "headline": "Off by 70,000 in the median.",
    "warnings": ["a tree does better"],
    "data": {
        "source": "a.csv",
        "rows": 5,
        "columns": 3,
        "target": "price",
        "task": "regression",
        "dropped": ["1 row"],
    },
    "test": {
        "metrics": ["RMSE"],
        "sentence": "Better than a constant.",
        "scores": [
            {"name": "ridge", "metrics": {"RMSE": {"value": 1.23456, "low": 1.0, "high": 2.0}}},
            {"name": "constant", "metrics": {"RMSE": {"value": None}}},
        ],
    },
    "intervals": {"level": 0.9, "coverage": {"value": 0.91, "low": 0.88, "high": 0.93}, "median_width": 12.0},
    "risks": [{"title": "Old data", "text": "2014 to 2015."}],
}


def test_it_says_what_a_user_must_know() -> None:
    card = model_card("tables", "1.2.3", RECORD)
    for text in (
        "# price from house\\_prices.parquet",
        "Off by 70,000",
        "**Warning:** a tree does better",
        "- Rows: 5",
        "| ridge | 1.235 (1 to 2) |",
        "| constant | unknown |",
        "held 0.91 of unseen rows (0.88 to 0.93)",
        "**Old data** 2014 to 2015.",
        "written by fivefold 1.2.3",
    ):
        assert text in card


@pytest.mark.parametrize(
    "record", [None, {}, {"data": None, "test": [], "risks": "x", "intervals": {"coverage": None}}]
)
def test_missing_parts_are_left_out(record: dict[str, object] | None) -> None:
    card = model_card("tables", "1.0", record)
    assert card.startswith("# A model saved by fivefold\n")
    assert "Measured" not in card


def test_text_from_the_data_is_only_text() -> None:
    hostile = "<script>alert(1)</script> ![x](http://evil) `rm` | a\n# head \x1b[31m\u202e \ud800"
    card = model_card(
        "tables", "1.0", {"title": hostile, "data": {"target": hostile}, "risks": [{"title": hostile}]}
    )
    for mark in ("<script>", "![", "](", "\x1b", "\u202e", "\n# head"):
        assert mark not in card
    card.encode()


def test_the_record_beside_the_model_makes_its_card(tmp_path: Path) -> None:
    bundle = Bundle("tables", {}, {"w": np.ones(1)}, {"record.json": b'{"headline": "Good."}'})
    assert b"Good." in load(save(tmp_path / "a", bundle)).files["README.md"]
    own = Bundle("tables", {}, {}, {"README.md": b"mine"})
    assert load(save(tmp_path / "b", own)).files["README.md"] == b"mine"


@pytest.mark.parametrize(("things", "given"), [
    (None, "NEW_DATA.csv"), ("pictures", "FOLDER_OF_PICTURES"), ("texts", "FILE_OR_FOLDER_OF_TEXTS"),
])  # fmt: skip
def test_the_command_and_the_sections_name_what_is_predicted(things: str | None, given: str) -> None:
    test = {"metrics": ["accuracy"], "scores": [{"name": "a", "metrics": {"accuracy": {"value": 0.5}}}]}
    card = model_card("demo", "1.0", {"things": things, "data": {"rows": 7}, "test": test})
    assert f"fivefold predict DIR {given} --out predictions.csv" in card
    assert f"- {(things or 'rows').capitalize()}: 7" in card
    assert f"## Measured on {things or 'rows'} that the fit never saw" in card
