"""Lesson: the line search, which refuses steps that are too short or too long."""

from functools import partial
from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import band, figure, frame, line, panel, points, text
from fivefold.concepts.line_search import backtracking, line_search, verdict

FORMULAS = (
    (
        r"\varphi(t) \leq \varphi(0) + c_1\, t\, \varphi'(0)",
        "Enough decrease: at least a share c₁ of what the slope at the start promises.",
    ),
    (
        r"|\varphi'(t)| \leq c_2\, |\varphi'(0)|",
        "Enough curvature: the slope at the end is flatter than at the start, by a factor c₂ at least.",
    ),
    (r"0 < c_1 < c_2 < 1", "Then an interval of such steps exists, if F does not fall for ever."),
)
CALLS = (
    ("fivefold.optimize.search_wolfe", "for a batch of points at once, safe where F is not finite."),
    ("fivefold.minimize", "searches so along the directions of Newton and L-BFGS."),
)
RELATED = (
    ("gradient-descent", "with a fixed rate instead"),
    ("lbfgs", "which needs the second condition for its pairs"),
    ("newtons-method", "which tries the whole step first"),
    ("trust-region", "which fixes the length and then asks for the direction"),
)

_C1, _C2 = 0.1, 0.5
_TRIALS = (0.05, 0.15, 0.3, 0.5, 0.8, 1.0, 1.4, 1.8, 2.15, 2.5, 3.1)


def phi(t: Any) -> Any:
    """Return the height along the direction: down, a dip, a hump, a deeper dip, and up."""
    return 0.22 * (t - 1.6) ** 2 + 0.32 * np.cos(4.2 * t)


def slope(t: Any) -> Any:
    """Return its derivative."""
    return 0.44 * (t - 1.6) - 1.344 * np.sin(4.2 * t)


