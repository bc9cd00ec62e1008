"""The first section of the fit report: how good the model is on rows and groups that it has not seen."""

import math
from typing import Any

from fivefold.report import calibration_figures, figures, numbers
from fivefold.report.figures import Dot
from fivefold.report.finding import (
    interval_name,
    lower_is_better,
    measured,
    span_of_shares,
    things,
    unit_of,
    value_of,
)
from fivefold.report.record import entries, finite, first, mapping, sequence, whole
from fivefold.report.text import NAME, SENTENCE, clean

_MOST_SCORES, _MOST_METRICS, _MOST_GROUPS, _MOST_POINTS, _MOST_CLASSES, _MOST_DOTS = 12, 6, 40, 600, 12, 2_000

ROLES = {
    "chosen": ("blue", "o", "chosen"),
    "yardstick": ("orange", "s", "yardstick"),
    "ridge": ("green", "D", "ridge"),
    "other": ("purple", "^", ""),
    "constant": ("grey", "v", "constant"),
}
"""Colour, marker and badge of each role, in the order in which they are shown."""


def comparison(record: dict[str, Any], part: str) -> dict[str, Any] | None:
    """Return what the template needs to compare methods on ``"test"`` or ``"groups"``.

    Returns:
        ``None`` where the record has no such part; otherwise the sentences, the metrics, one row a method
        and the picture.
    """
    section = mapping(record.get(part))
    scores = entries(section.get("scores"))
    metrics = [text for item in sequence(section.get("metrics")) if (text := clean(item, NAME))]
    metrics = metrics[:_MOST_METRICS]
    sentence = clean(section.get("sentence"), SENTENCE)
    said = clean(mapping(section.get("paired")).get("sentence"), SENTENCE)
    view = {
        "sentence": sentence,
        "paired": said if said and said.casefold() not in sentence.casefold() else "",
        "column": clean(section.get("column"), NAME),
        "rows": [],
    }
    if not scores or not metrics:
        return view if sentence or said else None
    unit = unit_of(record, section)
    rows: list[dict[str, Any]] = []
    lines: list[Dot] = []
    shown, more = first(sorted(scores, key=_rank), _MOST_SCORES)
    for score in shown:
        said_role = str(score.get("role"))
        role = said_role if said_role in ROLES else "other"
        colour, marker, badge = ROLES[role]
        values = [value_of(score, metric) for metric in metrics]
        cells = [measured(metric, cell, unit) for metric, cell in zip(metrics, values, strict=True)]
        name = clean(score.get("name"), NAME).removeprefix("fivefold: ") or "(no name)"
        rows.append({"name": name, "badge": badge, "chosen": role == "chosen", "cells": cells})
        value, low, high = (finite(values[0].get(key)) for key in ("value", "low", "high"))
        lines.append(
            Dot(name, value, low, high, cells[0][0], colour, marker, role == "chosen", role == "constant")
        )
    better = {m: "lower is better" if lower_is_better(section, m) else "higher is better" for m in metrics}
    where = f"unseen {things(record)}" if part == "test" else "unseen groups"
    counted = whole(section.get("rows"))
    return view | {
        "interval": interval_name(section),
        "rows_text": numbers.plural(counted, things(record, one=True)) if counted else "",
        "metrics": [{"name": m, "better": better[m]} for m in metrics],
        "rows": rows,
        "more": more,
        "note": _unit_note(record, section),
        "arrows": figures.arrows(lines),
        "figure": figures.dots(
            f"scores-{part}",
            f"{metrics[0]} of each method on {where}",
            lines,
            f"{metrics[0]} on {where}, {better[metrics[0]]}",
            "; ".join(f"{row['name']}: {row['cells'][0][0]}" for row in rows),
        ),
    }


