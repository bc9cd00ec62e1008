"""Bad input, one function per item: each writes a file that a user could have, and says what must come of it.

``CASES`` is the registry. Tests in this folder that take an argument ``case`` run once for each of its
members (see ``conftest.py``); ``case.stage`` says where the outcome must show: when the file is read, when it
is typed and fitted, or when a later file is predicted from.
"""

import codecs
import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

Writer = Callable[[Path], Path]
CASES: list["Case"] = []
ROWS = 120


class Case(NamedTuple):
    """What a file is and what must come of it.

    ``words`` must all occur in the error, in a note, or in a finding, without regard to case. ``error`` is
    the class of the error, or None where the fit must succeed and say something. ``write`` puts the training
    file into a folder and returns its path (or a path that does not exist); ``new`` does so for prediction.
    """

    name: str
    write: Writer
    stage: str
    error: str | None
    words: tuple[str, ...]
    target: str = "y"
    new: Writer | None = None


def case(stage: str, error: str | None, *words: str, target: str = "y") -> Callable[[Writer], Writer]:
    """Register a writer."""

    def register(write: Writer) -> Writer:
        CASES.append(Case(write.__name__, write, stage, error, words, target))
        return write

    return register


def predicted(error: str | None, *words: str, train: Writer | None = None) -> Callable[[Writer], Writer]:
    """Register a writer of the rows to predict for a model of :func:`ordinary`, or of ``train``."""

    def register(write: Writer) -> Writer:
        CASES.append(Case(write.__name__, train or ordinary, "predict", error, words, "y", write))
        return write

    return register


def columns(rows: int = ROWS, seed: int = 0) -> dict[str, list[object]]:
    """A harmless table: two numbers, a category with three levels, and a noisy target."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    place = rng.integers(3, size=rows)
    y = 2 * a - b + place + 0.3 * rng.normal(size=rows)
    town = [["Ulm", "Bonn", "Kiel"][i] for i in place]
    return {"a": a.round(4).tolist(), "b": b.round(4).tolist(), "town": town, "y": y.round(4).tolist()}


def csv(path: Path, table: dict[str, list[object]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Write columns as CSV with quotes where they are needed."""

    def cell(value: object) -> str:
        text = "" if value is None else str(value)
        special = any(mark in text for mark in (delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if special else text

    lines = [delimiter.join(map(cell, table))]
    lines += [delimiter.join(map(cell, row)) for row in zip(*table.values(), strict=True)]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def ordinary(folder: Path) -> Path:
    """No fault at all."""
    return csv(folder / "ordinary.csv", columns())


# --- the file -----------------------------------------------------------------------------------------------


@case("read", "DataError", "existing file", "no.csv")
def missing_file(folder: Path) -> Path:
    return folder / "no.csv"


@case("read", "DataError", "file", "folder.csv")
def directory(folder: Path) -> Path:
    (folder / "folder.csv").mkdir()
    return folder / "folder.csv"


@case("read", "DataError", "local file", "nothing is fetched")
def network_address(folder: Path) -> Path:
    return Path("https://example.invalid/prices.csv")


@case("read", "DataError", "empty")
def empty_file(folder: Path) -> Path:
    (folder / "empty.csv").write_bytes(b"")
    return folder / "empty.csv"


@case("read", "DataError", "empty")
def blank_file(folder: Path) -> Path:
    (folder / "blank.csv").write_bytes(b"\n \n\t\n")
    return folder / "blank.csv"


@case("read", "DataError", "rows", "no row")
def header_only(folder: Path) -> Path:
    (folder / "header.csv").write_text("a,b,y\n")
    return folder / "header.csv"


@case("read", "DataError", "column names", "header")
def no_header(folder: Path) -> Path:
    (folder / "numbers.csv").write_text("1,2,3\n4,5,6\n")
    return folder / "numbers.csv"


@case("read", "DataError", "line 4", "cells")
def ragged_row(folder: Path) -> Path:
    (folder / "ragged.csv").write_text("a,y\n1,2\n3,4\n5,6,7\n8,9\n")
    return folder / "ragged.csv"


@case("read", "DataError", "quote", "line 3")
def open_quote(folder: Path) -> Path:
    (folder / "quote.csv").write_text('a,y\n1,2\n"3,4\n5,6\n')
    return folder / "quote.csv"


@case("read", "DataError", "separated by ':'")
def unknown_delimiter(folder: Path) -> Path:
    (folder / "colon.csv").write_text("a:y\n1:2\n3:4\n")
    return folder / "colon.csv"


@case("read", "DataError", "separated by spaces")
def spaces_for_columns(folder: Path) -> Path:
    (folder / "spaces.txt").write_text("a   y\n1   2\n3  4\n")
    return folder / "spaces.txt"


@case("fit", None)
def semicolons_in_csv(folder: Path) -> Path:
    return csv(folder / "semicolons.csv", columns(), delimiter=";")


@case("fit", None, "windows-1252", "0xfc")
def latin_letters(folder: Path) -> Path:
    table = columns()
    table["town"] = ["Tübingen" if town == "Ulm" else town for town in table["town"]]
    return csv(folder / "latin.csv", table, encoding="cp1252")


@case("fit", None, "utf-16")
def utf16(folder: Path) -> Path:
    return csv(folder / "wide.csv", columns(), delimiter="\t", encoding="utf-16")


@case("fit", None)
def byte_order_mark(folder: Path) -> Path:
    path = csv(folder / "mark.csv", columns())
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    return path


@case("fit", None)
def mixed_line_ends(folder: Path) -> Path:
    path = csv(folder / "ends.csv", columns())
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + (b"\r\n" if i % 2 else b"\n") for i, line in enumerate(lines)))
    return path


