"""Reading texts end to end: every kind of source, and every kind of bad input."""

import json

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.text.files import Limits
from fivefold.tasks.text.read import read_texts, texts_of


def lay(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_same_texts_in_every_form_are_the_same_set(tmp_path):
    rows = [("it purrs all day", "cat"), ("it barks all day", "dog"), ("it sleeps all day", "cat")]
    frames = {
        "t.csv": "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows),
        "t.tsv": "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows),
        "t.jsonl": "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows),
    }
    lay(tmp_path, frames)
    lay(tmp_path / "f", {f"{label}.txt": "" for _, label in rows})
    for i, (text, label) in enumerate(rows):
        lay(tmp_path / "d", {f"{label}/{i}.txt": text})
        with (tmp_path / "f" / f"{label}.txt").open("a") as file:
            file.write(text + "\n")
    for name in [*frames, "d", "f"]:
        texts = read_texts(tmp_path / name)
        assert set(zip(texts.texts, [texts.classes[i] for i in texts.labels], strict=True)) == set(rows), name
        assert texts.classes == ("cat", "dog")
        assert texts.given.tolist() == [-1, -1, -1]


def test_texts_are_cleaned_and_the_empty_and_the_huge_are_counted(tmp_path):
    lay(
        tmp_path,
        {"a/1.txt": "cafe\u0301\x07", "a/2.txt": " \n\x00"[:2], "b/3.txt": "x" * 51, "b/4.txt": "four"},
    )
    texts = read_texts(tmp_path, limits=Limits(characters=50))
    assert texts.texts == ("caf\u00e9", "four")
    assert {each.name: each.reason for each in texts.rejected} == {
        "a/2.txt": "it is empty",
        "b/3.txt": "it has 51 characters, more than 50",
    }
    assert "1 text is empty and left out." in texts.notes
    assert "1 text or file is left out: b/3.txt: it has 51 characters, more than 50." in texts.notes
    assert "Control characters were taken out of 1 text." in texts.notes


def test_repeated_texts_are_noted_by_class_and_by_split(tmp_path):
    lay(
        tmp_path,
        {"train/a.txt": "one\ntwo\ntwo\n", "train/b.txt": "two\nfour\n", "test/b.txt": "four\nfive\n"},
    )
    notes = read_texts(tmp_path).notes
    assert "3 texts repeat another one, but for capitals and spaces." in notes
    assert (
        "1 text stands under more than one class: train/a.txt line 2 and train/b.txt line 1, for one."
        in notes
    )
    assert "1 text stands in both training and test." in notes
    assert "Classes with fewer than 5 training texts can hardly be learnt: 'a' (3), 'b' (2)." in notes


def test_numbers_as_classes_are_sorted_by_value(tmp_path):
    lay(tmp_path, {f"{i}.txt": "a\nb\n" for i in (10, 9, 1)})
    assert read_texts(tmp_path).classes == ("1", "9", "10")


def test_unlabelled_sources(tmp_path):
    lay(tmp_path, {"a.txt": "one\ntwo\n\nthree\n", "t.csv": "n,text\n1,one two three\n"})
    assert read_texts(tmp_path / "a.txt", labelled=False).texts == ("one\ntwo", "three")
    assert read_texts(tmp_path / "a.txt", labelled=False, unit="line").texts == ("one", "two", "three")
    table = read_texts(tmp_path / "t.csv", labelled=False)
    assert table.texts == ("one two three",)
    assert table.classes == ()
    assert table.labels.tolist() == [-1]
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    assert "read as Windows-1252" in read_texts(tmp_path / "a.txt", labelled=False).notes[1]


def test_bad_sources_are_refused(tmp_path):
    lay(tmp_path, {"one/a.txt": "one\ntwo\n", "empty/a/1.txt": " ", "empty/b/2.txt": "\n", "e.csv": ""})
    with pytest.raises(DataError, match="at least two classes; got only 'a'"):
        read_texts(tmp_path / "one")
    with pytest.raises(DataError, match=r"at least one text; got none in .*: a/1\.txt: it is empty"):
        read_texts(tmp_path / "empty")
    with pytest.raises(DataError, match="the empty file"):
        read_texts(tmp_path / "e.csv")
    with pytest.raises(DataError, match="an existing file"):
        read_texts(tmp_path / "gone")
    with pytest.raises(ArgumentError, match="no target or column for a folder"):
        read_texts(tmp_path / "one", target="label")
    with pytest.raises(ArgumentError, match="a unit 'auto'"):
        read_texts(tmp_path / "one", unit="word")


def test_classes_without_a_test_text_are_named(tmp_path):
    lay(tmp_path, {"train/a.txt": "1\n2", "train/b.txt": "3\n4", "train/c.txt": "5\n6", "test/b.txt": "7\n8"})
    assert (
        "Classes without a test text, about which nothing is measured: 'a', 'c'."
        in read_texts(tmp_path).notes
    )
    lay(tmp_path, {"test/a.txt": "9", "test/c.txt": "0"})
    assert not any("without a test text" in note for note in read_texts(tmp_path).notes)


def test_rows_that_say_nothing_are_training_where_there_is_a_test(tmp_path):
    lay(tmp_path, {"t.csv": "text,label,split\na b c,x,test\nA  B c,x,\nd e f,y,train\nd e f,y,train\n"})
    texts = read_texts(tmp_path / "t.csv", target="label", column="text")
    assert texts.given.tolist() == [1, -1, 0, 0]
    assert "1 text stands in both training and test." in texts.notes
    assert (texts.column, texts.unit) == ("text", "")


def test_texts_in_memory_are_cleaned_and_bounded():
    found = texts_of(["one\x0btwo", "", "12345678"], Limits(characters=7))
    assert (found.texts, found.names) == (("one two",), ("text 1",))
    assert [(each.name, each.reason) for each in found.rejected] == [
        ("text 2", "it is empty"),
        ("text 3", "it has 8 characters, more than 7"),
    ]
    with pytest.raises(DataError, match="at least one text; got none in 'the list'"):
        texts_of([])


def test_several_text_files_are_read_together(tmp_path):
    lay(tmp_path, {"a.txt": "one\n\ntwo", "b.MD": "three"})
    texts = read_texts([tmp_path / "a.txt", tmp_path / "b.MD"], labelled=False)
    assert texts.names == ("a.txt line 1", "a.txt line 3", "b.MD line 1")
    assert texts.notes == ("Each paragraph of the 2 files is a text.",)
    assert read_texts(tmp_path / "*.txt", labelled=False).names == ("a.txt line 1", "a.txt line 3")
    for name in ("x" * 5000, "~nobody knows/a.txt"):
        with pytest.raises(DataError, match=r"a file|existing file"):
            read_texts(name, labelled=False)


def test_texts_in_memory_with_labels_are_the_set_of_a_file(tmp_path):
    rows = [("it purrs", "1"), ("it barks", "0"), ("it barks", "0"), ("", "1")]
    lay(tmp_path, {"t.csv": "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)})
    file = read_texts(tmp_path / "t.csv", target="label", column="text")
    for texts, labels in (
        ([text for text, _ in rows], [int(label) for _, label in rows]),
        (np.array([text for text, _ in rows]), np.array([label for _, label in rows])),
    ):
        found = read_texts(texts, labels=labels)
        assert (found.texts, found.classes, found.labels.tolist()) == (
            file.texts, file.classes, file.labels.tolist(),
        )  # fmt: skip
        assert [each.reason for each in found.rejected] == ["it is empty"]
        assert "1 text repeats another one, but for capitals and spaces." in found.notes
    assert read_texts(np.array(["a", "b"]), labelled=False).texts == ("a", "b")


def test_a_frame_is_the_set_of_its_file(tmp_path):
    columns = {
        "id": [1.0, 2.0, 3.0],
        "said": ["it purrs a lot", "it barks a lot", None],
        "kind": ["b", "a", "b"],
    }
    rows = [
        ",".join("" if cell is None else str(cell) for cell in row)
        for row in zip(*columns.values(), strict=True)
    ]
    lay(tmp_path, {"t.csv": "\n".join([",".join(columns), *rows]) + "\n"})
    file = read_texts(tmp_path / "t.csv", target="kind")
    for frame in (
        columns,
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    ):
        found = read_texts(frame, target="kind")
        assert (found.texts, found.names, found.classes) == (file.texts, file.names, file.classes)
        assert (found.labels.tolist(), found.column, found.notes) == (
            file.labels.tolist(),
            "said",
            file.notes,
        )
        assert found.source == "memory"
        assert read_texts(frame, labelled=False, fitted="said").texts == file.texts


def test_texts_in_memory_without_labels_say_how_to_give_them(tmp_path):
    with pytest.raises(ArgumentError, match=r"labels of the texts; got none; .* labels=\[\.\.\.\]"):
        read_texts(np.array(["a cat", "a dog"]))
    for text in ("a cat", "is it a cat?", "long " * 1000):
        with pytest.raises(DataError, match="labels"):
            read_texts([text, text])
    with pytest.raises(ArgumentError, match=r"a list of paths, or texts .* got int; .* labels"):
        read_texts(3)
    with pytest.raises(DataError, match="a column of labels; got the columns 'text' in 'memory'"):
        read_texts({"text": ["a"]})
    with pytest.raises(ArgumentError, match="of a data frame, its column"):
        read_texts({"text": ["a"]}, labels=["x"])
    with pytest.raises(ArgumentError, match=r"texts in memory with labels; got 't\.csv'; .* target"):
        read_texts("t.csv", labels=["a"])
    with pytest.raises(DataError, match="at least two classes"):
        read_texts(["a", "b"], labels=["x", "x"])


def test_a_text_file_may_be_one_text(tmp_path):
    lay(tmp_path, {"a.txt": "one\n\ntwo", "b.txt": "three", "c/x.txt": "four"})
    found = read_texts([tmp_path / "a.txt", tmp_path / "b.txt"], labelled=False, unit="file")
    assert (found.texts, found.names) == (("one\n\ntwo", "three"), ("a.txt", "b.txt"))
    assert found.unit == "file"
    assert read_texts(tmp_path, labelled=False).unit == "file"


def test_the_first_bad_text_of_a_list_is_named():
    with pytest.raises(ArgumentError, match=r"got nan at place 1 \(from 0\)"):
        read_texts(["it purrs", float("nan")], labelled=False)


def test_what_is_no_text_to_predict_is_refused_without_a_word_on_labels(tmp_path):
    for source in (["it purrs", None], [b"it purrs"], (text for text in ["it purrs"])):
        with pytest.raises(
            ArgumentError, match=r"texts in memory; got .*; give texts as a list of strings, ''"
        ):
            read_texts(source, labelled=False)
    with pytest.raises(
        DataError, match=r"an existing file; got 'how it purrs'.* looked in .*; give texts as a"
    ):
        read_texts("how it purrs", labelled=False)
    with pytest.raises(DataError, match=r"an existing file; got .*looked in [^;]*$"):
        read_texts(tmp_path / "gone.csv")


def test_a_path_may_be_a_scalar_of_numpy(tmp_path):
    lay(tmp_path, {"a.txt": "one\n\ntwo"})
    assert read_texts(np.str_(tmp_path / "a.txt"), labelled=False).texts == ("one", "two")


@pytest.mark.parametrize(
    "files",
    [
        {"a/1.txt": "one", "b/2.txt": "two", "c/3.pdf": "three", "d/e/4.txt": " \n"},
        {"a.txt": "one", "b.txt": "two", "c.txt": " \n", "d.txt": "\x07\n"},
    ],
)
def test_classes_of_which_no_text_is_left_are_named(tmp_path, files):
    texts = read_texts(lay(tmp_path, files))
    assert texts.classes == ("a", "b")
    assert "Classes without a text, of which nothing is learnt: 'c', 'd'." in texts.notes
    listed = texts_of(["one", "two", "", " "], labels=["a", "b", "c", "d"])
    assert "Classes without a text, of which nothing is learnt: 'c', 'd'." in listed.notes
    full = texts_of(["one", "two"], labels=["a", "b"])
    assert not any("nothing is learnt" in note for note in full.notes)


def test_labels_are_cleaned_as_texts_are():
    found = texts_of(["one", "two", "three"], labels=["\x07", "cafe\u0301", "\x07 dog"])
    assert found.classes == ("caf\u00e9", "dog")
    assert [(each.name, each.reason) for each in found.rejected] == [("text 1", "it has no label")]