def intervals(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the template needs about the prediction intervals, or ``None``."""
    section = mapping(record.get("intervals"))
    share = mapping(section.get("coverage"))
    fifths = entries(section.get("by_fifth"))[:10]
    groups = entries(section.get("by_group"))
    if finite(share.get("value")) is None and not fifths and not groups:
        return None
    level = finite(section.get("level"))
    known = level if level is not None and 0 < level < 1 else None
    unit = unit_of(record, mapping(record.get("test")))
    target = 0.9 if known is None else known

    def chance(group: dict[str, Any]) -> float:
        """Distance from the promise, in proportion to the standard error of a share of so many rows."""
        rows, value = finite(group.get("rows")) or 0.0, finite(group.get("coverage"))
        return math.inf if value is None else (value - target) * math.sqrt(max(rows, 0.0))

    shown, more = first(sorted(groups, key=chance), _MOST_GROUPS)
    return {
        "level": numbers.level(known) if known is not None else "",
        "coverage": numbers.percent(share.get("value")),
        "span": span_of_shares(share.get("low"), share.get("high")),
        "width": numbers.with_unit(numbers.number(section.get("median_width")), unit),
        "fifths": [
            {
                "range": numbers.span(*_rounded(f.get("from"), f.get("to"))) or numbers.DASH,
                "rows": numbers.count(f.get("rows")),
                "coverage": numbers.percent(f.get("coverage")),
                "span": span_of_shares(f.get("low"), f.get("high")),
                "width": numbers.number(f.get("median_width")),
            }
            for f in fifths
        ],
        "figure": calibration_figures.coverage(
            "coverage",
            [
                (_start(f.get("from")), v, finite(f.get("low")), finite(f.get("high")))
                for f in fifths
                if (v := finite(f.get("coverage"))) is not None
            ],
            target,
        ),
        "column": clean(section.get("group_column"), NAME) or "group",
        "groups": [
            {
                "name": clean(g.get("group"), NAME) or "(empty)",
                "rows": numbers.count(g.get("rows")),
                "coverage": numbers.percent(g.get("coverage")),
                "width": numbers.number(g.get("median_width")),
            }
            for g in shown
        ],
        "more": more,
        "count": len(groups),
        "funnel": calibration_figures.funnel(
            "funnel",
            [
                (n, v)
                for g in groups[:_MOST_DOTS]
                if (n := finite(g.get("rows"))) is not None and (v := finite(g.get("coverage"))) is not None
            ],
            target,
        ),
    }


def scatter(record: dict[str, Any]) -> str:
    """Return the picture of observed against predicted values, or the empty text."""
    section = mapping(record.get("scatter"))
    columns = [sequence(section.get(name)) for name in ("observed", "predicted", "low", "high")]
    count = min(len(columns[0]), len(columns[1]), _MOST_POINTS)
    padded = [[*column[:count], *[None] * (count - len(column))] for column in columns]
    points = []
    for observed, predicted, low, high in zip(*padded, strict=True):
        y, x = finite(observed), finite(predicted)
        if y is not None and x is not None:
            points.append((y, x, finite(low), finite(high)))
    return figures.scatter("scatter", points, section.get("log") is True)


def classification(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the template needs about classes: confusion, reliability, prediction sets; or ``None``."""
    section = mapping(record.get("classification"))
    if not section:
        return None
    names = [clean(c, 24) or "(empty)" for c in sequence(mapping(record.get("data")).get("classes"))]
    bins = []
    for entry in entries(section.get("reliability"))[:30]:
        predicted, observed = finite(entry.get("predicted")), finite(entry.get("observed"))
        low, high, rows = (finite(entry.get(key)) for key in ("low", "high", "rows"))
        if predicted is not None and observed is not None:
            bins.append((predicted, observed, low, high, rows))
    error = finite(section.get("calibration_error"))
    return {
        "confusion": _confusion(section.get("confusion"), names),
        "confusion_note": clean(section.get("confusion_note"), 200),
        "classes": len(names),
        "figure": calibration_figures.reliability("reliability", bins),
        "error": "" if error is None else numbers.number(100 * error, 2),
        "sets": _sets(mapping(section.get("sets")), things(record, one=True)),
    }


def _sets(sets: dict[str, Any], thing: str) -> dict[str, Any] | None:
    share = mapping(sets.get("coverage"))
    if finite(share.get("value")) is None:
        return None
    sizes = [
        f"{numbers.plural(int(size), 'class', 'classes')} in {numbers.plural(rows, thing)}"
        for size, rows in list(mapping(sets.get("sizes")).items())[:20]
        if size.isascii() and size.isdigit() and len(size) < 9
    ]
    mean = numbers.number(sets.get("mean_size"))
    return {
        "level": numbers.level(sets.get("level")),
        "coverage": numbers.percent(share.get("value")),
        "span": span_of_shares(share.get("low"), share.get("high")),
        "sizes": f"each of {sizes[0].split(' in ')[0]}"
        if len(sizes) == 1
        else f"with {mean} classes on average{': ' if sizes else ''}{', '.join(sizes)}",
        "ordered": sets.get("ordered") is True,
    }


def _confusion(value: object, names: list[str]) -> dict[str, Any] | None:
    rows = [sequence(row) for row in sequence(value)]
    size = len(rows)
    if not 2 <= size <= _MOST_CLASSES or any(len(row) != size for row in rows):
        return None
    labels = [names[i] if i < len(names) else f"class {i + 1}" for i in range(size)]
    counts = [[finite(cell) or 0.0 for cell in row] for row in rows]
    return {
        "labels": labels,
        "rows": [
            {
                "name": labels[i],
                "cells": [
                    {
                        "count": numbers.count(cell),
                        "share": numbers.percent(cell / sum(row), 0) if sum(row) > 0 else "",
                        "right": i == j,
                        "wrong": i != j and cell > 0,
                    }
                    for j, cell in enumerate(row)
                ],
            }
            for i, row in enumerate(counts)
        ],
    }


def _rank(score: dict[str, Any]) -> int:
    role = str(score.get("role"))
    return list(ROLES).index(role if role in ROLES else "other")


def _rounded(low: object, high: object) -> tuple[float | None, float | None]:
    """Bounds of a range with three digits each: a range needs fewer than an estimate."""
    a, b = finite(low), finite(high)
    return (None if a is None else float(f"{a:.3g}")), (None if b is None else float(f"{b:.3g}"))


def _start(value: object) -> str:
    number = finite(value)
    return numbers.DASH if number is None else numbers.tick(float(f"{number:.3g}"))


def _unit_note(record: dict[str, Any], section: dict[str, Any]) -> str:
    unit, target = clean(section.get("unit"), NAME), clean(mapping(record.get("data")).get("target"), NAME)
    return f"Errors are in the unit of {target}." if unit and unit == target else ""
