"""Lesson: the condition number, by which errors of the data become errors of the answer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, points, powers, shape, text
from fivefold.concepts.condition_number import condition, condition_of_function, correct_digits, worst_case
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\frac{\|\delta x\|}{\|x\|} \leq \kappa(A)\, \frac{\|\delta b\|}{\|b\|}, \quad A x = b",
        "The relative error of the answer is at most κ times that of the data, and can be just that.",
    ),
    (
        r"\kappa(A) = \|A\|\, \|A^{-1}\| = \frac{\sigma_1}{\sigma_n}",
        "The largest stretch over the smallest: how flat the ellipse is that A makes of a circle.",
    ),
    (
        r"\kappa(f, x) = \left|\frac{x\, f'(x)}{f(x)}\right|",
        "The same for any function: relative slope.",
    ),
)
CALLS = (
    ("fivefold.linalg.condition", "from singular values; infinite where the smallest is zero."),
    ("fivefold.linalg.solve", "says with each answer how many of its digits can be trusted."),
    ("fivefold.linalg.lstsq", "the same for least squares, where the residual enters too."),
)
RELATED = (
    ("linear-systems", "whose errors it bounds"),
    ("svd", "where the stretches σ come from"),
    ("gradient-descent", "the condition of the Hessian sets the number of steps"),
)

_RADIUS = 0.05


def geometry() -> dict[str, Any]:
    """Show the data known up to a circle, and the answers known up to an ellipse."""
    A = _stretching(6.0)
    U, s, Vt = np.linalg.svd(A)
    b, x = A @ np.array([1.0, 0.6]), np.array([1.0, 0.6])
    circle = 0.12 * _circle()
    answers = x[:, None] + np.linalg.solve(A, circle)
    before = [
        shape(b[:, None] + circle, "blue"),
        points([b[0]], [b[1]], "ink", size=7.0),
        arrow(b, b + 0.12 * U[:, 1], "red"),
        arrow(b, b + 0.12 * U[:, 0], "green"),
        text(b[0] + 0.16, b[1] + 0.1, "b, known up to δ"),
    ]
    after = [
        shape(answers, "orange"),
        points([x[0]], [x[1]], "ink", size=7.0),
        arrow(x, x + 0.12 / s[1] * Vt[1], "red"),
        arrow(x, x + 0.12 / s[0] * Vt[0], "green"),
        text(x[0] - 0.62, x[1] + 0.62, "δ/σ₂", "red", align="right"),
        text(x[0] - 0.15, x[1] - 0.2, "δ/σ₁", "green", align="right"),
    ]
    square: dict[str, Any] = {"equal": True, "xlim": (-0.4, 2.4), "ylim": (-0.5, 1.7)}
    return {
        "text": [
            "Measured data are known up to an error: b lies somewhere in the circle. Solving divides by the "
            "stretches of A, so that the answer lies somewhere in an ellipse, longest where A stretches "
            "least. "
            "The condition number is the length of the ellipse over its width.",
        ],
        "figures": [
            figure(
                "A small circle around b becomes a long ellipse around x.",
                f"σ₁ = {s[0]:.2g}, σ₂ = {s[1]:.2g}: κ = {condition(A):.2g}.",
                panel("Data b", before, **square),
                panel("Answers x", after, **square),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Flatten the matrix and watch the same errors grow."""
    return {
        "label": "the condition number κ",
        "text": "The same error of 5% in b, in forty directions, and the answers that come out.",
        "start": 2,
        "frames": [_spread(kappa) for kappa in (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)],
    }


def failures() -> list[dict[str, Any]]:
    """Show a good problem solved by a bad method, and the normal equations."""
    x = np.logspace(-9, 0, 73)
    truth = 2.0 * np.sin(x / 2.0) ** 2
    naive = np.abs((1.0 - np.cos(x)) - truth) / truth
    kappa = np.array([condition_of_function(lambda t: 2.0 * np.sin(t / 2.0) ** 2, np.sin, t) for t in x])
    cancelling = panel(
        "Relative error",
        [
            points(x, np.clip(naive, 1e-17, 1.0), "red", size=3.5, label="computed as 1 − cos x"),
            line(x, kappa * 2.0**-53, "green", label="what κ(f, x) ≤ 2 allows"),
            line(x, np.minimum(2.0**-53 / truth, 1.0), "grey", dashed=True, label="κ of the subtraction"),
        ],
        xlabel="x",
        ylabel="error",
        xlog=True,
        ylog=True,
        xlim=(1e-9, 1.0),
        ylim=(1e-17, 30.0),
        xticks=powers(-8, 0, 2),
        yticks=powers(-16, 0, 4),
        legend="upper right",
    )
    return [
        {
            "title": "A good problem, a bad method",
            "text": "1 − cos x is harmless near zero: its condition is 2. But cos x is nearly one there, and "
            "the subtraction, whose own condition is enormous, keeps nothing but the rounding error of the "
            "cosine. Written as 2 sin²(x/2), every digit is right. κ says what can be reached, not what a "
            "program reaches.",
            "figures": [
                figure(
                    "The error of 1 − cos x grows to 100% as x falls below 1e-8; the condition is 2 "
                    "everywhere.",
                    "Points: the error of the subtraction. Green: the error that the problem itself "
                    "forgives.",
                    cancelling,
                )
            ],
        },
        {
            "title": "Normal equations square it",
            "text": "Least squares by XᵀX works with κ². With κ = 10⁸, no worse than a polynomial of degree "
            "seven, all sixteen digits are gone; by QR, half of them are left.",
            "figures": [_squared()],
        },
        {
            "title": "The determinant says nothing",
            "text": "Halve a matrix of size 100, and its determinant falls by 2¹⁰⁰, while its condition "
            "stays "
            "what it was. Ask for the condition, never for a small determinant.",
            "figures": [],
        },
    ]


