"""Lesson: dot and outer products and norms, and what the angle between two vectors does to them."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, path, points, polygon, text
from fivefold.concepts.vector_products import cosine, dot, norm, outer, project
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"x \cdot y = \sum_i\, x_i\, y_i = \|x\|\,\|y\| \cos\theta",
        "The dot product: how far two vectors agree.",
    ),
    (
        r"(x\, y^{\mathsf{T}})_{ij} = x_i\, y_j",
        "The outer product: every entry with every entry, a matrix of rank one.",
    ),
    (
        r"\|x\|_p = \left(\sum_i\,|x_i|^p\right)^{1/p}",
        "A norm is a length; p says how steps along the axes add up.",
    ),
)
CALLS = (
    (
        "fivefold.linalg",
        "every operator is applied through dot products; torch.linalg.vecdot is their fast path.",
    ),
    ("fivefold.Linear", "a linear model predicts the dot product of a row with the weights."),
)
RELATED = (
    ("matrix-products", "many dot products at once"),
    ("least-squares", "a dot product of zero is what makes a fit the best"),
    ("svd", "every matrix as a sum of outer products"),
)

_X = np.array([2.0, 0.0])
_LENGTH = 1.5


def geometry() -> dict[str, Any]:
    """Show the unit circles of three norms, and an outer product as a table of areas."""
    turn = np.linspace(0, 2 * np.pi, 121)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    circles = []
    for p, colour, name in ((1.0, "orange", "p = 1"), (2.0, "blue", "p = 2"), (np.inf, "green", "p = ∞")):
        lengths = np.array([norm(point, p) for point in circle.T])
        circles.append(path(circle / lengths, colour, label=name))
    x, y = np.array([1.0, 2.0, 1.5]), np.array([1.0, 0.5, 2.0])
    table, cells = outer(x, y), []
    right, up = np.concatenate([[0.0], np.cumsum(y)]), np.concatenate([[0.0], np.cumsum(x)])
    for i in range(3):
        for j in range(3):
            corners = [right[j], right[j + 1], right[j + 1], right[j]], [up[i], up[i], up[i + 1], up[i + 1]]
            cells.append(polygon(*corners, "blue", alpha=0.05 + 0.12 * float(table[i, j])))
            middle = (right[j] + right[j + 1]) / 2, (up[i] + up[i + 1]) / 2
            cells.append(text(*middle, f"{table[i, j]:g}", align="center"))
    return {
        "text": [
            "Drop x at right angles onto the line through y. The dot product is the length of that shadow "
            "times the "
            "length of y: positive where they point the same way, zero at right angles, negative where "
            "they oppose.",
            "A norm draws its own circle: all vectors of length one. An outer product multiplies every "
            "entry with every "
            "other; as a picture, each cell's area is its value, and all rows have the same proportions.",
        ],
        "figures": [
            figure(
                "Unit circles of the norms 1, 2 and infinity: a diamond inside a circle inside a square. "
                "An outer product drawn as rectangles.",
                "Left: all vectors of length one, by three norms. Right: the outer product of (1, 2, "
                "1.5), upwards, and "
                "(1, 0.5, 2), to the right.",
                panel(
                    "Length one",
                    circles,
                    equal=True,
                    xlim=(-1.9, 1.9),
                    ylim=(-1.35, 1.35),
                    legend="upper right",
                ),
                panel("Outer product: area = value", cells, equal=True, xlim=(-1.2, 4.7), ylim=(-0.1, 4.6)),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Turn y around x."""
    degrees = (0, 20, 40, 60, 80, 90, 100, 120, 140, 160, 180)
    return {
        "label": "the angle θ",
        "text": "y turns away from x; both keep their lengths. Watch the shadow of y on x, and the dot "
        "product.",
        "start": 2,
        "frames": [_turned(angle) for angle in degrees],
    }


