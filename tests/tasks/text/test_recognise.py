"""Texts are told from tables without reading them whole."""

import pytest

from fivefold.tasks.text.recognise import is_texts

LONG = "it was not the best of times at all"


def test_a_folder_of_text_files_is_texts(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("hello")
    assert is_texts(tmp_path, None)
    (tmp_path / "1.csv").write_text("x")
    (tmp_path / "2.csv").write_text("x")
    assert not is_texts(tmp_path, None)
    assert not is_texts(tmp_path, "y")


@pytest.mark.parametrize(("header", "row", "expected"), [
    ("said,topic", f'"{LONG}",a', True),
    ("said,topic,split", f'"{LONG}",a,train', True),
    ("said,topic,price", f'"{LONG}",a,3', False),
    ("name,topic", "Anna B,a", False),
    ("x,topic", "3,a", False),
    ("said,other", f'"{LONG}",a', False),
])  # fmt: skip
def test_only_a_table_of_texts_and_labels_is_texts(tmp_path, header, row, expected):
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n{row}\n")
    assert is_texts(tmp_path / "t.csv", "topic") is expected


def test_nothing_and_broken_tables_are_none(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"")
    assert not is_texts(tmp_path / "t.csv", "y")
    assert not is_texts(tmp_path / "none", None)
    assert not is_texts(["a"], None)
    assert not is_texts("x" * 5000, None)
