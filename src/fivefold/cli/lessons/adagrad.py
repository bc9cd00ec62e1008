"""Lesson: Adagrad, and what becomes of its rate."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, line, panel
from fivefold.cli.lessons.walks import Walk, bowl, land, left_over, walk_frame
from fivefold.concepts.adagrad import adagrad, farthest, rates_left
from fivefold.concepts.gradient_descent import best_rate, gradient_descent

FORMULAS = (
    (r"G_t = G_{t-1} + g_t^2", "Each weight adds up the squares of its own slopes; the sum never shrinks."),
    (
        r"w_{t+1} = w_t - \frac{\eta}{\sqrt{G_t} + \varepsilon}\, g_t",
        "Its rate is η over the root of that sum: small for weights with steep slopes, large for rare ones.",
    ),
)
CALLS = (
    ("torch.optim.Adagrad", "the fast path of this file."),
    ("fivefold.train", "takes any optimizer of torch."),
)
RELATED = (
    ("gradient-descent", "one rate for all weights"),
    ("rmsprop", "which forgets old slopes"),
    ("condition-number", "what a good scaling of the axes lowers"),
)

_STEEP, _STEPS = 100.0, 100
_START = np.array([-4.0, 2.2])
_RATES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0)


def geometry() -> dict[str, Any]:
    """Compare with gradient descent where one axis is a hundred times steeper."""
    ground = bowl(_STEEP)
    plain = gradient_descent(ground.gradient, _START, best_rate(ground.hessian(_START)), 40)
    scaled = adagrad(ground.gradient, _START, 1.5, 40)
    return {
        "text": [
            "Gradient descent has one rate for all weights, and the steepest of them sets it. Adagrad "
            "divides "
            "each weight's slope by the root of the sum of its squares, so that the unit in which a slope is "
            "counted drops out: multiply an axis by a hundred, and the walk is the same.",
            "Weights whose slope is seldom other than zero, such as those of rare words, keep a large rate "
            "for "
            "when it comes.",
        ],
        "figures": [
            figure(
                "Two walks in a valley that is a hundred times steeper across; one zig-zags, the other goes "
                "to the middle.",
                "Forty steps each. Gradient descent at its best rate jumps from wall to wall; Adagrad does "
                "not "
                "see that the valley is narrow.",
                land(
                    "κ = 100",
                    ground,
                    [
                        Walk(plain, "red", "gradient descent", 1.0, "s"),
                        Walk(scaled, "blue", "Adagrad, η = 1.5"),
                    ],
                    legend="lower right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Walk at ten rates: too small a one dies on the way."""
    return {
        "label": "the rate η",
        "text": "The valley is a hundred times steeper across than along. All walks start at (−4, 2.2) and "
        f"take {_STEPS} steps.",
        "start": 2,
        "frames": [_walk(rate) for rate in _RATES],
    }


def failures() -> list[dict[str, Any]]:
    """Show rates that die, and axes that are turned."""
    slopes = np.where(np.arange(300)[:, None] < 50, 10.0, 0.1)
    left = rates_left(slopes, 1.0)[:, 0]
    mean, forgetting = 0.0, []
    for g in slopes[:, 0]:
        mean = 0.95 * mean + 0.05 * g**2
        forgetting.append(1.0 / np.sqrt(mean))
    turned = []
    for degrees, colour in ((0.0, "blue"), (10.0, "orange"), (45.0, "red")):
        ground = bowl(_STEEP, degrees)
        heights = ground.value(adagrad(ground.gradient, _START, 1.5, 200))
        turned.append((heights, colour, f"turned by {degrees:g}°"))
    return [
        {
            "title": "The rate dies",
            "text": "Fifty steep slopes at the beginning are never forgotten. When the slope is a hundred "
            "times "
            "smaller afterwards, the rate stays where it was: a network that begins badly is stuck.",
            "figures": [
                figure(
                    "Two curves of the rate; Adagrad's stays low, that of a mean that forgets recovers.",
                    "The slope falls from 10 to 0.1 after 50 steps.",
                    panel(
                        "Rate of one weight",
                        [
                            line(np.arange(300), left, "red", label="Adagrad: the sum"),
                            line(np.arange(300), forgetting, "blue", label="RMSProp: a mean, α = 0.95"),
                        ],
                        xlabel="step",
                        ylog=True,
                        xlim=(0, 300),
                        ylim=(0.005, 100.0),
                        legend="upper left",
                    ),
                )
            ],
        },
        {
            "title": "Narrow valleys that are not along an axis",
            "text": "A rate for each weight can only stretch the axes. The same bowl, turned, is as "
            "ill-conditioned for Adagrad as for gradient descent. To see turned valleys takes second "
            "derivatives "
            "or pairs of steps.",
            "figures": [
                figure(
                    "Three curves of height; the more the bowl is turned, the slower they fall.",
                    "The same bowl, κ = 100, the same start and rate, its axes turned.",
                    left_over("Height above the floor, F − F*", turned, (-8, 3), legend="upper right"),
                )
            ],
        },
    ]


def _walk(rate: float) -> dict[str, Any]:
    ground = bowl(_STEEP)
    path = adagrad(ground.gradient, _START, rate, _STEPS)
    reach = farthest(rate, _STEPS)
    high = float(np.abs(path[1]).max()) > 5.0 or rate > 4.0
    colour = "red" if reach < 4.0 or high else "blue"
    said = (
        f"Too low: with this rate {_STEPS} steps lead no farther than {reach:.2g} along any axis, and the "
        f"floor is 4 away."
        if reach < 4.0
        else "Low: it comes near, ever more slowly."
        if rate < 0.7
        else "A good rate: both weights walk at the same pace."
        if rate < 2.0
        else "High: the first step is η long in both weights and overshoots; the sum then tames it."
        if not high
        else f"Far too high: the first step is η = {rate:g} long in both weights. On a bowl the sum tames "
        f"even that; "
        "in a network nobody knows where it lands."
    )
    return walk_frame(
        f"η = {rate:g}",
        f"{said} After {_STEPS} steps F = {float(ground.value(path[-1])):.2g}.",
        ground,
        path,
        colour,
        (-7, 5),
    )
