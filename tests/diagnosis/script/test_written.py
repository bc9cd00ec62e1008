"""What is done to files, and which processes are started, told by Python's own events."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fivefold.diagnosis.script.written import Written


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


def test_a_tree_that_goes(written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python removes what lies in it by names that begin at an open folder, not at the working one."""
    old = tmp_path / "old" / "inner"
    old.mkdir(parents=True)
    (old / "data").write_text("")
    written.paths.clear()
    monkeypatch.chdir(tmp_path)
    shutil.rmtree("old")
    found = written.summary()
    assert found["written"] == []
    assert found["removed"] == [str(tmp_path / each) for each in ("old", "old/inner", "old/inner/data")]


def test_programs_that_may_train_are_counted(written: Written) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)
    first = written.forks
    assert first >= 1
    subprocess.run(["true"], check=True)
    assert written.forks == first
    os.system("true python")
    assert written.forks == first + 1
