"""Lesson: linear systems, solved one row at a time, and when a row is too many."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.cells import cells
from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, points, powers, text
from fivefold.concepts.linear_systems import inverse, solve
from fivefold.core import numpy_generator

FORMULAS = (
    (r"A\, x = b", "Which combination of A's columns gives b? Where do all rows' planes meet?"),
    (
        r"P A = L U, \quad L\, z = P b, \quad U x = z",
        "Elimination: exchange rows, split into two triangles, and solve one unknown at a time.",
    ),
    (
        r"A^{-1} = (x_1, \ldots, x_n), \quad A\, x_j = e_j",
        "The inverse answers for every b at once. For one b it is three times the work, and less accurate.",
    ),
)
CALLS = (
    ("fivefold.linalg.solve", "is the fast path, by structure, with the number of digits to be trusted."),
    ("fivefold.linalg.inverse", "an inverse that is never formed: it factors once and solves for each b."),
)
RELATED = (
    ("condition-number", "how wrong the answer is where b is a little wrong"),
    ("least-squares", "what to do with more equations than unknowns"),
    ("matrix-products", "what A x means"),
)

_A = np.array([[2.0, 1.0, -1.0, 1.0], [4.0, 4.0, 0.0, 1.0], [-2.0, 3.0, 2.0, 0.0], [2.0, -1.0, 1.0, 3.0]])
_B = np.array([2.0, 13.0, 10.0, 6.0])


def geometry() -> dict[str, Any]:
    """Show the same two equations as two lines, and as a combination of two columns."""
    A, b = np.array([[2.0, 1.0], [-1.0, 2.0]]), np.array([4.0, 3.0])
    x = solve(A, b)
    ends = np.array([-1.0, 3.0])
    rows = [
        line(ends, (b[0] - A[0, 0] * ends) / A[0, 1], "blue", label="2 x₁ + x₂ = 4"),
        line(ends, (b[1] - A[1, 0] * ends) / A[1, 1], "orange", label="−x₁ + 2 x₂ = 3"),
        points([x[0]], [x[1]], "ink", size=9.0),
        text(x[0] + 0.4, x[1] - 0.35, "x = (1, 2)"),
    ]
    first, second = A[:, 0], A[:, 1]
    columns = [
        arrow((0, 0), first, "blue"),
        text(first[0] + 0.1, first[1] - 0.15, "a₁", "blue"),
        arrow((0, 0), second, "orange"),
        text(second[0] - 0.25, second[1] + 0.05, "a₂", "orange", align="right"),
        arrow((0, 0), b, "ink"),
        arrow(second * x[1], b, "blue", dashed=True, width=1.4),
        line([second[0], 2 * second[0]], [second[1], 2 * second[1]], "orange", dashed=True, width=1.4),
        text(b[0] + 0.12, b[1], "b = 1 a₁ + 2 a₂"),
    ]
    return {
        "text": [
            "Read by rows, every equation is a line (a plane, where there are three unknowns), and the "
            "answer "
            "is where they cross. Read by columns, the unknowns say how much of each column goes into b.",
        ],
        "figures": [
            figure(
                "Two lines that cross at (1, 2), and two arrows, one of them doubled, that add up to b.",
                "Two equations, two pictures, one answer.",
                panel(
                    "Rows", rows, xlabel="x₁", ylabel="x₂", xlim=(-1, 3), ylim=(-1, 5), legend="lower left"
                ),
                panel("Columns", columns, equal=True, xlim=(-0.6, 6.6), ylim=(-1.4, 4.4)),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Clear one entry after another, then read off one unknown after another."""
    U, L = np.column_stack([_A, _B]), np.eye(4)
    frames = [
        _tables(U, L, (0, -1), {}, "start", "Four equations; the last column is b. Nothing is done yet.")
    ]
    for j in range(3):
        for i in range(j + 1, 4):
            L[i, j] = U[i, j] / U[j, j]
            U[i] -= L[i, j] * U[j]
            m = _written(abs(L[i, j]))
            value = f"row {i + 1} {'−' if L[i, j] > 0 else '+'} {m} · row {j + 1}"
            said = f"{value.capitalize()}: the entry in column {j + 1} is gone. L keeps the multiple."
            frames.append(_tables(U, L, (i, j), {}, value, said))
    x = solve(_A, _B)
    known: dict[int, float] = {}
    for i in reversed(range(4)):
        known[i] = float(x[i])
        said = (
            "The last row has a single unknown left."
            if i == 3
            else f"Row {i + 1}: all unknowns but x{_low(i)} are known by now."
        )
        frames.append(_tables(U, L, (i, -1), dict(known), f"x{_low(i)} = {_written(x[i])}", said))
    return {
        "label": "the step",
        "text": "Six subtractions turn four equations into a triangle. After that the unknowns fall out from "
        "below, one a step.",
        "start": 1,
        "frames": frames,
    }


