"""Lesson: Monte Carlo integration, and what the number of points buys."""

from math import erfc, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import band, figure, frame, line, panel, points, powers, shape, text
from fivefold.concepts.monte_carlo_integration import effective_size, estimate, importance_weights, interval
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\int\, f(x)\, p(x)\, dx = \mathrm{E} f(X) \approx \frac{1}{n} \sum_i\, f(x_i), \quad x_i \sim p",
        "An integral is a mean over p, and a mean can be sampled.",
    ),
    (
        r"\mathrm{standard\ error} = \frac{s}{\sqrt{n}}",
        "In any number of dimensions; s is the standard deviation of the f(xᵢ), which come along for free.",
    ),
    (
        r"\int\, f\, p\, dx \approx \frac{1}{n} \sum_i\, f(x_i)\, \frac{p(x_i)}{q(x_i)}, \quad x_i \sim q",
        "Importance sampling: draw where f matters, and weigh by how much too often you went there.",
    ),
)
CALLS = (
    ("fivefold.linalg.trace", "a mean over random probes, which stops on its standard error."),
    ("fivefold.calculus.integrate", "in one dimension a rule with chosen points gets more from fewer."),
    ("fivefold.calculus.normal_expectation", "the same for means over a normal distribution."),
)
RELATED = (
    ("bayes-rule", "whose integrals are why the method is needed"),
    ("hypothesis-test", "where chance itself is simulated"),
    ("maximum-likelihood", "minibatches are Monte Carlo estimates of the loss"),
)

_POINTS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


