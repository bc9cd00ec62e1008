"""Lesson: Bayes' rule, and what the prior does to the meaning of a positive test."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import band, figure, frame, line, panel, points, polygon, text
from fivefold.concepts.bayes_rule import coin, log_posterior, posterior

FORMULAS = (
    (
        r"p(\theta \mid y) = \dfrac{p(y \mid \theta)\ p(\theta)}{p(y)}",
        "Posterior = likelihood × prior, divided by the evidence.",
    ),
    (
        r"p(y) = \sum_\theta\, p(y \mid \theta)\, p(\theta)",
        "The evidence: how well all explanations together foretold y.",
    ),
    (
        r"\dfrac{p(\theta_1 \mid y)}{p(\theta_2 \mid y)} = \dfrac{p(y \mid \theta_1)}{p(y \mid \theta_2)} "
        r"\times "
        r"\dfrac{p(\theta_1)}{p(\theta_2)}",
        "In odds: each observation multiplies the odds by its likelihood ratio.",
    ),
)
CALLS = (
    (
        "fivefold.probability.GaussianPrior",
        "the prior of a model's weights; with a likelihood it makes an objective.",
    ),
    ("fivefold.DataObjective", "minus the logarithm of likelihood times prior."),
)
RELATED = (
    ("maximum-likelihood", "the same with a flat prior, reduced to one best value"),
    ("least-squares", "a Gaussian prior on the weights is a ridge penalty"),
)

_SENSITIVITY, _FALSE_ALARM = 0.9, 0.09


def geometry() -> dict[str, Any]:
    """Show how a belief about a coin sharpens."""
    grid = np.linspace(0.0025, 0.9975, 200)
    layers = []
    for (heads, tails), colour in zip(
        ((0, 0), (2, 1), (7, 3), (70, 30)), ("grey", "green", "blue", "orange"), strict=True
    ):
        layers.append(line(grid, coin(heads, tails, grid), colour, label=f"{heads} heads, {tails} tails"))
    skewed = [
        line(grid, coin(0, 0, grid, a=2, b=12), "grey", label="prior"),
        line(grid, coin(7, 3, grid), "green", dashed=True, label="likelihood, scaled"),
        line(grid, coin(7, 3, grid, a=2, b=12), "blue", label="posterior"),
    ]
    return {
        "text": [
            "Give every explanation a height: how much you believe it. Data multiply each height by how "
            "well it foretold them, and "
            "dividing by the sum brings the area back to one. Belief moves to where prior and likelihood "
            "agree.",
        ],
        "figures": [
            figure(
                "Densities of a coin's chance of heads, narrower with more tosses; and a prior, a "
                "likelihood and the posterior "
                "between them.",
                "Left: a flat prior and more and more tosses. Right: a strong prior against seven heads "
                "in ten.",
                panel(
                    "A coin's chance of heads",
                    layers,
                    xlabel="θ",
                    xlim=(0, 1),
                    ylim=(0, 10.5),
                    legend="upper left",
                ),
                panel(
                    "Between prior and data",
                    skewed,
                    xlabel="θ",
                    xlim=(0, 1),
                    ylim=(0, 7.2),
                    legend="upper right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Change how common an illness is; the test stays as good as it is."""
    priors = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
    return {
        "label": "the share of people who are ill",
        "text": "A test finds 90% of the ill and raises a false alarm for 9% of the healthy. It was "
        "positive. How likely is the illness? "
        "That depends on how common it was.",
        "start": 2,
        "frames": [_test(prior) for prior in priors],
    }


