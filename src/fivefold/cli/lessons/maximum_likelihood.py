"""Lesson: maximum likelihood and cross-entropy, and what the model's probability does to the surprise."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, text
from fivefold.concepts.maximum_likelihood import cross_entropy, frequencies, mean_surprise

FORMULAS = (
    (
        r"\hat{w} = \mathrm{arg\,max}_w \prod_i\, q_w(y_i) = \mathrm{arg\,min}_w\ {-\dfrac{1}{n}} "
        r"\sum_i\, \log q_w(y_i)",
        "The data are likeliest where their mean surprise, −log q, is least.",
    ),
    (
        r"H(p, q) = -\sum_k\, p_k \log q_k = H(p) + \mathrm{KL}(p\, \|\, q)",
        "Cross-entropy: what the data cost at best, plus what the wrong model adds.",
    ),
    (
        r"\dfrac{\partial}{\partial z_k}\left(-\log\,\mathrm{softmax}(z)_y\right) = q_k - [k = y]",
        "Its slope in the scores: probability minus what happened.",
    ),
)
CALLS = (
    ("fivefold.probability.Categorical", "the surprise of classes, its gradient and curvature, by hand."),
    (
        "fivefold.probability.Bernoulli",
        "two classes; Gaussian and Poisson are the same idea for numbers and counts.",
    ),
    ("fivefold.fit", "scores classifiers by this loss, on rows that they have not seen."),
)
RELATED = (
    ("bayes-rule", "adds what was believed before"),
    ("least-squares", "maximum likelihood where the noise is Gaussian"),
    ("activation-functions", "sigmoid and softmax turn scores into probabilities"),
)

_LABELS = np.array([1] * 14 + [0] * 6)


def geometry() -> dict[str, Any]:
    """Show the surprise of one event, and Gaussian surprise as a parabola."""
    q = np.linspace(0.005, 1, 120)
    z = np.linspace(-3.2, 3.2, 91)
    residual = [
        line(z, 0.5 * z**2 + 0.5 * np.log(2 * np.pi), "blue", label="Gaussian: a square"),
        line(z, np.abs(z) + np.log(2), "orange", label="Laplace: a distance"),
    ]
    return {
        "text": [
            "What had probability q costs −log q when it happens: nothing if it was certain, much if it "
            "was held unlikely. "
            "Independent events multiply their probabilities, so their surprises add: the loss is a sum "
            "over rows.",
            "A model of numbers does the same. Under Gaussian noise the surprise is a parabola in the "
            "residual, which makes least "
            "squares maximum likelihood; under Laplace noise it is the distance.",
        ],
        "figures": [
            figure(
                "The curve minus log q, and two surprises as functions of the residual.",
                "Left: the surprise of an event that was given probability q. Right: the surprise of a "
                "residual.",
                panel(
                    "−log q",
                    [line(q, -np.log(q), "blue")],
                    xlabel="q",
                    ylabel="surprise (nats)",
                    xlim=(0, 1),
                    ylim=(0, 5.4),
                ),
                panel(
                    "Surprise of a residual",
                    residual,
                    xlabel="residual",
                    ylim=(0, 6.5),
                    legend="upper center",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Move the model's probability of heads under fixed data."""
    return {
        "label": "the model's probability of heads q",
        "text": "Twenty tosses gave 14 heads and 6 tails. The model says heads has probability q. How "
        "surprised is it, toss by toss, and in "
        "the mean?",
        "start": 3,
        "frames": [_tosses(q) for q in (0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96, 0.99)],
    }


