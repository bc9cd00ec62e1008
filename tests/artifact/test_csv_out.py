"""Predictions as CSV."""

import csv
import errno
import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.artifact import Bundle, CsvWriter, TextSink, load, save
from fivefold.artifact.csv_out import cells, text_cell
from fivefold.core import ArgumentError


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0"])
def test_text_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    (read,) = next(csv.reader(io.StringIO(text_cell(start + "cmd|' /C calc'!A0"), newline="")))
    assert read == "'" + start + "cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["-1", "+1", "-1.5e-3", "-.5", "+2."])
def test_text_that_is_a_number_stays(text: str) -> None:
    assert text_cell(text) == text


@pytest.mark.parametrize("text", ["-1-1", "-1e", "-", "+", "-1\n", "-\u0661", "--1", "-inf"])
def test_text_that_is_nearly_a_number_does_not(text: str) -> None:
    assert text_cell(text).lstrip('"').startswith("'")


def test_numbers_are_never_quoted() -> None:
    assert cells(np.array([-1.5, 1e-300, np.nan, np.inf])) == ["-1.5", "1e-300", "", "inf"]
    assert cells([-1, -2.5, np.float32(0.1), np.int64(-7), True, np.bool_(False), None, float("nan")]) == [
        "-1", "-2.5", "0.1", "-7", "true", "false", "", "",
    ]  # fmt: skip
    assert cells(np.array([0.1, np.nan], dtype=np.float32)) == ["0.1", ""]
    assert cells(np.array(["2020-01-02", "NaT"], dtype="datetime64[D]")) == ["2020-01-02", ""]


@given(st.lists(st.floats(), min_size=1))
def test_floats_read_back_to_the_same_bits(values: list[float]) -> None:
    back = [float(text) if text else float("nan") for text in cells(np.array(values))]
    np.testing.assert_array_equal(back, values)


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(_text, min_size=2, max_size=2))
def test_text_reads_back_but_for_the_apostrophe(row: list[str]) -> None:
    line = ",".join(text_cell(text) for text in row)
    (read,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    for text, back in zip(row, read, strict=True):
        assert back in (text, "'" + text)


def test_a_lone_surrogate_is_replaced() -> None:
    assert text_cell("a\ud800") == "a?"


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with TextSink(path) as sink:
        writer = CsvWriter(sink, ["prediction", "=set"])
        writer.write([np.array([1.0, 2.0]), ["a", "b,c"]])
        writer.write([np.array([]), []])
        writer.write([[3], ["d"]])
        assert path.read_text() == "old"
    assert path.read_bytes() == b'prediction,\'=set\n1.0,a\n2.0,"b,c"\n3,d\n'
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail() -> None:
        with TextSink(path) as sink:
            sink.write("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_full_disk_at_the_end_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full) if name == "fsync" else monkeypatch.setattr(Path, "replace", full)

    def write() -> None:
        with TextSink(path) as sink:
            sink.write("new")

    with pytest.raises(ArgumentError, match=r"No space left on device.*untouched"):
        write()
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_a_device_that_is_full_says_so() -> None:
    def write() -> None:
        with TextSink("/dev/full") as sink:
            sink.write("x" * 100_000)

    with pytest.raises(ArgumentError, match="No space left on device"):
        write()


def test_a_directory_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "a.csv"):
        with pytest.raises(ArgumentError, match=r"Is a directory|No such file"):
            TextSink(path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_a_saved_model_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "model", Bundle("demo", {}))
    for name in ("new.csv", "manifest.json"):
        with pytest.raises(ArgumentError, match="outside a saved model"):
            TextSink(tmp_path / "model" / name).__enter__()
    load(tmp_path / "model")


def test_a_pipe_is_written_to_as_the_rows_come(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with TextSink(pipe) as sink:
        sink.write("a\n")
    reader.join()
    assert read == ["a\n"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("path", [None, "-"])
def test_standard_output_is_flushed(path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    with TextSink(path) as sink:
        CsvWriter(sink, ["a"]).write([[1]])
    assert stream.getvalue() == "a\n1\n"
    assert stream.flushed == 2


def test_a_closed_reader_of_standard_output_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError), TextSink() as sink:
        sink.write("a")


@pytest.mark.parametrize("columns", [[[1]], [[1], [1, 2]], [[1], [2], [3]]])
def test_columns_that_do_not_fit_are_refused(
    columns: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    with TextSink() as sink, pytest.raises(ArgumentError, match="2 columns of equal length"):
        CsvWriter(sink, ["a", "b"]).write(columns)
    assert capsys.readouterr().out == "a,b\n"
