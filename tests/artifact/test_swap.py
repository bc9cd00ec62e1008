"""The swap of two directories, with and without the system's atomic call."""

import errno
import os
from pathlib import Path

import pytest

from fivefold.artifact import swap
from fivefold.artifact.swap import exchange, previous_path, replace_directory


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    new, old = tmp_path / "new", tmp_path / "old"
    for path in (new, old):
        path.mkdir()
        (path / "name").write_text(path.name)
    return new, old


def test_exchange_swaps_or_says_that_it_cannot(pair: tuple[Path, Path]) -> None:
    new, old = pair
    swapped = exchange(new, old)
    assert (old / "name").read_text() == ("new" if swapped else "old")


def test_a_system_without_the_call(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap.sys, "platform", "plan9")
    assert exchange(*pair) is False


def test_a_c_library_without_the_call(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap.ctypes, "CDLL", lambda *args, **options: object())
    assert exchange(*pair) is False


def test_a_file_system_without_the_call(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        renameat2 = renamex_np = staticmethod(lambda *args: -1)

    monkeypatch.setattr(swap.ctypes, "CDLL", lambda *args, **options: Library())
    monkeypatch.setattr(swap.ctypes, "get_errno", lambda: errno.EINVAL)
    assert exchange(*pair) is False
    monkeypatch.setattr(swap.ctypes, "get_errno", lambda: errno.EACCES)
    with pytest.raises(PermissionError):
        exchange(*pair)


@pytest.mark.parametrize("atomic", [True, False])
def test_replace(pair: tuple[Path, Path], atomic: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = pair
    if not atomic:
        monkeypatch.setattr(swap, "exchange", lambda first, second: False)
    replace_directory(new, old, lambda path: True)
    assert (old / "name").read_text() == "new"
    assert [path.name for path in old.parent.iterdir()] == ["old"]


def test_what_may_not_be_deleted_comes_back(pair: tuple[Path, Path]) -> None:
    new, old = pair
    seen = []
    with pytest.raises(FileExistsError, match="something else"):
        replace_directory(new, old, lambda path: bool(seen.append((path / "name").read_text())))
    assert (old / "name").read_text() == "old"
    assert seen == ["old"]


def test_an_error_between_two_renames_puts_the_old_one_back(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = pair
    monkeypatch.setattr(swap, "exchange", lambda first, second: False)
    rename = os.rename

    def fail(first: Path, second: Path) -> None:
        if first == new:
            raise OSError(errno.EIO, "broken")
        rename(first, second)

    monkeypatch.setattr(swap.os, "rename", fail)
    with pytest.raises(OSError, match="broken"):
        replace_directory(new, old, lambda path: True)
    assert (old / "name").read_text() == "old"
    assert not previous_path(old).exists()
