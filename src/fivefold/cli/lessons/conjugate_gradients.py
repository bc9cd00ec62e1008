"""Lesson: conjugate gradients, and how many steps the condition number costs."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import contour, figure, frame, line, panel, points
from fivefold.cli.lessons.walks import Array, Walk, bowl, land, left_over
from fivefold.concepts.conjugate_gradients import conjugate_gradients, error_bound, steepest_descent

FORMULAS = (
    (
        r"\alpha_k = \frac{r_k^{\mathsf{T}} r_k}{d_k^{\mathsf{T}} A\, d_k} \qquad x_{k+1} = x_k + \alpha_k "
        r"d_k",
        "Go to the lowest point along d. The residual r = b − A x is minus the slope.",
    ),
    (
        r"d_{k+1} = r_{k+1} + \frac{|r_{k+1}|^2}{|r_k|^2}\, d_k",
        "The new direction: the slope, less what would undo the steps before.",
    ),
    (
        r"\Vert e_k \Vert_A \leq 2 \left(\frac{\sqrt{\kappa} - 1}{\sqrt{\kappa} + 1}\right)^k \Vert e_0 "
        r"\Vert_A",
        "What is left after k steps, at most; fewer where eigenvalues lie in clusters.",
    ),
)
CALLS = (
    ("fivefold.linalg.solve", "solves large positive systems so, preconditioned, with a proven residual."),
    (
        "fivefold.minimize",
        'method="newton-cg" solves so for each step, method="conjugate-gradients" walks so on any F.',
    ),
)
RELATED = (
    ("gradient-descent", "the same walk without memory"),
    ("momentum", "the same memory with fixed numbers"),
    ("condition-number", "what decides how long it takes"),
    ("power-iteration", "Lanczos is the same recurrence, asked for eigenvalues"),
)

_KAPPAS = (1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 10000.0)
_START = np.array([-4.2, 1.9])


def geometry() -> dict[str, Any]:
    """Show that eigenvalues in clusters are cheap."""
    clustered = np.concatenate([np.full(60, 1.0), np.full(60, 40.0), np.full(60, 1000.0)])
    near = clustered * (1 + 0.01 * np.linspace(-1, 1, 180))
    spread = np.geomspace(1.0, 1000.0, 180)
    curves = [
        (_errors(clustered, 40), "green", "three eigenvalues"),
        (_errors(near, 40), "blue", "three clusters, ±1%"),
        (_errors(spread, 40), "orange", "evenly spread"),
    ]
    return {
        "text": [
            "Steepest descent takes the best step along the slope each time, and undoes half of it with the "
            "next. "
            "Conjugate directions are at right angles once the bowl is made round: minimising along one "
            "leaves "
            "the minimum along all earlier ones as it was. On a bowl of n axes, n steps arrive.",
            "Each step is the best that can be made of b, Ab, A²b, …: a polynomial of A that shall be small "
            "on all "
            "eigenvalues at once. Three eigenvalues need a cubic, that is three steps, however large κ is.",
        ],
        "figures": [
            figure(
                "Three error curves; that of three eigenvalues falls to nothing at the third step.",
                "180 unknowns, κ = 1000 in each case.",
                left_over("Error left", curves, (-12, 1), legend="center right"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Make the bowl narrower, from round to one in ten thousand."""
    return {
        "label": "the condition number κ",
        "text": "Left two unknowns, right two hundred, with eigenvalues spread evenly by their logarithm "
        "from 1 "
        "to κ. Red: steepest descent. Blue: conjugate gradients.",
        "start": 3,
        "frames": [_bowl(kappa) for kappa in _KAPPAS],
    }


