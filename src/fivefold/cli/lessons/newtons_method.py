"""Lesson: Newton's method, superb near a minimum and lost far from it."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, frame, line, panel, points
from fivefold.cli.lessons.walks import Array, Walk, land, left_over, two_valleys, valley
from fivefold.concepts.newtons_method import damped, newtons_method, safe_direction

FORMULAS = (
    (
        r"w_{t+1} = w_t - H(w_t)^{-1}\, \nabla F(w_t)",
        "Go to where the paraboloid that fits F at w has its slope zero.",
    ),
    (
        r"|w_{t+1} - w^*| \leq c\, |w_t - w^*|^2",
        "Near a minimum with positive curvatures every step doubles the number of correct digits.",
    ),
    (
        r"d = -|H|^{-1}\, \nabla F",
        "Safe far away: sizes of the curvatures in place of the curvatures, and a line search for the "
        "length.",
    ),
)
CALLS = (
    ("fivefold.minimize", 'method="newton": |H| where a curvature is negative, and a Wolfe search.'),
    ("fivefold.Objective", "its hessian(w) as an operator, for weights too many for a matrix."),
)
RELATED = (
    ("hessian", "the paraboloid"),
    ("line-search", "how far to go along the direction"),
    ("trust-region", "the other way to make it safe"),
    ("lbfgs", "curvature learnt from the steps, without a matrix"),
)

_STARTS = (0.3, 0.6, 0.8, 0.9, 0.97, 1.0, 1.02, 1.1, 1.3)


def geometry() -> dict[str, Any]:
    """Show Newton's few steps through Rosenbrock's valley, and the digits of each."""
    ground, start = valley(), np.array([-1.2, 1.0])
    path = newtons_method(ground.gradient, ground.hessian, start, 7)
    damped_path = safe_walk(start, 40)
    miss = [np.linalg.norm(each - 1.0, axis=1) for each in (path, damped_path)]
    walks = [
        Walk(path, "red", "whole steps", 1.0, "s"),
        Walk(damped_path, "blue", "with a line search"),
    ]
    curves = [
        (np.maximum(miss[0], 1e-17), "red", "whole steps"),
        (np.maximum(miss[1], 1e-17), "blue", "with a line search"),
    ]
    return {
        "text": [
            "Gradient descent knows the slope, Newton's method also how the slope changes. It goes straight "
            "to "
            "the floor of the paraboloid that fits here; if F is that paraboloid, one step arrives, however "
            "narrow the valley is. The axes may be stretched and turned, the steps stay the same.",
            "A step costs a Hessian and the solution of a system. It pays in digits: once two are right, "
            "then "
            "four, eight, sixteen.",
        ],
        "figures": [
            figure(
                "Two walks in a bent valley; the curves of the error drop ever more steeply at their ends.",
                "Rosenbrock's valley. Whole steps leap out of it and happen to come back; a line search "
                "follows it.",
                land("The walk", ground, walks, legend="upper center"),
                left_over("Distance from (1, 1)", curves, (-16, 2), legend="center"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Begin ever farther from the floor of a bowl that flattens outwards."""
    return {
        "label": "the start w₀",
        "text": "F(w) = √(1 + w²) is convex, with one floor at zero, and nearly straight far out. A step "
        "leads "
        "from w to exactly −w³: closer for |w| < 1, farther for |w| > 1. Dashed: the parabolas of the first "
        "two "
        "steps.",
        "start": 2,
        "frames": [_start(start) for start in _STARTS],
    }


