"""Lesson: least squares, and what the slope of a line does to its residuals."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import arrow, contour, figure, frame, line, panel, points, polygon, text
from fivefold.concepts.least_squares import least_squares
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\hat{w} = \mathrm{arg\,min}_w\ \|X w - y\|^2",
        "The weights whose combination of columns is nearest to y.",
    ),
    (
        r"X^{\mathsf{T}} (X \hat{w} - y) = 0",
        "At the best fit the residual stands at right angles to every column.",
    ),
    (
        r"X = Q R \quad\Rightarrow\quad R\, \hat{w} = Q^{\mathsf{T}} y",
        "With orthonormal columns Q, what remains is triangular.",
    ),
)
CALLS = (
    ("fivefold.linalg.lstsq", "is the fast path, with the condition number and a bound of the error."),
    ("fivefold.fit", "least squares with a penalty is the first candidate for every table of numbers."),
)
RELATED = (
    ("vector-products", "right angles are dot products of zero"),
    ("svd", "what to do where columns nearly repeat each other"),
    ("maximum-likelihood", "squared error is the surprise of Gaussian noise"),
)

_X = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
_Y = np.array([1.2, 1.3, 2.9, 2.6, 4.3, 4.1])
_DESIGN = np.stack([np.ones(6), _X], axis=1)


def geometry() -> dict[str, Any]:
    """Show y, its shadow on the plane of the columns, and the right angle."""
    plane = polygon([0.0, 3.4, 4.6, 1.2], [0.0, 0.0, 1.3, 1.3], "blue")
    origin, foot, top = (0.6, 0.35), (3.0, 0.75), (3.0, 2.9)
    drawing = [
        plane,
        arrow(origin, foot, "blue"),
        arrow(origin, top, "ink"),
        arrow(foot, top, "red", dashed=True),
        line([2.78, 2.78, 3.0], [0.72, 0.95, 0.99], "grey", width=1.0),
        text(1.5, 2.0, "y", size=14),
        text(1.95, 0.42, "X ŵ", "blue", size=14),
        text(3.1, 1.9, "y − X ŵ", "red", size=14),
        text(2.0, 0.15, "all X w: the plane of the columns", "blue", align="center", size=11),
    ]
    return {
        "text": [
            "All combinations X w of the columns make a plane through the origin. y lies outside of it. "
            "The nearest point "
            "of the plane is straight below: the residual is at right angles to the plane, so to each "
            "column.",
        ],
        "figures": [
            figure(
                "A plane, the vector y above it, its foot on the plane, and the residual at right angles.",
                "With two columns and any number of rows: a plane in the space of the rows.",
                panel("", drawing, bare=True, xlim=(-0.2, 4.8), ylim=(-0.2, 3.2)),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Turn a line through the middle of the points, and add up the squares."""
    best = float(least_squares(_DESIGN, _Y)[1])
    slopes = sorted([-0.4, -0.1, 0.2, 0.4, 0.55, best, 0.8, 0.95, 1.2, 1.5, 1.8])
    return {
        "label": "the slope of the line",
        "text": "The line turns about the middle of the points. Each residual is the side of a square; "
        "the loss is the area "
        "of all squares together.",
        "start": 3,
        "frames": [_squares(slope, best) for slope in slopes],
    }


def failures() -> list[dict[str, Any]]:
    """Show one outlier, and two columns that say the same."""
    x = np.linspace(-0.5, 5.5, 2)
    clean = least_squares(_DESIGN, _Y)
    layers = [
        points(_X[:-1], _Y[:-1], "ink"),
        line(x, clean[0] + clean[1] * x, "blue", label="all six points"),
    ]
    for last, colour in ((-1.0, "orange"), (-6.0, "red")):
        y = _Y.copy()
        y[-1] = last
        w = least_squares(_DESIGN, y)
        layers.append(line(x, w[0] + w[1] * x, colour, label=f"last point at {last:g}"))
        layers.append(points([5.0], [last], colour, size=7.0))
    outlier = panel("One point pulls", layers, xlabel="x", ylabel="y", ylim=(-7, 7), legend="lower left")
    return [
        {
            "title": "One outlier",
            "text": "Squares make far points loud: ten times the distance counts a hundred times. A "
            "single wrong value turns "
            "the line.",
            "figures": [
                figure(
                    "Three lines through the same points; moving the last point down turns the line "
                    "downwards.",
                    "The same five points; the sixth moves. Blue is the fit to the data of this lesson.",
                    outlier,
                )
            ],
        },
        {
            "title": "Two columns that nearly repeat each other",
            "text": "Then many pairs of weights fit almost equally well: the bowl becomes a trough, and "
            "noise decides where in "
            "the trough the answer lies. The prediction is fine; the weights mean nothing.",
            "figures": [_trough()],
        },
    ]


