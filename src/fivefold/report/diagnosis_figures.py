"""The pictures of a diagnosis, each drawn from plain numbers to inline SVG.

What is not finite is left out, and where nothing is left the empty text comes back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fivefold.report.compare_figures import spread
from fivefold.report.numbers import number, percent
from fivefold.report.svg import axes, draw, logarithmic, name_axes, plottable
from fivefold.report.text import clean, columns
from fivefold.report.theme import LIGHT, MARKERS, SERIES

WIDTH, HEIGHT = 440, 270
MOST_ROWS = 16
MOST_LINES = 60
DECADES = 1e-80
"""Of the largest value: what is smaller is left out of a logarithmic axis, or stands at its end."""

_LABEL = 22
_NAMED = 0.35  # of the width: about what the name of a level takes
_LETTER = 6.7  # pixels of a column of text at 11.5 px


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a picture.

    Args:
        name: What it is, any text.
        points: (x, y) in the order of x.
        rank: Its number among the named ones, from 0: decides its colour and marker; ``None`` for one of
            many that stand in the background without a name.
    """

    name: str
    points: Sequence[tuple[float, float]]
    rank: int | None = 0

    @property
    def colour(self) -> str:
        """A colour of the theme.

        >>> Curve("a", [], 1).colour == LIGHT["orange"], Curve("b", [], None).colour == LIGHT["grid"]
        (True, True)
        """
        return LIGHT["grid"] if self.rank is None else LIGHT[SERIES[self.rank % len(SERIES)]]


def lines(
    key: str,
    title: str,
    curves: Sequence[Curve],
    labels: tuple[str, str],
    *,
    log: bool | None = None,
    level: tuple[float, str] | None = None,
    stop: float | None = None,
    until: float | None = None,
    zero: bool = False,
    description: str = "",
) -> str:
    """Draw curves over a common x, each named at its right end where there are several.

    Args:
        key: Unique in the page.
        title: For those who do not see it.
        curves: At least one with a finite point.
        labels: Names of the axes.
        log: Whether y is logarithmic; ``None`` for where all is positive and spans more than 50 times.
            Values of 0 and below, and those below 1e-80 of the largest, are then left out.
        level: A value of y to compare with, and what it is.
        stop: An x from which on nothing was finite.
        until: The end of the axis of x, where it lies beyond the curves.
        zero: Whether the axis of y, where it is not logarithmic, begins at 0.
        description: What it shows.

    >>> lines("c", "Loss", [Curve("loss", [(0, 2.0), (1, 1.0)])], ("update", "loss")).startswith("<svg")
    True
    >>> lines("c", "Loss", [Curve("loss", [(0, float("nan"))])], ("update", "loss"))
    ''
    """
    kept = [(c, [(x, y) for x, y in c.points if plottable(x) and plottable(y)]) for c in curves[:MOST_LINES]]
    every = [y for _, points in kept for _, y in points]
    if log is None:
        log = bool(every) and min(every) > 0 and max(every) > 50 * min(every)
    if log:
        least = DECADES * max(every, default=0.0)
        kept = [(c, [(x, y) for x, y in points if y > 0 and y >= least]) for c, points in kept]
    kept = [(c, points) for c, points in kept if points]
    if not kept:
        return ""
    xs = [x for _, points in kept for x, _ in points]
    left, right = _range([*xs, *(x for x in (stop, until) if x is not None and plottable(x))])
    low, high = _bounds([y for _, points in kept for _, y in points], level, log)
    low = min(low, 0.0) if zero and not log else low
    named = [(c, points) for c, points in kept if c.rank is not None]
    shown = named if len(kept) > 1 else []
    longest = max((columns(clean(c.name, _LABEL)) for c, _ in shown), default=0)
    room = 24 + round(_LETTER * longest) if shown else 14

    def paint(figure: Any) -> None:
        panel = axes(figure, (72 if log and low < 1e-4 else 58, room, 46, 26), grid="both")
        panel.xaxis.get_major_locator().set_params(integer=all(x == round(x) for x in xs))
        if log:
            panel.set_yscale("log")
            logarithmic(panel.yaxis, low, high)
        panel.set_xlim(left, right)
        panel.set_ylim(low, high)
        if level is not None and plottable(level[0]) and low < level[0] < high:
            drawn = [(x, y) for _, points in kept for x, y in points]
            _level(panel, level, right=_freer_right(drawn, level[0], (left, right), (low, high), log))
        if stop is not None:
            panel.axvspan(stop, right, facecolor=LIGHT["tint_red"], linewidth=0)
            panel.axvline(stop, color=LIGHT["red"], linewidth=1.5, dashes=(5, 3))
            side = stop > (left + right) / 2
            panel.annotate(
                "not finite", (stop, 1), (-5 if side else 5, -2), ("data", "axes fraction"), "offset points",
                ha="right" if side else "left", va="top", fontsize=11.5, color=LIGHT["red"],
            )  # fmt: skip
        for c, points in sorted(kept, key=lambda pair: pair[0].rank is not None):
            strong = c.rank is not None
            few = strong and len(points) <= 30
            marker = MARKERS[(c.rank or 0) % len(MARKERS)] if few or (shown and strong) else ""
            panel.plot(
                *zip(*points, strict=True), color=c.colour, linewidth=1.8 if strong else 1.0, marker=marker,
                markersize=4.0, markevery=1 if few else [len(points) - 1], clip_on=not few,
            )  # fmt: skip
        _name(panel, [(c, points[-1][1]) for c, points in shown], (low, high), log)
        name_axes(panel, clean(labels[0], 50), clean(labels[1], 56))

    return draw(paint, (WIDTH, HEIGHT), key, clean(title, 200), clean(description, 2_000))


