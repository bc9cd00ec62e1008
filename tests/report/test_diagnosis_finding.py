"""One finding and one tried fix: escaped, bounded, whatever the record holds."""

from typing import Any

import pytest

from fivefold.report.diagnosis_finding import diff, evidence, finding, replayed, source, trial

PICTURE = {
    "title": "The gain",
    "horizontal": "layer",
    "vertical": "gain",
    "curves": {"gain": [[0, 0.1], [1, 1.0]]},
    "level": [1.0, "keeps the variance"],
    "logarithmic": True,
    "bars": True,
    "names": ["first", "last"],
}


def test_a_finding_with_everything() -> None:
    shown = finding(
        {
            "code": "rate.too-high", "title": "the rate is too high", "confidence": "medium", "evidence": "e",
            "cause": "c", "fix": "f", "place": {"path": "t.py", "line": 1234}, "picture": PICTURE,
            "excerpt": {"first": 3, "line": 4, "lines": ["a = 1", "  b = 2"]},
        },
        "f1", 1,
    )  # fmt: skip
    assert shown["title"] == "The rate is too high"
    assert (shown["confidence"], shown["tone"]) == ("medium confidence", "open")
    assert shown["where"] == "t.py, line 1,234"
    assert "keeps the variance" in shown["figure"]
    assert shown["source"][1] == {"number": 4, "text": "  b = 2", "here": True}


def test_curves_instead_of_bars() -> None:
    shown = evidence({**PICTURE, "bars": False, "level": None}, "k")
    assert shown["figure"].startswith("<svg")
    assert "0.1 first, 1 last" in shown["figure"]


@pytest.mark.parametrize("value", [None, 3, "x", [], [[1]], {"a": 3}, True, float("nan")])
def test_hostile_types(value: Any) -> None:
    for shown in (
        finding(dict.fromkeys(("code", "title", "confidence", "place", "picture", "excerpt"), value), "f", 1),
        finding({"picture": dict.fromkeys(PICTURE, value)}, "f", 1),
    ):
        assert shown["figure"] == ""
    assert source({"first": value, "line": value, "lines": value}) == [] or value is True
    shown = trial(dict.fromkeys(("status", "change", "diff", "before", "after", "curves"), value), "t")
    assert shown["figures"] == []
    trial({"curves": {"before": value, "after": {"loss": value}}}, "t")


def test_bounds() -> None:
    shown = finding({"title": "x" * 10**6, "evidence": "y" * 10**6, "code": "z" * 10**6}, "f", 1)
    assert len(shown["title"]) <= 300
    assert len(shown["evidence"]) <= 1600
    lines = source({"first": 1, "line": 1, "lines": ["x" * 10**6] * 1000})
    assert len(lines) <= 15
    assert all(len(line["text"]) < 400 for line in lines)
    assert len(diff("+x\n" * 10**6)) <= 400
    many = {
        **PICTURE,
        "names": [f"l{i}" for i in range(10_000)],
        "curves": {"g": [[i, 1.0] for i in range(10_000)]},
    }
    assert len(evidence(many, "k")["figure"]) < 60_000


def test_an_operation_that_was_made_again() -> None:
    columns = ["given", "shape", "type", "lowest", "highest", "not finite"]
    part = {
        "title": "log.default in <mid>, update 7", "file": "update-7.replay.safetensors", "columns": columns,
        "rows": [["self", "[2]", "float32", "0", "0.5", ""], ["short"], 3], "said": ["made again", None],
    }  # fmt: skip
    shown = finding({"title": "t", "replay": part}, "f", 1)["replay"]
    assert shown["rows"] == [["self", "[2]", "float32", "0", "0.5", ""]]
    assert shown["said"] == ["made again"]
    many = {**part, "title": "x" * 10**5, "rows": [["y" * 10**5] * 6] * 10**4, "said": ["z" * 10**4] * 99}
    shown = replayed(many)
    assert shown is not None
    assert len(str(shown)) < 20_000


@pytest.mark.parametrize("value", [None, 3, "x", [], [[]], [["a"]], {"a": 3}, True])
def test_a_replay_of_another_type_is_left_out(value: Any) -> None:
    assert finding({"replay": value}, "f", 1)["replay"] is None
    whole = {"title": "t", "columns": ["a", "b"], "rows": [["1", "2"]]}
    assert replayed({**whole, "rows": value}) is None
    replayed({**whole, "columns": value, "said": value, "title": value, "file": value})


def test_a_line_is_one_line() -> None:
    (line,) = source({"first": 1, "line": 2, "lines": ["a\nb\x00\u202e"]})
    assert line["text"] == "a b⟨U+0000⟩⟨U+202E⟩"
    assert not line["here"]


def test_what_a_diff_does() -> None:
    kinds = [kind for kind, _ in diff("--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n x\n-a\n+b\n")]
    assert kinds == ["place", "place", "place", "", "removed", "added"]
    assert diff("") == diff(None) == diff(" \n") == []


def test_a_fix_that_was_tried() -> None:
    curves = {"before": {"training": [[0, 2.0], [9, 1.9]]}, "after": {"training": [[0, 2.0], [9, 0.1]]}}
    shown = trial(
        {"change": "lr=0.1 becomes lr=0.001", "status": "better", "measure": "test accuracy", "before": 0.1,
         "after": 0.9, "curves": curves, "diff": "+a", "seconds": 12.0, "title": "the rate"},
        "t",
    )  # fmt: skip
    assert (shown["status"], shown["tone"]) == ("better", "good")
    assert shown["said"] == "test accuracy: 0.1 without, 0.9 with it"
    assert shown["took"] == "12 s"
    (figure,) = shown["figures"]
    assert "as it is" in figure["figure"]
    assert "with the fix" in figure["figure"]
    left = trial({"status": "not tried", "change": "it is not in the script", "title": "the rate"}, "t")
    assert (left["status"], left["change"], left["why"]) == (
        "not tried",
        "The rate",
        "It is not in the script",
    )
