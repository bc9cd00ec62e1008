"""Folders as people have them: layouts, what is ignored, what is left out and named, what is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fivefold.core import DataError
from fivefold.tasks.images.folder import every_file, read_folder
from fivefold.tasks.images.limits import Limits


def save(path: Path, grey: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (6, 4), grey).save(path)
    return path


def _read(folder: Path, labelled: bool = True, limits: Limits | None = None):
    return read_folder(folder, limits or Limits(), labelled=labelled)


def _reasons(images) -> dict[str, str]:
    return {each.name: each.reason for each in images.rejected}


def test_a_folder_for_each_class_at_any_depth(tmp_path):
    for name in ("dog/b.png", "cat/2020/1.PNG", "cat/2020/summer/2.Jpg", "dog/a.png"):
        save(tmp_path / name)
    images = _read(tmp_path)
    assert images.names == ("cat/2020/1.PNG", "cat/2020/summer/2.Jpg", "dog/a.png", "dog/b.png")
    assert [images.classes[i] for i in images.labels] == ["cat", "cat", "dog", "dog"]
    assert images.given.tolist() == [-1] * 4
    assert any("within a class" in note for note in images.notes)


def test_classes_that_are_numbers_come_in_their_order(tmp_path):
    for name in ("10", "9", "2"):
        save(tmp_path / name / "a.png")
    assert _read(tmp_path).classes == ("2", "9", "10")


@pytest.mark.parametrize(
    ("train", "test", "spare", "given"),
    [
        ("train", "test", None, {"train": 0, "test": 1}),
        ("Training", "Validation", None, {"Training": 0, "Validation": 1}),
        ("train", "test", "val", {"train": 0, "test": 1, "val": 0}),
    ],
)
def test_training_and_test_folders_are_respected(train, test, spare, given, tmp_path):
    for split in filter(None, (train, test, spare)):
        for name in ("a", "b"):
            save(tmp_path / split / name / "1.png")
    images = _read(tmp_path)
    assert {
        name.split("/")[0]: code for name, code in zip(images.names, images.given.tolist(), strict=True)
    } == given
    assert images.classes == ("a", "b")
    assert any("are taken as" in note for note in images.notes) == ("val" in "".join(given).lower())


def test_a_class_may_be_called_train_and_another_test(tmp_path):
    for name in ("train", "bus"):
        save(tmp_path / name / "1.png")
    assert _read(tmp_path).classes == ("bus", "train")
    save(tmp_path / "test" / "1.png")
    assert _read(tmp_path).classes == ("bus", "test", "train")


def test_a_test_folder_without_classes_is_left_out_and_said(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "test/1.png", "other/x.png"):
        save(tmp_path / name)
    images = _read(tmp_path)
    assert images.names == ("train/a/1.png", "train/b/1.png")
    text = " ".join(images.notes)
    assert "'test' has no folders of classes" in text or "test has no folders" in text
    assert "'other' beside the training" in text


def test_a_class_of_the_test_alone_is_left_out_and_said(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"):
        save(tmp_path / name)
    images = _read(tmp_path)
    assert images.classes == ("a", "b")
    assert "test/c/1.png" not in images.names
    assert any("'c' in 'test' has no training pictures" in note for note in images.notes)


def test_a_folder_in_a_folder_is_stepped_into(tmp_path):
    for name in ("deep/data/cat/1.png", "deep/data/dog/1.png"):
        save(tmp_path / name)
    (tmp_path / "README.md").write_text("hello")
    images = _read(tmp_path)
    assert images.classes == ("cat", "dog")
    assert any("deep/data" in note for note in images.notes)


def test_folders_of_folders_of_folders_are_the_classes_of_the_first(tmp_path):
    for name in ("animal/cat/1.png", "animal/dog/1.png", "plant/tree/1.png"):
        save(tmp_path / name)
    assert _read(tmp_path).classes == ("animal", "plant")


def test_what_systems_leave_is_ignored(tmp_path):
    for name in ("a/1.png", "b/1.png", "__MACOSX/a/1.png", ".git/x/1.png", "a/.hidden.png"):
        save(tmp_path / name)
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (tmp_path / "a" / name).write_bytes(b"x")
    images = _read(tmp_path)
    assert images.names == ("a/1.png", "b/1.png")
    assert images.rejected == ()
    assert images.notes == ()


def test_empty_unreadable_and_doubled_classes_are_noted(tmp_path):
    for name in ("a/1.png", "b/1.png", "A/1.png"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "1.png").write_bytes(b"\x89PNG broken")
    images = _read(tmp_path)
    assert images.classes == ("A", "a", "b")
    text = " ".join(images.notes)
    assert "'empty' is an empty folder" in text
    assert "No picture of 'broken' can be read" in text
    assert "'A', 'a' differ only in case" in text


def test_loose_pictures_are_named(tmp_path):
    for name in ("a/1.png", "b/1.png", "loose.png"):
        save(tmp_path / name)
    (tmp_path / "labels.txt").write_text("x")
    assert _reasons(_read(tmp_path)) == {"loose.png": "it is in no folder of a class"}


def test_links_out_of_the_folder_are_refused_and_those_within_followed(tmp_path):
    outside = save(tmp_path / "outside" / "secret.png")
    top = tmp_path / "top"
    inside = save(top / "a" / "1.png")
    save(top / "b" / "1.png")
    (top / "a" / "2.png").symlink_to(inside)
    (top / "a" / "3.png").symlink_to(outside)
    (top / "a" / "4.png").symlink_to("../../outside/secret.png")
    (top / "a" / "5.png").symlink_to("6.png")
    (top / "a" / "6.png").symlink_to("5.png")
    (top / "a" / "7.png").symlink_to("nowhere.png")
    (top / "a" / "up").symlink_to("..", target_is_directory=True)
    (top / "c").symlink_to(tmp_path / "outside", target_is_directory=True)
    os.mkfifo(top / "b" / "pipe.png")
    images = _read(top)
    assert images.names == ("a/1.png", "a/2.png", "b/1.png")
    reasons = _reasons(images)
    assert {name for name, why in reasons.items() if "leaves the folder" in why} == {"a/3.png", "a/4.png"}
    assert {name for name, why in reasons.items() if "circle" in why} == {"a/5.png", "a/6.png", "a/7.png"}
    assert {name for name, why in reasons.items() if "link to a folder" in why} == {"a/up", "c"}
    assert "pipe" in reasons["b/pipe.png"]
    plain = _read(top, labelled=False)
    assert plain.names == images.names
    assert "a/3.png" in plain.asked
    assert "secret" not in " ".join(plain.names)


def test_a_folder_that_is_itself_a_link_is_read(tmp_path):
    for name in ("top/a/1.png", "top/b/1.png"):
        save(tmp_path / name)
    (tmp_path / "link").symlink_to("top", target_is_directory=True)
    assert _read(tmp_path / "link").names == ("a/1.png", "b/1.png")


def test_without_labels_every_picture_is_taken_in_order(tmp_path):
    for name in ("b.png", "a/2.png", "a/10.png"):
        save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("x")
    images = _read(tmp_path, labelled=False)
    assert images.names == ("a/10.png", "a/2.png", "b.png")
    assert images.asked == ("a/10.png", "a/2.png", "a/notes.txt", "b.png")
    assert images.places.tolist() == [0, 1, 3]
    assert images.classes == ()
    assert (images.labels == -1).all()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "none below"),
        (("1.png", "2.png"), "2 pictures directly"),
        (("rows.csv",), "name its tables"),
        (("data.npz",), "name the file"),
        (("notes.txt",), "none below"),
    ],
)
def test_a_folder_without_classes_says_what_to_do(files, words, tmp_path):
    for name in files:
        save(tmp_path / name) if name.endswith("png") else (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=words):
        _read(tmp_path)


def test_classes_that_are_links_say_so(tmp_path):
    save(tmp_path / "far" / "1.png")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "a").symlink_to(tmp_path / "far", target_is_directory=True)
    with pytest.raises(DataError, match=r"'a' in .*lead elsewhere"):
        _read(tmp_path / "top")


def test_all_corrupt_is_an_error(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        save(tmp_path / name).write_bytes(b"broken")
    with pytest.raises(DataError, match=r"a/1\.png \(it is none of"):
        _read(tmp_path)


def test_more_files_than_the_limit_are_refused(tmp_path):
    for i in range(4):
        save(tmp_path / "a" / f"{i}.png")
    with pytest.raises(DataError, match="at most 3 files"):
        every_file(tmp_path, Limits(files=3))
    assert len(every_file(tmp_path, Limits(files=4))) == 4


def test_a_folder_without_permission_is_named(tmp_path, monkeypatch):
    for name in ("a/1.png", "b/1.png", "b/x/2.png"):
        save(tmp_path / name)
    true = Path.iterdir

    def guarded(path):
        if path.name == "x":
            raise PermissionError
        return true(path)

    monkeypatch.setattr(Path, "iterdir", guarded)
    assert _reasons(_read(tmp_path, labelled=False)) == {"b/x": "it is a folder that cannot be read"}
    monkeypatch.setattr(Path, "iterdir", lambda _: (_ for _ in ()).throw(PermissionError()))
    with pytest.raises(DataError, match="can be read"):
        _read(tmp_path)


def test_deep_folders_do_not_overflow_the_stack(tmp_path):
    path = tmp_path / "a"
    for _ in range(150):
        path = path / "d"
    save(path / "1.png")
    save(tmp_path / "b" / "1.png")
    assert len(_read(tmp_path)) == 2


def test_names_are_harmless(tmp_path):
    save(tmp_path / "a\x1b[31m" / "1\n.png")
    save(tmp_path / "b" / "1.png")
    images = _read(tmp_path)
    assert images.classes == ("a?[31m", "b")
    assert images.names[0] == "a?[31m/1?.png"
    assert images.load(np.array([0]), 4, 4, colour=False).shape == (1, 1, 4, 4)


def test_validation_pictures_are_the_test_where_the_test_has_no_classes(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png", "test/1.png"):
        save(tmp_path / name)
    images = _read(tmp_path)
    assert dict(zip(images.names, images.given.tolist(), strict=True)) == {
        "train/a/1.png": 0, "train/b/1.png": 0, "val/a/1.png": 1, "val/b/1.png": 1,
    }  # fmt: skip
