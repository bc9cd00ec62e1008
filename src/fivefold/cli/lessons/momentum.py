"""Lesson: momentum, and what the share of the old step does to a walk along a valley."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, line, panel, text
from fivefold.cli.lessons.walks import Array, bowl, walk_frame
from fivefold.concepts.momentum import best_setting, contraction, momentum

FORMULAS = (
    (r"v_{t+1} = \beta\, v_t + \nabla F(w_t)", "The speed: old speed, a little braked, plus the slope."),
    (
        r"w_{t+1} = w_t - \eta\, v_{t+1}",
        "A step goes with the speed. A slope that stays is multiplied by 1/(1 − β), one that alternates "
        "by 1/(1 + β).",
    ),
    (
        r"\beta_{\mathrm{best}} = \left(\frac{\sqrt{\kappa} - 1}{\sqrt{\kappa} + 1}\right)^2",
        "Polyak's choice for a bowl of condition κ. The error then shrinks by (√κ − 1)/(√κ + 1) a step.",
    ),
)
CALLS = (
    (
        "torch.optim.SGD",
        "with momentum=0.9, and nesterov=True for the look-ahead: the fast path of this file.",
    ),
    ("fivefold.minimize", 'method="momentum" and method="nesterov", with rates that it finds itself.'),
    ("fivefold.train", "trains with it on minibatches."),
)
RELATED = (
    ("gradient-descent", "the walk without memory"),
    ("conjugate-gradients", "which choose rate and memory anew at every step"),
    ("adam", "momentum with a rate for every weight"),
    ("ode-steps", "a ball with friction that rolls, in small steps of time"),
)

_STEEP, _RATE, _STEPS = 25.0, 0.025, 60
_START = np.array([-4.4, 2.2])
_BETAS = (0.0, 0.2, 0.4, 0.6, 0.72, 0.8, 0.88, 0.94, 0.97, 0.99, 1.0)


def geometry() -> dict[str, Any]:
    """Show the pace of the three methods against the condition number."""
    kappa = 10.0 ** np.linspace(0.02, 4.0, 80)
    pace = (kappa - 1) / (kappa + 1), (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
    nesterov = 1 - 1 / np.sqrt(kappa)
    steps = [np.log(1e-6) / np.log(each) for each in (*pace, nesterov)]
    curves = [
        line(kappa, steps[0], "red", label="gradient descent"),
        line(kappa, steps[2], "orange", label="Nesterov", dashed=True),
        line(kappa, steps[1], "blue", label="Polyak"),
    ]
    return {
        "text": [
            "Across a narrow valley the slope changes sign from step to step, along it the slope stays. "
            "Momentum adds slopes up: what alternates cancels, what stays grows. The walk is a heavy ball "
            "that rolls with friction 1 − β.",
            "On a bowl with curvatures from 1 to κ gradient descent needs about κ steps for a digit, "
            "momentum "
            "at its best setting about √κ. No method that only adds up slopes does better for all bowls.",
        ],
        "figures": [
            figure(
                "Steps against condition number on logarithmic axes: one line of slope one, two of slope "
                "half.",
                "Steps until a millionth of the error is left, each method set for the bowl's μ and L.",
                panel(
                    "Steps to a millionth",
                    curves,
                    xlabel="condition number κ",
                    ylabel="steps",
                    xlog=True,
                    ylog=True,
                    xlim=(1.05, 1e4),
                    ylim=(1.0, 1e5),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Roll down the same valley with eleven frictions: it crawls, glides, circles, and never rests."""
    return {
        "label": "the memory β",
        "text": f"The valley is {_STEEP:g} times steeper across than along, and the rate stays η = "
        f"{_RATE:g}. "
        f"All walks start from rest and take {_STEPS} steps.",
        "start": 1,
        "frames": [_roll(beta) for beta in _BETAS],
    }


