"""Lesson: convexity and conditioning: a bowl, dented until it has many floors."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import band, bars, figure, frame, line, panel, points, text
from fivefold.cli.lessons.walks import Array, left_over
from fivefold.concepts.convexity import chord_gap, curvature_range, distance_bounds, ridge, steps_needed
from fivefold.concepts.gradient_descent import gradient_descent

FORMULAS = (
    (
        r"F(s a + (1 - s) b) \leq s F(a) + (1 - s) F(b)",
        "Convex: no chord runs below the function. Then every place where the slope is zero is a lowest one.",
    ),
    (
        r"F(w) - F^* \leq \frac{|\nabla F(w)|^2}{2 \mu}",
        "If every curvature is at least μ > 0, a small slope proves that little is left.",
    ),
    (
        r"\kappa = L / \mu",
        "The condition number: gradient descent needs about κ steps for a digit or two.",
    ),
)
CALLS = (
    (
        "fivefold.optimize.certify_suboptimality",
        "the bound as a certificate: a proof where μ is known, otherwise unknown.",
    ),
    ("fivefold.optimize.strong_convexity", "a proven μ for linear models with a prior."),
    ("fivefold.minimize", "says with every answer whether it is a proven minimum."),
)
RELATED = (
    ("hessian", "whose least eigenvalue is the μ at a point"),
    ("condition-number", "the same number for a system of equations"),
    ("gradient-descent", "whose pace it sets"),
    ("least-squares", "always convex"),
)

_DENTS = (0.0, 0.02, 0.05, 0.0625, 0.1, 0.2, 0.35, 0.6, 1.0)
_STARTS = np.linspace(-3.9, 3.9, 14)


def geometry() -> dict[str, Any]:
    """Show what the curvature makes of a slope: between two parabolas."""
    w = np.linspace(-3.0, 3.0, 121)
    height = np.log(np.cosh(w)) + 0.15 * w**2
    at = 1.6
    here, slope = float(np.log(np.cosh(at)) + 0.15 * at**2), float(np.tanh(at) + 0.3 * at)
    away = w - at
    lower, upper = (here + slope * away + 0.5 * c * away**2 for c in (0.3, 1.3))
    layers = [
        band(w, lower, np.minimum(upper, 5.0), "blue", alpha=0.12),
        line(w, lower, "blue", dashed=True, width=1.3, label="μ = 0.3"),
        line(w, upper, "orange", dashed=True, width=1.3, label="L = 1.3"),
        line(w, height, "ink"),
        points([at], [here], "ink", size=8.0),
    ]
    return {
        "text": [
            "If all curvatures lie between μ and L, then one value and one slope hold the whole function "
            "between "
            "two parabolas. The lower one has a lowest point, |∇F|²/2μ below: F cannot be lower anywhere. "
            "This is "
            "the whole proof behind a certificate of optimality.",
            "With μ = 0 the lower parabola is a line that falls for ever, and a slope however small proves "
            "nothing.",
        ],
        "figures": [
            figure(
                "A convex curve between a flat and a steep parabola that touch it at one point.",
                "log cosh w + 0.15 w², and what is known of it from the dot alone.",
                panel(
                    "Between two parabolas",
                    layers,
                    xlabel="w",
                    ylabel="F",
                    xlim=(-3, 3),
                    ylim=(-3.6, 4.5),
                    legend="lower right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Dent a bowl ever deeper."""
    return {
        "label": "the dents' depth a",
        "text": "F(w) = ½ w² + a cos 4w has the curvature 1 − 16a cos 4w: the least is 1 − 16a, at w = 0. "
        "Dots: where "
        "gradient descent ends from fourteen starts. Dashed: a chord.",
        "start": 2,
        "frames": [_dent(depth) for depth in _DENTS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a small slope far from the floor, and what units do to the condition of a real regression."""
    t = np.arange(301)
    path = gradient_descent(lambda w: np.array([1.0, 1e-3]) * w, np.array([1.0, 30.0]), 1.0, 300)
    slopes = np.linalg.norm(path * np.array([1.0, 1e-3]), axis=1)
    distance = np.linalg.norm(path, axis=1)
    bound = np.array([distance_bounds(float(each), 1e-3)[1] for each in slopes])
    curves = [
        (slopes, "blue", "slope |∇F|"),
        (distance, "red", "distance from the floor"),
        (bound, "grey", "|∇F|/μ, the bound"),
    ]
    names, conditions = zip(*conditioned().items(), strict=True)
    steps = [max(steps_needed(condition, 1e-3), 1) for condition in conditions]
    at = np.arange(len(names), dtype=float)
    return [
        {
            "title": "A small slope, far from the floor",
            "text": "One axis has the curvature 1, the other a thousandth. The slope falls below 0.03 at "
            "once, while "
            "the floor is 30 away and stays there. The bound knows: divided by μ, the slope is 30 as well. "
            "Stop by "
            "the bound where μ is known, never by the slope alone.",
            "figures": [
                figure(
                    "The slope drops at once and stays small, the distance remains at thirty.",
                    f"Gradient descent at η = 1/L, κ = 1000; {len(t) - 1} steps. After the first, distance "
                    f"and bound "
                    "lie on each other.",
                    left_over("Slope and distance", curves, (-2, 3), legend="upper right"),
                )
            ],
        },
        {
            "title": "The same regression, four conditionings",
            "text": "Log price by living area and year of construction. In square feet and years the largest "
            "curvature is more than 10¹⁰ times the least, and no rate is right for both. To subtract the "
            "means and divide by the spreads changes nothing in the predictions. A ridge α = 1 lifts every "
            "curvature by one, and does change them.",
            "figures": [
                figure(
                    "Bars of steps on a logarithmic axis, from billions down to a few.",
                    "Steps of gradient descent that surely bring F − F* to a thousandth; 800 sales in King "
                    "County.",
                    panel(
                        "Steps needed, at most",
                        [
                            bars(at, steps, "blue", width=0.6, bottom=0.5),
                            *(
                                text(float(x), 2.6 * each, f"{each:.2g}".replace("e+", "e"), align="center")
                                for x, each in zip(at, steps, strict=True)
                            ),
                        ],
                        ylog=True,
                        xlim=(-0.6, len(names) - 0.4),
                        ylim=(1.0, 1e13),
                        xticks=[(float(x), name) for x, name in zip(at, names, strict=True)],
                    ),
                )
            ],
        },
    ]


def conditioned() -> dict[str, float]:
    """Return κ of one regression of the sales, by how its columns are counted.

    >>> list(conditioned())
    ['raw', 'ridge', 'centred', 'scaled']
    """
    found = sales()
    raw = np.stack([np.ones(800), found["sqft_living"], found["yr_built"]], axis=1)
    centred = raw - np.array([0.0, *raw[:, 1:].mean(axis=0)])
    scaled = centred / np.array([1.0, *centred[:, 1:].std(axis=0)])
    hessians = {name: X.T @ X / 800 for name, X in (("raw", raw), ("centred", centred), ("scaled", scaled))}
    hessians["ridge"] = ridge(hessians["raw"], 1.0)
    ranges = {name: curvature_range(hessians[name][None]) for name in ("raw", "ridge", "centred", "scaled")}
    return {name: high / low for name, (low, high) in ranges.items()}


def floors(depth: float) -> Array:
    """Return the different places where gradient descent ends on the dented bowl, in order."""
    ends = gradient_descent(
        lambda w: w - 4.0 * depth * np.sin(4.0 * w), _STARTS, 1.0 / (1.0 + 16.0 * depth), 6000
    )[-1]
    ends = np.sort(ends)
    return np.asarray(np.round(ends[np.append(True, np.diff(ends) > 0.05)], 3) + 0.0)


def _dent(depth: float) -> dict[str, Any]:
    w = np.linspace(-4.0, 4.0, 241)
    ends, least = floors(depth), 1.0 - 16.0 * depth

    def value(v: Array) -> float:
        return float(0.5 * v[0] ** 2 + depth * np.cos(4.0 * v[0]))

    a, b = np.array([-0.7]), np.array([0.7])
    gap = chord_gap(value, a, b)
    colour = "green" if least >= 0 else "orange" if len(ends) <= 2 else "red"
    height = 0.5 * w**2 + depth * np.cos(4.0 * w)
    bend = 1.0 - 16.0 * depth * np.cos(4.0 * w)
    left = [
        line(w, height, "ink", width=1.6),
        line([-0.7, 0.7], [value(a), value(b)], "blue", dashed=True, width=1.4),
        points(ends, 0.5 * ends**2 + depth * np.cos(4.0 * ends), colour, size=9.0),
    ]
    right = [
        band(w, np.minimum(bend, 0.0), np.zeros(len(w)), "red", alpha=0.25),
        line([-4.0, 4.0], [0.0, 0.0], "grey", width=1.0),
        line(w, bend, "ink", width=1.6),
    ]
    said = (
        f"Convex: curvatures from {least:.2g} to {1 + 16 * depth:.2g}, κ = {(1 + 16 * depth) / least:.2g}. "
        f"One floor."
        if least > 0
        else "On the edge: the curvature at zero vanishes, and no μ > 0 is left. Still one floor."
        if least == 0
        else f"Not convex: the curvature at zero is {least:.2g}. {len(ends)} floors, and the start decides "
        f"between "
        "them."
    )
    return frame(
        f"a = {depth:g}",
        f"{said} The chord's middle lies {abs(gap):.2f} {'above' if gap >= 0 else 'below'} the "
        "function.".replace("-", "−"),
        f"A dented bowl with a chord and the ends of descents, and its curvature, a = {depth:g}",
        panel("½ w² + a cos 4w", left, xlabel="w", xlim=(-4, 4), ylim=(-1.5, 6.5)),
        panel("Curvature", right, xlabel="w", xlim=(-4, 4), ylim=(-16.0, 18.0)),
    )