def failures() -> list[dict[str, Any]]:
    """Show that in many dimensions everything stands at right angles."""
    generator = numpy_generator(0, "show", "vector-products")
    panels = []
    edges = np.linspace(-1, 1, 41)
    layers = []
    for dimension, colour in ((2, "grey"), (10, "green"), (100, "blue"), (1000, "orange")):
        pairs = generator.normal(size=(400, 2, dimension))
        angles = [cosine(x, y) for x, y in pairs]
        share = np.histogram(angles, edges)[0] / len(angles)
        layers.append(line((edges[1:] + edges[:-1]) / 2, share, colour, label=f"{dimension} numbers"))
    panels.append(
        panel(
            "Cosine between two random vectors",
            layers,
            xlabel="cos θ",
            ylabel="share of pairs",
            xlim=(-1, 1),
            legend="upper right",
        )
    )
    distances = [1, 3, 10, 30, 100, 300, 1000]
    spread = [_spread(generator, d) for d in distances]
    panels.append(
        panel(
            "Farthest neighbour / nearest",
            [
                line(distances, spread, "blue", marker="o"),
                line([1, 1000], [1, 1], "red", dashed=True, width=1.2),
            ],
            xlabel="numbers in a vector",
            ylabel="ratio of distances",
            xlog=True,
            ylog=True,
            xlim=(1, 1000),
            ylim=(0.7, 2000),
        )
    )
    return [
        {
            "title": "In many dimensions, everything is at right angles",
            "text": "The cosine of two random vectors of n numbers is about ±1/√n. With a thousand "
            "numbers, all pairs look "
            "unrelated, and the nearest neighbour is hardly nearer than the farthest. Where a cosine of "
            "0.1 is small in "
            "three dimensions, it is three standard deviations in a thousand.",
            "figures": [
                figure(
                    "Histograms of the cosine get narrower around zero with the dimension; the ratio of "
                    "the farthest to "
                    "the nearest distance falls to one.",
                    "Left: 400 random pairs for each length. Right: 200 random points around one, "
                    "farthest distance "
                    "over nearest.",
                    *panels,
                )
            ],
        },
        {
            "title": "Squares overflow",
            "text": "The square of 10²⁰⁰ is beyond the largest number of a computer, its root would not "
            "be. The code divides "
            "by the largest entry first; norm([3e200, 4e200]) is 5e200 and not infinite.",
            "figures": [],
        },
    ]


def _turned(angle: int) -> dict[str, Any]:
    theta = np.deg2rad(angle)
    y = _LENGTH * np.array([np.cos(theta), np.sin(theta)])
    shadow, product = project(y, _X), dot(_X, y)
    colour = "green" if product > 1e-9 else "red" if product < -1e-9 else "grey"
    drawing = [
        line([-2.2, 2.6], [0, 0], "rule", width=1.0),
        line([y[0], shadow[0]], [y[1], shadow[1]], "grey", dashed=True, width=1.2),
        arrow((0, 0), _X, "blue"),
        arrow((0, 0), y, "orange"),
        line([0, shadow[0]], [0, shadow[1]], colour, width=5.0),
        text(2.06, 0.2, "x", "blue"),
        text(y[0] * 1.13, y[1] * 1.13 + 0.08, "y", "orange", align="center"),
    ]
    turn = np.linspace(0, 180, 91)
    curve = [
        line(turn, norm(_X) * _LENGTH * np.cos(np.deg2rad(turn)), "grey"),
        line([0, 180], [0, 0], "rule", width=1.0),
        points([angle], [product], colour, size=9.0),
    ]
    meaning = (
        "They agree."
        if product > 1e-9
        else "They oppose."
        if product < -1e-9
        else "At right angles: no agreement."
    )
    return frame(
        f"θ = {angle}°",
        f"x · y = {norm(_X):g} · {_LENGTH:g} · cos {angle}° = {product + 0.0:.2f}. {meaning} The thick "
        "line is the shadow "
        f"of y on x, {abs(product) / norm(_X):.2f} long.",
        f"Two arrows at {angle} degrees with the shadow of one on the other; the dot product is "
        f"{product + 0.0:.2f}",
        panel("The shadow of y on x", drawing, equal=True, xlim=(-2.2, 2.6), ylim=(-0.9, 2.2)),
        panel("x · y", curve, xlabel="θ in degrees", xlim=(0, 180), ylim=(-3.4, 3.4)),
    )


def _spread(generator: np.random.Generator, dimension: int) -> float:
    distances = np.linalg.norm(generator.normal(size=(200, dimension)), axis=1)
    return float(distances.max() / distances.min())