def failures() -> list[dict[str, Any]]:
    """Show the cycle of Lessard, Recht and Packard, and the hidden growth of the rate."""
    rate, beta = best_setting(np.array([1.0, 25.0]))
    start = np.array([3.3])
    polyak = momentum(bent_slope, start, rate, beta, 45)[:, 0]
    nesterov = momentum(bent_slope, start, 1 / 25, 2 / 3, 45, nesterov=True)[:, 0]
    t = np.arange(46)
    return [
        {
            "title": "It can go round for ever, on a convex function",
            "text": "The slope below is 25w, then w + 24, then 25w − 24: a convex function whose curvature "
            "is 1 "
            "or 25 everywhere. Polyak's best setting for a bowl with these curvatures runs into a cycle of "
            "three "
            "and never comes closer. Nesterov's form, with η = 1/25 and β = 2/3, is proved to arrive.",
            "figures": [
                figure(
                    "Two walks by step: one repeats three places for ever, the other comes to rest at zero.",
                    "Both start at 3.3; the floor is at 0. Source: Lessard, Recht and Packard (2016), "
                    "section 4.6.",
                    panel(
                        "The walk, by step",
                        [
                            line(t, polyak, "red", marker="o", width=1.3, label="Polyak"),
                            line(t, nesterov, "blue", marker="s", width=1.3, label="Nesterov"),
                        ],
                        xlabel="step",
                        ylabel="w",
                        xlim=(0, 45),
                        ylim=(-4.5, 5.5),
                        legend="upper right",
                    ),
                )
            ],
        },
        {
            "title": "The rate is larger than it looks",
            "text": "Along a slope that stays, steps grow to η/(1 − β): with β = 0.9 ten times, with 0.99 a "
            "hundred times the rate. Whoever raises β must lower η, or the noise of minibatches is "
            "multiplied as "
            "well.",
            "figures": [
                figure(
                    "Three curves that rise from one to 2, 10 and 50.",
                    "The length of each step along a steady slope, in units of the first.",
                    panel(
                        "Length of the step",
                        [
                            *(
                                line(np.arange(101), _growth(beta), colour, label=f"β = {beta:g}")
                                for beta, colour in ((0.5, "blue"), (0.9, "orange"), (0.98, "red"))
                            ),
                            text(97.0, 12.2, "10 = 1/(1 − 0.9)", "orange", align="right"),
                        ],
                        xlabel="step",
                        ylabel="times the first",
                        xlim=(0, 100),
                        ylim=(0, 50),
                        legend="upper left",
                    ),
                )
            ],
        },
    ]


def bent_slope(w: Array) -> Array:
    """Return the slope of the convex function on which Polyak's walk goes round."""
    return np.where(w < 1.0, 25.0 * w, np.where(w < 2.0, w + 24.0, 25.0 * w - 24.0))


def _growth(beta: float) -> Array:
    moved = momentum(lambda w: np.ones(1), np.zeros(1), 1.0, beta, 101)[:, 0]
    return -np.diff(moved)


def _roll(beta: float) -> dict[str, Any]:
    ground = bowl(_STEEP)
    path = momentum(ground.gradient, _START, _RATE, beta, _STEPS)
    factor = contraction(np.array([1.0, _STEEP]), _RATE, beta)
    colour = "red" if beta > 0.95 else "orange" if beta > 0.75 else "blue"
    said = (
        "No memory: gradient descent. It is at the floor of the valley soon, and crawls along it."
        if beta == 0.0
        else "A little memory: it crawls less."
        if beta < 0.5
        else "It gathers speed along the valley and still comes to rest."
        if beta < 0.71
        else "The best for this rate: the walk along the valley is just about to overshoot."
        if beta < 0.75
        else "It overshoots the floor and swings back."
        if beta < 0.95
        else "Too much: it circles round the floor, and each round takes off only little."
        if beta < 1.0
        else "No friction at all: it never comes to rest."
    )
    return walk_frame(
        f"β = {beta:g}",
        f"{said} In the long run a step leaves {100 * factor:.1f}% of the error; after {_STEPS} steps "
        f"F = {float(ground.value(path[-1])):.2g}.",
        ground,
        path,
        colour,
        (-7, 3),
    )
