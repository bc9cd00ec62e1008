"""A script that cannot be run is refused in one sentence, and nothing in it is executed."""

import os
from pathlib import Path

import pytest

from fivefold.core import DataError
from fivefold.diagnosis.script import source
from fivefold.diagnosis.script.source import read_source, unchanged


def test_a_script_and_a_change_of_it(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("raise SystemExit('executed')\n")
    found = read_source(script)
    assert found.path == str(script)
    assert unchanged(found)
    script.write_text("pass\n")
    assert not unchanged(found)
    script.unlink()
    assert not unchanged(found)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.py", b"def f(:\n    pass\n", "a syntax error in .*line 1"),
        ("b.py", b"x = 1\n\0", "null bytes"),
        ("c.py", b"\xff\xfe\x01", "syntax error|UTF-8|utf-8"),
        ("d.ipynb", b"{}", "a notebook"),
        ("model.csv", b"a,b\n1,2 3\n", "a syntax error"),
    ],
)
def test_what_is_no_script(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=says):
        read_source(tmp_path / name)


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder"):
        read_source(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_source(tmp_path / "none.py")


def test_a_pipe_is_refused_before_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="a pipe or a device"):
        read_source(tmp_path / "pipe")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfx = 1\r\ny = 2\r\n",
        b"# -*- coding: latin-1 -*-\nname = '\xe9'\n",
        b"",
        b"#!/usr/bin/env python\n",
    ],
)
def test_whatever_python_reads_is_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.py").write_bytes(data)
    assert unchanged(read_source(tmp_path / "a.py"))


def test_too_long_a_name_and_too_large_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="File name too long"):
        read_source("x" * 5000)
    (tmp_path / "large.py").write_text("x = 1\n" * 10)
    monkeypatch.setattr(source, "LARGEST", 20)
    with pytest.raises(DataError, match="more than"):
        read_source(tmp_path / "large.py")
