"""Lesson: principal components, and what the direction of a line does to the shadow of a cloud."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, points, text
from fivefold.concepts.pca import pca, reconstruct, scores, variance_along
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"X - 1 \bar{x}^{\mathsf{T}} = U \Sigma V^{\mathsf{T}}",
        "Move the cloud to the origin and decompose it.",
    ),
    (
        r"v_1 = \mathrm{arg\,max}_{\|u\| = 1}\ u^{\mathsf{T}} S\, u, \quad S v_j = \frac{\sigma_j^2}{n - "
        r"1}\, v_j",
        "The widest direction, then the widest at right angles to it: eigenvectors of the covariance S.",
    ),
)
CALLS = (
    (
        "fivefold.linalg.pca",
        "is the fast path; it works on tables too long for memory, and says how far it can be off.",
    ),
    ("fivefold.linalg.effective_rank", "how many components carry the variance."),
)
RELATED = (
    ("svd", "does the work"),
    ("eigenvectors", "what the components are, of the covariance"),
    ("least-squares", "measures distances upwards; this measures them at right angles to the line"),
)


def geometry() -> dict[str, Any]:
    """Show a cloud and its two axes."""
    X = _cloud()
    mean, V, variances = pca(X, 2)
    layers = [points(X[:, 0], X[:, 1], "grey", size=4.0)]
    for v, variance, colour, name in zip(V, variances, ("blue", "orange"), ("v₁", "v₂"), strict=True):
        v = v * np.sign(v[0])
        tip = mean + 2 * np.sqrt(variance) * v
        layers += [
            arrow(mean, tip, colour),
            text(tip[0] + 0.25 * v[0], tip[1] + 0.25 * v[1], name, colour, align="center", size=13),
        ]
    return {
        "text": [
            "A point's distance from the centre is fixed; Pythagoras splits it into a part along the line "
            "and a part at right "
            "angles. So the line with the widest shadow is also the line nearest to the points.",
        ],
        "figures": [
            figure(
                "A slanted cloud of points with a long arrow along it and a short one across.",
                "The arrows are two standard deviations long. v₁ carries "
                f"{100 * variances[0] / variances.sum():.0f}% of the "
                "variance.",
                panel("A cloud and its axes", layers, equal=True, xlim=(-3.9, 4.6), ylim=(-2.7, 3.6)),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Turn a line under the cloud and measure the shadow."""
    X = _cloud()
    _, V, _ = pca(X, 2)
    best = round(float(np.rad2deg(np.arctan2(V[0, 1], V[0, 0])) % 180), 1)
    angles = sorted({0.0, 15.0, best, 50.0, 70.0, 90.0, round(best + 90, 1), 140.0, 157.0, 170.0})
    return {
        "label": "the direction of the line",
        "text": "Every point drops its shadow onto the line. The wider the shadows lie, the more of the "
        "cloud one number keeps.",
        "start": 4,
        "frames": [_shadow(X, angle, best) for angle in angles],
    }


