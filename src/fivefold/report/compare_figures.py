"""The pictures of a comparison of methods, each drawn from plain numbers to inline SVG.

What is not finite is left out, and where nothing is left the empty text comes back. A method keeps its
colour, its marker and its dashes through all pictures of a page: :class:`Line` carries them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fivefold.report.numbers import number, tick
from fivefold.report.svg import axes, draw, logarithmic, name_axes, plottable
from fivefold.report.text import clean
from fivefold.report.theme import LIGHT, MARKERS, SERIES

WIDTH, HEIGHT = 480, 340
SMALL = (320, 262)
_DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 2.5), (1.5, 1.8))
_LABEL = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A method's line in a picture.

    Args:
        name: The method, any text.
        x: Where.
        y: What, as long as x.
        rank: Its number among the methods, from 0: decides colour, marker and dashes.
    """

    name: str
    x: Sequence[float | None]
    y: Sequence[float | None]
    rank: int = 0

    @property
    def colour(self) -> str:
        """A name of :data:`fivefold.report.theme.LIGHT`.

        >>> Line("a", [], [], 0).colour, Line("f", [], [], 5).colour
        ('blue', 'blue')
        """
        return SERIES[self.rank % len(SERIES)]

    @property
    def marker(self) -> str:
        """One of matplotlib's markers."""
        return MARKERS[(self.rank + self.rank // len(SERIES)) % len(MARKERS)]

    @property
    def dashes(self) -> tuple[float, ...]:
        """Empty for a solid line; methods that share a colour differ in it."""
        return _DASHES[self.rank // len(SERIES) % len(_DASHES)]


def curves(
    key: str,
    title: str,
    lines: Sequence[Line],
    labels: tuple[str, str],
    *,
    xlog: bool = False,
    steps: bool = False,
    floor: float = 0.0,
    mark: tuple[float, str] | None = None,
    description: str = "",
) -> str:
    """Draw one line a method over a logarithmic y, each named at its right end.

    Args:
        key: Unique in the page.
        title: For those who do not see it.
        lines: The methods; values of y at most ``floor`` are drawn at it.
        labels: Names of the axes.
        xlog: Whether x is logarithmic too; an x of 0 is then drawn at the left edge.
        steps: Whether y stays until the next x: nothing is known in between.
        floor: What cannot be told from 0; 0 leaves such values out.
        mark: A level of y to mark, and what it is.
        description: What it shows.

    >>> curves("c", "Descent", [Line("newton", [0, 1], [1.0, 1e-9])], ("gradients", "gap")).startswith("<svg")
    True
    >>> curves("c", "Descent", [Line("newton", [0], [None])], ("gradients", "gap"))
    ''
    """
    shown = [(line, _kept(line, floor)) for line in lines]
    shown = [(line, points) for line, points in shown if points]
    if not shown:
        return ""
    every = [point for _, points in shown for point in points]
    xs, ys = [x for x, _ in every], [y for _, y in every]
    positive = [x for x in xs if x > 0]
    xlog = xlog and bool(positive)
    left = min(positive) / 1.6 if xlog else min(*xs, 0.0)
    right = max(xs) * 1.15 if xlog else max(xs) + 0.02 * (max(xs) - left)
    right = right if right > left else left + 1.0
    pad = max((max(ys) / min(ys)) ** 0.05, 1.3)
    low, high = min(ys) / pad, max(ys) * pad
    longest = max(len(clean(line.name, _LABEL)) for line, _ in shown)
    room = 22 + round(6.6 * longest)

    def paint(figure: Any) -> None:
        panel = axes(figure, (64, room, 46, 26), grid="both")
        panel.set_yscale("log")
        logarithmic(panel.yaxis, low, high)
        if xlog:
            panel.set_xscale("log")
            logarithmic(panel.xaxis, left, right)
        panel.set_xlim(left, right)
        panel.set_ylim(low, high)
        if mark is not None and low < mark[0] < high:
            panel.axhline(mark[0], color=LIGHT["muted"], linewidth=1, dashes=(4, 3))
            panel.annotate(
                clean(mark[1], 40), (0, mark[0]), (4, 3), ("axes fraction", "data"), "offset points",
                ha="left", va="bottom", fontsize=11, color=LIGHT["muted"],
            )  # fmt: skip
        for line, points in shown:
            at = [max(x, left) for x, _ in points]
            panel.plot(
                at, [y for _, y in points], color=LIGHT[line.colour], linewidth=1.8,
                dashes=line.dashes or (None, None), drawstyle="steps-post" if steps else "default",
            )  # fmt: skip
            panel.plot(
                at[-1:], [points[-1][1]], line.marker, color=LIGHT[line.colour], markersize=6, clip_on=False,
            )  # fmt: skip
        _name_ends(panel, [(line, points[-1]) for line, points in shown], low, high)
        name_axes(panel, clean(labels[0], 80), clean(labels[1], 80))

    return draw(paint, (WIDTH, HEIGHT), key, clean(title, 200), clean(description, 2_000))


def _kept(line: Line, floor: float) -> list[tuple[float, float]]:
    """The points that can be drawn."""
    found = []
    for x, y in zip(line.x, line.y, strict=False):
        if x is None or y is None or not plottable(x) or not plottable(y):
            continue
        y = max(y, floor)
        if y > 0:
            found.append((float(x), float(y)))
    return found


def _name_ends(panel: Any, ends: Sequence[tuple[Line, tuple[float, float]]], low: float, high: float) -> None:
    """Name lines at the right, moved apart where they would overlap."""
    height = panel.bbox.height
    places = [height * math.log(y / low) / math.log(high / low) for _, (_, y) in ends]
    apart = spread(places, 15.0, 4.0, height - 4.0)
    for (line, _), place in zip(ends, apart, strict=True):
        panel.annotate(
            clean(line.name, _LABEL), (1, place / height), (10, 0), "axes fraction", "offset points",
            ha="left", va="center", fontsize=11.5, color=LIGHT[line.colour],
        )  # fmt: skip


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart to at least ``gap`` within low..high, keeping their order and moving them little.

    >>> spread([10.0, 11.0], 4.0, 0.0, 20.0), spread([19.0, 20.0], 4.0, 0.0, 20.0)
    ([8.5, 12.5], [16.0, 20.0])
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    # groups of neighbours that touch, each with its members and the centre they would like
    groups: list[tuple[list[int], float]] = []
    for i in order:
        groups.append(([i], min(max(places[i], low), high)))
        while len(groups) > 1:
            (a, centre), (b, other) = groups[-2], groups[-1]
            if other - centre >= gap * (len(a) + len(b)) / 2:
                break
            both = a + b
            wanted = (centre * len(a) + other * len(b)) / len(both)
            half = gap * (len(both) - 1) / 2
            wanted = min(max(wanted, low + half), max(high - half, low + half))
            groups[-2:] = [(both, wanted)]
    out = [0.0] * len(places)
    for members, centre in groups:
        for position, i in enumerate(members):
            out[i] = centre + gap * (position - (len(members) - 1) / 2)
    return out


def plane(
    key: str,
    line: Line,
    grid: tuple[Sequence[float], Sequence[float], Sequence[Sequence[float | None]]],
    levels: Sequence[float],
    labels: tuple[str, str],
    description: str = "",
) -> str:
    """Draw one method's path over the level lines of F on a plane.

    Args:
        key: Unique in the page.
        line: The path: its coordinates along the first and the second direction.
        grid: Coordinates along the first direction [m] and the second [n], and F less its minimum, [m][n].
        levels: Positive values of F less its minimum to draw a line at, rising.
        labels: Names of the two directions.
        description: What it shows.

    >>> square = ([0.0, 1.0], [0.0, 1.0], [[0.0, 1.0], [1.0, 2.0]])
    >>> plane("p", Line("sgd", [1, 0], [1, 0]), square, [0.5, 1.5], ("steep", "flat")).startswith("<svg")
    True
    """
    s, t, z = grid
    points = [
        (float(b), float(a))
        for a, b in zip(line.x, line.y, strict=False)
        if a is not None and b is not None and plottable(a) and plottable(b)
    ]
    if len(s) < 2 or len(t) < 2 or not points:
        return ""

    def paint(figure: Any) -> None:
        panel = axes(figure, (50, 12, 44, 26), grid="")
        values = [[math.nan if v is None else v for v in row] for row in z]
        drawn = [level for level in levels if plottable(level)]
        if drawn:
            panel.contour(t, s, values, levels=drawn, colors=[LIGHT["grey"]], linewidths=0.8, alpha=0.6)
        panel.set_xlim(t[0], t[-1])
        panel.set_ylim(s[0], s[-1])
        colour = LIGHT[line.colour]
        few = len(points) <= 60
        panel.plot(*zip(*points, strict=True), "-", color=colour, linewidth=1.5)
        if few:
            panel.plot(*zip(*points, strict=True), line.marker, color=colour, markersize=3.5)
        panel.plot(*points[0], "o", color=LIGHT["ink"], markersize=6, markerfacecolor=LIGHT["surface"])
        panel.plot(*points[-1], line.marker, color=colour, markersize=7, markeredgecolor=LIGHT["surface"])
        panel.plot([0], [0], "+", color=LIGHT["ink"], markersize=11, markeredgewidth=1.6)
        name_axes(panel, clean(labels[1], 40), clean(labels[0], 40))

    return draw(paint, SMALL, key, f"Path of {clean(line.name, 40)}", clean(description, 2_000))


def eigenvalues(key: str, values: Sequence[float], ends: tuple[str, str]) -> str:
    """Draw eigenvalues, falling, on a logarithmic scale, with the two ends named.

    Args:
        key: Unique in the page.
        values: Eigenvalues; those that are not positive are counted and not drawn.
        ends: What the steepest and the flattest direction are mostly made of.

    >>> eigenvalues("e", [4.0, 1.0], ("area", "rooms")).startswith("<svg"), eigenvalues("e", [-1.0], ("", ""))
    (True, '')
    """
    kept = [(i + 1, v) for i, v in enumerate(values) if plottable(v) and v > 0]
    if not kept:
        return ""

    def paint(figure: Any) -> None:
        panel = axes(figure, (64, 16, 46, 26))
        panel.set_yscale("log")
        low, high = min(v for _, v in kept), max(v for _, v in kept)
        pad = max((high / low) ** 0.14, 1.3)
        logarithmic(panel.yaxis, low / pad, high * pad)
        size = 5.0 if len(kept) <= 60 else 2.5
        panel.plot(*zip(*kept, strict=True), "o-", color=LIGHT["blue"], markersize=size, linewidth=1.0)
        panel.set_ylim(low / pad, high * pad)
        last = kept[-1][0]
        panel.set_xlim(1 - 0.03 * last, last * 1.03 + 0.2)
        for (place, value), text, side in ((kept[0], ends[0], 0), (kept[-1], ends[1], 1)):
            if text and (side == 0 or len(kept) > 1):
                panel.annotate(
                    f"{number(value)}: {clean(text, 44)}", (place, value), (6, 7) if side == 0 else (-4, -16),
                    "data", "offset points", ha="right" if side else "left", fontsize=11.5,
                    color=LIGHT["ink"],
                )  # fmt: skip
        name_axes(panel, "direction, steepest first", "eigenvalue of the Hessian")

    text = f"{len(kept):,} positive eigenvalues from {tick(kept[0][1])} down to {tick(kept[-1][1])}."
    return draw(paint, (WIDTH, HEIGHT), key, "Eigenvalues of the Hessian at the solution", text)


def remaining(key: str, values: Sequence[float], lines: Sequence[Line], description: str = "") -> str:
    """Draw what is left of each direction's distance to the solution, against its eigenvalue, by method.

    Args:
        key: Unique in the page.
        values: Unused where empty: the eigenvalues' range, for the axis.
        lines: The methods: x the eigenvalue, y the share of the distance at the start that is left.
        description: What it shows.

    >>> remaining("r", [1.0, 2.0], [Line("sgd", [1.0, 2.0], [0.5, 0.01])]).startswith("<svg")
    True
    """
    shown = [(line, [p for p in _kept(line, 1e-9) if p[0] > 0]) for line in lines]
    shown = [(line, points) for line, points in shown if points]
    if not shown:
        return ""
    every = [x for _, points in shown for x, _ in points] + [v for v in values if plottable(v) and v > 0]
    left, right = min(every) / 1.5, max(every) * 1.5

    def paint(figure: Any) -> None:
        names = max(len(clean(line.name, _LABEL)) for line, _ in shown)
        panel = axes(figure, (64, 22 + round(6.6 * names), 46, 26), grid="both")
        panel.set_xscale("log")
        panel.set_yscale("log")
        low, high = 4e-10, max(10.0, 3 * max(y for _, points in shown for _, y in points))
        logarithmic(panel.xaxis, left, right)
        logarithmic(panel.yaxis, low, high)
        panel.set_xlim(left, right)
        panel.set_ylim(low, high)
        panel.axhline(1.0, color=LIGHT["muted"], linewidth=1, dashes=(4, 3))
        for line, points in shown:
            panel.plot(
                *zip(*points, strict=True), line.marker, color=LIGHT[line.colour], markersize=3.6,
                markeredgewidth=0, alpha=0.85,
            )  # fmt: skip
        # each name at the height of the line's middle point
        middles = [(line, sorted(points, key=lambda p: p[1])[len(points) // 2]) for line, points in shown]
        _name_ends(panel, middles, low, high)
        name_axes(panel, "eigenvalue of the direction", "share of the distance left")

    return draw(paint, (WIDTH, HEIGHT), key, "What is left along each direction", clean(description, 2_000))


def profile(key: str, lines: Sequence[Line], bands: Sequence[Line], description: str = "") -> str:
    """Draw performance profiles: the share of problems solved within a factor of the best method.

    Args:
        key: Unique in the page.
        lines: One a method: x the factor, at least 1; y the share, 0..1.
        bands: Lines of the lower and the upper bounds, in any number; drawn thin.
        description: What it shows.

    >>> profile("f", [Line("newton", [1.0, 2.0], [0.5, 1.0])], []).startswith("<svg")
    True
    """
    shown = [line for line in lines if any(x is not None and plottable(x) for x in line.x)]
    if not shown:
        return ""
    right = max(2.0, *(x for line in shown for x in line.x if x is not None and plottable(x))) * 1.1

    def paint(figure: Any) -> None:
        names = max(len(clean(line.name, _LABEL)) for line in shown)
        panel = axes(figure, (64, 22 + round(6.6 * names), 46, 26), grid="both")
        panel.set_xscale("log")
        logarithmic(panel.xaxis, 0.99, right)
        panel.set_xlim(0.99, right)
        panel.set_ylim(-0.02, 1.04)
        for thin, drawn in ((True, bands), (False, shown)):
            for line in drawn:
                panel.step(
                    line.x, line.y, where="post", color=LIGHT[line.colour], linewidth=0.8 if thin else 2.0,
                    alpha=0.6 if thin else 1.0, dashes=line.dashes or (None, None),
                )  # fmt: skip
        height = panel.bbox.height
        ends = [height * ((line.y[-1] or 0.0) + 0.02) / 1.06 for line in shown]
        for line, place in zip(shown, spread(ends, 15.0, 4.0, height - 4.0), strict=True):
            panel.annotate(
                clean(line.name, _LABEL), (1, place / height), (10, 0), "axes fraction", "offset points",
                ha="left", va="center", fontsize=11.5, color=LIGHT[line.colour],
            )  # fmt: skip
        name_axes(panel, "factor of the best method's cost", "share of problems solved")

    return draw(paint, (WIDTH, HEIGHT), key, "Performance profiles", clean(description, 2_000))
