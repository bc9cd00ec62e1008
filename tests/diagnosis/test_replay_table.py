"""Replays as tables, each beside its own finding."""

from typing import Any

import pytest
import torch

from fivefold.core import ArtifactError
from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.replay import SUFFIX, to_bytes
from fivefold.diagnosis.replay_table import table_of, tables_of
from fivefold.diagnosis.replayed_operation import Replay

X = torch.tensor([[4.0, 1.0], [-1.0, 0.0]])


def replay(batch: int = 7, line: int = 3, **more: Any) -> Replay:
    return Replay(
        "log.default", (X,), function="log", module="mid", path="t.py", line=line, batch=batch, **more
    )


def found(evidence: str, code: str = "nonfinite.operation", **more: Any) -> Finding:
    return Finding(code, "t", evidence, "high", "c", "f", **more)


def test_what_it_was_given_and_what_it_gives() -> None:
    table = table_of(replay(), "a")
    assert table["title"] == "log.default (called as log) in mid, update 7"
    assert table["columns"] == ["given", "shape", "type", "lowest", "highest", "not finite"]
    assert table["rows"] == [["self", "[2, 2]", "float32", "-1", "4", ""]]
    assert table["said"] == [
        "made again, it gives nan at [1, 0]: 50.00% of [2, 2] is not finite",
        "self there: -1",
    ]
    derivative = Replay("sqrt.default", (torch.zeros(2),), gradient=(torch.tensor([1.0, torch.inf]),))
    assert table_of(derivative)["rows"][1] == ["gradient", "[2]", "float32", "1", "1", "1"]


def test_each_stands_beside_its_finding() -> None:
    findings = [
        found("update 7 is bad", code="rate.too-low"),
        found("the loss went from 1 to 20, and update 17 is not finite", code="rate.too-high"),
        found("training 1 (a): update 7 is the first that is not finite: given", place=Place("t.py", 9)),
        found("training 2 (b): update 7 is the first that is not finite: given", place=Place("t.py", 3)),
    ]
    files = {
        f"update-7{SUFFIX}": to_bytes(replay()),
        f"update-7-2{SUFFIX}": to_bytes(replay(line=9)),
        f"update-17{SUFFIX}": to_bytes(replay(17)),
        f"update-5{SUFFIX}": to_bytes(replay(5)),
        f"damaged{SUFFIX}": b"damaged",
        "fix.diff": b"+a",
    }
    tables = tables_of(findings, files)
    assert {place: table["file"] for place, table in tables.items()} == {
        3: f"update-7{SUFFIX}", 2: f"update-7-2{SUFFIX}", 1: f"update-17{SUFFIX}"
    }  # fmt: skip
    assert tables_of(findings[:1], files) == {}


def test_an_operation_that_is_none_of_ours() -> None:
    with pytest.raises(ArtifactError, match="may name"):
        table_of(Replay("from_file.default", (X,)))
