"""Findings are ranked: the surest first, then the most costly."""

from pathlib import Path

import torch

from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.saved import saved_findings
from fivefold.diagnosis.watch import watch


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


def test_the_record_and_the_folder(tmp_path: Path) -> None:
    alone = Findings([finding("loss.x", "high")], ["a note"])
    assert alone.record["findings"][0]["code"] == "loss.x"
    assert alone.record["notes"] == ["a note"]
    place = alone.save(tmp_path / "d")
    assert "Title of loss.x" in (place / "report.html").read_text(encoding="utf-8")
    told = Findings(alone, alone.notes, {**alone.record, "subject": "train.py"})
    assert told.record["subject"] == "train.py"
    assert "train.py" in (told.save(place) / "report.html").read_text(encoding="utf-8")


def test_what_was_watched_can_be_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with watch(net, optimizer, every=1) as seen:
        for _ in range(8):
            x = torch.randn(8, 3)
            torch.nn.functional.mse_loss(net(x), x[:, :1]).backward()
            optimizer.step()
    found = seen.findings()
    place = found.save(tmp_path / "d")
    page = (place / "report.html").read_text(encoding="utf-8")
    assert "Gradients are not cleared between updates</h1>" in page
    assert "(Linear) with SGD: 8 updates, all seen in full" in page.replace("</bdi>", "")
    assert "Size of the updates" in page
    again = saved_findings(place)
    assert [f.to_record() for f in again] == found.to_records()


def test_what_a_loss_asks_for_stands_before_what_follows_from_it() -> None:
    found = Findings(
        [finding(code, "high") for code in ("rate.too-high", "loss.sum", "loss.trivial", "step.never")]
    )
    assert [f.code for f in found] == ["step.never", "loss.trivial", "loss.sum", "rate.too-high"]