@case("read", "DataError", "NUL", "line 3")
def nul_bytes(folder: Path) -> Path:
    (folder / "nul.csv").write_bytes(b"a,y\n1,2\n3\x00,4\n")
    return folder / "nul.csv"


@case("read", "DataError", "spreadsheet", "save it as CSV")
def spreadsheet(folder: Path) -> Path:
    (folder / "book.csv").write_bytes(b"PK\x03\x04" + bytes(100))
    return folder / "book.csv"


@case("read", "DataError", "pickle")
def pickle_file(folder: Path) -> Path:
    (folder / "frame.csv").write_bytes(b"\x80\x04\x95" + bytes(100))
    return folder / "frame.csv"


@case("read", "DataError", "lines of at most")
def endless_line(folder: Path) -> Path:
    (folder / "endless.csv").write_bytes(b"a,y\n1,2\n3," + b"z" * 17_000_000 + b"\n")
    return folder / "endless.csv"


@case("fit", None)
def huge_cell(folder: Path) -> Path:
    table = columns()
    table["note"] = ["x" * 3_000_000, *["short"] * (ROWS - 1)]
    return csv(folder / "huge.csv", table)


@case("read", "DataError", "whole parquet")
def truncated_parquet(folder: Path) -> Path:
    path = _parquet(folder / "cut.parquet")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@case("read", "DataError", "readable file")
