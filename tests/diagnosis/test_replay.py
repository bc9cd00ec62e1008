"""Replays as files: what is written comes back, and what is hostile is refused."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save
from torch import nn

import fivefold as ff
from fivefold.core import ArgumentError, ArtifactError
from fivefold.diagnosis.replay import SUFFIX, from_bytes, is_replay, read, replayed_findings, to_bytes
from fivefold.diagnosis.replay import save as save_replay
from fivefold.diagnosis.replayed_operation import Replay

REPLAY = Replay(
    "where.self",
    (
        torch.tensor([True, False]),
        torch.tensor([math.nan, 1.0], dtype=torch.bfloat16),
        torch.zeros(2, dtype=torch.bfloat16),
    ),
    module="a.b",
    path="train.py",
    line=3,
    batch=7,
    inputs={"x": torch.arange(3)},
    weights={"a.weight": torch.ones(2, 2)},
    torch="2.13",
)


def plain() -> dict[str, Any]:
    """The description of a small replay, to be changed."""
    data = to_bytes(Replay("log.default", (torch.zeros(2),)))
    length = int.from_bytes(data[:8], "little")
    return dict(json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["fivefold"]))


def written(description: Any, **tensors: torch.Tensor) -> bytes:
    return bytes(save({"given.0": torch.zeros(2), **tensors}, {"fivefold": json.dumps(description)}))


def test_there_and_back(tmp_path: Path) -> None:
    file = save_replay(REPLAY, tmp_path / f"update-7{SUFFIX}")
    assert is_replay(file)
    found = read(file)
    assert (found.operation, found.module, found.path, found.line, found.batch) == (
        "where.self",
        "a.b",
        "train.py",
        3,
        7,
    )
    assert found.arguments[0].equal(REPLAY.arguments[0])
    assert found.arguments[1].dtype == torch.bfloat16
    assert found.run().again
    assert str(found) == str(REPLAY)
    held = load_file(file)
    assert held["weight.a.weight"].equal(torch.ones(2, 2))
    assert held["input.x"].equal(torch.arange(3))


def test_all_that_arguments_may_be() -> None:
    replay = Replay(
        "_to_copy.default",
        (torch.tensor([1e6]),),
        {
            "dtype": torch.float16,
            "device": torch.device("cpu"),
            "memory_format": torch.preserve_format,
            "layout": torch.strided,
        },
    )
    assert from_bytes(to_bytes(replay)).run().again
    for name, arguments in (
        ("clamp.default", (torch.zeros(2), -math.inf)),
        ("sum.dim_IntList", (torch.zeros(2), [0], True)),
        ("cat.default", ([torch.zeros(2), torch.zeros(3)], 0)),
        ("index.Tensor", (torch.zeros(2, 2), [None, torch.tensor([1])])),
    ):
        found = from_bytes(to_bytes(Replay(name, arguments)))
        assert repr(found.arguments) == repr(arguments)
    found = from_bytes(
        to_bytes(Replay("div.Tensor_mode", (torch.ones(1), torch.zeros(1)), {"rounding_mode": "floor"}))
    )
    assert found.options == {"rounding_mode": "floor"}
    assert found.run().again


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((object(),), "numbers, tensors and lists"),
        ((torch.zeros(2, dtype=torch.complex64),), "dense tensors of real numbers"),
        ((torch.zeros(2).to_sparse(),), "dense tensors of real numbers"),
        ((torch.zeros(70 << 18),), "a replay of at most"),
    ],
)
def test_what_cannot_be_written(arguments: tuple[Any, ...], expected: str) -> None:
    with pytest.raises(ArgumentError, match=expected):
        to_bytes(Replay("log.default", arguments))


def test_places_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="to write"):
        save_replay(REPLAY, tmp_path / "none" / f"a{SUFFIX}")
    with pytest.raises(ArtifactError, match="a replay at"):
        read(tmp_path / f"a{SUFFIX}")
    (tmp_path / f"b{SUFFIX}").mkdir()
    with pytest.raises(ArtifactError, match="regular files"):
        read(tmp_path / f"b{SUFFIX}")


DEEP: Any = 0
for _ in range(200):
    DEEP = {"list": [DEEP]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format": "other"}, "the description of a replay"),
        ({"version": 99}, "a replay of version 1"),
        ({"operation": "from_file.default"}, "operations that a replay may name"),
        ({"operation": 3}, "operation as a short text"),
        ({"operation": "mm.default"}, "arguments that mm.default takes"),
        ({"arguments": 3}, "arguments as a short list"),
        ({"arguments": [{"tensor": "no"}]}, "the name of a tensor"),
        ({"arguments": [{"tensor": ["given.0"]}]}, "the name of a tensor"),
        ({"arguments": [{"code": "x"}]}, "a number, a tensor or a list"),
        ({"arguments": [DEEP]}, "at most 64 levels of nesting"),
        (
            {
                "operation": "constant_pad_nd.default",
                "arguments": [{"tensor": "given.0"}, {"list": [0, 1 << 50]}],
            },
            "a result of at most|takes",
        ),
        ({"gradient": ["no"]}, "the name of a tensor"),
        ({"inputs": [1]}, "inputs by name"),
        ({"options": None}, "options by name"),
        ({"line": "x"}, "line as a whole number"),
        ({"batch": True}, "batch as a whole number"),
        ({"row": -2}, "row as a whole number"),
        ({"module": "x" * 5000}, "module as a short text"),
    ],
)
def test_hostile_descriptions(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ArtifactError, match=expected):
        from_bytes(written({**plain(), **change}))


def test_hostile_files() -> None:
    data = to_bytes(REPLAY)
    for end in (0, 7, 9, 100, len(data) - 1):
        with pytest.raises(ArtifactError):
            from_bytes(data[:end])
    with pytest.raises(ArtifactError, match="without its description"):
        from_bytes(bytes(save({"a": torch.zeros(1)})))
    with pytest.raises(ArtifactError, match="the description of a replay"):
        from_bytes(written([1]))
    with pytest.raises(ArtifactError, match="bytes for"):
        from_bytes(data.replace(b'"shape":[2]', b'"shape":[9]'))
    with pytest.raises(ArtifactError, match="texts by name"):
        from_bytes((len(b'{"__metadata__":[]}')).to_bytes(8, "little") + b'{"__metadata__":[]}')
    for place in range(0, len(data), 23):  # whatever is changed: refused, or still a replay
        changed = bytearray(data)
        changed[place] ^= 0x55
        try:
            from_bytes(bytes(changed)).run()
        except ArtifactError:
            continue


def test_made_again_in_words(tmp_path: Path) -> None:
    file = save_replay(
        Replay("log.default", (torch.zeros(2),), module="m", path="t.py", line=2), tmp_path / f"a{SUFFIX}"
    )
    found = ff.diagnose(file)
    assert found[0].code == "nonfinite.operation"
    assert found[0].title == "log.default in m gives numbers that are not finite"
    assert found[0].place.line == 2
    assert found.notes[0].startswith("log.default in m")
    sound = save_replay(Replay("log.default", (torch.ones(2),)), tmp_path / f"b{SUFFIX}")
    assert len(replayed_findings(sound)) == 0


def test_of_a_watched_training(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    with ff.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), every=1) as seen:
        pass
    assert seen.replay is None
    with pytest.raises(ArgumentError, match="an operation that gave numbers"):
        seen.save_replay(tmp_path / f"a{SUFFIX}")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with ff.watch(model, optimizer, every=1) as seen:
        (model(torch.zeros(4, 3)) * 0).log().sum().backward()
        optimizer.step()
    assert seen.replay is not None
    assert seen.replay.function == "log"
    assert read(seen.save_replay(tmp_path / f"a{SUFFIX}")).run().again
    found = seen.findings()
    (table,) = (f["replay"] for f in found.record["findings"] if f["code"] == "nonfinite.operation")
    assert table["file"] == f"update-0{SUFFIX}"
    assert table["rows"][0][:3] == ["self", "[4, 1]", "float32"]
    folder = found.save(tmp_path / "found")
    assert "The first operation that went wrong" in (folder / "report.html").read_text(encoding="utf-8")
    assert read(folder / f"update-0{SUFFIX}").run().again
