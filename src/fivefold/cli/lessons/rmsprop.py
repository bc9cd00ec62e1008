"""Lesson: RMSProp, whose steps do not get shorter by themselves."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, line, panel
from fivefold.cli.lessons.walks import bowl, left_over, walk_frame
from fivefold.concepts.adagrad import adagrad
from fivefold.concepts.rmsprop import rmsprop, steady_step

FORMULAS = (
    (
        r"v_t = \alpha\, v_{t-1} + (1 - \alpha)\, g_t^2",
        "The recent mean square of each weight's slope; it looks back about 1/(1 − α) steps.",
    ),
    (
        r"w_{t+1} = w_t - \frac{\eta}{\sqrt{v_t} + \varepsilon}\, g_t",
        "A step is about η long in every weight, however steep or flat it is there.",
    ),
)
CALLS = (
    ("torch.optim.RMSprop", "the fast path of this file; momentum and centring are options there."),
    ("fivefold.train", "lowers the rate along a schedule, which RMSProp needs to come to rest."),
)
RELATED = (
    ("adagrad", "the same with a sum that forgets nothing"),
    ("adam", "the same with momentum, and without the bias of the first steps"),
    ("learning-rate-schedules", "what brings it to rest"),
)

_STEEP, _STEPS, _ALPHA = 100.0, 200, 0.9
_START = np.array([-4.0, 2.2])
_RATES = (0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)


def geometry() -> dict[str, Any]:
    """Show where the sizes of the steps come from: the slope, and the slope over its recent size."""
    t = np.arange(201)
    slope = np.where(t < 70, 8.0, np.where(t < 140, 0.2, 2.0)) * (1.0 + 0.3 * np.sin(t))
    mean, steps = 0.0, []
    for g in slope:
        mean = _ALPHA * mean + (1.0 - _ALPHA) * g**2
        steps.append(g / np.sqrt(mean))
    return {
        "text": [
            "How large a slope is says little about how far off the floor is: it depends on the units of the "
            "weight and on the layer. RMSProp keeps the sign and drops the size, by dividing through the "
            "root "
            "of the recent mean square. After a change the mean needs about 1/(1 − α) steps to follow.",
        ],
        "figures": [
            figure(
                "Left a slope that changes by a factor of forty; right the steps, which return to one each "
                "time.",
                f"A slope that jumps, and the steps that RMSProp makes of it, α = {_ALPHA:g}.",
                panel(
                    "Slope",
                    [line(t, slope, "grey", width=1.4)],
                    xlabel="step",
                    ylog=True,
                    xlim=(0, 200),
                    ylim=(0.05, 30.0),
                ),
                panel(
                    "Step, in units of η",
                    [line(t, steps, "blue", width=1.4)],
                    xlabel="step",
                    xlim=(0, 200),
                    ylim=(0.0, 3.5),
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Walk at ten rates: below it does not arrive, above it hops round the floor."""
    return {
        "label": "the rate η",
        "text": "The valley is a hundred times steeper across than along. All walks start at (−4, 2.2) and "
        f"take {_STEPS} steps, α = {_ALPHA:g}.",
        "start": 2,
        "frames": [_walk(rate) for rate in _RATES],
    }


def failures() -> list[dict[str, Any]]:
    """Show that it never rests, and that its first steps are too long."""
    ground = bowl(_STEEP)
    curves = [
        (ground.value(rmsprop(ground.gradient, _START, rate, 400, _ALPHA)), colour, f"η = {rate:g}")
        for rate, colour in ((0.3, "red"), (0.1, "orange"), (0.03, "purple"))
    ]
    curves.append((ground.value(adagrad(ground.gradient, _START, 1.5, 400)), "blue", "Adagrad, η = 1.5"))
    first = [
        line(np.arange(1, 61), steady_step(1.0, alpha, 60), colour, label=f"α = {alpha:g}")
        for alpha, colour in ((0.9, "blue"), (0.99, "orange"), (0.999, "red"))
    ]
    return [
        {
            "title": "It never comes to rest",
            "text": "Near the floor slopes get small, and their mean square with them: the quotient stays "
            "about "
            "one. The walk hops over the floor by η/2 to either side, for ever, and the height that is "
            "left, λη²/8, grows with the square of the rate. The rate has to be lowered from outside.",
            "figures": [
                figure(
                    "Curves of height: three come to a level of their own and stay there, one falls on.",
                    "κ = 100. A third of the rate leaves about a tenth of the height, and takes three times "
                    "as long.",
                    left_over("Height above the floor, F − F*", curves, (-8, 6), legend="upper right"),
                )
            ],
        },
        {
            "title": "The first steps are too long",
            "text": "The mean starts at zero, and after one slope it is only 1 − α of that slope's square. "
            "With "
            "α = 0.99 the first step is ten times as long as η says, with 0.999 thirty times. Adam divides "
            "this "
            "bias out.",
            "figures": [
                figure(
                    "Three curves that fall towards one; the closer α is to one, the higher they start.",
                    "Steps along a steady slope: η/√(1 − αᵗ).",
                    panel(
                        "Step, in units of η",
                        first,
                        xlabel="step",
                        ylog=True,
                        xlim=(1, 60),
                        ylim=(0.8, 40.0),
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def _walk(rate: float) -> dict[str, Any]:
    ground = bowl(_STEEP)
    path = rmsprop(ground.gradient, _START, rate, _STEPS, _ALPHA)
    heights = ground.value(path)
    away = float(np.abs(path[-20:]).max())
    colour = "red" if away > 1.0 else "orange" if away > 0.1 else "blue"
    said = (
        f"Too low: {_STEPS} steps of about η are {_STEPS * rate:.2g} in all, and the floor is 4 away."
        if _STEPS * rate < 3.0
        else "It arrives, and hops over the floor by η/2 to either side, for ever."
        if rate < 0.5
        else "Too high: it is over the floor at once, and hops from wall to wall."
    )
    return walk_frame(
        f"η = {rate:g}",
        f"{said} In the last twenty steps it is up to {away:.2g} away from the floor, and F up to "
        f"{float(heights[-20:].max()):.2g}.",
        ground,
        path,
        colour,
        (-7, 4),
    )
