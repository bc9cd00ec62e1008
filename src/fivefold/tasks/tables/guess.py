"""Guess what a column holds from its name and its values, and say why.

Integer codes (zip codes, districts) are categories, unique keys are identifiers, sentences are text; whatever
could be read in another way is marked as uncertain, so that the user looks at it.
"""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from fivefold.tasks.images.endings import has_picture_ending
from fivefold.tasks.tables.convert import TOLERATED, boolean_words, format_number
from fivefold.tasks.tables.dates import DateForm, guess_date_form, parse_date
from fivefold.tasks.tables.figures import LARGEST_WHOLE, MISSING_WORDS, NumberForm, guess_number_form
from fivefold.tasks.tables.kinds import ColumnType, Kind, Physical
from fivefold.tasks.tables.table import Column, missing

MOST_RECORDED_LEVELS = 10_000
_CODE_WORDS = frozenset({
        "zip", "zipcode", "postcode", "postal", "postalcode", "plz", "fips", "code", "district",
        "region", "ward", "precinct", "tract", "county", "state", "province", "country", "city",
        "town", "borough", "neighborhood", "neighbourhood", "msa", "naics", "sic", "sku", "branch",
        "store", "shop", "dept", "department", "sector", "vendor", "brand", "category", "segment",
        "cluster", "group", "class", "type", "species", "label", "team", "school", "hospital",
        "station", "route", "zone", "division", "channel", "site", "warehouse"
})  # fmt: skip
_KEY_WORDS = frozenset({"id", "ids", "key", "uuid", "guid", "pk", "rowid", "identifier", "oid", "pid", "uid"})
_ROW_WORDS = frozenset(
    {"index", "id", "row", "rownum", "rownames", "rowid", "unnamed", "no", "nr", "obs", "column0"}
)
_TIME_WORDS = frozenset(
    {"year", "month", "day", "time", "t", "date", "week", "hour", "period", "epoch", "step", "minute"}
)
_LABEL_WORDS = frozenset({"class", "target", "label", "species", "category", "type", "diagnosis", "group"})