def failures() -> list[dict[str, Any]]:
    """Show a tiny pivot, parallel rows, and an inverse where a solution would do."""
    pivots = 10.0 ** np.arange(0.0, -17.0, -1.0)
    errors: dict[bool, list[float]] = {False: [], True: []}
    for small in pivots:
        A, truth = np.array([[small, 1.0], [1.0, 2.0]]), np.array([1.0, -0.7])
        for exchange, found in errors.items():
            error = np.abs(solve(A, A @ truth, exchange) - truth).max()
            found.append(max(float(error), 1e-17))
    tiny = panel(
        "Error of x",
        [
            line(pivots, errors[False], "red", marker="o", label="without exchanges"),
            line(pivots, errors[True], "green", marker="s", label="largest entry first"),
        ],
        xlabel="entry in the corner",
        ylabel="error",
        xlog=True,
        ylog=True,
        xlim=(1e-16, 1.0),
        ylim=(5e-18, 10.0),
        xticks=powers(-16, 0, 4),
        yticks=powers(-16, 0, 4),
        legend="upper right",
    )
    return [
        {
            "title": "A tiny pivot",
            "text": "A small corner entry makes huge multiples. The rows below then hold almost nothing but "
            "copies of the first one, and what they said themselves is rounded away. The equations are "
            "harmless: exchange the two rows, and every digit is right.",
            "figures": [
                figure(
                    "The error without exchanges rises to one as the corner entry shrinks; with exchanges it "
                    "stays at rounding.",
                    "Two equations with the solution (1, −0.7).",
                    tiny,
                )
            ],
        },
        {
            "title": "Rows that say the same",
            "text": "Parallel lines never meet, or always. No method can help, because there is no answer, "
            "or "
            "no single one. Nearly parallel lines do meet, but where is anybody's guess.",
            "figures": [_parallel()],
        },
        {
            "title": "The inverse, where one solution was wanted",
            "text": "A⁻¹ b takes three times the work of solving, and its rounding errors have been "
            "through A⁻¹ "
            "already: what is left of b − A x is larger by up to the condition number.",
            "figures": [_detour()],
        },
    ]


def _tables(
    U: NDArray[np.float64],
    L: NDArray[np.float64],
    now: tuple[int, int],
    known: dict[int, float],
    value: str,
    said: str,
) -> dict[str, Any]:
    left = [[_written(entry) for entry in row] for row in U]
    right = [[_written(L[i, j]) if i >= j else "" for j in range(4)] for i in range(4)]

    def shade(i: int, j: int) -> str:
        if i == now[0]:
            return "orange"
        return "green" if i > j and left[i][j] == "0" else "blue" if j == 4 else "grey"

    def multiple(i: int, j: int) -> str:
        return "orange" if (i, j) == now else "grey" if i == j or right[i][j] == "0" else "green"

    answers = [[f"x{_low(i)} = {_written(known[i])}" if i in known else f"x{_low(i)} = ?"] for i in range(4)]
    listed = [
        text(0.1, -0.47 - i, answers[i][0], "ink" if i in known else "muted", size=14) for i in range(4)
    ]
    shown = ", ".join(words[0] for words in answers)
    return frame(
        value,
        said,
        f"The table of the equations after this step ({value}), the multiples, and the unknowns: {shown}",
        panel(
            "The equations: U and b",
            [*cells(left, (0.0, 0.0), shade, 15), line([4.0, 4.0], [0.1, -4.1], "ink", width=1.0)],
            bare=True,
            equal=True,
            xlim=(-0.3, 5.3),
            ylim=(-4.2, 0.2),
        ),
        panel(
            "The multiples: L",
            cells(right, (0.0, 0.0), multiple, 15),
            bare=True,
            equal=True,
            xlim=(-0.8, 4.8),
            ylim=(-4.2, 0.2),
        ),
        panel("The unknowns", listed, bare=True, equal=True, xlim=(-1.3, 4.3), ylim=(-4.2, 0.2)),
    )