def bars(
    key: str,
    title: str,
    names: Sequence[str],
    sides: Sequence[tuple[str, Sequence[float | None]]],
    label: str,
    *,
    log: bool = False,
    level: tuple[float, str] | None = None,
    share: bool = False,
    description: str = "",
) -> str:
    """Draw one row a name, the first at the top: a bar from 0, or on a logarithmic axis a mark.

    With two columns (before and after) each row has a hollow and a full mark, joined by a line.

    Args:
        key: Unique in the page.
        title: For those who do not see it.
        names: What the rows are; of more than 16 evenly spaced ones are drawn, the first and the last too.
        sides: Name and values of one or two columns, a value a row, ``None`` where there is none.
        label: The quantity.
        log: Whether the axis is logarithmic; values that are not positive are then drawn at its end.
        level: A value to compare with, and what it is.
        share: Whether values are shares of 1.
        description: What it shows.

    >>> bars("b", "Dead units", ["relu1", "relu2"], [("share", [0.1, 0.9])], "share").startswith("<svg")
    True
    >>> bars("b", "Dead units", ["relu1"], [("share", [None])], "share")
    ''
    """
    rows = _rows(names, sides[:2])
    largest = max((v for _, values in rows for v in values if v is not None), default=0.0)
    least = DECADES * largest
    positive = [
        v for _, values in rows for v in values if v is not None and (not log or (v > 0 and v >= least))
    ]
    if not positive:
        return ""
    low, high = _bounds([*positive, *([] if log else [0.0])], level, log)
    if share:
        low, high = 0.0, 1.0
    two = len(sides) > 1
    room = 20 + round(_LETTER * min(_LABEL, max(columns(clean(n, _LABEL)) for n, _ in rows)))
    step = 21
    top = 8 + (18 if two else 0) + (18 if level is not None else 0)
    height = step * len(rows) + 46 + top

    def paint(figure: Any) -> None:
        panel = axes(figure, (room, 18, 46, top), grid="x")
        if log:
            panel.set_xscale("log")
            logarithmic(panel.xaxis, low, high)
        panel.set_xlim(low, high)
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.set_yticks([])
        if level is not None and plottable(level[0]) and low < level[0] < high:
            _level(panel, level, vertical=True)
        for place, (name, values) in enumerate(rows):
            _row(panel, place, [None if v is None else max(v, low) for v in values], log, level)
            panel.annotate(
                clean(name, _LABEL), (0, place), (-8, 0), ("axes fraction", "data"), "offset points",
                ha="right", va="center", fontsize=11.5,
            )  # fmt: skip
        if two:
            _key_of_two(panel, [clean(n, 24) for n, _ in sides[:2]])
        if share:
            panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        panel.set_xlabel(clean(label, 50), loc="left")

    return draw(paint, (WIDTH, height), key, clean(title, 200), clean(description, 2_000))


