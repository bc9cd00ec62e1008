"""What is in a folder, and what of it is refused, whatever lies there."""

import os
from pathlib import Path

import pytest

from fivefold.core import DataError
from fivefold.tasks.folders import files_below, files_in, folders_in, plain_name, some, visible


@pytest.fixture
def place(tmp_path):
    top = tmp_path / "set"
    (top / "a" / "deep").mkdir(parents=True)
    (top / "b").mkdir()
    (top / ".git").mkdir()
    (top / "__MACOSX").mkdir()
    for name in ("a/1.txt", "a/deep/2.txt", "b/3.txt", "loose.txt", ".hidden", "Thumbs.db"):
        (top / name).write_text("x")
    (tmp_path / "secret.txt").write_text("secret")
    return top


def listed(found, top):
    return {path.relative_to(top).as_posix(): why for path, why in found}


def test_what_systems_leave_is_not_seen(place):
    assert [path.name for path in visible(place)] == ["a", "b", "loose.txt"]
    assert [path.name for path in folders_in(place)] == ["a", "b"]


def test_files_in_and_below(place):
    assert listed(files_in(place, place), place) == {"loose.txt": None}
    below = listed(files_below(place, place), place)
    assert list(below) == ["a/1.txt", "a/deep/2.txt", "b/3.txt", "loose.txt"]
    assert set(below.values()) == {None}


def test_links_and_special_files_are_refused_with_a_reason(place):
    (place / "same").symlink_to(place / "a" / "1.txt")
    (place / "out").symlink_to(place.parent / "secret.txt")
    (place / "up").symlink_to(place, target_is_directory=True)
    (place / "none").symlink_to(place / "nothing")
    (place / "circle").symlink_to(place / "circle")
    os.mkfifo(place / "pipe")
    for found in (files_in(place, place.resolve()), files_below(place, place.resolve())):
        said = listed(found, place)
        assert said["same"] is None
        assert said["out"] == "it is a link that leaves the folder"
        assert said["up"] == "it is a link to a folder, which is not followed"
        assert said["none"] == said["circle"] == "it is a link that leads nowhere or in a circle"
        assert said["pipe"] == "it is a pipe, a socket or a device"


def test_folders_deeper_than_python_calls_itself(tmp_path):
    made = tmp_path
    for _ in range(1100):
        made = made / "d"
        made.mkdir()
    (made / "1.txt").write_text("x")
    assert [path.name for path, _ in files_below(tmp_path, tmp_path.resolve())] == ["1.txt"]
    (made / "1.txt").unlink()
    while made != tmp_path:  # deeper than pytest clears away
        made.rmdir()
        made = made.parent


def test_a_folder_that_cannot_be_read(place, monkeypatch):
    listed_by = Path.iterdir

    def refuse(path):
        if path.name == "a":
            raise PermissionError(13, "no")
        return listed_by(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"a folder that can be read; got .*'.*a', which cannot"):
        visible(place / "a")
    assert listed(files_below(place, place), place)["a"] == "it is a folder that cannot be read"


def test_names_for_notes():
    assert plain_name("a\x1b[31m\udcff.png") == "a?[31m\ufffd.png"
    assert some(["one"]) == "'one'"
