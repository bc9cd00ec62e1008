"""Pictures of promises against what happened: coverage of intervals, reliability of probabilities."""

import math
from collections.abc import Sequence
from typing import Any

from fivefold.report.svg import axes, draw, logarithmic, name_axes, plottable
from fivefold.report.text import clean
from fivefold.report.theme import LIGHT


def coverage(key: str, fifths: Sequence[tuple[str, float, float | None, float | None]], level: float) -> str:
    """Draw the coverage of prediction intervals along the range of predictions, against its target.

    Args:
        key: Unique in the page.
        fifths: (label, coverage, low, high), shares in [0, 1].
        level: The share that was promised.

    >>> "promised" in coverage("c", [("low", 0.9, 0.85, 0.94)], 0.9)
    True
    """
    kept = [f for f in fifths if plottable(f[1])]
    if not kept:
        return ""

    def paint(figure: Any) -> None:
        panel = axes(figure, (48, 66, 46, 12))
        panel.axhline(level, color=LIGHT["orange"], linewidth=1.5, dashes=(5, 3))
        for position, (_, value, low, high) in enumerate(kept):
            if low is not None and high is not None:
                panel.plot([position, position], [low, high], color=LIGHT["blue"], linewidth=2.4)
            panel.plot([position], [value], "o", color=LIGHT["blue"], markersize=7.5)
        panel.annotate(
            f"promised\n{100 * level:g}%", (1, level), (6, 0), ("axes fraction", "data"), "offset points",
            ha="left", va="center", color=LIGHT["orange"], fontsize=11.5,
        )  # fmt: skip
        seen = [v for f in kept for v in f[1:] if v is not None]
        bottom = min(*seen, level) if seen else level
        panel.set_ylim(max(0.0, bottom - 0.05), 1.005)
        panel.set_xlim(-0.5, len(kept) - 0.5)
        panel.set_xticks(range(len(kept)), [clean(f[0], 14) for f in kept])
        panel.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        panel.set_xlabel("a fifth of the rows each, by predicted value (from)", loc="left")

    words = "; ".join(f"{clean(f[0], 30)}: {100 * f[1]:.1f}%" for f in kept)
    return draw(
        paint, (440, 270), key, "Coverage of the prediction intervals by fifth of the prediction", words
    )


def funnel(key: str, groups: Sequence[tuple[float, float]], level: float) -> str:
    """Draw the coverage of every group against its size, with what chance alone would do.

    The lines bound the central 95% of a binomial share of ``n`` rows around the promised ``level``,
    by the normal approximation ``level ± 1.96 √(level (1 - level) / n)``.

    Args:
        key: Unique in the page.
        groups: (rows, coverage in [0, 1]) of each group.
        level: The share that was promised.

    >>> funnel("f", [(40, 0.9), (80, 0.8)], 0.9).startswith("<svg"), funnel("f", [], 0.9)
    (True, '')
    """
    kept = [g for g in groups if plottable(g[0]) and plottable(g[1]) and g[0] >= 1]
    if not kept:
        return ""
    largest = max(g[0] for g in kept)
    smallest = min(g[0] for g in kept)

    def paint(figure: Any) -> None:
        panel = axes(figure, (48, 12, 46, 12))
        panel.set_xscale("log")
        ends = (smallest / 1.15, largest * 1.15)
        logarithmic(panel.xaxis, *ends)
        sizes = [ends[0] * (ends[1] / ends[0]) ** (i / 60) for i in range(61)]
        half = [1.96 * math.sqrt(level * (1 - level) / n) for n in sizes]
        low, high = [max(0.0, level - h) for h in half], [min(1.0, level + h) for h in half]
        panel.fill_between(sizes, low, high, color=LIGHT["band"], linewidth=0)
        panel.axhline(level, color=LIGHT["orange"], linewidth=1.5, dashes=(5, 3))
        panel.plot(
            [g[0] for g in kept],
            [g[1] for g in kept],
            "o",
            color=LIGHT["blue"],
            markersize=5,
            markeredgewidth=0,
        )
        panel.set_xlim(ends)
        panel.set_ylim(max(0.0, min(*low, *(g[1] for g in kept)) - 0.03), 1.015)
        panel.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        panel.set_xlabel("unseen rows in the group", loc="left")

    text = f"{len(kept):,} groups; the band holds 95% of groups if coverage is {100 * level:g}% in each."
    return draw(paint, (440, 290), key, "Coverage of the prediction intervals by group", text)


def reliability(
    key: str, bins: Sequence[tuple[float, float, float | None, float | None, float | None]]
) -> str:
    """Draw how often the predicted thing happened against the probability that was given to it.

    Args:
        key: Unique in the page.
        bins: (predicted, observed, low, high, rows), shares in [0, 1].

    >>> reliability("r", [(0.2, 0.25, 0.1, 0.4, 30)]).startswith("<svg")
    True
    """
    kept = [b for b in bins if plottable(b[0]) and plottable(b[1])]
    if not kept:
        return ""
    most = max((b[4] or 0 for b in kept), default=0) or 1

    def paint(figure: Any) -> None:
        panel = axes(figure, (48, 12, 46, 26), grid="both")
        panel.plot([0, 1], [0, 1], color=LIGHT["muted"], linewidth=1.2, dashes=(4, 3))
        for predicted, observed, low, high, rows in kept:
            if low is not None and high is not None:
                panel.plot([predicted, predicted], [low, high], color=LIGHT["blue"], linewidth=2)
            size = 5 + 6 * math.sqrt((rows or 0) / most)
            panel.plot([predicted], [observed], "o", color=LIGHT["blue"], markersize=size)
        panel.set_xlim(-0.03, 1.03)
        panel.set_ylim(-0.03, 1.03)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        name_axes(panel, "predicted probability", "observed share")

    words = "; ".join(f"predicted {100 * b[0]:.0f}%, observed {100 * b[1]:.0f}%" for b in kept)
    return draw(paint, (400, 360), key, "Reliability of the probabilities", clean(words, 1_500))
