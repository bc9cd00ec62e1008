"""Lesson: matrix products as one move of the plane after another, and why their order matters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, path, shape, text
from fivefold.concepts.matrix_products import apply, by_dots, operations

FORMULAS = (
    (r"(A B)_{ij} = \sum_k\, A_{ik}\, B_{kj}", "Row i of A with column j of B: one dot product an entry."),
    (
        r"A B = \sum_k\, a_k\, b_k^{\mathsf{T}}",
        "The same as layers: column k of A times row k of B, added up.",
    ),
    (r"(A B)\, x = A\, (B\, x)", "As moves: first B, then A. The grouping is free; the order is not."),
)
CALLS = (
    ("fivefold.linalg.Product", "A @ B of two operators is never multiplied out: it is applied as A (B x)."),
    ("fivefold.linalg.Dense", "a table of numbers as an operator."),
)
RELATED = (
    ("vector-products", "what each entry is made of"),
    ("eigenvectors", "the directions that a matrix only stretches"),
    ("svd", "every matrix as turn, stretch, turn"),
)

_SHEAR = np.array([[1.0, 1.0], [0.0, 1.0]])
_LETTER = np.array(
    [
        [0, 0],
        [0.35, 0],
        [0.35, 0.6],
        [0.8, 0.6],
        [0.8, 0.9],
        [0.35, 0.9],
        [0.35, 1.3],
        [1, 1.3],
        [1, 1.6],
        [0, 1.6],
    ]
).T


def geometry() -> dict[str, Any]:
    """Show that the columns of a matrix say where the axes go."""
    A = np.array([[1.2, -0.5], [0.4, 1.0]])
    grid = []
    for at in np.arange(-2.0, 2.1, 0.5):
        ends = np.array([[at, at], [-2.0, 2.0]])
        for lines in (ends, ends[::-1]):
            grid.append(path(A @ lines, "grid", width=1.0))
    plain = [line([at, at], [-2, 2], "grid", width=1.0) for at in np.arange(-2.0, 2.1, 0.5)]
    plain += [line([-2, 2], [at, at], "grid", width=1.0) for at in np.arange(-2.0, 2.1, 0.5)]
    x = np.array([1.0, 1.5])
    first, second = A[:, 0], A[:, 1]
    result = apply(A, x)
    before = [
        *plain,
        arrow((0, 0), (1, 0), "blue"),
        arrow((0, 0), (0, 1), "orange"),
        arrow((0, 0), x, "green"),
        text(1.08, 1.5, "x = (1, 1.5)", "green"),
    ]
    after = [
        *grid,
        arrow((0, 0), first, "blue"),
        arrow((0, 0), second, "orange"),
        arrow((0, 0), result, "green"),
        line([first[0], result[0]], [first[1], result[1]], "orange", dashed=True, width=1.4),
        text(first[0] + 0.08, first[1], "a₁", "blue"),
        text(second[0] - 0.1, second[1], "a₂", "orange", align="right"),
        text(
            result[0] + 0.1,
            result[1] + 0.1,
            "A x = 1 a₁ + 1.5 a₂",
            "green",
            align="center",
            vertical="bottom",
        ),
    ]
    square: dict[str, Any] = {"equal": True, "xlim": (-2.2, 2.2), "ylim": (-1.4, 2.4)}
    return {
        "text": [
            "A matrix is told by where it sends the axes: its columns. Everything else follows, because a "
            "grid of "
            "parallel lines stays a grid of parallel lines.",
        ],
        "figures": [
            figure(
                "A square grid and its image under a matrix; the axes go to the columns of the matrix.",
                "Left: before. Right: after. x was one step along the first axis and one and a half along "
                "the second, "
                "and A x is the same steps along the columns.",
                panel("Before", before, **square),
                panel("After A", after, **square),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Turn by an angle before or after a shear."""
    return {
        "label": "the angle of the turn R",
        "text": "The same two moves, a shear S and a turn R, in both orders. Only where one of them does "
        "nothing do they "
        "end alike.",
        "start": 3,
        "frames": [_both_orders(angle) for angle in (0, 15, 30, 45, 60, 90, 120, 150, 180)],
    }


def failures() -> list[dict[str, Any]]:
    """Show a matrix that flattens the plane, and the cost of a careless grouping."""
    panels = []
    for squeeze in (1.0, 0.3, 0.0):
        A = np.array([[1.0, 0.5], [0.5, 0.25 + 0.75 * squeeze]])
        moved = A @ _LETTER
        size = abs(float(np.linalg.det(A)))
        panels.append(
            panel(
                f"area × {size:.2g}",
                [shape(moved, "red" if squeeze == 0 else "blue")],
                equal=True,
                xlim=(-0.2, 2.6),
                ylim=(-0.2, 2.2),
            )
        )
    sizes = np.array([10, 30, 100, 300, 1000, 3000])
    careless = [operations((n, n), (n, n), (n, 1)) for n in sizes]
    careful = [operations((n, n), (n, 1)) * 2 for n in sizes]
    cost = panel(
        "Operations for A B x",
        [
            line(sizes, careless, "red", marker="o", label="(A B) x"),
            line(sizes, careful, "green", marker="s", label="A (B x)"),
        ],
        xlabel="size n",
        ylabel="operations",
        xlog=True,
        ylog=True,
        xlim=(10, 3000),
        ylim=(100, 1e11),
        legend="upper left",
    )
    return [
        {
            "title": "Flattened: no way back",
            "text": "Where the columns come to lie on one line, the plane is folded onto it. Many points "
            "land on the same "
            "spot, the area is zero, and no matrix can undo it.",
            "figures": [
                figure(
                    "The letter F under three matrices, the last of which presses it onto a line.",
                    "The determinant is the factor by which areas grow. At zero the letter is gone.",
                    *panels,
                )
            ],
        },
        {
            "title": "The wrong grouping",
            "text": "(A B) x and A (B x) are the same vector. The first multiplies two matrices, the "
            "second never does: "
            "at n = 1000 that is 500 times the work.",
            "figures": [
                figure(
                    "Two straight lines on logarithmic axes, of slope three and two.",
                    "Cubes against squares.",
                    cost,
                )
            ],
        },
    ]


def _rotation(degrees: float) -> NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]])


def _both_orders(angle: int) -> dict[str, Any]:
    R = _rotation(angle)
    first, second = by_dots(_SHEAR, R), by_dots(R, _SHEAR)
    gap = float(np.abs(first - second).max())
    options: dict[str, Any] = {"equal": True, "xlim": (-3.4, 3.4), "ylim": (-2.0, 3.3)}

    def moved(A: NDArray[np.float64], colour: str) -> list[dict[str, Any]]:
        return [
            shape(_LETTER, "grey", alpha=0.05, width=0.8),
            shape(A @ _LETTER, colour),
            arrow((0, 0), A[:, 0], "ink", width=1.5),
            arrow((0, 0), A[:, 1], "ink", width=1.5),
        ]

    same = "Both orders end alike." if gap < 1e-9 else f"The largest entry of S R − R S is {gap:.2f}."
    return frame(
        f"{angle}°",
        f"S R = {_written(first)},   R S = {_written(second)}. {same}",
        f"The letter F, turned by {angle} degrees and then sheared, beside sheared and then turned",
        panel("S R: turn, then shear", moved(first, "blue"), **options),
        panel("R S: shear, then turn", moved(second, "orange"), **options),
    )


def _written(A: NDArray[np.float64]) -> str:
    rows = ", ".join(
        "(" + ", ".join(f"{entry + 0.0:.2f}".replace("-0.00", "0.00") for entry in row) + ")" for row in A
    )
    return f"[{rows}]"
