"""Which files may be edited, and which cannot."""

from pathlib import Path

import pytest

from fivefold.core import DataError
from fivefold.diagnosis.trial import sources
from fivefold.diagnosis.trial.sources import digest, read_sources


def test_the_script_and_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "train.py").write_text(
        "import torch\nfrom nets.small import Net\nimport helper\nimport broken\n"
    )
    (tmp_path / "nets" / "small.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("width = 3\n")
    (tmp_path / "broken.py").write_text("def\n")
    (tmp_path / "unrelated.py").write_text("")
    found = read_sources(tmp_path / "train.py")
    assert list(found) == ["train.py", "nets/small.py", "helper.py"]
    assert digest(found) == digest(dict(reversed(found.items()))) != digest({})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("# größe\nx = 1\n".encode("latin-1"), "UTF-8"),
        (b"\xef\xbb\xbfx = 1\n", "byte order mark"),
        (b"x = 1\ry = 2\r", "carriage return"),
        (b"x = 1\n\x0c\ny = 2\n", "form feeds"),
    ],
)
def test_texts_that_cannot_be_edited(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "train.py").write_bytes(data)
    with pytest.raises(DataError, match=why):
        read_sources(tmp_path / "train.py")


def test_a_text_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST", 4)
    (tmp_path / "train.py").write_text("x = 1\n")
    with pytest.raises(DataError, match="1 MiB"):
        read_sources(tmp_path / "train.py")