def parts(key: str, title: str, values: Sequence[tuple[str, float]], description: str = "") -> str:
    """Draw parts of a whole as one bar; the names stand below, with the shares.

    Args:
        key: Unique in the page.
        title: For those who do not see it.
        values: At most five names with what they took, at least 0.
        description: What it shows.

    >>> "backward 75%" in parts("t", "Time", [("forward", 1.0), ("backward", 3.0)])
    True
    >>> parts("t", "Time", [("forward", 0.0)])
    ''
    """
    kept = [(clean(n, 14), v) for n, v in values[: len(SERIES)] if plottable(v) and v > 0]
    whole = sum(v for _, v in kept)
    if not kept:
        return ""

    def paint(figure: Any) -> None:
        panel = axes(figure, (4, 4, 40, 6), grid="")
        panel.set_axis_off()
        panel.set_xlim(0, 1)
        begun, at = 0.0, 4.0
        for i, (name, value) in enumerate(kept):
            colour, share = LIGHT[SERIES[i]], value / whole
            panel.barh([0], [share], left=begun, color=colour, height=1.0, linewidth=0)
            text = f"{name} {percent(share, 0)}"
            panel.annotate(
                "■", (at, 12), xycoords="figure pixels", fontsize=12, color=colour, va="center",
            )  # fmt: skip
            panel.annotate(text, (at + 15, 12), xycoords="figure pixels", fontsize=11.5, va="center")
            begun, at = begun + share, at + 30 + _LETTER * columns(text)

    return draw(paint, (WIDTH, 84), key, clean(title, 200), clean(description, 2_000))


def _range(values: Sequence[float]) -> tuple[float, float]:
    left, right = min(values), max(values)
    return (left, right) if right > left else (left, left + 1.0)


def _bounds(values: Sequence[float], level: tuple[float, str] | None, log: bool) -> tuple[float, float]:
    """Ends of an axis that show all values, and the level where it lies near."""
    low, high = min(values), max(values)
    if level is not None and plottable(level[0]) and (level[0] > 0 or not log):
        low, high = min(low, level[0]), max(high, level[0])
    if log:
        pad = max((high / low) ** 0.06, 1.3)
        return low / pad, high * pad
    gap = 0.06 * (high - low) or 0.1 * abs(high) or 0.5
    return (low - gap if low < 0 or low > 0.5 * high else min(low, 0.0)), high + gap


def _freer_right(
    points: Sequence[tuple[float, float]],
    level: float,
    ends: tuple[float, float],
    bounds: tuple[float, float],
    log: bool,
) -> bool:
    """Whether the name of a level stands in fewer points at its right end than at its left one.

    >>> crowd = [(float(i), 1.1) for i in range(30)]
    >>> _freer_right(crowd, 1.0, (0.0, 99.0), (0.0, 3.0), log=False)
    True
    """

    def height(y: float) -> float:
        low, high = bounds
        return math.log(y / low) / math.log(high / low) if log else (y - low) / (high - low)

    near = [
        (x - ends[0]) / (ends[1] - ends[0]) for x, y in points if -0.02 <= height(y) - height(level) <= 0.1
    ]
    return sum(x > 1 - _NAMED for x in near) < sum(x < _NAMED for x in near)


