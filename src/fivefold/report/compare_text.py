"""The finding of a comparison in one screen of a terminal: plain text, without colour."""

import textwrap
from typing import Any

from fivefold.report import numbers
from fivefold.report.record import entries, finite, mapping, sequence
from fivefold.report.terminal import WIDTH
from fivefold.report.text import clean, columns, pad, shorten

_MOST_METHODS, _MOST_PROBLEMS, _MOST_SENTENCES = 20, 12, 4


def render_comparison_text(record: dict[str, Any]) -> str:
    """Return the finding, a table of the methods and why they did as they did.

    Args:
        record: As for :func:`fivefold.report.compare_page.render_comparison`.

    Returns:
        Lines of at most 88 columns, ended by a newline; no control characters.

    >>> print(render_comparison_text({"headline": "newton wins."}), end="")
    newton wins.
    """
    record = mapping(record)
    blocks = [_wrapped(clean(record.get("headline"), 420) or "This record holds no comparison.")]
    profiles = mapping(record.get("profiles"))
    if entries(profiles.get("methods")):
        blocks.append(_profiles(entries(profiles.get("methods"))))
    problems = entries(record.get("problems"))[:_MOST_PROBLEMS]
    for problem in problems:
        if len(problems) > 1:
            name = clean(problem.get("name"), 60)
            blocks.append(_wrapped(f"{name}: {clean(problem.get('headline'), 300)}"))
        blocks.append(_table(entries(problem.get("methods"))[:_MOST_METHODS]))
        if len(problems) == 1:
            blocks.append(_why(problem))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    lines = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest)
    return [shorten(line, WIDTH) for line in lines]


def _table(methods: list[dict[str, Any]]) -> list[str]:
    if not methods:
        return []
    head = ("method", "ended", "gradients", "time", "F - lowest F")
    rows = [head]
    for method in methods:
        reached = mapping(method.get("reached"))
        solved = finite(reached.get("gradients")) is not None
        gap = finite(method.get("gap"))
        rows.append(
            (
                ("* " if method.get("won") is True else "  ") + clean(method.get("name"), 24),
                clean(method.get("status"), 16),
                numbers.number(reached.get("gradients")) if solved else "-",
                numbers.seconds(reached.get("seconds")) if solved else "-",
                "-" if gap is None else numbers.number(gap, 2),
            )
        )
    widths = [max(columns(row[i]) for row in rows) for i in range(len(head))]
    title = "gradients and time until solved (* quickest), and the gap at the end"
    lines = [
        "  ".join(pad(cell, widths[i], right=i >= 2) for i, cell in enumerate(row)).rstrip() for row in rows
    ]
    return [shorten(line, WIDTH) for line in (title, *lines)]


def _why(problem: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for method in entries(problem.get("methods"))[:_MOST_METHODS]:
        said = clean(method.get("verdict"), 500)
        if said:
            lines += _wrapped(f"{clean(method.get('name'), 24)}: {said}", "", "  ")
    told = sequence(mapping(problem.get("spectrum")).get("sentences"))[:_MOST_SENTENCES]
    texts = [text for item in told if (text := clean(item, 600))]
    return [*lines, *([""] if lines and texts else []), *_wrapped(" ".join(texts))]


def _profiles(methods: list[dict[str, Any]]) -> list[str]:
    rows = [("method", "solved", "area of the profile up to 4 times the best")]
    rows += [
        (
            clean(m.get("name"), 24),
            numbers.percent(m.get("solved"), 0),
            f"{numbers.number(m.get('area'), 2, keep=True)}  "
            f"{numbers.span(m.get('area_lower'), m.get('area_upper'), m.get('area'))}".rstrip(),
        )
        for m in methods[:_MOST_METHODS]
    ]
    widths = [max(columns(row[i]) for row in rows) for i in range(3)]
    return [
        shorten("  ".join(pad(c, widths[i], right=i == 1) for i, c in enumerate(row)).rstrip(), WIDTH)
        for row in rows
    ]
