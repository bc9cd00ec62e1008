"""The child in this process: what it tells, and what it leaves as it was."""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fivefold.diagnosis.script.child import After, Child, Written


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    """One that is told what is done to files, and silenced afterwards, since audit hooks stay."""
    made = Written()
    sys.addaudithook(made)
    made.on = True
    yield made
    made.on = False


def test_what_is_written_renamed_and_removed(written: Written, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"")
    written.paths.clear()
    (tmp_path / "a").write_text("1")
    (tmp_path / "a").read_text()
    (tmp_path / "folder").mkdir()
    (tmp_path / "tmp").write_text("")
    (tmp_path / "tmp").replace(tmp_path / "folder" / "b")
    (tmp_path / "gone").write_text("")
    (tmp_path / "gone").unlink()
    (tmp_path / "old").unlink()
    number = os.open(tmp_path / "c", os.O_CREAT | os.O_WRONLY)
    os.close(number)
    Path(os.devnull).write_text("")
    found = written.summary()
    assert found["written"] == [str(tmp_path / each) for each in ("a", "c", "folder", "folder/b")]
    assert found["removed"] == [str(tmp_path / "old")]


def test_reading_and_caches_are_not_writing(written: Written, tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x").write_text("")
    written("open", (tmp_path / "x", "r", os.O_RDONLY))
    written("open", (object(), "w", os.O_WRONLY))
    written("os.rename", ())
    assert written.summary() == {"written": [], "removed": [], "more": 0}


def test_forks_of_loaders_are_told_from_others() -> None:
    made = Written()
    made.on = True
    made("os.fork", ())
    space: dict[str, Any] = {"made": made}
    code = compile("made('os.fork', ())", "/x/torch/utils/data/dataloader.py", "exec")
    exec(code, space)
    assert (made.forks, made.loader_workers) == (1, 1)


def test_a_call_right_after_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_module.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []
    finder = After("planted_module", lambda: seen.append(sys.modules["planted_module"].value))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    module = importlib.import_module("planted_module")
    assert seen == [3]
    assert finder not in sys.meta_path
    assert type(module.__spec__.loader).__name__ == "SourceFileLoader"
    assert module.__loader__ is module.__spec__.loader
    del sys.modules["planted_module"]


def test_messages_end_where_nobody_listens() -> None:
    reading, writing = os.pipe()
    child = Child(writing, float("inf"), "")
    child.send("one", value="é")
    assert json.loads(os.read(reading, 1000)) == {"kind": "one", "value": "é"}
    os.close(reading)
    child.send("two")
    child.send("three")
    assert child._pipe == -1
    os.close(writing)