def failures() -> list[dict[str, Any]]:
    """Show evidence counted twice, and a prior of zero."""
    copies = np.arange(0, 9)
    honest = posterior(np.array([0.5, 0.5]), np.array([0.7, 0.3]))[0]
    claimed = []
    for count in copies:
        log_p, _ = log_posterior(
            np.log(np.array([0.5, 0.5])), np.log(np.tile([0.7, 0.3], (max(int(count), 0), 1)))
        )
        claimed.append(float(np.exp(log_p[0])))
    twice = panel(
        "One witness, heard again and again",
        [
            line(copies, claimed, "red", marker="o", label="counted as new each time"),
            line(copies[1:], np.full(8, honest), "green", marker="s", label="counted once"),
        ],
        xlabel="times heard",
        ylabel="belief",
        ylim=(0.4, 1.02),
        legend="lower right",
    )
    grid = np.linspace(0.0025, 0.9975, 200)
    step = grid[1] - grid[0]
    prior = np.where(grid < 0.5, 1.0, 0.0)
    likelihood = grid**70 * (1 - grid) ** 30
    closed = posterior(prior, likelihood) / step
    zero = panel(
        "70 heads in 100, “θ < ½ for sure”",
        [
            line(grid, 2.0 * prior, "grey", label="prior"),
            line(grid, coin(70, 30, grid), "green", dashed=True, label="what the data say"),
            band(grid, np.zeros(200), np.minimum(closed, 12), "red", alpha=0.25),
            line(grid, np.minimum(closed, 12), "red", label="posterior"),
        ],
        xlabel="θ",
        xlim=(0, 1),
        ylim=(0, 12),
        legend="upper left",
    )
    return [
        {
            "title": "The same evidence twice",
            "text": "Multiplying likelihoods is right for independent observations. Repeats, near-copies "
            "and neighbours in time are not "
            "independent, and the belief becomes far too sure of itself.",
            "figures": [
                figure(
                    "Belief rises to certainty when one report is counted many times.",
                    "A witness who is right in 7 of 10 cases.",
                    twice,
                )
            ],
        },
        {
            "title": "What was held impossible stays impossible",
            "text": "Zero times anything is zero. If the prior rules the truth out, no amount of data "
            "brings it back: the posterior piles up "
            "at the edge of what was allowed.",
            "figures": [
                figure(
                    "A posterior squeezed against one half, while the data point to 0.7.",
                    "The red posterior is cut off at the top.",
                    zero,
                )
            ],
        },
    ]


def _test(prior: float) -> dict[str, Any]:
    belief = posterior(np.array([prior, 1 - prior]), np.array([_SENSITIVITY, _FALSE_ALARM]))[0]
    ill, alarm = prior * _SENSITIVITY, (1 - prior) * _FALSE_ALARM
    square = [
        polygon([0, prior, prior, 0], [0, 0, 1, 1], "orange", alpha=0.12, width=0.9),
        polygon([prior, 1, 1, prior], [0, 0, 1, 1], "blue", alpha=0.06, width=0.9),
        polygon([0, prior, prior, 0], [0, 0, _SENSITIVITY, _SENSITIVITY], "orange", alpha=0.75, width=0.9),
        polygon([prior, 1, 1, prior], [0, 0, _FALSE_ALARM, _FALSE_ALARM], "blue", alpha=0.75, width=0.9),
        text(0.5 * (1 + prior), 0.55, "healthy" if prior < 0.85 else "", "blue", align="center"),
        text(0.5 * prior, 0.95, "ill" if prior > 0.15 else "", "orange", align="center"),
    ]
    shares = np.concatenate([np.geomspace(0.001, 0.5, 60), np.linspace(0.51, 0.99, 30)])
    beliefs = [posterior(np.array([p, 1 - p]), np.array([_SENSITIVITY, _FALSE_ALARM]))[0] for p in shares]
    curve = [line(shares, beliefs, "grey"), points([prior], [belief], "orange", size=9.0)]
    people = (
        f"Of 10,000 people, {10000 * prior:.0f} are ill and {10000 * ill:.0f} of them test positive; "
        f"so do {10000 * alarm:.0f} healthy ones."
    )
    return frame(
        f"{100 * prior:g}%",
        f"{people} A positive test means ill with probability {100 * belief:.1f}%.",
        "A square split into ill and healthy; the positive part of each is filled. Of the filled area, "
        f"{100 * belief:.1f} percent is ill",
        panel("Everybody; filled: test positive", square, equal=True, xlim=(0, 1), ylim=(0, 1)),
        panel(
            "Probability of illness after a positive test",
            curve,
            xlabel="share of ill before the test",
            xlog=True,
            xlim=(0.001, 1.0),
            ylim=(0, 1),
        ),
    )
