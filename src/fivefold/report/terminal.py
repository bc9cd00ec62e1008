"""The finding of a fit in one screen of a terminal: plain text, without colour."""

import textwrap
from typing import Any

from fivefold.report import numbers
from fivefold.report.evidence import certificates, spent
from fivefold.report.finding import (
    headline,
    interval_name,
    key_numbers,
    lower_is_better,
    main_metric,
    measured,
    things,
    unit_of,
    value_of,
    warnings,
)
from fivefold.report.record import entries, finite, mapping
from fivefold.report.text import clean, columns, pad, shorten

WIDTH = 88
"""Longest line, in columns."""

_ORDER = ("chosen", "yardstick", "ridge", "constant")
_SCORES, _WARNINGS, _DRIVERS, _FAILED = 4, 3, 5, 2


def render_text(record: dict[str, Any]) -> str:
    """Return the finding, the scores, the certificates and the warnings in about 25 lines.

    Args:
        record: The plain record of a fit, as for :func:`fivefold.report.page.render`.

    Returns:
        Lines of at most 88 columns, ended by a newline; no control characters.

    >>> print(render_text({"headline": "Trees win.", "warnings": ["few rows"]}), end="")
    Trees win.
    <BLANKLINE>
    ! few rows
    """
    record = mapping(record)
    blocks = [
        _wrapped(headline(record)),
        _scores(record, "test", f"unseen {things(record)}", _SCORES),
        _scores(record, "groups", "unseen groups", 2),
        _promises(record),
        _warned(record),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    lines = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest)
    return [shorten(line, WIDTH) for line in lines]


def _scores(record: dict[str, Any], part: str, where: str, most: int) -> list[str]:
    section = mapping(record.get(part))
    metric = main_metric(section)
    unit = unit_of(record, section)
    found = []
    for score in entries(section.get("scores"))[:40]:
        cell = value_of(score, metric)
        if finite(cell.get("value")) is not None:
            role = str(score.get("role"))
            mark = "*" if role == "chosen" else " "
            rank = _ORDER.index(role) if role in _ORDER else 2
            name = clean(score.get("name"), 40).removeprefix("fivefold: ")
            found.append((rank, mark, name, *measured(metric, cell, unit)))
    if not found:
        return []
    found = sorted(found, key=lambda row: row[0])[:most]
    better = "lower" if lower_is_better(section, metric) else "higher"
    name_width = min(38, max(columns(row[2]) for row in found))
    value_width = min(22, max(columns(row[3]) for row in found))
    title = f"{metric} on {where}, {interval_name(section)} ({better} is better; * chosen)"
    return [shorten(title, WIDTH)] + [
        shorten(
            f"{mark} {pad(name, name_width)}  {pad(value, value_width, right=True)}  {span}".rstrip(), WIDTH
        )
        for _, mark, name, value, span in found
    ]


def _promises(record: dict[str, Any]) -> list[str]:
    lines = [
        shorten(f"{number.label}: {number.value} ({'; '.join(number.details)})", WIDTH)
        for number in key_numbers(record)
        if not number.error
    ]
    if entries(record.get("certificates")):
        found = certificates(record)
        lines += _wrapped(found["sentence"])
        failed = [row["claim"] for row in found["rows"] if row["tone"] == "bad"]
        lines += [shorten(f"  does not hold: {claim}", WIDTH) for claim in failed[:_FAILED]]
    tried = entries(record.get("candidates"))
    if tried:
        picked = next((clean(c.get("name"), 30) for c in tried if c.get("verdict") == "chosen"), "")
        text = f"{numbers.plural(len(tried), 'method')} considered"
        text += f" in {spent(record)}" if spent(record) else ""
        lines.append(shorten(f"{text}; chosen: {picked}" if picked else text, WIDTH))
    leading = [clean(d.get("name"), 24) for d in entries(record.get("drivers"))[:_DRIVERS]]
    if leading:
        lines.append(shorten(f"Driven most by: {', '.join(leading)}", WIDTH))
    return lines


def _warned(record: dict[str, Any]) -> list[str]:
    said, more = warnings(record)
    lines: list[str] = []
    for text in said[:_WARNINGS]:
        lines += _wrapped(shorten(text, 240), "! ", "  ")
    left = max(0, len(said) - _WARNINGS) + more
    if left:
        lines.append(f"! and {left:,} more in the report")
    return lines
