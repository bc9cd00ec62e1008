"""A part of the fit report: which coefficients vary from place to place, as ranges and small maps."""

from collections.abc import Sequence
from typing import Any

from fivefold.report import numbers
from fivefold.report.record import entries, finite, first, mapping, sequence, whole
from fivefold.report.svg import axes, draw, name_axes, plottable
from fivefold.report.text import NAME, clean
from fivefold.report.theme import LIGHT

_DRAWN, _LISTED, _POINTS = 3, 30, 500


def local_map(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the template needs about coefficients that vary over the map, or ``None`` without a map.

    Args:
        record: The record of a fit; its part ``map`` counts as hostile.

    >>> local_map({"map": None}) is None
    True
    """
    found = mapping(record.get("map"))
    listed, more = first(entries(found.get("coefficients")), _LISTED)
    if not listed:
        return None
    labels = [clean(name, NAME) for name in [*sequence(found.get("columns")), "", ""][:2]]
    x, y = (sequence(found.get(key))[:_POINTS] for key in ("x", "y"))
    rows: list[dict[str, Any]] = []
    figures: list[dict[str, str]] = []
    for coefficient in listed:
        name = clean(coefficient.get("name"), NAME) or "(no name)"
        spread, error = finite(coefficient.get("spread")), finite(coefficient.get("error"))
        rows.append(
            {
                "name": name,
                "average": numbers.number(coefficient.get("average")),
                "span": numbers.span(
                    coefficient.get("low"), coefficient.get("high"), coefficient.get("average")
                ),
                "spread": numbers.number(spread, 2),
                "error": numbers.number(error, 2),
                "sure": spread is None or error is None or spread > error,
            }
        )
        values = sequence(coefficient.get("values"))[:_POINTS]
        if values and len(figures) < _DRAWN:
            drawn = dots_on_map(f"map-{len(figures)}", name, list(zip(x, y, values, strict=False)), labels)
            if drawn:
                figures.append({"name": name, "figure": drawn})
    reach = finite(found.get("reach"))
    return {
        "rows": rows,
        "more": more,
        "figures": figures,
        "columns": labels,
        "neighbours": whole(found.get("rows")),
        "reach": "" if reach is None else f"{numbers.number(reach)} {clean(found.get('unit'), 10)}".strip(),
        "reason": clean(found.get("reason"), 300),
    }


def dots_on_map(key: str, name: str, points: Sequence[tuple[Any, Any, Any]], labels: Sequence[str]) -> str:
    """Draw values at places: rings above the middle one, triangles below it, larger the further from it.

    Args:
        key: Unique in the page.
        name: Whose values, any text.
        points: (x, y, value).
        labels: Names of the two axes.

    Returns:
        SVG, or the empty text where fewer than two places have finite values.

    >>> dots_on_map("m", "area", [(0.0, 0.0, 1.0), (1.0, 1.0, 2.0)], ("x", "y")).startswith("<svg")
    True
    """
    known = [(finite(x), finite(y), finite(v)) for x, y, v in points]
    kept = [(x, y, v) for x, y, v in known if x is not None and y is not None and v is not None]
    kept = [p for p in kept if all(map(plottable, p))]
    if len(kept) < 2:
        return ""
    ordered = sorted(p[2] for p in kept)
    middle = ordered[len(ordered) // 2]
    furthest = max(abs(v - middle) for v in ordered) or 1.0

    def paint(figure: Any) -> None:
        panel = axes(figure, (52, 14, 44, 24), grid="both")
        for above, colour, marker in ((False, "orange", "v"), (True, "blue", "o")):
            part = [p for p in kept if (p[2] >= middle) is above]
            sizes = [4.0 + 40.0 * abs(p[2] - middle) / furthest for p in part]
            panel.scatter(
                [p[0] for p in part],
                [p[1] for p in part],
                s=sizes,
                c=LIGHT[colour],
                marker=marker,
                linewidths=0,
            )
        panel.margins(0.05)
        name_axes(panel, clean(labels[0], 40), clean(labels[1], 34))

    low, high = min(kept, key=lambda p: p[2]), max(kept, key=lambda p: p[2])
    text = (
        f"{len(kept)} places. Smallest {numbers.number(low[2])} at {numbers.number(low[0], 5)}, "
        f"{numbers.number(low[1], 5)}; middle {numbers.number(middle)}; largest {numbers.number(high[2])} at "
        f"{numbers.number(high[0], 5)}, {numbers.number(high[1], 5)}."
    )
    return draw(paint, (320, 260), key, f"{clean(name, 60)} over the map", text)
