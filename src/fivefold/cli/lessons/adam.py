"""Lesson: Adam in a bent valley, and the slopes that fool it."""

from itertools import cycle
from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, line, panel, text
from fivefold.cli.lessons.walks import Array, Walk, land, valley, walk_frame
from fivefold.concepts.adam import adam, uncorrected_step
from fivefold.concepts.momentum import momentum

FORMULAS = (
    (
        r"m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2",
        "Recent mean of the slope, and of its square, for every weight.",
    ),
    (
        r"\hat m_t = \frac{m_t}{1 - \beta_1^t} \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}",
        "Both start at zero; this takes the bias out.",
    ),
    (
        r"w_{t+1} = w_t - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}",
        "Where slopes agree the quotient is about ±1 and the step η; where they contradict each other it is "
        "small.",
    ),
)
CALLS = (
    ("torch.optim.Adam", "the fast path of this file; AdamW shrinks the weights beside the step."),
    ("fivefold.train", "takes AdamW unless told otherwise."),
)
RELATED = (
    ("momentum", "its numerator"),
    ("rmsprop", "its denominator"),
    ("learning-rate-schedules", "it needs one to come to rest"),
    ("newtons-method", "what the second derivative would make of this valley"),
)

_START = np.array([-1.2, 1.0])
_STEPS = 300
_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 3.0)


def geometry() -> dict[str, Any]:
    """Show Adam beside momentum in Rosenbrock's valley."""
    ground = valley()
    heavy = momentum(ground.gradient, _START, 0.0005, 0.9, 200)
    quick = adam(ground.gradient, _START, 0.2, 200)
    walks = [
        Walk(heavy, "orange", "momentum, η = 0.0005", 2.6, None),
        Walk(quick, "blue", "Adam, η = 0.2", 1.4, None),
    ]
    return {
        "text": [
            "Momentum keeps the direction in which slopes agree, RMSProp keeps the pace the same in all "
            "weights. "
            "Adam does both. No step is much longer than η in any weight, so that one rate serves losses "
            "of any scale: 0.001 is tried first nearly everywhere.",
            "It is a rate for each weight and no more: a valley that runs aslant, as here, is followed in "
            "small "
            "steps.",
        ],
        "figures": [
            figure(
                "Two walks in a bent valley from the left towards the floor on the right.",
                "Two hundred steps in Rosenbrock's valley. The slope at the start is 233; momentum needs a "
                "tiny rate, "
                "Adam does not care.",
                land("(1 − w₁)² + 100 (w₂ − w₁²)²", ground, walks, legend="upper center"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Walk through Rosenbrock's valley at nine rates."""
    return {
        "label": "the rate η",
        "text": f"All walks start at (−1.2, 1) and take {_STEPS} steps with β₁ = 0.9 and β₂ = 0.999. The "
        f"floor, "
        "(1, 1), lies round the bend.",
        "start": 3,
        "frames": [_walk(rate) for rate in _RATES],
    }


def failures() -> list[dict[str, Any]]:
    """Show slopes on which Adam climbs, and the steps without the corrections."""
    t = np.arange(121)
    curves = [
        line(t, cycled_walk(second, 120), colour, label=f"β₂ = {second:g}")
        for second, colour in ((0.1, "red"), (0.5, "orange"), (0.99, "blue"))
    ]
    steps = np.arange(1, 61)
    return [
        {
            "title": "It can walk uphill",
            "text": "One batch in three has the slope 3, the others −1: on average +1/3, so that downhill "
            "is to "
            "the left. With a short memory the rare large slope is divided by its own size, and counts no "
            "more "
            "than each of the two small ones: Adam goes right, steadily. β₂ near one is the remedy, and the "
            "reason for its usual 0.999.",
            "figures": [
                figure(
                    "Three walks; those with a short memory rise away from the goal.",
                    "Distance walked uphill, with η = 0.1 and β₁ = 0. Source: Reddi, Kale and Kumar (2018), "
                    "section 3.",
                    panel(
                        "Uphill is up",
                        [*curves, text(4.0, 3.6, "wrong way", "red")],
                        xlabel="step",
                        xlim=(0, 120),
                        ylim=(-4.5, 4.5),
                        legend="lower left",
                    ),
                )
            ],
        },
        {
            "title": "Without the corrections",
            "text": "Both means start at zero, but v forgets a hundred times more slowly than m. Their "
            "quotient is "
            "too large for the first hundred steps, and most when the weights are still at random. This is "
            "also "
            "what a warm-up of the rate guards against.",
            "figures": [
                figure(
                    "A curve that rises to seven and falls slowly, and a line at one.",
                    "Length of the steps along a steady slope, β₁ = 0.9 and β₂ = 0.999.",
                    panel(
                        "Step, in units of η",
                        [
                            line(steps, uncorrected_step((0.9, 0.999), 60), "red", label="not corrected"),
                            line(steps, np.ones(60), "blue", label="corrected"),
                        ],
                        xlabel="step",
                        xlim=(1, 60),
                        ylim=(0.0, 8.0),
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def cycled_walk(second: float, steps: int) -> Array:
    """Return the place after each step, [steps + 1], where the slopes 3, −1, −1 come in turn."""
    slopes = cycle([3.0, -1.0, -1.0])
    path = adam(lambda w: np.array([next(slopes)]), np.zeros(1), 0.1, steps, (0.0, second))
    return path[:, 0]


def _walk(rate: float) -> dict[str, Any]:
    ground = valley()
    path = adam(ground.gradient, _START, rate, _STEPS)
    heights = ground.value(path)
    height, highest = float(heights[-1]), float(heights[2:].max())
    colour = "red" if rate > 1.0 else "orange" if rate > 0.25 or rate < 0.02 else "blue"
    said = (
        "Too low: it is not even down on the valley's floor."
        if rate < 0.002
        else "Low: down to the floor of the valley, and hardly along it."
        if rate < 0.02
        else "It follows the valley and is on its way."
        if rate < 0.05
        else "A good rate: round the bend and close to the floor."
        if rate < 0.3
        else f"High: it is thrown up the walls, to F = {highest:.3g}, and comes back."
        if rate < 1.0
        else f"Too high: it is thrown out of the valley, to F = {highest:.3g}, and is not back in time."
    )
    return walk_frame(
        f"η = {rate:g}", f"{said} After {_STEPS} steps F = {height:.2g}.", ground, path, colour, (-7, 5)
    )
