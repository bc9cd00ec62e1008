"""A section of the fit report: what drives the prediction, with its uncertainty."""

from typing import Any

from fivefold.report import figures, numbers
from fivefold.report.figures import Dot
from fivefold.report.record import entries, finite, first, mapping, sequence
from fivefold.report.text import NAME, clean

_DRAWN, _LISTED, _EFFECTS, _LEVELS, _POINTS = 14, 60, 6, 12, 200


def drivers(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs about the columns that drive the prediction."""
    found = entries(record.get("drivers"))
    unit = next((text for d in found if (text := clean(d.get("unit"), NAME))), "")
    shown, more = first(found, _LISTED)
    rows: list[dict[str, Any]] = []
    lines: list[Dot] = []
    effects: list[dict[str, str]] = []
    for driver in shown:
        name = clean(driver.get("name"), NAME) or "(no name)"
        value, low, high = (driver.get(key) for key in ("importance", "low", "high"))
        text, _, _ = numbers.interval(value, low, high)
        a, b = finite(low), finite(high)
        sure = a is None or a > 0
        rows.append({"name": name, "value": text, "span": numbers.span(low, high, value), "sure": sure})
        lines.append(Dot(name, finite(value), a, b, text, "blue" if sure else "grey", "o" if sure else "D"))
        if len(effects) < _EFFECTS and (drawn := _effect(driver, name, len(effects))):
            effects.append({"name": name, "figure": drawn})
    lines = lines[:_DRAWN]
    return {
        "unit": unit,
        "rows": rows,
        "more": more,
        "undrawn": max(0, len(found) - _DRAWN),
        "figure": figures.dots(
            "importance",
            "Importance of each column",
            lines,
            f"rise in {unit} when shuffled" if unit else "importance",
            "; ".join(f"{line.label}: {line.note}" for line in lines),
            zero=True,
        ),
        "effects": effects,
        "unsure": [row["name"] for row in rows if not row["sure"]][:12],
    }


def _effect(driver: dict[str, Any], name: str, position: int) -> str:
    curve, levels = mapping(driver.get("curve")), entries(driver.get("levels"))
    if curve:
        columns = [sequence(curve.get(key))[:_POINTS] for key in ("x", "y", "low", "high")]
        count = min(len(columns[0]), len(columns[1]))
        padded = [[*c[:count], *[None] * (count - len(c))] for c in columns]
        points = []
        for x, y, low, high in zip(*padded, strict=True):
            at, value = finite(x), finite(y)
            if at is not None and value is not None:
                points.append((at, value, finite(low), finite(high)))
        labels = (clean(curve.get("xlabel"), NAME) or name, clean(curve.get("ylabel"), NAME))
        return figures.curve(f"effect-{position}", name, points, labels)
    lines = []
    for level in levels[:_LEVELS]:
        value, low, high = (finite(level.get(key)) for key in ("value", "low", "high"))
        text = numbers.interval(value, low, high)[0]
        lines.append(Dot(clean(level.get("name"), NAME) or "(empty)", value, low, high, text))
    words = "; ".join(f"{line.label}: {line.note}" for line in lines)
    key, title = f"effect-{position}", f"Effect of {name}"
    return figures.dots(key, title, lines, "mean prediction", words, width=320)
