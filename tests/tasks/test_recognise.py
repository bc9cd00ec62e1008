"""Pictures and texts are told from tables without reading them whole."""

import gzip
import sys

import duckdb
import numpy as np
import pytest
from PIL import Image

from fivefold.core import DataError
from fivefold.tasks.fit import fit
from fivefold.tasks.recognise import kind_of


def test_folders_and_arrays_of_pictures_are_pictures(tmp_path):
    (tmp_path / "cats").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "cats" / "a.png")
    assert kind_of(tmp_path, None) == "pictures"
    assert kind_of(str(tmp_path), None) == "pictures"
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 9, 9), np.uint8), labels=np.arange(2))
    assert kind_of(tmp_path / "a.npz", None) == "pictures"


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "none", "a.parquet", "x" * 5000])
def test_tables_and_nothing_are_none(tmp_path, name):
    if len(name) < 100 and name != "none":
        (tmp_path / name).write_text("a,b\n1,2\n")
    assert kind_of(tmp_path / name, None) != "pictures"


def test_with_a_target_only_a_list_of_pictures_is_pictures(tmp_path):
    assert kind_of(tmp_path / "gone", "price") == "table"
    assert kind_of([tmp_path], None) != "pictures"
    listed = "path,label,split\na/1.png,cat,train\na/2.png,dog,test\n"
    (tmp_path / "list.csv").write_text(listed)
    assert kind_of(tmp_path / "list.csv", "label") == "pictures"
    assert kind_of(tmp_path / "list.csv", None) != "pictures"
    assert kind_of(tmp_path / "list.csv", "price") != "pictures"
    (tmp_path / "more.csv").write_text("path,label,price\na/1.png,cat,3\na/2.png,dog,4\n")
    assert kind_of(tmp_path / "more.csv", "label") != "pictures"
    (tmp_path / "plain.csv").write_text("x,label\n1,cat\n2,dog\n")
    assert kind_of(tmp_path / "plain.csv", "label") != "pictures"
    (tmp_path / "broken.csv").write_bytes(b"")
    assert kind_of(tmp_path / "broken.csv", "label") != "pictures"


LONG = "it was not the best of times at all"