def damaged_parquet(folder: Path) -> Path:
    path = _parquet(folder / "hole.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + whole[-300:])
    return path


@case("read", "DataError", "does not begin like one")
def csv_named_parquet(folder: Path) -> Path:
    return csv(folder / "named.parquet", columns())


@case("read", "DataError", "whole gzip")
def truncated_gzip(folder: Path) -> Path:
    whole = gzip.compress(csv(folder / "t.csv", columns()).read_bytes())
    (folder / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    return folder / "t.csv.gz"


@case("read", "DataError", "json", "unexpected end")
def broken_json(folder: Path) -> Path:
    (folder / "broken.json").write_text('{"a": 1, "y": 2}\n{"a": 3, "y": \n')
    return folder / "broken.json"


@case("read", "DataError", "'tags'", "exclude")
def nested_lists(folder: Path) -> Path:
    (folder / "nested.json").write_text('[{"tags": [1, 2], "y": 2}, {"tags": [3], "y": 4}]')
    return folder / "nested.json"


@case("read", "DataError", "'picture'", "BLOB")
def blobs(folder: Path) -> Path:
    import duckdb

    path = folder / "blobs.parquet"
    with duckdb.connect() as con:
        con.execute(f"copy (select 1 as y, 'ab'::blob as picture) to '{path}' (format parquet)")
    return path


def _parquet(path: Path) -> Path:
    import duckdb

    with duckdb.connect() as con:
        con.execute(
            f"copy (select range as a, range * 2.5 as y from range(5000)) to '{path}' (format parquet)"
        )
    return path


# --- names --------------------------------------------------------------------------------------------------


@case("fit", None)
def hostile_column_names(folder: Path) -> Path:
    table = columns()
    names = ["<script>alert(1)</script>", '=HYPERLINK("x")', "a/../../b", 'it\'s "quoted"']
    extra = dict.fromkeys(names, table["b"])
    return csv(folder / "names.csv", {**table, **extra})


@case("fit", None)
def control_characters(folder: Path) -> Path:
    table = columns()
    table["town"] = ["\x1b[31mUlm\x07" if town == "Ulm" else town for town in table["town"]]
    return csv(folder / "control.csv", {**table, "bell\x07\x1b[2J": table["b"]})


@case("fit", None)
def hostile_cells(folder: Path) -> Path:
    table = columns()
    hostile = {
        "Ulm": "<img src=x onerror=alert(1)>",
        "Bonn": "=1+cmd|' /C calc'!A0",
        "Kiel": "../../etc/passwd",
    }
    table["town"] = [hostile[str(town)] for town in table["town"]]
    return csv(folder / "cells.csv", table)


@case("fit", None)
def hostile_file_name(folder: Path) -> Path:
    return csv(folder / "q'; drop table data; -- [*]?<b>.csv", columns())


@case("fit", None, "named 'a' like another one", "'a_1'")
def duplicate_names(folder: Path) -> Path:
    path = csv(folder / "twice.csv", {**columns(), "A2": columns()["b"]})
    path.write_text(path.read_text().replace("A2", "a", 1))
    return path


@case("fit", None, "has no name")
def empty_name(folder: Path) -> Path:
    return csv(folder / "unnamed.csv", {"": list(range(ROWS)), **columns()})


@case("fit", "DataError", "a column named 'yy'", "did you mean", target="yy")
def no_such_column(folder: Path) -> Path:
    table = columns()
    return csv(folder / "named.csv", {**table, "yyy": table["y"]})


# --- the target ---------------------------------------------------------------------------------------------


@case("fit", "DataError", "rows")
def one_row(folder: Path) -> Path:
    return csv(folder / "one.csv", columns(1))


@case("fit", "DataError", "at least two values", "always")
def constant_target(folder: Path) -> Path:
    return csv(folder / "constant.csv", {**columns(), "y": [7] * ROWS})


@case("fit", "DataError", "target", "missing")
def missing_target(folder: Path) -> Path:
    return csv(folder / "nothing.csv", {**columns(), "y": [None] * ROWS})


@case("fit", None, "20", "rows have no y")
def some_targets_missing(folder: Path) -> Path:
    table = columns()
    return csv(folder / "some.csv", {**table, "y": [None] * 20 + table["y"][20:]})


@case("fit", "DataError", "finite numbers", "'y'")
def infinite_target(folder: Path) -> Path:
    table = columns()
    return csv(folder / "infinite.csv", {**table, "y": ["inf", *table["y"][1:]]})


# --- the columns --------------------------------------------------------------------------------------------


@case("fit", None, "'cents'", "copy of the target")
def copy_of_target(folder: Path) -> Path:
    table = columns()
    return csv(folder / "copy.csv", {**table, "cents": [100 * float(str(v)) for v in table["y"]]})


@case("fit", None, "'score'", "monotone copy of the target")
def monotone_copy_of_target(folder: Path) -> Path:
    table = columns()
    return csv(folder / "monotone.csv", {**table, "score": [math.exp(float(str(v))) for v in table["y"]]})


@case("fit", None, "'refund'", "missing", "target")
def gaps_give_target_away(folder: Path) -> Path:
    table = columns()
    sold = [i % 2 for i in range(ROWS)]
    refund = [None if s else round(i * 1.7, 1) for i, s in enumerate(sold)]
    return csv(folder / "gaps.csv", {**table, "refund": refund, "y": ["yes" if s else "no" for s in sold]})


@case("fit", None, "repeat an earlier one")
def duplicate_rows(folder: Path) -> Path:
    table = columns(ROWS // 2)
    return csv(folder / "duplicates.csv", {name: values * 2 for name, values in table.items()})


@case("fit", "DataError", "'a'", "infinite", "row 2", "--drop a")
def infinities(folder: Path) -> Path:
    table = columns()
    return csv(folder / "inf.csv", {**table, "a": [table["a"][0], "-inf", *table["a"][2:]]})


@case("fit", None, "'a'", "no number", "'unknowable'")
def mixed_types(folder: Path) -> Path:
    table = columns()
    return csv(folder / "mixed.csv", {**table, "a": [*table["a"][:-1], "unknowable"]})


@case("fit", None)
def identifiers(folder: Path) -> Path:
    table = columns()
    keys = {
        "customer_id": [10_000 + 7 * i for i in range(ROWS)],
        "token": [f"k{i:05d}x" for i in range(ROWS)],
    }
    return csv(folder / "keys.csv", {**keys, **table})


@case("fit", None)
def more_columns_than_rows(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    wide: dict[str, list[object]] = {f"g{i}": rng.normal(size=40).round(4).tolist() for i in range(200)}
    return csv(folder / "wide.csv", {**wide, "y": rng.normal(size=40).round(4).tolist()})


@case("fit", None)
def ten_thousand_categories(folder: Path) -> Path:
    rows = 20_000
    table = columns(rows)
    return csv(folder / "many.csv", {**table, "town": [f"town {i % 10_000}" for i in range(rows)]})


@case("fit", None)
def all_missing_column(folder: Path) -> Path:
    return csv(folder / "hollow.csv", {**columns(), "hollow": [None] * ROWS, "same": [5] * ROWS})


# --- prediction ---------------------------------------------------------------------------------------------


@predicted(None, "'town'", "unseen", "'Mars'")
def unseen_category(folder: Path) -> Path:
    table = columns(30, seed=1)
    return csv(folder / "unseen.csv", {**table, "town": ["Mars"] * 30})


@predicted("DataError", "'b'", "columns")
def missing_column(folder: Path) -> Path:
    table = columns(30, seed=1)
    return csv(
        folder / "less.csv", {name: values for name, values in table.items() if name not in {"b", "y"}}
    )


@predicted(None, "'more'", "passed over")
def extra_column(folder: Path) -> Path:
    table = columns(30, seed=1)
    return csv(folder / "extra.csv", {**table, "more": table["a"]})


@predicted("DataError", "'a'", "30", "'blue'")
def words_for_numbers(folder: Path) -> Path:
    return csv(folder / "words.csv", {**columns(30, seed=1), "a": ["blue"] * 30})


@predicted(None, "'a'", "read as missing", "'blue'")
def one_word_for_a_number(folder: Path) -> Path:
    table = columns(300, seed=1)
    return csv(folder / "word.csv", {**table, "a": ["blue", *table["a"][1:]]})


@predicted(None, "'a'", "infinite", "read as missing")
def infinity_at_prediction(folder: Path) -> Path:
    table = columns(30, seed=1)
    return csv(folder / "later.csv", {**table, "a": ["inf", *table["a"][1:]]})