def failures() -> list[dict[str, Any]]:
    """Show a change of units, and a cloud that is not an ellipse."""
    generator = numpy_generator(0, "show", "pca-units")
    X = np.clip(generator.normal(size=(90, 2)), -2.6, 2.6) @ np.array([[1.0, 0.35], [0.0, 0.9]])
    panels = []
    for factor, unit in ((0.001, "kilometres"), (1.0, "metres"), (1000.0, "millimetres")):
        Z = X * np.array([1.0, factor])
        mean, V, _ = pca(Z, 1)
        v = V[0] / np.linalg.norm(V[0] / np.array([1.0, factor]))
        ends = np.array([mean - 3.0 * v, mean + 3.0 * v])
        panels.append(
            panel(
                f"Height in {unit}",
                [points(Z[:, 0], Z[:, 1], "grey", size=4.0), line(ends[:, 0], ends[:, 1], "blue", width=2.4)],
                xlabel="width in metres",
                xlim=(-3.3, 3.3),
                ylim=(-3.3 * factor, 3.3 * factor),
            )
        )
    turn = generator.uniform(0, 2 * np.pi, 160)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (1 + 0.06 * generator.normal(size=(160, 1)))
    mean, V, variances = pca(ring, 2)
    flat = reconstruct(scores(ring, mean, V[:1]), mean, V[:1])
    circle = panel(
        "A ring and its first component",
        [
            points(ring[:, 0], ring[:, 1], "grey", size=4.0),
            points(flat[:, 0], flat[:, 1], "orange", size=4.0),
        ],
        equal=True,
        xlim=(-1.7, 1.7),
        ylim=(-1.25, 1.25),
    )
    return [
        {
            "title": "It depends on the units",
            "text": "Variance is in squared units. Write one column in millimetres instead of metres and "
            "it counts a millionfold. "
            "Scale the columns first, unless their units are the same.",
            "figures": [
                figure(
                    "The same cloud three times; in other units the first component follows the larger "
                    "numbers.",
                    "The same points. Only the unit of the height changed, and v₁ went from lying to "
                    "standing.",
                    *panels,
                )
            ],
        },
        {
            "title": "Only straight lines",
            "text": "A ring needs one number, the angle, but no straight line tells opposite points "
            "apart. Both components carry about "
            f"half of the variance here ({100 * variances[0] / variances.sum():.0f}% and "
            f"{100 * variances[1] / variances.sum():.0f}%), and either one alone is a muddle.",
            "figures": [
                figure(
                    "A ring of points pressed onto a line.",
                    "Grey: the points. Orange: what one component keeps.",
                    circle,
                )
            ],
        },
    ]


def _cloud() -> NDArray[np.float64]:
    generator = numpy_generator(0, "show", "pca")
    Z = generator.normal(size=(90, 2)) * np.array([1.6, 0.55])
    turn = np.deg2rad(33.0)
    R = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(np.clip(Z, -3.2, 3.2) @ R + np.array([0.2, 0.3]))


def _shadow(X: NDArray[np.float64], angle: float, best: float) -> dict[str, Any]:
    u = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    mean = X.mean(axis=0)
    feet = mean + ((X - mean) @ u)[:, None] * u
    optimal = angle == best
    colour = "green" if optimal else "blue"
    layers = [
        line([point[0], foot[0]], [point[1], foot[1]], "band", width=0.9)
        for point, foot in zip(X, feet, strict=True)
    ]
    ends = np.array([mean - 4.6 * u, mean + 4.6 * u])
    layers += [
        line(ends[:, 0], ends[:, 1], colour, width=1.3),
        points(X[:, 0], X[:, 1], "grey", size=3.6),
        points(feet[:, 0], feet[:, 1], colour, size=3.6),
    ]
    turn = np.linspace(0, 180, 91)
    curve = [variance_along(X, np.array([np.cos(t), np.sin(t)])) for t in np.deg2rad(turn)]
    kept, total = variance_along(X, u), float(np.var(X, axis=0, ddof=1).sum())
    note = " This is the first principal component: no direction keeps more." if optimal else ""
    return frame(
        f"{angle:g}°",
        f"The shadow keeps {kept:.2f} of {total:.2f}, which is {100 * kept / total:.0f}% of the "
        f"variance.{note}",
        f"A cloud and its shadows on a line at {angle:g} degrees; the shadow's variance is {kept:.2f}",
        panel("Shadows on the line", layers, equal=True, xlim=(-3.9, 4.6), ylim=(-2.7, 3.6)),
        panel(
            "Variance of the shadow",
            [line(turn, curve, "grey"), points([angle], [kept], colour, size=9.0)],
            xlabel="direction in degrees",
            xlim=(0, 180),
            ylim=(0, 1.15 * max(curve)),
        ),
    )
