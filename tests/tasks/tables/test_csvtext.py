"""The outside of a CSV file: encoding, delimiter, header."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.core import DataError
from fivefold.tasks.tables.csvtext import _records, inspect_csv, unique_names, write_utf8
from fivefold.tasks.tables.read import read

cells = st.text(st.characters(codec="ascii", exclude_characters="\r\x00"), max_size=6)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_records_agree_with_the_standard_reader(rows, delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    assert _records(out.getvalue(), delimiter, 100) == rows


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("a,b\nx;y,z\nu,w;v\n", ","),
        ("a\tb\n1,2\t3\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('"a;b","c"\n"1;2","3"\n', ","),
        ('a,b\n"x,y\nz",1\n', ","),
        ("alone\n1\n2\n", ","),
    ],
)
def test_delimiters(tmp_path, text, delimiter):
    (tmp_path / "t.csv").write_text(text)
    assert inspect_csv(tmp_path / "t.csv").delimiter == delimiter


def test_tabs_win_in_tsv(tmp_path):
    (tmp_path / "t.tsv").write_text("a,b\tc,d\n1,2\t3,4\n")
    assert inspect_csv(tmp_path / "t.tsv").names == ("a,b", "c,d")


@given(st.lists(st.text(max_size=3), min_size=1, max_size=8))
def test_names_become_unique_in_the_sense_of_sql(names):
    unique, notes = unique_names(names)
    assert len({name.lower() for name in unique}) == len(names)
    assert len(notes) == sum(a != b for a, b in zip(names, unique, strict=True))
    assert all(unique)


def test_a_new_name_does_not_take_an_old_one():
    assert unique_names(["a", "a", "a_1", "column4", ""])[0] == ("a", "a_2", "a_1", "column4", "column4_1")


def test_too_many_columns_and_too_much_text_are_refused(tmp_path, monkeypatch):
    from fivefold.tasks.tables import csvtext

    (tmp_path / "a.csv").write_text("x,y,z\n1,2,3\n")
    monkeypatch.setattr(csvtext, "MOST_COLUMNS", 2)
    with pytest.raises(DataError, match="at most 2 columns"):
        read(tmp_path / "a.csv")
    monkeypatch.setattr(csvtext, "LARGEST_RECODED", 3)
    with pytest.raises(DataError, match="save the file as UTF-8"):
        write_utf8(tmp_path / "a.csv", "latin-1", tmp_path / "out")


@pytest.mark.parametrize("letter", ["é", "€", "\x81"])
def test_letters_of_one_byte(tmp_path, letter):
    raw = letter.encode("latin-1" if letter == "\x81" else "cp1252")
    (tmp_path / "t.csv").write_bytes(b"x,y\n1,ab\n2," + raw + b"\n")
    table = read(tmp_path / "t.csv")
    assert table.column("y").tolist() == ["ab", letter]
    assert f"line 3 holds the byte 0x{raw[0]:02x}" in table.notes[0]


def test_a_western_letter_that_ends_the_file_is_no_half_of_a_utf8_letter(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"x,y\n1,ab\n2,caf\xe9")
    table = read(tmp_path / "t.csv")
    assert table.column("y").tolist() == ["ab", "caf\u00e9"]
    assert "line 3 holds the byte 0xe9" in table.notes[0]


def test_a_letter_cut_by_a_block_is_still_utf8(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"x,y\n1," + b"a" * (4096 - 7) + "é".encode() + b"\n")
    assert read(tmp_path / "t.csv").notes == ()


def test_broken_utf16_is_an_error(tmp_path):
    (tmp_path / "t.csv").write_bytes("x,y\n1,2\n".encode("utf-16") + b"\x00\xd8\x00")
    with pytest.raises(DataError, match="utf-16"):
        read(tmp_path / "t.csv")


def test_utf16_without_its_mark(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be"):
        (tmp_path / "t.csv").write_bytes("x,y\n1,Ä\n".encode(encoding))
        table = read(tmp_path / "t.csv")
        assert table.column("y").tolist() == ["Ä"]
        assert "without its mark" in table.notes[0]
