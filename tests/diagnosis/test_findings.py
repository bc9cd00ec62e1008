"""Findings are ranked: the surest first, then the most costly."""

from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.findings import Findings


def finding(code: str, confidence: str, **more) -> Finding:
    return Finding(code, f"title of {code}", "evidence", confidence, "cause", "fix", **more)


def test_order() -> None:
    found = Findings(
        [finding("fit.over", "high"), finding("rate.high", "low"), finding("gradient.accumulates", "high"),
         finding("unheard.of", "medium")]
    )  # fmt: skip
    assert [f.code for f in found] == ["gradient.accumulates", "fit.over", "unheard.of", "rate.high"]
    assert len(found) == 4
    assert found[1:2][0].code == "fit.over"
    assert found.to_records()[0]["code"] == "gradient.accumulates"


def test_text() -> None:
    text = str(Findings([finding("loss.x", "high", place=Place("train.py", 7))], ["no tape"]))
    assert "1. title of loss.x [loss.x, high] (train.py, line 7)" in text
    assert text.endswith("no tape")
