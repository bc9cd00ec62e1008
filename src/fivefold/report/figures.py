"""The pictures of the fit report, each drawn from plain numbers to inline SVG.

Every function leaves out what is not finite and returns the empty text where nothing is left to show.
Pictures are small (at most 440 CSS pixels wide), so that a phone shows them almost at full size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fivefold.report.numbers import tick
from fivefold.report.record import finite
from fivefold.report.svg import axes, draw, logarithmic, name_axes, plottable
from fivefold.report.text import NAME, clean, columns, told_apart
from fivefold.report.theme import LIGHT

WIDTH = 430


@dataclass(frozen=True, slots=True)
class Dot:
    """One line of a dot-and-interval picture.

    Args:
        label: What is measured, any text.
        value: The estimate, or ``None`` to leave the line out.
        low: Lower bound, or ``None`` for a dot without an interval.
        high: Upper bound.
        note: Written at the right.
        colour: A name of :data:`fivefold.report.theme.LIGHT`.
        marker: One of matplotlib's markers.
        strong: Whether the label is set bold.
        aside: Whether it may lie beyond the scale, as an arrow, where it would press the others together.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    colour: str = "blue"
    marker: str = "o"
    strong: bool = False
    aside: bool = False


def dots(
    key: str,
    title: str,
    lines: Sequence[Dot],
    xlabel: str,
    description: str = "",
    zero: bool = False,
    width: int = WIDTH,
) -> str:
    """Draw estimates with their intervals, one line each, the first at the top.

    Args:
        key: Unique in the page.
        title: Alternative text.
        lines: What to draw, in order.
        xlabel: Name of the quantity.
        description: Longer alternative text.
        zero: Whether to draw the line at zero.
        width: Of the picture, in CSS pixels.

    Returns:
        SVG, or the empty text where no line has a finite value.

    >>> "boosted trees" in dots("d", "Errors", [Dot("boosted trees", 2.0, 1.5, 2.5)], "RMSE")
    True
    >>> dots("d", "Errors", [Dot("broken", None)], "RMSE")
    ''
    """
    shown = [line for line in lines if plottable(line.value)]
    if not shown:
        return ""
    longest = 23 if width >= WIDTH else 14
    names = told_apart([clean(line.label, NAME) for line in shown], longest)
    labels = 20 + round(6.9 * max(columns(name) for name in names))
    notes = 24 + round(6.6 * min(15, max(columns(line.note) for line in shown)))
    height = 30 * len(shown) + 50
    ends = _ends(shown)

    def paint(figure: Any) -> None:
        panel = axes(figure, (labels, notes, 44, 6), grid="x")
        for position, line in enumerate(shown):
            colour, value, marker = LIGHT[line.colour], line.value, line.marker
            beyond = ends is not None and value is not None and not ends[0] <= value <= ends[1]
            if beyond and ends is not None and value is not None:
                value, marker = (ends[1], ">") if value > ends[1] else (ends[0], "<")
            elif plottable(line.low) and plottable(line.high):
                panel.plot([line.low, line.high], [position, position], color=colour, linewidth=2.4)
            panel.plot([value], [position], marker, color=colour, markersize=7.5, clip_on=False)
            weight = "bold" if line.strong else "normal"
            panel.annotate(
                names[position], (0, position), (-10, 0), _LEFT, "offset points",
                ha="right", va="center", weight=weight,
            )  # fmt: skip
            panel.annotate(
                clean(line.note, 16), (1, position), (10, 0), _LEFT, "offset points",
                ha="left", va="center", fontsize=11.5, color=LIGHT["ink" if line.strong else "muted"],
            )  # fmt: skip
        if zero:
            panel.axvline(0, color=LIGHT["muted"], linewidth=1)
        panel.set_ylim(len(shown) - 0.5, -0.5)
        panel.set_yticks([])
        panel.margins(x=0.06)
        if ends is not None:
            panel.set_xlim(ends)
        panel.set_xlabel(clean(xlabel, 44 if width >= WIDTH else 30), loc="left")

    return draw(paint, (width, height), key, clean(title, 200), clean(description, 2_000))