def geometry() -> dict[str, Any]:
    """Show an area as the mean height over random places."""
    x = np.linspace(0.0, 1.0, 101)
    places = numpy_generator(0, "show", "monte-carlo-integration").random(14)
    heights = _curve(places)
    mean, error = estimate(heights)
    sampled = [
        shape(np.stack([np.r_[0.0, x, 1.0], np.r_[0.0, _curve(x), 0.0]]), "blue", alpha=0.12),
        *(
            line([at, at], [0.0, height], "orange", width=1.2)
            for at, height in zip(places, heights, strict=True)
        ),
        points(places, heights, "orange", size=6.0),
    ]
    box = [
        line(x, _curve(x), "blue"),
        shape(np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, mean, mean]]), "orange"),
        band([0, 1], [mean - error] * 2, [mean + error] * 2, "orange", alpha=0.25),
        text(0.5, mean / 2, f"{mean:.2f} ± {error:.2f}", align="center", size=15),
    ]
    limits: dict[str, Any] = {"xlabel": "x", "xlim": (0, 1), "ylim": (0, 1.9)}
    return {
        "text": [
            "The area under a curve over [0, 1] is its mean height. Ask for the height at random places "
            "and take "
            "their mean; how much the heights differ tells how far off that mean may be.",
        ],
        "figures": [
            figure(
                "A curve with the heights at fourteen random places, and a box as high as their mean.",
                f"Fourteen heights; the true area is {_area():.3f}.",
                panel("Heights at random places", sampled, **limits),
                panel("Their mean", box, **limits),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Throw more and more points at a quarter of a circle."""
    places = numpy_generator(0, "show", "monte-carlo-integration", "circle").random((_POINTS[-1], 2))
    return {
        "label": "the number of points n",
        "text": "Points in the unit square; four times the share inside the quarter circle is an estimate "
        "of π.",
        "start": 2,
        "frames": [_thrown(places, n) for n in _POINTS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a mean without a variance, an event that never comes, and weights in many dimensions."""
    generator = numpy_generator(0, "show", "monte-carlo-integration", "failures")
    sizes = np.array([30, 100, 300, 1000, 3000])
    curves = []
    for power, colour in ((0.3, "green"), (0.6, "orange"), (0.9, "red")):
        truth = 1.0 / (1.0 - power)
        held = []
        for n in sizes:
            ends = [interval(row) for row in (1.0 - generator.random((300, int(n)))) ** -power]
            held.append(float(np.mean([low <= truth <= high for low, high in ends])))
        curves.append(line(sizes, held, colour, marker="o", label=f"∫ x^−{power:g}"))
    heavy = panel(
        "Intervals that hold",
        [*curves, line([30, 3000], [0.95, 0.95], "grey", dashed=True)],
        xlabel="n",
        ylabel="share of 300",
        xlog=True,
        xlim=(30, 3000),
        ylim=(0, 1.05),
        legend="center right",
    )
    return [
        {
            "title": "A mean without a variance",
            "text": "Where f has a variance, the interval of two standard errors holds 95 times in 100. "
            "x^−0.6 "
            "and x^−0.9 have a finite integral over (0, 1] but no variance: now and then a huge value comes, "
            "and until then both the mean and its stated error are too small. More points hardly help.",
            "figures": [
                figure(
                    "The share of correct intervals: 95% for a tame function, far less for heavy tails.",
                    "Each point: 300 repetitions. Dashed: what the intervals promise.",
                    heavy,
                )
            ],
        },
        {
            "title": "An event that never comes",
            "text": "The chance that a normal variable exceeds 4 is 1 in 31,574. A thousand plain draws find "
            "none, and report zero with a standard error of zero. Drawn around 4 and weighed, the same "
            "thousand "
            "come within a tenth of the truth.",
            "figures": [_rare(generator)],
        },
        {
            "title": "Weights in many dimensions",
            "text": "The same trick turns against you where there are many coordinates: a proposal that is "
            "20% "
            "too narrow in each multiplies its faults, and in the end one point carries all the weight. Look "
            "at the effective number of points.",
            "figures": [_collapse(generator)],
        },
    ]


def _curve(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.9 + 0.6 * np.sin(5.0 * x) + 0.25 * np.cos(13.0 * x))


def _area() -> float:
    return float(0.9 + 0.12 * (1.0 - np.cos(5.0)) + 0.25 / 13.0 * np.sin(13.0))


def _thrown(places: NDArray[np.float64], n: int) -> dict[str, Any]:
    inside = np.sum(places**2, axis=1) < 1.0
    shown = slice(0, min(n, 1000))
    x, y = places[shown].T
    hit = inside[shown]
    turn = np.linspace(0.0, np.pi / 2, 61)
    size = 5.0 if n <= 100 else 2.5
    square = [
        line(np.cos(turn), np.sin(turn), "ink", width=1.2),
        points(x[hit], y[hit], "blue", size=size),
        points(x[~hit], y[~hit], "orange", size=size),
    ]
    counts = np.unique(np.round(np.logspace(1.0, 5.0, 120)).astype(int))
    running = np.cumsum(4.0 * inside)[counts - 1] / counts
    spread = np.sqrt(np.pi * (4.0 - np.pi) / counts)
    mean, error = estimate(4.0 * inside[:n])
    curve = [
        band(counts, np.pi - 2 * spread, np.pi + 2 * spread, "grey", alpha=0.2),
        line(counts, running, "blue", width=1.4),
        line([10, 1e5], [np.pi, np.pi], "green", dashed=True, width=1.2),
        line([n, n], [mean - 2 * error, mean + 2 * error], "orange", width=2.6),
        points([n], [mean], "orange", size=9.0),
    ]
    note = f" (the picture shows the first {hit.size:,})" if n > hit.size else ""
    return frame(
        f"n = {n:,}",
        f"π ≈ {mean:.4f} ± {error:.4f}; wrong by {abs(mean - np.pi):.4f}, which is "
        f"{abs(mean - np.pi) / error:.1f} standard errors{note}.",
        f"{n} points in a square with a quarter circle, and the running estimate of π at {mean:.4f}",
        panel("Points in the square", square, equal=True, xlim=(0, 1.02), ylim=(0, 1.02)),
        panel(
            "Estimate ± 2 standard errors",
            curve,
            xlabel="n",
            xlog=True,
            xlim=(8, 1.3e5),
            ylim=(2.2, 4.1),
            xticks=powers(1, 5),
        ),
    )


def _rare(generator: np.random.Generator) -> dict[str, Any]:
    truth = 0.5 * erfc(4.0 / sqrt(2.0))
    z = generator.normal(size=1000)
    counts = np.arange(20, 1001, 10)
    plain = np.cumsum(z > 4.0)[counts - 1] / counts
    x = z + 4.0
    weighed = (x > 4.0) * importance_weights(-0.5 * x**2, -0.5 * z**2)
    running = np.array([estimate(weighed[:n]) for n in counts])
    layers = [
        band(
            counts,
            (running[:, 0] - 2 * running[:, 1]) / truth,
            (running[:, 0] + 2 * running[:, 1]) / truth,
            "blue",
            alpha=0.18,
        ),
        line(counts, running[:, 0] / truth, "blue", label="drawn around 4, weighed"),
        line(counts, plain / truth, "red", label="plain draws"),
        line([0, 1000], [1, 1], "green", dashed=True, label="truth"),
    ]
    return figure(
        "Plain draws give zero all along; weighed draws settle at the truth.",
        "Estimates of P(Z > 4), in units of the truth, 3.17 · 10⁻⁵. The band is two standard errors.",
        panel("P(Z > 4) / truth", layers, xlabel="n", xlim=(0, 1000), ylim=(-0.1, 2.2), legend="upper right"),
    )


def _collapse(generator: np.random.Generator) -> dict[str, Any]:
    dimensions = np.array([1, 2, 3, 5, 8, 12, 20, 30, 50])
    curves = []
    for sd, colour in ((0.8, "red"), (1.2, "blue")):
        left = []
        for d in dimensions:
            x = sd * generator.normal(size=(10_000, int(d)))
            log_q = -0.5 * np.sum((x / sd) ** 2, axis=1) - d * np.log(sd)
            left.append(effective_size(importance_weights(-0.5 * np.sum(x**2, axis=1), log_q)))
        name = "too narrow" if sd < 1 else "too wide"
        curves.append(line(dimensions, left, colour, marker="o", label=f"20% {name}"))
    return figure(
        "The effective number of points falls with the dimension, faster where the proposal is too narrow.",
        "10,000 points from a normal distribution with a wrong width in every coordinate.",
        panel(
            "Effective number of points",
            curves,
            xlabel="dimensions",
            xlim=(0, 51),
            ylog=True,
            ylim=(1, 2e4),
            yticks=powers(0, 4),
            legend="lower left",
        ),
    )