def _parallel() -> dict[str, Any]:
    x = np.array([-1.0, 5.0])
    panels = []
    for title, slope, offset in (
        ("Parallel: no answer", -0.5, 1.2),
        ("The same line: too many", -0.5, 2.0),
        ("Nearly parallel", -0.56, 2.15),
    ):
        layers = [line(x, 2.0 - 0.5 * x, "blue", width=3.0), line(x, offset + slope * x, "orange")]
        if title.startswith("Nearly"):
            for error in (-0.1, 0.1):
                layers.append(line(x, offset + error + slope * x, "orange", dashed=True, width=1.0))
                at = (offset + error - 2.0) / (-0.5 - slope)
                layers.append(points([at], [2.0 - 0.5 * at], "red", size=8.0))
            at = (offset - 2.0) / (-0.5 - slope)
            layers.append(points([at], [2.0 - 0.5 * at], "ink", size=8.0))
        panels.append(panel(title, layers, xlabel="x₁", ylabel="x₂", xlim=(-1, 5), ylim=(-1, 3)))
    return figure(
        "Two parallel lines, two equal lines, and two nearly parallel lines whose crossing moves far.",
        "Right: the second equation's b is moved by 0.1 either way, and the crossing travels from red to "
        "red.",
        *panels,
    )


def _detour() -> dict[str, Any]:
    generator = numpy_generator(0, "show", "linear-systems")
    powers_of_ten = np.arange(0, 15)
    direct: list[float] = []
    detour: list[float] = []
    for power in powers_of_ten:
        left, right = (np.linalg.qr(generator.normal(size=(12, 12)))[0] for _ in range(2))
        A = (left * np.logspace(0, -power, 12)) @ right
        # A right-hand side that asks for the direction that A nearly loses.
        b = A @ (right[-1] + 1e-2 * generator.normal(size=12))
        for found, x in ((direct, solve(A, b)), (detour, inverse(A) @ b)):
            found.append(float(np.linalg.norm(b - A @ x) / (np.linalg.norm(A, 2) * np.linalg.norm(x))))
    kappa = 10.0**powers_of_ten
    return figure(
        "The residual of elimination stays at rounding; that of the explicit inverse grows with the "
        "condition.",
        "Random 12 × 12 matrices.",
        panel(
            "‖b − A x‖ / (‖A‖ ‖x‖)",
            [
                line(kappa, detour, "red", marker="o", label="A⁻¹ b"),
                line(kappa, direct, "green", marker="s", label="elimination"),
            ],
            xlabel="condition number",
            ylabel="residual",
            xlog=True,
            ylog=True,
            xlim=(1, 1e14),
            ylim=(1e-18, 1.0),
            xticks=powers(0, 12, 4),
            yticks=powers(-16, 0, 4),
            legend="upper left",
        ),
    )


def _written(value: float) -> str:
    """Write a number of the elimination: a fraction, with the sign that print uses."""
    fraction = Fraction(float(value)).limit_denominator(100)
    return str(fraction).replace("-", "−")


def _low(i: int) -> str:
    return "₁₂₃₄"[i]