def words_of(name: str) -> list[str]:
    """The lower-case words of a column name.

    >>> words_of("PassengerId"), words_of("zip_code2"), words_of("yrBuilt")
    (['passenger', 'id'], ['zip', 'code'], ['yr', 'built'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+", spaced)]


def guess_column(name: str, column: Column, *, target: bool = False) -> ColumnType:
    """Guess one column's kind.

    Args:
        name: The column's name, which counts as evidence.
        column: The physical column, shape [rows].
        target: The column is to be predicted: then it is never an identifier or text, and it is always used.

    >>> guess_column("zipcode", np.array([98178.0, 98125.0] * 20)).kind
    <Kind.CATEGORY: 'category'>
    """
    known = column[~missing(column)]
    physical = _physical(column, known)
    if not len(known):
        return ColumnType(
            name, Kind.NUMBER, "every value is missing: nothing to learn", used=target, physical=physical
        )
    if physical is Physical.NUMBER:
        guess = _from_numbers(name, known.astype(np.float64), len(column), target)
    elif physical is Physical.BOOLEAN:
        guess = ColumnType(name, Kind.BOOLEAN, "true and false", physical=physical)
    elif physical is Physical.DATE:
        guess = ColumnType(name, Kind.DATE, "dates in the file", physical=physical)
    else:
        guess = _from_texts(name, Counter(known.tolist()), len(column), target)
    if len(known) == len(column) > 1 and bool(np.all(known == known[0])) and not target:
        shown = format_number(known[0]) if physical is Physical.NUMBER else str(known[0])
        return ColumnType(
            name, guess.kind, f"always {shown[:40]!r}: nothing to learn", True, False, physical,
            guess.levels, guess.number_form, guess.date_form,
        )  # fmt: skip
    return guess


def levels_of(column: Column) -> tuple[str, ...] | None:
    """The sorted levels of a category column of texts; None beyond 10,000.

    >>> levels_of(np.array(["b", "a", None, "b"], dtype=object))
    ('a', 'b')
    """
    levels = sorted(set(column[~missing(column)].tolist()))
    return tuple(levels) if len(levels) <= MOST_RECORDED_LEVELS else None


def _physical(column: Column, known: Column) -> Physical:
    if column.dtype.kind == "M":
        return Physical.DATE
    if column.dtype.kind == "f":
        return Physical.NUMBER
    return Physical.BOOLEAN if len(known) and isinstance(known[0], bool) else Physical.TEXT


def _from_numbers(name: str, known: NDArray[np.float64], rows: int, target: bool) -> ColumnType:
    finite = known[np.isfinite(known)]
    values = np.unique(finite)
    words = words_of(name)
    whole = bool(len(finite)) and bool(np.all(finite == np.floor(finite))) and len(finite) == len(known)
    number = Kind.NUMBER
    if not whole:
        return ColumnType(name, number, f"numbers, {len(values):,} different")
    low, high = int(values[0]), int(values[-1])
    span = f"whole numbers from {low} to {high}, {len(values):,} different"
    if set(values.tolist()) == {0.0, 1.0}:
        return ColumnType(name, Kind.BOOLEAN, "only 0 and 1")
    codes = tuple(sorted(format_number(v) for v in values)) if len(values) <= MOST_RECORDED_LEVELS else None
    if target:
        if (
            set(words) & _LABEL_WORDS
            and 2 <= len(values) <= 20
            and low in {0, 1}
            and high - low < len(values)
        ):
            reason = f"{span}, under a name for classes"
            return ColumnType(name, Kind.CATEGORY, reason, certain=False, levels=codes)
        return ColumnType(name, number, span, certain=len(values) > 12)
    if _is_row_number(known, rows):
        named = not words or bool(set(words) <= _ROW_WORDS)
        if named or not (set(words) & _TIME_WORDS or len(name) == 1 or re.fullmatch(r"[a-z]\d+", name)):
            return ColumnType(name, Kind.IDENTIFIER, "counts the rows", certain=named, used=False)
    if _looks_compact_date(words, values):
        return ColumnType(
            name, Kind.DATE, "whole numbers that read as yyyymmdd", certain=False, date_form=DateForm.COMPACT
        )
    unique = len(values) / len(known)
    key, code = bool(words) and words[-1] in _KEY_WORDS, bool(set(words) & _CODE_WORDS)
    if (key or code) and low >= 0:
        if unique > 0.9 and len(values) > 2:
            return ColumnType(
                name, Kind.IDENTIFIER, f"a key: {len(values):,} different in {rows:,} rows", used=False
            )
        if code or unique < 0.5:
            reason = f"{len(values):,} codes that repeat, under a name for codes"
            return ColumnType(name, Kind.CATEGORY, reason, certain=code and unique < 0.5, levels=codes)
        if key:
            return ColumnType(name, Kind.IDENTIFIER, f"a key, {span}", certain=False, used=False)
    few = len(values) <= 12
    return ColumnType(name, number, span + (": read in their order" if few else ""), certain=not few)


def _is_row_number(known: NDArray[np.float64], rows: int) -> bool:
    return len(known) == rows >= 20 and known[0] in {0.0, 1.0} and bool(np.all(np.diff(known) == 1.0))


def _looks_compact_date(words: list[str], values: NDArray[np.float64]) -> bool:
    if not set(words) & {"date", "day", "datum", "dt", "time"} or not (
        values[0] >= 19000101 and values[-1] < 21000101
    ):
        return False
    return all(parse_date(format_number(value), DateForm.COMPACT) is not None for value in values)


def _from_texts(name: str, counts: Counter[str], rows: int, target: bool) -> ColumnType:
    text = Physical.TEXT
    present = {value: n for value, n in counts.items() if value.strip().lower() not in MISSING_WORDS}
    total = sum(present.values())
    if not present:
        return ColumnType(
            name, Kind.NUMBER, "every value is missing: nothing to learn", used=target, physical=text
        )
    words = boolean_words(present)
    if words is not None and len(present) == 2:
        return ColumnType(
            name, Kind.BOOLEAN, f"only {words[0]!r} and {words[1]!r}", physical=text, levels=words
        )
    number = _number(name, present, total, rows)
    if number is not None:
        return number
    if (date := guess_date_form(present)) is not None:
        form, settled = date
        doubt = "" if settled else " (day and month cannot be told apart in any value)"
        reason = f"dates written {form.value}{doubt}"
        return ColumnType(name, Kind.DATE, reason, certain=settled, physical=text, date_form=form)
    distinct = len(counts)
    unique = distinct / sum(counts.values())
    length = sum(len(value.split()) * n for value, n in present.items()) / total
    levels = tuple(sorted(value.strip() for value in counts)) if distinct <= MOST_RECORDED_LEVELS else None
    category = ColumnType(name, Kind.CATEGORY, f"{distinct:,} different texts", physical=text, levels=levels)
    if target or distinct <= 2 or rows < 20:
        return category
    if unique > 0.5 and length >= 4:
        reason = f"sentences of {length:.0f} words on average, {distinct:,} different"
        return ColumnType(name, Kind.TEXT, reason, certain=length >= 6 or unique > 0.9, physical=text)
    if sum(map(has_picture_ending, counts)) > 0.5 * distinct:
        reason = (
            "names of picture files, which are not looked at (of a table without further columns they are)"
        )
        return ColumnType(name, Kind.IDENTIFIER, reason, certain=False, used=False, physical=text)
    if unique > 0.9:
        key = bool(set(words_of(name)) & (_KEY_WORDS | {"name", "title", "code", "ticket", "email", "phone"}))
        reason = f"almost every text occurs once ({distinct:,} different in {rows:,} rows)"
        return ColumnType(
            name, Kind.IDENTIFIER, reason, certain=key or length < 1.5, used=False, physical=text
        )
    sure = unique < 0.2
    return ColumnType(name, Kind.CATEGORY, category.reason, certain=sure, physical=text, levels=levels)


def _number(name: str, present: dict[str, int], total: int, rows: int) -> ColumnType | None:
    """The number type of texts, at most 1% of which are none; a key or code stays a text."""
    form = guess_number_form(present)
    if form is None:
        return None
    values = {text: form.parse(text) for text in present}
    bad = {text: n for text, n in present.items() if values[text] is None}
    if sum(bad.values()) > TOLERATED * total or len(bad) == len(present):
        return None
    plain = [text.strip() for text in present if text.strip().isdigit()]
    if any(len(text) > 1 and text[0] == "0" for text in plain):
        return None
    if plain and max(int(text[:400]) for text in plain) > LARGEST_WHOLE:
        return None
    reason = "numbers" + (f" written {form.describe()}" if form != NumberForm() else "")
    if bad:
        example = max(bad, key=lambda text: bad[text])
        reason += f"; {sum(bad.values()):,} cells are no number, as {example[:40]!r}, and are read as missing"
    sure = not bad and not form.ambiguous
    return ColumnType(name, Kind.NUMBER, reason, certain=sure, physical=Physical.TEXT, number_form=form)