def _level(panel: Any, level: tuple[float, str], *, vertical: bool = False, right: bool = False) -> None:
    line = panel.axvline if vertical else panel.axhline
    line(level[0], color=LIGHT["orange"], linewidth=1.4, dashes=(5, 3))
    text = clean(level[1], 40)
    if vertical:
        # A name near an end of the axis goes inwards: the other way it would be cut off.
        across = panel.transAxes.inverted().transform(panel.transData.transform((level[0], 0)))[0]
        side = "left" if across < 1 / 3 else "right" if across > 2 / 3 else "center"
        panel.annotate(
            text, (level[0], 1), (0, 4), ("data", "axes fraction"), "offset points", ha=side,
            va="bottom", fontsize=11.5, color=LIGHT["orange"],
        )  # fmt: skip
    else:
        panel.annotate(
            text, (1 if right else 0, level[0]), (-5 if right else 5, 3), ("axes fraction", "data"),
            "offset points", ha="right" if right else "left", va="bottom", fontsize=11.5,
            color=LIGHT["orange"],
        )  # fmt: skip


def _name(panel: Any, ends: Sequence[tuple[Curve, float]], bounds: tuple[float, float], log: bool) -> None:
    """Name curves at the right, moved apart where they would overlap."""
    height, (low, high) = panel.bbox.height, bounds
    place = [
        height * (math.log(y / low) / math.log(high / low) if log else (y - low) / (high - low))
        for _, y in ends
    ]
    for (c, _), at in zip(ends, spread(place, 15.0, 4.0, height - 4.0), strict=True):
        panel.annotate(
            clean(c.name, _LABEL), (1, at / height), (10, 0), "axes fraction", "offset points", ha="left",
            va="center", fontsize=11.5, color=c.colour,
        )  # fmt: skip


def _rows(
    names: Sequence[str], sides: Sequence[tuple[str, Sequence[float | None]]]
) -> list[tuple[str, list[float | None]]]:
    """The rows that are drawn: those with a value, at most 16 of them, evenly spaced."""
    rows = [
        (name, [v if plottable(v) else None for v in values])
        for name, *values in zip(names, *(column for _, column in sides), strict=False)
    ]
    rows = [(name, values) for name, values in rows if any(v is not None for v in values)]
    if len(rows) <= MOST_ROWS:
        return rows
    return [rows[round(i * (len(rows) - 1) / (MOST_ROWS - 1))] for i in range(MOST_ROWS)]


def _row(
    panel: Any, place: int, values: list[float | None], log: bool, level: tuple[float, str] | None
) -> None:
    known = [v for v in values if v is not None]
    if len(values) == 1 and not log:
        panel.barh([place], known, color=LIGHT["blue"], height=0.58, linewidth=0)
        return
    anchor = level[0] if level is not None and len(values) == 1 else panel.get_xlim()[0]
    ends = known if len(values) > 1 else [anchor, *known]
    panel.plot([min(ends), max(ends)], [place, place], color=LIGHT["blue"], linewidth=2.2, alpha=0.55)
    if len(values) > 1 and values[0] is not None:
        panel.plot(
            [values[0]], [place], "o", color=LIGHT["blue"], markerfacecolor=LIGHT["surface"], markersize=7,
            clip_on=False,
        )  # fmt: skip
    if values[-1] is not None:
        panel.plot([values[-1]], [place], "o", color=LIGHT["blue"], markersize=7, clip_on=False)


def _key_of_two(panel: Any, names: Sequence[str]) -> None:
    """Tell the hollow from the full mark, above the picture."""
    at = 4.0
    for name, face in zip(names, (LIGHT["surface"], LIGHT["blue"]), strict=True):
        panel.plot(
            [at / panel.bbox.width], [1 + 14 / panel.bbox.height], "o", color=LIGHT["blue"],
            markerfacecolor=face, markersize=7, clip_on=False, transform=panel.transAxes,
        )  # fmt: skip
        panel.annotate(
            name, (at / panel.bbox.width, 1 + 14 / panel.bbox.height), (9, 0), "axes fraction",
            "offset points", va="center", fontsize=11.5,
        )  # fmt: skip
        at += 30 + _LETTER * columns(name)


def ends_in_words(points: Sequence[tuple[float, float]]) -> str:
    """Say where a curve begins and ends.

    >>> ends_in_words([(0.0, 2.0), (9.0, 0.5)]), ends_in_words([])
    ('from 2 to 0.5', '')
    """
    kept = [y for _, y in points if plottable(y)]
    return f"from {number(kept[0])} to {number(kept[-1])}" if kept else ""