def arrows(lines: Sequence[Dot]) -> str:
    """Explain the arrows of :func:`dots`, or return the empty text where it draws none.

    >>> arrows([Dot("a", 1.0, 0.9, 1.1), Dot("b", 9.0, aside=True)]), arrows([Dot("a", 1.0)])
    (' Arrow: beyond the scale.', '')
    """
    shown = [line for line in lines if plottable(line.value)]
    return " Arrow: beyond the scale." if _ends(shown) is not None else ""


def _ends(lines: Sequence[Dot]) -> tuple[float, float] | None:
    """Ends of a scale that leaves out what lies aside, where that gives the others 2.5 times the room."""
    inner = [b for line in lines if not line.aside for b in (line.low, line.value, line.high)]
    every = [line.value for line in lines]
    kept, full = ([b for b in bounds if b is not None and plottable(b)] for bounds in (inner, every))
    if not kept:
        return None
    low, high = min(kept), max(kept)
    if high <= low or max(*full, high) - min(*full, low) <= 2.5 * (high - low):
        return None
    gap = 0.12 * (high - low)
    return low - gap, high + gap


_LEFT: Any = ("axes fraction", "data")


def scatter(key: str, points: Sequence[tuple[float, float, float | None, float | None]], log: bool) -> str:
    """Draw what was observed against what was predicted, with the prediction intervals.

    Args:
        key: Unique in the page.
        points: (observed, predicted, low, high) of each row.
        log: Whether both axes are logarithmic; values that are not positive are then left out.

    >>> scatter("s", [(1.0, 1.1, 0.5, 2.0), (2.0, 1.9, None, None)], log=True).startswith("<svg")
    True
    """
    kept = [p for p in points if plottable(p[0]) and plottable(p[1]) and not (log and min(p[0], p[1]) <= 0)]
    if not kept:
        return ""
    inside = sum(1 for o, _, a, b in kept if a is not None and b is not None and a <= o <= b)
    bounded = sum(1 for _, _, a, b in kept if a is not None and b is not None)
    smallest, largest = (f(f(p[0], p[1]) for p in kept) for f in (min, max))

    def paint(figure: Any) -> None:
        panel = axes(figure, (48, 12, 46, 26), grid="both")
        if log:
            panel.set_xscale("log")
            panel.set_yscale("log")
            pad = (largest / smallest) ** 0.04
            pad = max(pad, 1.05)
            ends = (smallest / pad, largest * pad)
        else:
            gap = 0.04 * (largest - smallest) or max(1.0, 0.04 * abs(largest))
            ends = (smallest - gap, largest + gap)
        if log:
            logarithmic(panel.xaxis, *ends)
            logarithmic(panel.yaxis, *ends)
        bars = [p for p in kept if p[2] is not None and p[3] is not None]
        floor = ends[0]
        lows = [max(p[2] if p[2] is not None else floor, floor) for p in bars]
        highs = [min(p[3] if p[3] is not None else ends[1], ends[1]) for p in bars]
        panel.vlines([p[1] for p in bars], lows, highs, color=LIGHT["band"], linewidth=1.6)
        panel.plot(ends, ends, color=LIGHT["muted"], linewidth=1.2, dashes=(4, 3))
        panel.plot(
            [p[1] for p in kept],
            [p[0] for p in kept],
            "o",
            color=LIGHT["blue"],
            markersize=4,
            markeredgewidth=0,
        )
        panel.set_xlim(ends)
        panel.set_ylim(ends)
        name_axes(panel, "predicted", "observed")

    text = f"{len(kept):,} unseen rows; the dashed line is a perfect prediction."
    if bounded:
        text += f" {inside:,} of {bounded:,} lie within their prediction interval."
    return draw(paint, (440, 400), key, "Observed against predicted values", text)


