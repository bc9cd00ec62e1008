"""What changes in a folder."""

import os
from pathlib import Path

import pytest

from fivefold.diagnosis.script import folder
from fivefold.diagnosis.script.folder import Folder


def test_new_and_different_files_are_seen(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "same").write_text("1")
    (tmp_path / "inner" / "other").write_text("1")
    before = Folder.of(tmp_path, tmp_path)
    assert len(before.roots) == 1
    assert before.changed() == []
    (tmp_path / "inner" / "other").write_text("22")
    (tmp_path / "new").write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_text("")
    assert before.changed() == [f"{tmp_path}/inner/other", f"{tmp_path}/new"]
    assert before.whole


def test_where_our_own_output_goes_is_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled(), (tmp_path / "messages").open("w") as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            before = Folder.of(tmp_path)
            os.write(2, b"said")
            (tmp_path / "other").write_text("")
            changed = before.changed()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    assert changed == [f"{tmp_path}/other"]


def test_too_many_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_ENTRIES", 2)
    for name in "abc":
        (tmp_path / name).write_text("")
    assert not Folder.of(tmp_path).whole