def failures() -> list[dict[str, Any]]:
    """Show rounding on Hilbert's matrix, and a matrix with a saddle."""
    n = np.arange(1, 13)
    hilbert = 1.0 / (n[:, None] + n - 1.0)
    truth = np.ones(12)
    path = conjugate_gradients(lambda x: hilbert @ x, hilbert @ truth, 60)
    residual = np.linalg.norm(hilbert @ truth - path @ hilbert, axis=1)
    error = np.linalg.norm(path - truth, axis=1) / np.linalg.norm(truth)
    A, b = np.diag([1.0, -0.6]), np.array([2.0, 1.0])
    x = np.linspace(-2.0, 4.0, 61)
    grid = np.stack(np.meshgrid(x, x), axis=-1)
    height = 0.5 * np.einsum("...i,ij,...j", grid, A, grid) - grid @ b
    ran = conjugate_gradients(lambda v: A @ v, b, 2)
    saddle = panel(
        "½ xᵀA x − bᵀx,  λ = 1 and −0.6",
        [
            contour(x, x, height, [-12, -8, -5, -3.5, -2.5, -1.5, -0.5, 1, 3]),
            line(ran[:, 0], ran[:, 1], "red", marker="o"),
            points([2.0], [-1.0 / 0.6], "ink", marker="X", size=10.0),
        ],
        equal=True,
        xlabel="x₁",
        ylabel="x₂",
        xlim=(-2.0, 4.0),
        ylim=(-2.0, 4.0),
    )
    return [
        {
            "title": "n steps do not suffice when κ is large",
            "text": "Twelve unknowns should take twelve steps. With κ = 10¹⁶ the directions are no longer "
            "conjugate after a few, and the walk goes on much longer. The residual gets small soon, the "
            "error "
            "does not: a small residual proves a small error only where κ is small.",
            "figures": [
                figure(
                    "The residual falls to the level of rounding; the error of the answer hardly moves.",
                    "Hilbert's matrix with 12 rows.",
                    left_over(
                        "Hilbert's matrix",
                        [(residual, "blue", "residual |b − A x|"), (error, "red", "error of x")],
                        (-16, 1),
                        legend="lower left",
                    ),
                )
            ],
        },
        {
            "title": "No bowl, no minimum",
            "text": "Where an eigenvalue is negative, dᵀA d can be negative too. The step then goes "
            "backwards, up "
            "to a crest; or it is zero, and the next number is infinite. Here it does end where the slope is "
            "zero: at the saddle (cross), higher than places it has passed. Newton's method stops at the "
            "first "
            "such direction and uses it to go down; MINRES solves the system.",
            "figures": [
                figure(
                    "Lines of equal height of a saddle, and two steps that end on it.",
                    "The solution of A x = b is a saddle, not a minimum.",
                    saddle,
                )
            ],
        },
    ]


def _errors(values: Array, steps: int) -> Array:
    b = np.ones(len(values))
    path = conjugate_gradients(lambda x: values * x, b, steps)
    away = path - b / values
    left = np.sqrt(np.sum(values * away**2, axis=1))
    return np.asarray(np.pad(left, (0, steps + 1 - len(left)), constant_values=0.0) / left[0])


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share > 1e-6 else "less than a millionth"


def _bowl(kappa: float) -> dict[str, Any]:
    ground = bowl(kappa, 20.0)
    H = ground.hessian(_START)
    b = -H @ _START  # the walks begin at x = 0, which is put at the start
    slow = _START + steepest_descent(lambda x: H @ x, b, 30)
    fast = _START + conjugate_gradients(lambda x: H @ x, b, 2)
    walks = [Walk(slow, "red", "steepest descent", 1.0, "s"), Walk(fast, "blue", "conjugate gradients", 2.0)]
    values, steps = np.geomspace(1.0, kappa, 200), 100
    ours = _errors(values, steps)
    ones = np.ones(200)
    away = steepest_descent(lambda x: values * x, ones, steps) - ones / values
    theirs = np.sqrt(np.sum(values * away**2, axis=1))
    theirs = np.pad(theirs, (0, steps + 1 - len(theirs)), constant_values=0.0)
    bound = np.array([error_bound(kappa, k) for k in range(steps + 1)]) if kappa > 1 else np.zeros(steps + 1)
    curves = [
        (theirs / theirs[0], "red", "steepest descent"),
        (bound, "grey", "bound"),
        (ours, "blue", "conjugate gradients"),
    ]
    enough = int(np.argmax(ours < 1e-6)) if np.any(ours < 1e-6) else None
    said = (
        "A round bowl: one step arrives, for both."
        if kappa == 1.0
        else f"On the left two steps arrive. On the right {enough} steps leave a millionth of the error."
        if enough
        else f"On the left two steps arrive. On the right a hundred steps leave {100 * ours[-1]:.2g}% of "
        f"the error: precondition, so that κ becomes smaller."
    )
    return frame(
        f"κ = {kappa:g}",
        f"{said} Steepest descent has {_percent(theirs[-1] / theirs[0])} left after a hundred.",
        f"Two walks in a valley, and what is left of the error after each step, κ = {kappa:g}",
        land("Two unknowns", ground, walks, legend="lower right", xlabel="x₁", ylabel="x₂"),
        left_over("Error left, two hundred unknowns", curves, (-12, 1), legend="upper right"),
    )