def _squares(slope: float, best: float) -> dict[str, Any]:
    middle_x, middle_y = _X.mean(), _Y.mean()
    fitted = middle_y + slope * (_X - middle_x)
    residuals = _Y - fitted
    loss = float(residuals @ residuals)
    optimal = abs(slope - best) < 1e-9
    colour = "green" if optimal else "blue"
    layers = []
    for at, value, r in zip(_X, fitted, residuals, strict=True):
        corners = [at, at + abs(r), at + abs(r), at], [value, value, value + r, value + r]
        layers.append(polygon(*corners, "orange", width=0.8))
    ends = np.array([-0.7, 7.2])
    layers += [line(ends, middle_y + slope * (ends - middle_x), colour), points(_X, _Y, "ink", size=6.0)]
    slopes = np.linspace(-0.6, 2.0, 53)
    losses = [float(np.sum((_Y - middle_y - s * (_X - middle_x)) ** 2)) for s in slopes]
    bowl = [line(slopes, losses, "grey"), points([slope], [loss], colour, size=9.0)]
    alignment = float(residuals @ _X)
    said = "The best slope: the residuals are at right angles to x." if optimal else "Not the best slope."
    return frame(
        f"{slope:.3g}",
        f"{said} Squares together: {loss:.2f}. Residuals · x = {alignment + 0.0:.2f}.".replace(
            "-0.00", "0.00"
        ),
        f"Six points, a line of slope {slope:.3g}, a square on each residual, and the total area {loss:.2f}",
        panel(
            "Residuals as squares",
            layers,
            equal=True,
            xlabel="x",
            ylabel="y",
            xlim=(-0.7, 7.2),
            ylim=(-0.4, 5.9),
        ),
        panel("Area of all squares", bowl, xlabel="slope", xlim=(-0.6, 2.0), ylim=(0, 32)),
    )


def _trough() -> dict[str, Any]:
    generator = numpy_generator(0, "show", "least-squares")
    base = generator.normal(size=(30, 2))
    panels = []
    for mix, name in ((1.0, "Independent columns"), (0.05, "Columns that nearly repeat")):
        X = np.stack([base[:, 0], np.sqrt(1 - mix**2) * base[:, 0] + mix * base[:, 1]], axis=1)
        fits = np.array(
            [least_squares(X, X @ np.ones(2) + 0.3 * generator.normal(size=30)) for _ in range(25)]
        )
        w = np.linspace(-2.5, 4.5, 57)
        gram = X.T @ X / 30
        away = np.stack(np.meshgrid(w - 1, w - 1), axis=-1)
        height = np.einsum("abi,ij,abj->ab", away, gram, away)
        layers = [
            contour(w, w, height, [0.05, 0.3, 1, 3, 8]),
            points(fits[:, 0], fits[:, 1], "blue", size=4.5),
            points([1], [1], "red", marker="*", size=11.0),
        ]
        panels.append(
            panel(name, layers, equal=True, xlabel="w₁", ylabel="w₂", xlim=(-2.5, 4.5), ylim=(-2.5, 4.5))
        )
    return figure(
        "Left a round bowl with fits close to the truth; right a trough with fits strewn along it.",
        "The fits to 25 samples with fresh noise, around the truth (1, 1), on the lines of equal loss.",
        *panels,
    )
