"""Bring a physical column to the form of its kind, at fit and again at prediction.

A cell that contradicts the kind is read as missing where at most one in a hundred does so, with a note; more
of them are an error that names the column, an example and the count.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.tables.dates import DateForm, guess_date_form, parse_date
from fivefold.tasks.tables.figures import NumberForm, guess_number_form
from fivefold.tasks.tables.kinds import ColumnType, Kind, Physical
from fivefold.tasks.tables.table import Column, missing

TOLERATED = 0.01
"""Share of the rows whose cells may contradict the kind and are then read as missing."""

LARGEST = 1e100
"""Numbers beyond this size are refused: sums of squares and of products must stay finite."""

_PAIRS = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("0", "1"), ("0.0", "1.0"))


def format_number(value: float) -> str:
    """The text of a number that stands for a category: whole numbers without a point.

    >>> format_number(98178.0), format_number(1.5)
    ('98178', '1.5')
    """
    return str(int(value)) if np.isfinite(value) and value == int(value) else repr(float(value))


def boolean_words(texts: Iterable[str]) -> tuple[str, str] | None:
    """The pair (false, true) to which these texts belong, in lower case.

    >>> boolean_words(["Yes", "no"])
    ('no', 'yes')
    """
    lower = {text.strip().lower() for text in texts}
    return next((pair for pair in _PAIRS if lower and lower <= set(pair)), None)


def convert(column: Column, kind: ColumnType, *, fitting: bool) -> tuple[Column, list[str]]:
    """The column in the form of its kind, and notes.

    Args:
        column: The physical column, shape [rows].
        kind: What it holds.
        fitting: At fit an infinity is an error; at prediction it is missing, with a note.

    Returns:
        number and boolean: float64, nan where missing. category and text: object array of str or None.
        date: datetime64[us], NaT where missing. Shape [rows].

    Raises:
        DataError: More than one cell in a hundred contradicts the kind; infinities at fit.

    >>> prices = np.array(["$5", "-"], dtype=object)
    >>> convert(prices, ColumnType("x", Kind.NUMBER, ""), fitting=True)[0].tolist()
    [5.0, nan]
    """
    notes: list[str] = []
    match kind.kind:
        case Kind.NUMBER:
            return _finite(_numbers(column, kind, notes), kind.name, fitting, notes), notes
        case Kind.BOOLEAN:
            return _booleans(column, kind, notes), notes
        case Kind.DATE:
            return _dates(column, kind, notes), notes
        case _:
            texts = _texts(column, kind)
            if kind.kind is Kind.CATEGORY and not fitting:
                _note_unseen(texts, kind, notes)
            return texts, notes


def _map_texts(
    column: Column, kind: ColumnType, parse: Callable[[str], Any], empty: Any, dtype: str, notes: list[str]
) -> NDArray[Any]:
    """Parse each distinct text once; what gives None is counted and becomes ``empty``."""
    parsed = {text: parse(text) for text in set(column.tolist()) if text is not None}
    bad = [text for text in column.tolist() if text is not None and parsed[text] is None]
    _refuse(kind, bad, len(column), notes)
    values = [empty if text is None or parsed[text] is None else parsed[text] for text in column.tolist()]
    return np.array(values, dtype=dtype)


def _refuse(kind: ColumnType, bad: list[Any], rows: int, notes: list[str]) -> None:
    if not bad:
        return
    example = repr(str(bad[0])[:60])
    if len(bad) > TOLERATED * rows:
        raise DataError(
            f"a {kind.kind.value} in every row of column {kind.name!r}",
            f"{len(bad):,} of {rows:,} cells that are none, as {example}",
            f"correct them, or give the column another kind: --types {kind.name}=category",
        )
    cells = "1 cell is" if len(bad) == 1 else f"{len(bad):,} cells are"
    notes.append(f"column {kind.name!r}: {cells} no {kind.kind.value}, as {example}: read as missing")


def _numbers(column: Column, kind: ColumnType, notes: list[str]) -> NDArray[np.float64]:
    if column.dtype.kind == "f":
        known = column[np.isfinite(column)]
        if kind.number_form is not None and kind.number_form.decimal == "," and bool(np.any(known % 1)):
            notes.append(
                f"column {kind.name!r} had a decimal comma in training and has a decimal point here: "
                "read as a point"
            )
        return column.astype(np.float64)
    if column.dtype.kind == "M":
        _refuse(kind, [str(value) for value in column[~missing(column)]], len(column), notes)
        return np.full(len(column), np.nan)
    known = column[~missing(column)]
    if len(known) and isinstance(known[0], bool):
        return np.array([np.nan if value is None else float(value) for value in column], dtype=np.float64)
    form = kind.number_form or guess_number_form(set(known.tolist())) or NumberForm()
    return _map_texts(column, kind, form.parse, np.nan, "float64", notes)


def _finite(column: NDArray[np.float64], name: str, fitting: bool, notes: list[str]) -> NDArray[np.float64]:
    beyond = np.abs(column) > LARGEST
    if not beyond.any():
        return column
    rows = ", ".join(str(row + 1) for row in np.flatnonzero(beyond)[:5])
    count = int(beyond.sum())
    what = "infinite" if np.isinf(column[beyond]).all() else "larger"
    values = "value" if count == 1 else "values"
    where = f"{count:,} {what} {values} (row {rows}{', …' if count > 5 else ''})"
    if fitting:
        raise DataError(
            f"finite numbers in column {name!r}, at most {LARGEST:g} in size",
            where,
            f"correct or rescale them, or leave the column out: --drop {name}",
        )
    notes.append(f"column {name!r}: {where} read as missing")
    return np.where(beyond, np.nan, column)


def _booleans(column: Column, kind: ColumnType, notes: list[str]) -> NDArray[np.float64]:
    pair = kind.levels or ("false", "true")
    pairs = (*_PAIRS, pair) if pair in _PAIRS else (pair,)
    accepted = {
        form: float(i) for words in pairs for i, word in enumerate(words) for form in (word.lower(), word)
    }

    def parse(value: Any) -> float | None:
        if isinstance(value, bool):
            return accepted.get(str(value).lower())
        text = format_number(value) if isinstance(value, float) else str(value).strip()
        if (
            text.lower() in {"", "na", "n/a", "nan", "null", "none", "?", "-"}
            and text.lower() not in accepted
        ):
            return float("nan")
        return accepted.get(text, accepted.get(text.lower()))

    if column.dtype.kind == "f":
        column = np.array([None if np.isnan(value) else float(value) for value in column], dtype=object)
    elif column.dtype.kind == "M":
        column = np.array([None if np.isnat(value) else str(value) for value in column], dtype=object)
    return _map_texts(column, kind, parse, np.nan, "float64", notes)


def _dates(column: Column, kind: ColumnType, notes: list[str]) -> NDArray[np.datetime64]:
    if column.dtype.kind == "M":
        return column.astype("datetime64[us]")
    if column.dtype.kind == "f":
        if kind.date_form is not DateForm.COMPACT and not np.isnan(column).all():
            _refuse(kind, [format_number(value) for value in column[~np.isnan(column)]], len(column), notes)
        texts = [None if np.isnan(value) else format_number(value) for value in column]
        column = np.array(texts, dtype=object)
    form = kind.date_form
    known = {str(text) for text in column[~missing(column)]}
    if form is None or (known and all(parse_date(text, form) is None for text in list(known)[:20])):
        # Another file may write the same dates in another way; only a form that all its cells share is taken.
        guess = guess_date_form(known)
        if guess is not None and (guess[1] or form is None):
            if form is not None or not guess[1]:
                notes.append(f"column {kind.name!r}: dates read as {guess[0].value}")
            form = guess[0]
    chosen = form or DateForm.YEAR_FIRST
    nat = np.datetime64("NaT", "us")
    return _map_texts(column, kind, lambda text: parse_date(str(text), chosen), nat, "datetime64[us]", notes)


def _texts(column: Column, kind: ColumnType) -> NDArray[Any]:
    """Texts; a whole number loses its point, so that 98178.0, 98178 and "98178" are one level."""
    out = np.empty(len(column), dtype=object)
    if column.dtype.kind == "f":
        values, inverse = np.unique(column, return_inverse=True)
        texts = np.array(
            [None if np.isnan(value) else format_number(value) for value in values], dtype=object
        )
        out[:] = texts[inverse] if len(values) else None
        return out
    if column.dtype.kind == "M":
        out[:] = [None if np.isnat(value) else str(value) for value in column.astype("datetime64[us]")]
        return out
    numeric = kind.physical is Physical.NUMBER
    mapped = {value: _level(value, numeric) for value in set(column.tolist()) if value is not None}
    out[:] = [None if value is None else mapped[value] for value in column.tolist()]
    return out


def _level(value: str | bool, numeric: bool) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.strip()
    if numeric:
        number = NumberForm().parse(text)
        if number is not None:
            return None if np.isnan(number) else format_number(number)
    return text or None


def _note_unseen(texts: NDArray[Any], kind: ColumnType, notes: list[str]) -> None:
    if kind.levels is None:
        return
    unseen = set(texts[~missing(texts)].tolist()) - set(kind.levels)
    if unseen:
        rows = sum(text in unseen for text in texts)
        example = sorted(unseen)[0][:60]
        where = "1 row holds" if rows == 1 else f"{rows:,} rows hold"
        what = "a level" if len(unseen) == 1 else f"{len(unseen):,} levels"
        notes.append(f"column {kind.name!r}: {where} {what} unseen in training, as {example!r}")