def _stretching(kappa: float) -> NDArray[np.float64]:
    """Return a matrix whose stretches are 1 and 1/κ."""
    turns = []
    for degrees in (25.0, -50.0):
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        turns.append(np.array([[c, -s], [s, c]]))
    return np.asarray((turns[0] * np.array([1.0, 1.0 / kappa])) @ turns[1])


def _circle() -> NDArray[np.float64]:
    turn = np.linspace(0.0, 2.0 * np.pi, 97)
    return np.stack([np.cos(turn), np.sin(turn)])


def _amplified(A: NDArray[np.float64], b: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    """Return how many times larger the relative error of x is than that of b."""
    x, change = np.linalg.solve(A, b), np.linalg.solve(A, error)
    return float(np.linalg.norm(change) / np.linalg.norm(x) * np.linalg.norm(b) / np.linalg.norm(error))


def _spread(kappa: float) -> dict[str, Any]:
    A = _stretching(kappa)
    b, worst = worst_case(A)
    x = np.linalg.solve(A, b)
    turn = np.linspace(0.0, 2.0 * np.pi, 41)[:-1]
    errors = _RADIUS * np.stack([np.cos(turn), np.sin(turn)])
    # Everything is drawn in the basis of A's right singular vectors, so that x stays in its place.
    basis = np.linalg.svd(A)[2]
    basis[0] *= np.sign(basis[0] @ x)
    centre = np.array([1.0, 0.0])
    scatter = centre[:, None] + basis @ np.linalg.solve(A, errors)
    outline = centre[:, None] + basis @ np.linalg.solve(A, _RADIUS * _circle())
    layers = [
        shape(outline, "orange"),
        points(scatter[0], scatter[1], "orange", size=4.0),
        arrow((0, 0), centre, "ink"),
        text(0.45, 0.12, "x", size=14, align="center"),
    ]
    generator = numpy_generator(0, "show", "condition-number")
    kappas = np.array([1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0])
    typical = []
    for each in kappas:
        pairs = generator.normal(size=(200, 2, 2))
        typical.append(float(np.median([_amplified(_stretching(each), *pair) for pair in pairs])))
    factor = _amplified(A, b, worst)
    curves = [
        line(kappas, kappas, "red", label="worst case: κ"),
        line(kappas, typical, "grey", marker="o", label="typical: median of 200"),
        points([kappa], [factor], "orange", size=10.0),
    ]
    lost = correct_digits(1.0, _RADIUS) - correct_digits(kappa, _RADIUS)
    return frame(
        f"κ = {kappa:g}",
        f"5% of error in b become up to {100 * _RADIUS * factor:.3g}% in x: {lost:.1f} decimal digits "
        f"{'lost' if kappa > 1 else 'lost, no direction being worse than another'}.",
        f"Answers around x on an ellipse {kappa:g} times as long as wide, and the growth of errors at "
        f"{kappa:g}",
        panel("Answers for b ± 5%", layers, equal=True, xlim=(-0.15, 2.15), ylim=(-1.1, 1.1)),
        panel(
            "Growth of the relative error",
            curves,
            xlabel="κ",
            ylabel="factor",
            xlog=True,
            ylog=True,
            xlim=(0.9, 30.0),
            ylim=(0.3, 40.0),
            xticks=[(1, "1"), (3, "3"), (10, "10"), (30, "30")],
            yticks=[(1, "1"), (3, "3"), (10, "10"), (30, "30")],
            legend="upper left",
        ),
    )


def _squared() -> dict[str, Any]:
    t = np.linspace(1.0, 2.0, 40)
    kappas, by_qr, by_gram = [], [], []
    for degree in range(1, 13):
        X = np.vander(t, degree + 1)
        truth = np.ones(degree + 1)
        y = X @ truth
        Q, R = np.linalg.qr(X)
        kappas.append(condition(X))
        gram = np.linalg.solve(X.T @ X, X.T @ y)
        by_qr.append(float(np.abs(np.linalg.solve(R, Q.T @ y) - truth).max()))
        by_gram.append(min(float(np.abs(gram - truth).max()), 1e3))
    k = np.array(kappas)
    return figure(
        "The error of the normal equations rises twice as steeply as that of QR.",
        "Polynomials of degree 1 to 12 on [1, 2]; every true coefficient is one.",
        panel(
            "Error of the coefficients",
            [
                line(k, by_gram, "red", marker="o", label="normal equations"),
                line(k, by_qr, "green", marker="s", label="QR"),
                line(k, k * 2.0**-53, "grey", dashed=True, width=1.2, label="κ and κ² times rounding"),
                line(k, np.minimum(k**2 * 2.0**-53, 1e4), "grey", dashed=True, width=1.2),
            ],
            xlabel="condition number κ of X",
            ylabel="error",
            xlog=True,
            ylog=True,
            xlim=(1, float(k[-1])),
            ylim=(1e-17, 1e5),
            xticks=powers(0, 12, 4),
            yticks=powers(-16, 4, 4),
            legend="lower right",
        ),
    )
