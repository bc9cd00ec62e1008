"""Lesson: L-BFGS, and how many steps it pays to remember."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import arrow, contour, figure, frame, panel, points
from fivefold.cli.lessons.walks import Array, Walk, bowl, land, left_over, valley
from fivefold.concepts.lbfgs import direction, lbfgs

FORMULAS = (
    (
        r"s_t = w_{t+1} - w_t \qquad y_t = \nabla F(w_{t+1}) - \nabla F(w_t)",
        "A step, and by how much the slope changed along it: the Hessian's answer to one question.",
    ),
    (r"H\, y_t = s_t", "The inverse Hessian that it keeps must give the same answer."),
    (
        r"H_+ = \left(I - \frac{s y^{\mathsf{T}}}{s^{\mathsf{T}} y}\right) H \left(I - \frac{y "
        r"s^{\mathsf{T}}}{s^{\mathsf{T}} y}\right)"
        r" + \frac{s s^{\mathsf{T}}}{s^{\mathsf{T}} y}",
        "The nearest one that does. It is applied to the slope from the pairs, and never written down.",
    ),
)
CALLS = (
    ("fivefold.minimize", 'method="lbfgs": with a strong Wolfe search, for a batch of starts at once.'),
    ("torch.optim.LBFGS", "the same directions for one module; its line search is off unless asked for."),
)
RELATED = (
    ("newtons-method", "which asks the Hessian itself"),
    ("conjugate-gradients", "the same walk as BFGS on a bowl, with exact searches"),
    ("line-search", "which makes sure that s·y is positive"),
)

_MEMORIES = (0, 1, 2, 3, 5, 8, 12, 20, 40)
_SPREAD = np.geomspace(1.0, 1e4, 60)
_START = np.array([-1.2, 1.0])


def geometry() -> dict[str, Any]:
    """Show how one pair turns the slope towards the floor."""
    ground = bowl(8.0)
    w, last = np.array([-3.0, 1.3]), np.array([-4.2, 2.4])
    pair = (w - last, ground.gradient(w) - ground.gradient(last))
    g = ground.gradient(w)
    x, y = np.linspace(-5, 5, 61), np.linspace(-3, 3, 41)
    plain, learnt = -g / np.linalg.norm(g), direction(g, [pair])
    newton = -np.linalg.solve(ground.hessian(w), g)
    layers = [
        contour(x, y, ground.value(np.stack(np.meshgrid(x, y), axis=-1)), ground.levels),
        arrow(last, w, "grey", dashed=True),
        arrow(w, w + 1.4 * plain, "red"),
        arrow(w, w + learnt, "blue"),
        arrow(w, w + newton, "green", width=1.2, dashed=True),
        points([last[0], w[0]], [last[1], w[1]], "ink", size=7.0),
        points([0.0], [0.0], "green", marker="*", size=12.0),
    ]
    return {
        "text": [
            "Newton's method asks the Hessian for everything. But two slopes, before and after a step, "
            "already "
            "tell how strongly the ground bends along that step. L-BFGS keeps the last m such pairs, about "
            "ten, "
            "and turns the slope into a direction with 4mn multiplications: it costs hardly more than the "
            "slope.",
        ],
        "figures": [
            figure(
                "A valley with arrows: the last step, the slope, the direction from one pair, Newton's step.",
                "Grey: the last step. Red: against the slope. Blue: what one pair makes of it. Green: "
                "Newton's "
                "step.",
                panel("One pair", layers, xlabel="w₁", ylabel="w₂", xlim=(-5, 5), ylim=(-3, 3), equal=True),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Remember from no to forty steps."""
    return {
        "label": "the memory m",
        "text": "Left 40 steps in Rosenbrock's valley, right 300 steps on a bowl of sixty axes with κ = "
        "10⁴. With "
        "m = 0 it is gradient descent with a line search.",
        "start": 4,
        "frames": [_remember(memory) for memory in _MEMORIES],
    }


def failures() -> list[dict[str, Any]]:
    """Show what noise in the slopes does to the pairs, and a ground that curves down."""
    curves = [
        (noisy_walk(noise), colour, label)
        for noise, colour, label in (
            (0.0, "green", "exact slopes"),
            (1e-6, "blue", "noise 10⁻⁶"),
            (1e-3, "orange", "noise 10⁻³"),
            (1e-1, "red", "noise 0.1"),
        )
    ]
    return [
        {
            "title": "Minibatches lie about curvature",
            "text": "y is a difference of two slopes. When the steps get short it gets small, and the noise "
            "of "
            "different batches does not: the pairs then tell curvatures that are not there, steps no longer "
            "gain, and the walk stalls at a height that goes with the square of the noise. Take both slopes "
            "from the same rows, or use Adam.",
            "figures": [
                figure(
                    "Four curves of height; the noisier the slopes, the higher the level at which they "
                    "stall.",
                    "A bowl of twenty axes, κ = 100, m = 10, each slope with independent noise.",
                    left_over("Height above the floor, F − F*", curves, (-16, 3), legend="upper right"),
                )
            ],
        },
        {
            "title": "Where the ground curves down, the pair is refused",
            "text": "If s·y ≤ 0, the slope fell along the step: no matrix with positive curvatures explains "
            "that, "
            "and one that did would point uphill. The code drops such pairs. A strong Wolfe search avoids "
            "them: "
            "it goes on until the slope has risen.",
            "figures": [],
        },
    ]


def noisy_walk(noise: float) -> Array:
    """Return the heights of 120 steps on a bowl of twenty axes with noise on each slope."""
    from fivefold.core import numpy_generator

    spread, generator = np.geomspace(1.0, 100.0, 20), numpy_generator(0, "show", "lbfgs", "noise")
    path = lbfgs(
        lambda w: float(0.5 * w @ (spread * w)),
        lambda w: spread * w + noise * generator.standard_normal(20),
        np.ones(20),
        10,
        120,
    )
    return np.asarray(np.maximum(0.5 * np.sum(spread * path**2, axis=1), 1e-17))


def _remember(memory: int) -> dict[str, Any]:
    ground = valley()
    path = lbfgs(lambda w: float(ground.value(w)), ground.gradient, _START, memory, 40)
    many = lbfgs(lambda w: float(0.5 * w @ (_SPREAD * w)), lambda w: _SPREAD * w, np.ones(60), memory, 300)
    heights = 0.5 * np.sum(_SPREAD * many**2, axis=1)
    heights = np.pad(np.maximum(heights, 1e-14), (0, 301 - len(heights)), constant_values=1e-14)
    colour = "red" if memory == 0 else "orange" if memory < 3 else "blue"
    said = (
        "Gradient descent: it is lost in both."
        if memory == 0
        else "One pair gives each step a sensible length, and makes a first turn."
        if memory == 1
        else "Two unknowns need two pairs; sixty need more."
        if memory == 2
        else f"More pairs, fewer steps; each costs {4 * memory} multiplications per weight."
        if memory < 20
        else "A bowl bends alike everywhere, so that old pairs still help; in the bent valley they tell of "
        "places "
        "long left."
    )
    return frame(
        f"m = {memory}",
        f"{said} Left F = {float(ground.value(path[-1])):.2g} after {len(path) - 1} steps, right F = "
        f"{heights[100]:.2g} after 100 and {heights[300]:.2g} after 300.",
        f"A walk in a bent valley, and the height left on a bowl of sixty axes by step, memory {memory}",
        land("Rosenbrock's valley", ground, [Walk(path, colour)]),
        left_over("Sixty axes: F − F*", [(heights, colour, None)], (-12, 6)),
    )
