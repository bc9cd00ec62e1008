"""Folders of texts: which file is a document, which a class, and what is refused."""

import os

import pytest

from fivefold.core import DataError
from fivefold.tasks.text.files import Limits
from fivefold.tasks.text.folder import guess_unit, parts, read_folder


def lay(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read(folder, unit="auto", *, labelled=True, **limits):
    return read_folder(folder, Limits(**limits), unit, labelled=labelled)


def test_class_folders_hold_a_document_a_file(tmp_path):
    lay(tmp_path, {"b/2.txt": "two", "b/deep/3.md": "three", "a/1": "one", "a/17.1234": "news"})
    lay(tmp_path, {"a/x.png": "?", "loose.txt": "no class", ".hidden/1.txt": "hidden"})
    found = read(tmp_path)
    assert found.documents == [
        ("a/1", "one", "a", -1),
        ("a/17.1234", "news", "a", -1),
        ("b/2.txt", "two", "b", -1),
        ("b/deep/3.md", "three", "b", -1),
    ]
    refused = {each.name: each.reason for each in found.rejected}
    assert refused == {
        "a/x.png": "'.png' is no ending of a text file",
        "loose.txt": "it is in no folder of a class",
    }


@pytest.mark.parametrize(
    ("other", "role", "note"), [("test", 1, None), ("val", 1, "validation texts are taken as test")]
)
def test_training_and_test_folders_are_respected(tmp_path, other, role, note):
    lay(tmp_path, {"train/a/1.txt": "one", f"{other}/a/2.txt": "two", "unsup/3.txt": "three"})
    found = read(tmp_path)
    assert {(name.split("/")[0], given) for name, _, _, given in found.documents} == {
        ("train", 0),
        (other, role),
    }
    assert any("'unsup' beside the training and test folders" in each for each in found.notes)
    assert note is None or any(note in each for each in found.notes)


def test_with_a_test_folder_validation_joins_the_training(tmp_path):
    lay(tmp_path, {"train/a.txt": "one", "val/a.txt": "two", "test/a.txt": "three"})
    assert {name.split("/")[0]: given for name, _, _, given in read(tmp_path).documents} == {
        "train": 0,
        "val": 0,
        "test": 1,
    }


def test_a_file_for_each_class_holds_lines(tmp_path):
    lay(tmp_path, {"cats.txt": "it purrs\r\n\r\nit sleeps", "dogs.TXT": "it barks\n"})
    found = read(tmp_path)
    assert found.documents == [
        ("cats.txt line 1", "it purrs", "cats", -1),
        ("cats.txt line 3", "it sleeps", "cats", -1),
        ("dogs.TXT line 1", "it barks", "dogs", -1),
    ]
    assert "Each file is a class, each line of it a text." in found.notes


def test_units_are_guessed_and_cut_at_the_right_lines():
    fortune = "a\nb\n%\nc\n\nd\n%\n"
    assert guess_unit([fortune, fortune]) == "percent"
    assert guess_unit([fortune, "no sign\n"]) == "line"
    assert parts(fortune, "percent") == [(1, "a\nb"), (4, "c\n\nd")]
    prose = "a\nb\n\n\n  \nc\nd\n\ne\n"
    assert guess_unit([prose]) == "paragraph"
    assert parts(prose, "paragraph") == [(1, "a\nb"), (6, "c\nd"), (9, "e")]
    assert parts("\n\na\n", "paragraph") == [(3, "a")]
    assert guess_unit(["a\n\nb\n\nc"]) == "line"  # lines set apart are lines
    assert guess_unit(["a\n" * 200 + "\n" + "b\n" * 200]) == "line"  # two blocks of many lines too
    for unit in ("line", "paragraph", "percent"):
        for line, part in parts(prose, unit):
            assert prose.split("\n")[line - 1].strip() == part.split("\n")[0].strip()


def test_a_unit_that_is_asked_for_is_taken(tmp_path):
    lay(tmp_path, {"a.txt": "1\n%\n2\n", "b.txt": "3\n%\n4\n"})
    assert [text for _, text, _, _ in read(tmp_path).documents] == ["1", "2", "3", "4"]
    assert [text for _, text, _, _ in read(tmp_path, "line").documents] == ["1", "%", "2", "3", "%", "4"]


def test_a_file_that_is_a_text_is_the_unit(tmp_path):
    lay(tmp_path / "folders", {"a/1.txt": "one\n\ntwo", "b/2.txt": "three"})
    assert read(tmp_path / "folders").unit == read(tmp_path / "folders", "file").unit == "file"
    assert read(tmp_path, labelled=False).unit == "file"
    lay(tmp_path / "files", {"a.txt": "one\ntwo\n", "b.txt": "three\n"})
    assert read(tmp_path / "files").unit == "line"
    with pytest.raises(DataError, match=r"several texts of every class; got one, the file 'a\.txt'"):
        read(tmp_path / "files", "file")


def test_links_out_of_the_folder_and_special_files_are_refused(tmp_path):
    lay(tmp_path, {"secret.txt": "secret", "set/a/1.txt": "one", "set/b/2.txt": "two"})
    (tmp_path / "set/a/out.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "set/a/same.txt").symlink_to(tmp_path / "set/b/2.txt")
    (tmp_path / "set/a/up").symlink_to(tmp_path / "set", target_is_directory=True)
    (tmp_path / "set/a/none.txt").symlink_to(tmp_path / "set/none")
    os.mkfifo(tmp_path / "set/b/pipe.txt")
    found = read(tmp_path / "set")
    assert [text for _, text, _, _ in found.documents] == ["one", "two", "two"]
    assert {each.name: each.reason for each in found.rejected} == {
        "a/out.txt": "it is a link that leaves the folder",
        "a/up": "it is a link to a folder, which is not followed",
        "a/none.txt": "it is a link that leads nowhere or in a circle",
        "b/pipe.txt": "it is a pipe, a socket or a device",
    }


def test_binary_documents_are_left_out_and_binary_classes_refused(tmp_path):
    lay(tmp_path, {"a/1.txt": "one", "b/2.txt": "two"})
    (tmp_path / "a/3.txt").write_bytes(b"\x00\x01\x02\x03" * 9)
    found = read(tmp_path)
    assert [each.name for each in found.rejected] == ["a/3.txt"]
    assert "NUL byte" in found.rejected[0].reason
    with pytest.raises(DataError, match="a NUL byte"):
        read(tmp_path / "a")  # here the file is a class


def test_empty_folders_empty_classes_and_too_much_are_refused(tmp_path):
    with pytest.raises(DataError, match="a folder for each class, or a text file for each class"):
        read(tmp_path)
    lay(tmp_path, {"a.txt": "one\ntwo", "b.txt": ""})
    with pytest.raises(DataError, match=r"the empty file 'b\.txt'"):
        read(tmp_path)
    lay(tmp_path, {"b.txt": "three"})
    with pytest.raises(DataError, match="and 5 bytes"):
        read(tmp_path, total=5)
    lay(tmp_path, {"x/1.txt": "one", "x/2.txt": "two", "y/3.txt": "three"})
    with pytest.raises(DataError, match="at most 2 files"):  # over all classes together
        read(tmp_path, files=2)
    with pytest.raises(DataError, match="and 5 bytes"):
        read(tmp_path, total=5)


def test_without_labels_every_text_file_is_a_document(tmp_path):
    lay(tmp_path, {"b/2.txt": "two\n", "1.txt": "one\n", "c.png": ""})
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    found = read(tmp_path, labelled=False)
    assert [name for name, *_ in found.documents] == ["1.txt", "b/2.txt", "latin.txt"]
    assert [label for _, _, label, _ in found.documents] == [None] * 3
    assert found.notes == [
        "latin.txt: line 1 holds the byte 0xe9, which is not UTF-8: the file is read as Windows-1252."
    ]


def test_files_about_the_others_are_no_classes(tmp_path):
    about = ("README.md", "LICENSE", "licence.txt", "copying.txt.gz", "Changelog.rst")
    lay(tmp_path, {"cats.txt": "it purrs", "dogs.txt": "it barks", **dict.fromkeys(about, "about")})
    found = read(tmp_path)
    assert {label for _, _, label, _ in found.documents} == {"cats", "dogs"}
    assert {each.name: each.reason for each in found.rejected} == dict.fromkeys(
        about, "its name is that of no class"
    )


def test_files_beside_training_and_test_are_named(tmp_path):
    lay(tmp_path, {"train/a.txt": "one", "test/a.txt": "two", "extra.txt": "three"})
    found = read(tmp_path)
    assert [(each.name, each.reason) for each in found.rejected] == [
        ("extra.txt", "it is beside the training and test folders")
    ]


def test_what_is_packed_counts_unpacked(tmp_path):
    import gzip

    lay(tmp_path, {"a/1.txt": "one", "b/2.txt": "two"})
    (tmp_path / "a/3.txt.gz").write_bytes(gzip.compress(b"word " * 1000))
    assert len(read(tmp_path, total=5006).documents) == 3
    with pytest.raises(DataError, match="and 5,005 bytes"):
        read(tmp_path, total=5005)
    with pytest.raises(DataError, match="and 5,005 bytes"):
        read(tmp_path, total=5005, labelled=False)
    lay(tmp_path / "c", {"a.txt": "one\ntwo", "b.txt": "three"})
    (tmp_path / "c" / "d.TXT.GZ").write_bytes(gzip.compress(b"word\n" * 1000))
    assert {label for _, _, label, _ in read(tmp_path / "c").documents} == {"a", "b", "d"}
    with pytest.raises(DataError, match="and 1,000 bytes"):
        read(tmp_path / "c", total=1000)


def test_documents_that_are_too_long_are_not_kept(tmp_path):
    lay(tmp_path, {"a/1.txt": "one", "b/2.txt": "more than four"})
    found = read(tmp_path, characters=4)
    assert [text for _, text, _, _ in found.documents] == ["one"]
    assert [each.reason for each in found.rejected] == ["it has 14 characters, more than 4"]


def test_classes_that_look_like_numbers(tmp_path):
    from fivefold.tasks.text.read import read_texts

    lay(tmp_path, {"--1.txt": "one\ntwo\n", "2.txt": "three\nfour\n", "10.txt": "five\nsix\n"})
    assert read_texts(tmp_path).classes == ("2", "10", "--1")
