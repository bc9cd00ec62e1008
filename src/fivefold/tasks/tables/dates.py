"""Dates in text: the order of day, month and year decided by the values that settle it.

The calendar is the proleptic Gregorian one of ISO 8601; a time with a zone is moved to UTC.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import numpy as np

from fivefold.tasks.tables.figures import MISSING_WORDS

_TIME = (
    r"(?:[T ,]\s*(?P<hour>\d{1,2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+\-]\d{2}:?\d{2}|[+\-]\d{2})?)?"
)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?"
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + _TIME)
_YEAR_LAST = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<then>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + _TIME
)
_COMPACT = re.compile(r"(?P<year>(?:1[6-9]|20|21)\d{2})(?P<month>\d{2})(?P<day>\d{2})" + _TIME)
_NAMED_DAY_FIRST = re.compile(
    _DAY + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]*" + _MONTH + r"[\s,-]*(?P<year>\d{4}|\d{2})" + _TIME
)
_NAMED_MONTH_FIRST = re.compile(
    _DAY + _MONTH + r"[\s-]*(?P<day>\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(?P<year>\d{4})" + _TIME
)


class DateForm(StrEnum):
    """The order in which a column writes its dates."""

    YEAR_FIRST = "year-month-day"
    DAY_FIRST = "day-month-year"
    MONTH_FIRST = "month-day-year"
    COMPACT = "yyyymmdd"
    NAMED = "month by name"


def _match(text: str, form: DateForm) -> tuple[re.Match[str], int, int, int] | None:
    """The match with year, month and day in this form."""
    if form is DateForm.YEAR_FIRST or form is DateForm.COMPACT:
        found = (_YEAR_FIRST if form is DateForm.YEAR_FIRST else _COMPACT).fullmatch(text)
        return (found, int(found["year"]), int(found["month"]), int(found["day"])) if found else None
    if form is DateForm.NAMED:
        found = _NAMED_DAY_FIRST.fullmatch(text) or _NAMED_MONTH_FIRST.fullmatch(text)
        if found is None or found["name"][:3].lower() not in _NAMES:
            return None
        return (
            found,
            _full_year(found["year"]),
            _NAMES.index(found["name"][:3].lower()) + 1,
            int(found["day"]),
        )
    found = _YEAR_LAST.fullmatch(text)
    if found is None:
        return None
    first, then = int(found["first"]), int(found["then"])
    day, month = (first, then) if form is DateForm.DAY_FIRST else (then, first)
    return found, _full_year(found["year"]), month, day


def _full_year(digits: str) -> int:
    """Two digits follow POSIX: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068."""
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= 69 else 2000)


def parse_date(text: str, form: DateForm) -> np.datetime64 | None:
    """One date, NaT for an empty cell or a word that means missing, None where the text is not in this form.

    Args:
        text: One cell.
        form: The order of the column.

    Returns:
        Microseconds since 1970 in UTC, as datetime64[us].

    >>> str(parse_date("13/10/2014 17:30", DateForm.DAY_FIRST))
    '2014-10-13T17:30:00.000000'
    >>> parse_date("13/10/2014", DateForm.MONTH_FIRST) is None
    True
    """
    text = text.strip()
    if not text or text.lower() in MISSING_WORDS:
        return np.datetime64("NaT", "us")
    found = _match(text, form)
    if found is None:
        return None
    match, year, month, day = found
    hour = int(match["hour"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    try:
        moment = datetime(year, month, day, hour, int(match["minute"] or 0), int(match["second"] or 0))
        moment += timedelta(microseconds=int((match["fraction"] or "0").ljust(6, "0")[:6]))
        zone = match["zone"]
        if zone and zone[0] in "+-":
            digits = zone[1:].replace(":", "").ljust(4, "0")
            offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            shift = timezone(-offset if zone[0] == "-" else offset)
            moment = moment.replace(tzinfo=shift).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return np.datetime64(moment, "us")


def guess_date_form(texts: Iterable[str]) -> tuple[DateForm, bool] | None:
    """The form in which all texts are dates, and whether the values settle it; None where there is none.

    Day and month are told apart by the values above 12. Where no value is, ``/`` is read as month first (the
    use of the United States, where most such files come from) and ``-`` or ``.`` as day first.

    Args:
        texts: Distinct cells.

    >>> guess_date_form(["03/04/2020", "25/04/2020"])
    (<DateForm.DAY_FIRST: 'day-month-year'>, True)
    >>> guess_date_form(["03/04/2020", "05/04/2020"])
    (<DateForm.MONTH_FIRST: 'month-day-year'>, False)
    """
    cells = [text.strip() for text in texts if text.strip() and text.strip().lower() not in MISSING_WORDS]
    if not cells:
        return None

    def holds(form: DateForm) -> bool:
        return all(parse_date(cell, form) is not None for cell in cells)

    for form in (DateForm.YEAR_FIRST, DateForm.COMPACT, DateForm.NAMED):
        if holds(form):
            return form, True
    if not all(_YEAR_LAST.fullmatch(cell) for cell in cells):
        return None
    day_first, month_first = holds(DateForm.DAY_FIRST), holds(DateForm.MONTH_FIRST)
    if day_first and month_first:
        return (DateForm.MONTH_FIRST if "/" in cells[0] else DateForm.DAY_FIRST), False
    if day_first or month_first:
        return (DateForm.DAY_FIRST if day_first else DateForm.MONTH_FIRST), True
    return None