def geometry() -> dict[str, Any]:
    """Show the steps that a search tries, from a first step far too short and one far too long."""
    t = np.linspace(0.0, 3.2, 161)
    layers = [line(t, phi(t), "ink", width=1.6)]
    for first, colour, marker, label in ((0.02, "blue", "o", "from 0.02"), (2.6, "orange", "s", "from 2.6")):
        tried = line_search(phi, slope, first, _C1, _C2)
        layers.append(points(tried, phi(np.array(tried)), colour, marker=marker, size=6.0, label=label))
        layers.append(points(tried[-1:], [phi(tried[-1])], colour, marker="*", size=14.0))
    return {
        "text": [
            "A direction is known, and along it F is a curve φ of one variable. To find its minimum is not "
            "worth "
            "the trouble: the next direction will be another one. It is enough that the step gains "
            "something in "
            "proportion to its length, and that it does not stop while φ still falls steeply.",
            "Each trial is good, too short or too long. Too short moves the lower end of an interval, too "
            "long the "
            "upper, and a good step always lies between.",
        ],
        "figures": [
            figure(
                "A wavy curve with two series of trial steps, each ending in a star.",
                "Fourfold steps until one is too long, then halves. Stars: the steps taken.",
                panel(
                    "Trials",
                    layers,
                    xlabel="t",
                    ylabel="φ",
                    xlim=(-0.05, 3.2),
                    ylim=(-0.5, 1.2),
                    legend="upper center",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Try eleven lengths."""
    return {
        "label": "the step t",
        "text": f"c₁ = {_C1:g} and c₂ = {_C2:g}. Shaded: the steps that both conditions accept; the middle "
        f"ones lie on a "
        "crest, which is flat too.",
        "start": 2,
        "frames": [_trial(t) for t in _TRIALS],
    }


def failures() -> list[dict[str, Any]]:
    """Show the two ways in which every step gains and the walk never arrives."""
    w = np.linspace(-2.3, 2.3, 93)
    k = np.arange(8)
    long_steps = (-1.0) ** k * (1.0 + 2.0**-k)
    short_steps = 1.0 + 2.0**-k
    found = [2.0]
    for _ in range(7):
        g = 2.0 * found[-1]
        along = partial(_parabola, found[-1], g)
        found.append(found[-1] - backtracking(along, -g * g, 0.9, 0.3) * g)
    walks = (
        ("Every step too long", long_steps, "red"),
        ("Every step too short", short_steps, "orange"),
        ("Gains enough", np.array(found), "blue"),
    )
    pictures = [
        panel(
            title,
            [line(w, w**2, "grey"), line(path, path**2, colour, marker="o", width=1.2)],
            xlabel="w",
            xlim=(-2.3, 2.3),
            ylim=(-0.2, 5.0),
        )
        for title, path, colour in walks
    ]
    return [
        {
            "title": "To gain at every step is not enough",
            "text": "On F = w² both walks go down at each step and never get below F = 1. In the first the "
            "steps are long and gain next to nothing: the first condition forbids that. In the second "
            "they get shorter twice as fast as needed: the second condition forbids that, and so does "
            "trying a "
            "long step first and halving it.",
            "figures": [
                figure(
                    "Three walks on a parabola; two close in on points halfway up, the third reaches the "
                    "floor.",
                    "Left: w = ±(1 + 2⁻ᵏ). Middle: w = 1 + 2⁻ᵏ. Right: halved until it gains enough. "
                    "Source: Dennis and Schnabel (1983), section 6.3.",
                    *pictures,
                )
            ],
        },
        {
            "title": "Near the floor values cannot tell any more",
            "text": "When F(w) and F(w + t d) agree to all digits, the first condition compares rounding "
            "errors: at "
            "about half the digits of w. Slopes still tell. fivefold's search then replaces the first "
            "condition "
            "by one on the slopes, as Hager and Zhang (2005) do.",
            "figures": [],
        },
    ]


def good_steps() -> list[tuple[float, float]]:
    """Return the intervals of steps in [0, 3.2] that both conditions accept.

    >>> len(good_steps())
    3
    """
    t = np.linspace(0.001, 3.2, 3200)
    good = np.array([verdict(phi, slope, float(at), _C1, _C2) == "good" for at in t])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    return [(float(t[a]), float(t[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _parabola(w: float, g: float, t: float) -> float:
    return (w - t * g) ** 2


def _trial(trial: float) -> dict[str, Any]:
    t = np.linspace(0.0, 3.2, 161)
    said = verdict(phi, slope, trial, _C1, _C2)
    colour = {"good": "green", "too short": "orange", "too long": "red"}[said]
    shades = [[band([a, b], [low] * 2, [high] * 2, "green", alpha=0.15) for a, b in good_steps()]
              for low, high in ((-0.5, 1.2), (-2.0, 2.4))]  # fmt: skip
    left = [
        *shades[0],
        line(t, phi(t), "ink", width=1.6),
        line([0.0, 3.2], [phi(0.0), phi(0.0) + _C1 * 3.2 * slope(0.0)], "blue", dashed=True, width=1.3),
        text(1.0, 0.95, "enough decrease: below", "blue"),
        points([trial], [phi(trial)], colour, size=10.0),
    ]
    limit = _C2 * abs(slope(0.0))
    right = [
        *shades[1],
        line(t, slope(t), "ink", width=1.6),
        *(line([0.0, 3.2], [at, at], "blue", dashed=True, width=1.3) for at in (-limit, limit)),
        points([trial], [slope(trial)], colour, size=10.0),
    ]
    enough = phi(trial) <= phi(0.0) + _C1 * trial * slope(0.0)
    why = {
        "good": "both conditions hold.",
        "too short": f"it gains, but the slope is {slope(trial):.2f}".replace("-", "−")
        + ", still steeply down.",
        "too long": f"it gains, but the slope is {slope(trial):.2f}, already steeply up."
        if enough
        else "it lies above the dashed line: too little gain for its length.",
    }[said]
    return frame(
        f"t = {trial:g}",
        f"{said.capitalize()}: {why} φ goes from {phi(0.0):.2f} to {phi(trial):.2f}.".replace("to -", "to −"),
        f"The height along the direction and its slope, with the step {trial:g} marked",
        panel("Height φ(t)", left, xlabel="t", xlim=(0, 3.2), ylim=(-0.5, 1.2)),
        panel("Slope φ′(t)", right, xlabel="t", xlim=(0, 3.2), ylim=(-2.0, 2.4)),
    )