def failures() -> list[dict[str, Any]]:
    """Show separable classes, and confident mistakes."""
    x = np.array([-2.0, -1.4, -0.8, 0.7, 1.5, 2.2])
    labels = np.array([0, 0, 0, 1, 1, 1])
    crossed = np.array([0, 0, 1, 0, 1, 1])
    weights = np.linspace(0.0, 12.0, 97)
    losses = [
        [mean_surprise(np.stack([0 * x, w * x], axis=1), y) for w in weights] for y in (labels, crossed)
    ]
    ridge = np.array(losses[0]) + 0.01 * weights**2
    runaway = panel(
        "Mean surprise of a logistic model",
        [
            line(weights, losses[0], "red", label="classes do not overlap"),
            line(weights, losses[1], "blue", label="classes overlap"),
            line(weights, ridge, "green", dashed=True, label="no overlap, with a penalty"),
        ],
        xlabel="weight",
        ylabel="loss",
        xlim=(0, 12),
        ylim=(0, 2.4),
        legend="upper left",
    )
    sure = np.linspace(0.5, 0.9999, 120)
    layers = [
        line(
            sure,
            [cross_entropy(np.array([right, 1 - right]), np.array([s, 1 - s])) for s in sure],
            colour,
            label=f"right in {100 * right:g}%",
        )
        for right, colour in ((1.0, "green"), (0.9, "blue"), (0.7, "orange"))
    ]
    confident = panel(
        "The price of being sure",
        layers,
        xlabel="probability given to the own guess",
        ylabel="loss",
        xlim=(0.5, 1.0),
        ylim=(0, 2.6),
        legend="upper left",
    )
    return [
        {
            "title": "No best model",
            "text": "Where a line separates the classes, larger weights are always better: the loss falls "
            "for ever and the weights run "
            "away. A prior on them, which is a penalty, brings the minimum back.",
            "figures": [
                figure(
                    "Three loss curves: one falls for ever, two have a minimum.",
                    "Six points on a line. Without overlap the red curve never turns.",
                    runaway,
                )
            ],
        },
        {
            "title": "Sure and wrong",
            "text": "Zero probability for what happens is infinite surprise. A model that is right in 90% "
            "of cases must not say 99.9%: the one "
            "case in ten costs more than the nine gain. This is why probabilities are calibrated.",
            "figures": [
                figure(
                    "Loss against the stated probability for three hit rates; each curve is lowest at its "
                    "own rate.",
                    "Each curve is lowest where the stated probability is the true one.",
                    confident,
                )
            ],
        },
    ]


def _tosses(q: float) -> dict[str, Any]:
    p = frequencies(_LABELS, 2)
    model = np.array([1 - q, q])
    loss, floor = cross_entropy(p, model), cross_entropy(p, p)
    best = abs(q - p[1]) < 1e-9
    colour = "green" if best else "blue"
    order = np.arange(1, 21)
    heads = _LABELS == 1
    tosses = [
        bars(order[heads], np.full(14, -np.log(q)), "blue", label="heads"),
        bars(order[~heads], np.full(6, -np.log(1 - q)), "orange", label="tails"),
        line([0, 21], [loss, loss], "ink", dashed=True, width=1.2),
        text(20.6, loss + 0.16, f"mean {loss:.3f}", align="right"),
    ]
    grid = np.concatenate(
        [np.linspace(0.005, 0.05, 20), np.linspace(0.06, 0.94, 60), np.linspace(0.95, 0.998, 25)]
    )
    costs = [cross_entropy(p, np.array([1 - g, g])) for g in grid]
    curve = [
        line(grid, costs, "grey"),
        line([0, 1], [floor, floor], "green", dashed=True, width=1.2),
        line([q, q], [floor, loss], "orange", width=2.4),
        points([q], [loss], colour, size=9.0),
        text(0.02, floor - 0.14, f"entropy of the data {floor:.3f}", "green"),
    ]
    note = (
        "No model is less surprised: q is the share of heads, 14/20."
        if best
        else f"{loss - floor:.3f} more than the best possible: the divergence KL(p‖q)."
    )
    return frame(
        f"q = {q:g}",
        f"Mean surprise {loss:.3f} = {floor:.3f} + {loss - floor:.3f}. {note}",
        f"Surprise of twenty tosses under q = {q:g}, and the cross-entropy curve with its minimum at 0.7",
        panel(
            "Surprise of each toss",
            tosses,
            xlabel="toss",
            ylabel="−log q (nats)",
            xlim=(0, 21),
            ylim=(0, 4.8),
            legend="upper left",
        ),
        panel("Cross-entropy", curve, xlabel="q", xlim=(0, 1), ylim=(0, 4.8)),
    )
