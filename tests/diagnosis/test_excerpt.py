"""Lines of code around a place: only of Python files, bounded, whatever is in them."""

from pathlib import Path

import pytest

from fivefold.diagnosis.excerpt import excerpt, near
from fivefold.diagnosis.finding import Place


def test_the_line_in_its_context(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("\n".join(f"line{i}" for i in range(1, 11)))
    found = excerpt(Place(str(script), 5), around=2)
    assert found == {"first": 3, "line": 5, "lines": ["line3", "line4", "line5", "line6", "line7"]}
    assert excerpt(Place(str(script), 1), around=2) == {
        "first": 1,
        "line": 1,
        "lines": ["line1", "line2", "line3"],
    }
    last = excerpt(Place(str(script), 10), around=2)
    assert last is not None
    assert last["lines"] == ["line8", "line9", "line10"]


@pytest.mark.parametrize("line", [0, -1, 11, 10**9])
def test_a_line_that_is_not_there(tmp_path: Path, line: int) -> None:
    script = tmp_path / "train.py"
    script.write_text("x = 1\n" * 10)
    assert excerpt(Place(str(script), line)) is None


def test_only_python_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a secret")
    (tmp_path / "folder.py").mkdir()
    for name in ("secret.txt", "folder.py", "none.py", "a\0.py", "x" * 5000 + ".py"):
        assert excerpt(Place(str(tmp_path / name), 1)) is None


def test_a_file_that_is_too_large_or_no_text(tmp_path: Path) -> None:
    large, odd, lying = tmp_path / "large.py", tmp_path / "odd.py", tmp_path / "lying.py"
    large.write_bytes(b"#" * (5 << 20))
    assert excerpt(Place(str(large), 1)) is None
    odd.write_bytes(b"x = '\xff\xfe'\n")
    assert excerpt(Place(str(odd), 1)) is None or "\ufffd" in str(excerpt(Place(str(odd), 1)))
    lying.write_text("# -*- coding: nonsense -*-\nx = 1\n")
    assert excerpt(Place(str(lying), 1)) is None


def test_long_lines_and_tabs(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("\tx = 1\n" + "y" * 1000)
    found = excerpt(Place(str(script), 1))
    assert found is not None
    tabbed, long = found["lines"]
    assert tabbed == "    x = 1"
    assert len(long) == 200
    assert long.endswith("…")


def test_paths_are_told_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(str(tmp_path / "a" / "train.py")) == "a/train.py"
    assert near(str(tmp_path) + "else/train.py") == str(tmp_path) + "else/train.py"