def spectrum(key: str, values: Sequence[float], rank: float | None) -> str:
    """Draw singular values in descending order on a logarithmic scale, without those that are zero.

    Args:
        key: Unique in the page.
        values: Singular values of the standardised design.
        rank: The effective rank, marked by a line.

    >>> spectrum("s", [3.0, 1.0, 0.0], 1.7).startswith("<svg"), spectrum("s", [0.0], None)
    (True, '')
    """
    floor = 1e-10 * max((v for v in values if plottable(v)), default=0.0)
    kept = [(i + 1, v) for i, v in enumerate(values) if plottable(v) and v > floor]
    if not kept:
        return ""

    def paint(figure: Any) -> None:
        panel = axes(figure, (58, 14, 46, 26))
        panel.set_yscale("log")
        low, high = min(v for _, v in kept), max(v for _, v in kept)
        pad = max((high / low) ** 0.06, 1.15)
        logarithmic(panel.yaxis, low / pad, high * pad)
        small = 5.5 if len(kept) <= 60 else 3.0
        panel.plot(
            *zip(*kept, strict=True),
            "o-",
            color=LIGHT["blue"],
            markersize=small,
            linewidth=1.2,
        )
        if rank is not None and plottable(rank):
            panel.axvline(rank, color=LIGHT["orange"], linewidth=1.5, dashes=(5, 3))
            left = rank > 0.6 * kept[-1][0]
            panel.annotate(
                f"effective rank {rank:.3g}", (rank, 1), (-5 if left else 5, -2), ("data", "axes fraction"),
                "offset points", ha="right" if left else "left", va="top", fontsize=11.5,
                color=LIGHT["orange"],
            )  # fmt: skip
        panel.set_ylim(low / pad, high * pad)
        panel.set_xlim(0.3, kept[-1][0] + 0.7)
        name_axes(panel, "direction", "singular value")

    text = f"{len(kept):,} values from {tick(kept[0][1])} down to {tick(kept[-1][1])}."
    return draw(paint, (440, 280), key, "Singular values of the standardised design", text)


def curve(
    key: str,
    name: str,
    points: Sequence[tuple[float, float, float | None, float | None]],
    labels: tuple[str, str],
) -> str:
    """Draw the effect of one column on the prediction, with its band.

    Args:
        key: Unique in the page.
        name: Column, any text.
        points: (x, y, low, high).
        labels: Names of the two axes, any text.

    >>> curve("e", "area", [(0, 1, 0.8, 1.2), (1, 2, 1.8, 2.2)], ("area", "price")).startswith("<svg")
    True
    """
    unique = {p[0]: p for p in points if plottable(p[0]) and plottable(p[1])}
    kept = [unique[x] for x in sorted(unique)]
    if len(kept) < 2:
        return ""

    def paint(figure: Any) -> None:
        panel = axes(figure, (58, 14, 44 if labels[0] != name else 28, 24))
        band = [p for p in kept if p[2] is not None and p[3] is not None]
        panel.fill_between(
            [p[0] for p in band], [p[2] for p in band], [p[3] for p in band], color=LIGHT["band"], linewidth=0
        )
        panel.plot([p[0] for p in kept], [p[1] for p in kept], color=LIGHT["blue"], linewidth=2)
        panel.set_xlim(kept[0][0], kept[-1][0])
        name_axes(panel, clean(labels[0], 40) if labels[0] != name else "", clean(labels[1], 34))
        panel.margins(y=0.12)

    steps = [b[1] - a[1] for a, b in pairwise(kept)]
    trend = (
        "rises throughout"
        if all(s >= 0 for s in steps)
        else "falls throughout"
        if all(s <= 0 for s in steps)
        else "rises and falls"
    )
    ends = [tick(number) for point in (kept[0], kept[-1]) for number in point[:2]]
    text = f"From {ends[1]} at {ends[0]} to {ends[3]} at {ends[2]}; {trend}."
    return draw(paint, (320, 230), key, f"Effect of {clean(name, 60)}", text)


def sparkline(counts: Sequence[object], label: str) -> str:
    """Draw a histogram small enough for a cell of a table.

    Args:
        counts: One count a bin; what is not a finite number of at least 0 counts as 0.
        label: Alternative text, plain and already escaped: a fixed phrase.

    Returns:
        SVG of one path, or the empty text without counts.

    >>> sparkline([1, 2, 4], "a histogram").count("<path")
    1
    """
    heights = [max(0.0, finite(c) or 0.0) for c in counts][:40]
    if not heights or max(heights) == 0:
        return ""
    top = max(heights)
    wide = 96 / len(heights)
    bars = "".join(
        f"M{i * wide:.1f} 24v-{max(1.0, 22 * h / top):.1f}h{max(0.8, wide - 1):.1f}V24z"
        for i, h in enumerate(heights)
        if h > 0
    )
    return (
        f'<svg class="spark" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 24" role="img" '
        f'aria-label="{label}"><path d="{bars}" fill="var(--grey)"/></svg>'
    )
