"""A file is whole or not there."""

import os
from pathlib import Path

import pytest

from fivefold.core import whole_file
from fivefold.core.whole_file import write_whole


def test_it_is_written_and_replaced(tmp_path: Path) -> None:
    place = tmp_path / ("ä" * 120)
    assert write_whole(place, b"one") == place
    write_whole(str(place), b"two")
    assert place.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [place]


def test_its_mode_is_that_of_the_user(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch, error: BaseException) -> None:
    place = tmp_path / "a"
    write_whole(place, b"old")

    def fail(handle: int) -> None:
        raise error

    monkeypatch.setattr(whole_file.os, "fsync", fail)
    with pytest.raises(type(error)):
        write_whole(place, b"new")
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "a", b"")
