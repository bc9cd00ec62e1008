"""One text file: encodings, bounds, damage, control characters."""

import gzip
import os
import unicodedata

import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.text.files import Limits, clean, read_text


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_unicode_files_are_read_by_their_marks(tmp_path, codec):
    text = "Grüße, 世界\nзначит\n" * 3
    (tmp_path / "a.txt").write_bytes(text.encode(codec))
    if codec == "utf-16-le":  # without a mark, zeros tell only where most letters are Latin
        text = "plain words " * 20
        (tmp_path / "a.txt").write_bytes(text.encode(codec))
    read, note = read_text(tmp_path / "a.txt", Limits())
    assert read == text
    assert (note is None) == codec.startswith("utf-8")


def test_western_bytes_are_read_and_said(tmp_path):
    (tmp_path / "a.txt").write_bytes("first\nGrüße – 5 €".encode("cp1252"))
    text, note = read_text(tmp_path / "a.txt", Limits())
    assert text == "first\nGrüße – 5 €"
    assert note == "line 2 holds the byte 0xfc, which is not UTF-8: the file is read as Windows-1252"


def test_gzip_is_unpacked_and_its_size_bounded(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"word " * 1000))
    assert read_text(path, Limits())[0] == "word " * 1000
    with pytest.raises(DataError, match="at most 4,999 bytes in a file"):
        read_text(path, Limits(bytes=4999))
    path.write_bytes(gzip.compress(b"word " * 1000)[:-9])
    with pytest.raises(DataError, match="a whole gzip file"):
        read_text(path, Limits())


def test_what_is_no_text_file_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\r\n\x00\x01\x02" + bytes(range(256)))
    with pytest.raises(DataError, match="a NUL byte in line"):
        read_text(tmp_path / "a.txt", Limits())
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="a device, pipe or folder"):
        read_text(tmp_path / "pipe.txt", Limits())
    with pytest.raises(DataError, match=r"a readable file 'gone\.txt'"):
        read_text(tmp_path / "gone.txt", Limits())


def test_a_damaged_mark_is_said(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfea\x00\x00\xd8")  # half of a surrogate pair
    with pytest.raises(DataError, match="text in utf-16"):
        read_text(tmp_path / "a.txt", Limits())


def test_unreadable_files_are_said(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("x")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fivefold.tasks.text.files.open_bytes", refuse)
    with pytest.raises(DataError, match=r"no permission to read 'a\.txt'"):
        read_text(tmp_path / "a.txt", Limits())


def test_cleaning_keeps_every_printable_letter_and_takes_every_control():
    every = "".join(map(chr, [*range(0x3000), 0xFEFF, *range(0x4E00, 0x4E80)]))
    text, taken = clean(every.replace("\r", ""))
    left = {letter for letter in text if unicodedata.category(letter) == "Cc"}
    assert left == {"\t", "\n"}
    assert taken == 65 - 3 + 1  # C0, DEL and C1, less tab, line feed and carriage return; and the mark U+FEFF
    assert text == unicodedata.normalize("NFC", text)
    assert "\u200d" in text  # the joiner that Indic and emoji sequences need
    assert clean("a\r\nb\rc") == ("a\nb\nc", 0)


def test_limits_below_one_are_refused():
    with pytest.raises(ArgumentError, match="limits of at least 1"):
        Limits(files=0)


def test_controls_between_words_do_not_glue_them_and_accents_compose_across_others():
    for control in "\x0b\x0c\x1c\x1d\x1e\x1f\x85":
        assert clean(f"one{control}two") == ("one two", 1)
    assert clean("e\x07\u0301") == ("\u00e9", 1)
