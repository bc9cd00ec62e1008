"""Lesson: schedules, and how fast a noisy walk's rate should fall."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, frame, line, panel, powers
from fivefold.cli.lessons.walks import Array, Walk, bowl, land, left_over
from fivefold.concepts.learning_rate_schedules import cosine, one_cycle, power, staircase
from fivefold.core import numpy_generator

FORMULAS = (
    (r"\eta_t = \eta_0\, (1 + t)^{-p}", "The rate falls like a power of the step."),
    (
        r"\sum_t \eta_t = \infty \qquad \sum_t \eta_t^2 < \infty",
        "Far enough to get anywhere, and little enough noise in all: Robbins and Monro's ½ < p ≤ 1.",
    ),
    (
        r"\eta_t = \frac{\eta_0}{2} \left(1 + \cos \frac{\pi t}{T}\right)",
        "With a known number of steps T: high for long, then down to nothing along a cosine.",
    ),
)
CALLS = (
    ("fivefold.train", 'schedule="cosine" with a warm-up, "one-cycle", "constant", or a function.'),
    ("fivefold.optimize.rate_multiplier", "the factors that train uses."),
    ("torch.optim.lr_scheduler.OneCycleLR", "one of torch's many."),
)
RELATED = (
    ("stochastic-gradient-descent", "where the noise comes from"),
    ("rmsprop", "which does not come to rest without one"),
    ("early-stopping", "when to stop instead"),
)

_STEEP, _FIRST, _STEPS, _WALKS = 8.0, 0.2, 2000, 200
_START = np.array([-4.0, 2.2])
_POWERS = (0.0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.5, 2.0)


def geometry() -> dict[str, Any]:
    """Draw four schedules, and what they leave of the loss."""
    steps = 400
    t = np.arange(steps)
    plans = (
        ("constant", np.ones(steps), "grey"),
        ("staircase", staircase(steps, 130), "orange"),
        ("warm-up and cosine", cosine(steps, 20), "blue"),
        ("one cycle", one_cycle(t / steps), "green"),
    )
    curves = [(np.append(excess(factors), 1e-9)[:-1], colour, name) for name, factors, colour in plans]
    return {
        "text": [
            "The slope of a batch is noisy. A step of rate η follows the slope and adds noise: near the "
            "floor the "
            "two are in balance, at a height that is proportional to η. Large steps get there, small ones "
            "come to "
            "rest. So begin large and end small; the only question is when.",
        ],
        "figures": [
            figure(
                "Left four schedules of the rate; right the height above the floor under each of them.",
                f"A bowl with noise, mean of {_WALKS} walks, first or highest rate {_FIRST:g}.",
                panel(
                    "Factor on the rate",
                    [line(t, factors, colour, label=name) for name, factors, colour in plans],
                    xlabel="step",
                    xlim=(0, steps),
                    ylim=(0.0, 1.65),
                    legend="upper right",
                ),
                left_over("Height above the floor", curves, (-4, 2), xlim=(0, steps), legend="upper right"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Let the rate fall by eleven powers of the step."""
    return {
        "label": "the power p",
        "text": f"ηₜ = {_FIRST:g} (1 + t)⁻ᵖ on a bowl eight times steeper across than along, with noise on "
        f"every slope. "
        f"Left one walk of {_STEPS} steps, right the mean height of {_WALKS} such walks.",
        "start": 3,
        "frames": [_fall(p) for p in _POWERS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a staircase that falls too early, and a cosine that is cut off."""
    stairs = [
        (excess(staircase(1200, every)), colour, f"every {every} steps")
        for every, colour in ((8, "red"), (40, "orange"), (300, "blue"))
    ]
    planned = [
        (excess(cosine(1200)), "blue", "planned for 1200"),
        (excess(cosine(400)), "green", "planned for 400"),
    ]
    return [
        {
            "title": "Lowered too early",
            "text": "Each stair divides the rate by ten. A walk that is still under way when the rate falls "
            "stays "
            "where it is: the loss curve looks flat and finished, and it is neither. What looks like "
            "convergence "
            "may be a rate of nothing.",
            "figures": [
                figure(
                    "Three curves of height; those with early stairs stay high.",
                    "A rate divided by ten after so many steps each.",
                    left_over("Height above the floor", stairs, (-4, 2), legend="upper right"),
                )
            ],
        },
        {
            "title": "A cosine has to know its end",
            "text": "Until late, a cosine's rate is high, and the loss with it. Stopped at step 400, the "
            "walk that "
            "was planned for 1200 is far above the one that was planned for 400. Plan the length, or use an "
            "average of the weights, which needs no plan.",
            "figures": [
                figure(
                    "Two curves of height that each drop at their own end.",
                    "The same noise, the same first rate.",
                    left_over("Height above the floor", planned, (-4, 2), legend="upper right"),
                )
            ],
        },
    ]


def noisy_walks(factors: Array) -> Array:
    """Return 200 walks on the noisy bowl, [steps + 1, 200, 2], with these factors on the first rate."""
    noise = numpy_generator(0, "show", "learning-rate-schedules").standard_normal((len(factors), _WALKS, 2))
    w = np.tile(_START, (_WALKS, 1))
    path = [w]
    for factor, xi in zip(factors, noise, strict=True):
        w = w - _FIRST * factor * (w * np.array([1.0, _STEEP]) + 2.0 * xi)
        path.append(w)
    return np.array(path)


def excess(factors: Array) -> Array:
    """Return the mean height of those walks above the floor, [steps + 1]."""
    return np.asarray(bowl(_STEEP).value(noisy_walks(factors)).mean(axis=1))


def _fall(p: float) -> dict[str, Any]:
    walks, ground = noisy_walks(power(_STEPS, p)), bowl(_STEEP)
    heights = ground.value(walks).mean(axis=1)
    keep = np.unique(np.round(np.geomspace(1, _STEPS + 1, 200)).astype(int)) - 1
    thin = np.unique(np.concatenate([np.arange(60), np.arange(60, _STEPS + 1, 8)]))
    reach = float(_FIRST * power(_STEPS, p).sum())
    colour = "red" if p > 1 else "orange" if p < 0.5 or p > 0.8 else "blue"
    said = (
        "A constant rate: at the floor soon, and never at rest."
        if p == 0
        else "It rests a little more with every step, but slowly."
        if p < 0.5
        else "It arrives, and comes to rest."
        if p < 0.85
        else "Its rates add up to infinity, but so slowly that the flat axis is not done."
        if p <= 1
        else "Too fast: all rates to come add up to little, and it stops short of the floor."
    )
    return frame(
        f"p = {p:g}",
        f"{said} The rates add up to {reach:.3g}; after {_STEPS} steps the mean height is {heights[-1]:.2g}.",
        f"A noisy walk on a map, and the mean height of many by step, power {p:g}",
        land("One walk", ground, [Walk(walks[thin, 0], colour, None, 0.8, None)]),
        left_over(
            "Mean height above the floor",
            [(heights[keep], colour, None)],
            (-4, 2),
            x=keep + 1.0,
            xlog=True,
            xlim=(1, 2001),
            xticks=powers(0, 3),
        ),
    )
