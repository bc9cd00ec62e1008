"""Findings as plain JSON and back: what the child tells and the parent believes, within bounds."""

import json
import math
from dataclasses import asdict, fields
from typing import Any

from fivefold.diagnosis.finding import Finding, Picture, Place

MOST_FINDINGS = 100
MOST_NOTES = 50
MOST_CURVES = 8
MOST_POINTS = 400
LONGEST_TEXT = 4_000
LONGEST_LINE = 8 << 20


def to_plain(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON can hold it, with its place and its picture.

    Args:
        finding: Any finding.
    """
    record = asdict(finding)
    picture = record.get("picture")
    if picture is not None:
        curves = list(picture["curves"].items())[:MOST_CURVES]
        picture["curves"] = {str(name): _points(points) for name, points in curves}
    plain: dict[str, Any] = _bounded(record)
    return plain


def from_plain(record: Any) -> Finding | None:
    """Return the finding, or ``None`` where it is none.

    Args:
        record: What :func:`to_plain` gave, after a way through JSON; anything else is refused.

    >>> found = Finding("a.b", "t", "e", "low", "c", "f", place=Place("x.py", 3))
    >>> from_plain(json.loads(json.dumps(to_plain(found)))) == found
    True
    >>> from_plain({"code": 3}) is None
    True
    """
    if not isinstance(record, dict):
        return None
    texts = ("code", "title", "evidence", "confidence", "cause", "fix")
    if not all(isinstance(record.get(name), str) for name in texts):
        return None
    known = {each.name for each in fields(Finding)}
    values = {name: _tuples(value) for name, value in record.items() if name in known}
    try:
        place, picture = record.get("place"), record.get("picture")
        values["place"] = None if place is None else Place(str(place["path"]), int(place["line"]))
        if picture is not None:
            shape = {each.name for each in fields(Picture)}
            held = {
                name: _tuples(value) for name, value in picture.items() if name in shape and name != "curves"
            }
            curves = {str(n): tuple((float(x), float(y)) for x, y in c) for n, c in picture["curves"].items()}
            values["picture"] = Picture(**held, curves=curves)
        values["figures"] = {
            str(n): float(v) if isinstance(v, int | float) else tuple(int(i) for i in v)
            for n, v in record.get("figures", {}).items()
            if v is not None
        }
        return Finding(**values)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def read_line(line: bytes) -> dict[str, Any]:
    """Return what a line of JSON says; nothing where it is no object, or too long.

    Args:
        line: One line.

    >>> read_line(b'{"kind": "end"}'), read_line(b"[1]"), read_line(b"{")
    ({'kind': 'end'}, {}, {})
    """
    if len(line) > LONGEST_LINE:
        return {}
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _points(points: Any) -> list[list[float]]:
    finite = [[float(x), float(y)] for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return finite[:: math.ceil(len(finite) / MOST_POINTS)] if finite else []


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k)[:LONGEST_TEXT]: _bounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