def failures() -> list[dict[str, Any]]:
    """Show the saddle, and the line search that repairs divergence."""
    ground, start = two_valleys(), np.array([0.3, 1.5])
    whole = newtons_method(ground.gradient, ground.hessian, start, 6)
    safe = [start]
    for _ in range(8):
        w, g = safe[-1], ground.gradient(safe[-1])
        d = safe_direction(ground.hessian(w), g)
        safe.append(w + damped(lambda v: float(ground.value(v)), w, d, float(g @ d)) * d)
    walks = [Walk(whole, "red", "−H⁻¹ ∇F", 1.6, "s"), Walk(np.array(safe), "blue", "−|H|⁻¹ ∇F")]
    w, repaired = np.array([1.3]), [1.3]
    for _ in range(8):
        g, H = w / np.sqrt(1 + w**2), np.diag((1 + w**2) ** -1.5)
        d = -g / H[0]
        w = w + damped(lambda v: float(np.sqrt(1 + v @ v)), w, d, float(g @ d)) * d
        repaired.append(float(w[0]))
    lost = [1.3 ** (3.0**k) for k in range(6)]
    curves = [
        (np.array(lost), "red", "whole steps"),
        (np.maximum(np.abs(repaired), 1e-17), "blue", "halved until they gain"),
    ]
    return [
        {
            "title": "It climbs saddles",
            "text": "Newton's step looks for slope zero, not for a low place. Where a curvature is negative "
            "it "
            "goes up that direction, and ends on the saddle. With |λ| in place of λ the same work leads "
            "down.",
            "figures": [
                figure(
                    "One walk ends on the saddle between two valleys, the other in a valley.",
                    "Both start at (0.3, 1.5). Stars: the floors.",
                    land("¼ w₁⁴ − ½ w₁² + ½ w₂²", ground, walks, legend="upper left"),
                )
            ],
        },
        {
            "title": "Whole steps can diverge, even on a convex function",
            "text": "From 1.3 on √(1 + w²) the steps grow without bound. Halve a step until it gains, and "
            "the same "
            "directions arrive; close to the floor the whole step gains at once, and the digits double "
            "again.",
            "figures": [
                figure(
                    "A rising curve of whole steps, a falling one of steps that are halved where needed.",
                    "Distance from the floor, by step, from 1.3.",
                    left_over("Distance from the floor", curves, (-16, 12), legend="lower left", xlim=(0, 8)),
                )
            ],
        },
    ]


def safe_walk(start: Array, steps: int) -> Array:
    """Walk through Rosenbrock's valley by safe directions and halved steps."""
    ground, path = valley(), [start]
    for _ in range(steps):
        w, g = path[-1], ground.gradient(path[-1])
        d = safe_direction(ground.hessian(w), g)
        if np.linalg.norm(g) < 1e-14:
            break
        path.append(w + damped(lambda v: float(ground.value(v)), w, d, float(g @ d)) * d)
    return np.array(path)


def _start(start: float) -> dict[str, Any]:
    path = newtons_method(
        lambda w: w / np.sqrt(1 + w**2), lambda w: np.diag((1 + w**2) ** -1.5), np.array([start]), 6
    )[:, 0]
    x = np.linspace(-3.0, 3.0, 121)
    colour = "red" if start > 1 else "orange" if start == 1 else "blue"
    inside = path[np.cumsum(np.abs(path) > 3.0) == 0]
    layers = [line(x, np.sqrt(1 + x**2), "ink", width=1.6)]
    for at, shade in zip(inside[:2], ("orange", "purple"), strict=False):
        root = np.sqrt(1 + at**2)
        layers.append(
            line(
                x,
                root + at / root * (x - at) + 0.5 * (x - at) ** 2 / root**3,
                shade,
                width=1.2,
                dashed=True,
            )
        )
    heights = np.sqrt(1 + inside**2)
    layers.append(line(inside, heights, colour, width=1.0, marker="o"))
    layers.append(points([start], [np.sqrt(1 + start**2)], "ink", size=8.0))
    said = (
        f"It converges: each step cubes the distance, and after three it is {abs(path[3]):.1e}."
        if start < 1
        else "On the edge: it jumps from side to side for ever."
        if start == 1
        else f"It diverges: the second step ends at {path[2]:.2f}, the sixth at {path[6]:.1e}."
    )
    return frame(
        f"w₀ = {start:g}",
        said,
        f"A bowl with two fitted parabolas, and the distance from its floor by step, from {start:g}",
        panel("√(1 + w²)", layers, xlabel="w", ylabel="F", xlim=(-3, 3), ylim=(0.0, 3.6)),
        left_over("Distance from the floor", [(np.abs(path), colour, None)], (-16, 8)),
    )