def test_a_folder_of_text_files_is_texts(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("hello")
    assert kind_of(tmp_path, None) == "texts"
    (tmp_path / "1.csv").write_text("x")
    (tmp_path / "2.csv").write_text("x")
    assert kind_of(tmp_path, None) != "texts"
    assert kind_of(tmp_path, "y") != "texts"


@pytest.mark.parametrize(("header", "row", "expected"), [
    ("said,topic", f'"{LONG}",a', True),
    ("said,topic,split", f'"{LONG}",a,train', True),
    ("said,topic,price", f'"{LONG}",a,3', False),
    ("name,topic", "Anna B,a", False),
    ("x,topic", "3,a", False),
    ("said,other", f'"{LONG}",a', False),
    ("said,topic,usage", f'"{LONG}",a,1.5', False),
    ("said,topic,set", f'"{LONG}",a,city', False),
    ("said,topic,set", f'"{LONG}",a,validation', True),
])  # fmt: skip
def test_only_a_table_of_texts_and_labels_is_texts(tmp_path, header, row, expected):
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n{row}\n")
    assert (kind_of(tmp_path / "t.csv", "topic") == "texts") is expected


@pytest.mark.parametrize(("values", "expected"), [
    ([1, 2, 3, 4, 5], "texts"),
    ([1, 2, "", 4, 5], "texts"),
    ([1, 2, 3, 4, 5.5], "table"),
    (list(range(100)), "table"),
    ([f"c{i}" for i in range(100)], "texts"),
])  # fmt: skip
def test_of_numbers_only_those_that_come_again_are_classes(tmp_path, values, expected):
    """Wherever the number stands that tells: far below the rows that tell the columns."""
    stars = [1] * 60 + values * (300 // max(len(values), 75))
    rows = "".join(f'"{LONG}",{value}\n' for value in stars)
    (tmp_path / "t.csv").write_text("text,stars\n" + rows)
    assert kind_of(tmp_path / "t.csv", "stars") == expected


@pytest.mark.parametrize(("text", "kind"), [
    ("\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b", "texts"),
    ("\u3053\u306e\u6620\u753b\u306f\u9762\u767d\u3044", "texts"),
    ("\u0e09\u0e31\u0e19\u0e0a\u0e2d\u0e1a" * 4, "texts"),
    ("\u5317\u4eac", "table"),
    ("photos/2024-01-02/cat_1.tiff.bak", "table"),
])  # fmt: skip
def test_texts_without_spaces_are_texts(tmp_path, text, kind):
    rows = "".join(f"{text},{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("said,topic\n" + rows, encoding="utf-8")
    assert kind_of(tmp_path / "t.csv", "topic") == kind


def test_a_folder_of_texts_without_endings_is_texts(tmp_path):
    for name in ("alt.atheism", "sci.space"):
        (tmp_path / "news" / name).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "news" / name / f"{51 + number}").write_text(LONG)
    assert kind_of(tmp_path / "news", None) == "texts"
    (tmp_path / "raw").mkdir()
    for number in range(5):
        (tmp_path / "raw" / f"{number}").write_bytes(b"\x00\x01" * 50)
    assert kind_of(tmp_path / "raw", None) != "texts"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md.gz").write_bytes(gzip.compress(b"hello"))
    assert kind_of(tmp_path / "notes", None) == "texts"


def test_broken_tables_hold_no_texts(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"")
    assert kind_of(tmp_path / "t.csv", "y") != "texts"
    assert kind_of(tmp_path / "none", None) != "texts"
    assert kind_of(["a"], None) != "texts"
    assert kind_of("x" * 5000, None) != "texts"


def test_the_rows_of_a_table_with_several_columns_are_not_read(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n")
    monkeypatch.setattr("fivefold.tasks.tables.read.loaded", None)  # whoever reads, fails
    assert kind_of(tmp_path / "t.csv", "y") == "table"


@pytest.mark.parametrize(("target", "kind"), [("1", "texts"), ("good", "texts"), ("12.5", "table")])
def test_texts_with_a_number_that_is_not_whole_are_a_table(tmp_path, target, kind):
    rows = [f"a text of more than five words {i},{target if i % 2 else 3}" for i in range(40)]
    (tmp_path / "t.csv").write_text("text,y\n" + "\n".join(rows) + "\n")
    assert kind_of(tmp_path / "t.csv", "y") == kind


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv.gz", gzip.compress(b"a,b,y\n1,2,3\n" * 999, mtime=0)[:-9]),
        ("b.csv.gz", gzip.compress(b"a,b,y\n1,2,3\n", mtime=0)[:12] + b"\xff" * 40),
        ("c.parquet", b"PAR1 and then nothing of a table PAR1"),
        ("d.csv", b"\xff\xfe\xfa\n"),
    ],
    ids=["ends early", "damaged", "no parquet", "no text"],
)
def test_of_a_damaged_table_the_reader_of_tables_speaks(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert kind_of(tmp_path / name, "y") == "table"


def test_without_pyarrow_the_rows_are_asked(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n")
    path = tmp_path / "t.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a, 2 AS b, 3 AS y) TO '{path}' (FORMAT parquet)")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert kind_of(path, "y") == "table"


@pytest.mark.parametrize("target", [None, "y"])
def test_the_home_of_nobody_is_no_table_and_no_crash(target):
    assert kind_of("~nobody of that name/x.csv", target) == "table"
    with pytest.raises(DataError, match="an existing file"):
        fit("~nobody of that name/x.csv", "y")


def test_a_header_that_is_not_utf8_is_left_to_the_reader_of_tables(tmp_path):
    rows = "".join(f"{LONG},a\n" for _ in range(9))
    (tmp_path / "t.csv").write_bytes(f"said,th\xe8me\n{rows}".encode("latin-1"))
    assert kind_of(tmp_path / "t.csv", "th\xe8me") == "texts"


def test_a_letter_cut_at_the_end_of_the_sample_is_no_other_encoding(tmp_path, monkeypatch):
    monkeypatch.setattr("fivefold.tasks.tables.csvtext.SAMPLE", 13)
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,\u00e9\u00e9\u00e9\n", encoding="utf-8")
    monkeypatch.setattr("fivefold.tasks.tables.read.loaded", None)  # whoever reads the rows, fails
    assert kind_of(tmp_path / "t.csv", "y") == "table"


@pytest.mark.parametrize(("texts", "kind"), [(4, "pictures"), (5, "texts")])
def test_pictures_with_texts_beside_them_stay_pictures(tmp_path, texts, kind):
    for i in range(10):
        (tmp_path / f"{i}.png").write_bytes(b"\x89PNG")
        for j in range(texts):
            (tmp_path / f"{i}.{j}.txt").write_text("a caption")
    assert kind_of(tmp_path, None) == kind


def test_a_target_does_not_make_a_folder_of_pictures_a_table(tmp_path):
    """So that the reader of pictures can say that folders are the classes."""
    (tmp_path / "cat").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "cat" / "a.png")
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 4, 4)), labels=np.arange(2))
    assert kind_of(tmp_path, "label") == "pictures"
    assert kind_of(tmp_path / "a.npz", "label") == "pictures"


@pytest.mark.parametrize(("columns", "kind"), [
    ({"said": [LONG] * 40, "topic": ["a", "b"] * 20}, "texts"),
    ({"said": [LONG] * 40, "topic": ["a", "b"] * 20, "split": ["train"] * 40}, "texts"),
    ({"said": [LONG] * 40, "topic": ["a", "b"] * 20, "price": [3.0] * 40}, "table"),
    ({"said": [LONG] * 40, "topic": [0.5, 1.0] * 20}, "table"),
    ({"path": ["a.png", "b.jpg"], "topic": ["a", "b"]}, "pictures"),
    ({"said": ["a", ["b"]], "topic": ["a", "b"]}, "table"),
    ({"said": [LONG], "other": ["a"]}, "table"),
])  # fmt: skip
def test_what_is_in_memory_is_what_its_file_would_be(columns, kind):
    assert kind_of(columns, "topic") == kind
    assert kind_of(columns, None) == "table"
    assert kind_of([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
                   "topic") == kind  # fmt: skip


def test_frames_of_others_are_known_by_their_columns(tmp_path):
    pandas = pytest.importorskip("pandas")
    columns = {"said": [LONG] * 40, "topic": ["a", "b"] * 20}
    assert kind_of(pandas.DataFrame(columns), "topic") == "texts"
    assert kind_of(np.zeros((4, 2)), "topic") == "table"


def test_a_wide_frame_is_not_converted_to_be_recognised(monkeypatch):
    monkeypatch.setattr("fivefold.tasks.tables.read.from_frame", None)  # whoever converts, fails
    assert kind_of({"a": [1], "b": [2], "y": [3]}, "y") == "table"
