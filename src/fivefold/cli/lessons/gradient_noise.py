"""Lesson: the gradient noise scale, with a regression of house prices."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import arrow, bars, figure, frame, line, panel, points, powers
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.gradient_descent import gradient_descent
from fivefold.concepts.gradient_noise import expected_gain, from_two_batches, noise_scale, share_of_the_gain
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"B_{\mathrm{simple}} = \frac{\mathrm{tr}\, \Sigma}{|G|^2} \qquad "
        r"B_{\mathrm{noise}} = \frac{\mathrm{tr}(H \Sigma)}{G^{\mathsf{T}} H\, G}",
        "The spread of the rows' slopes over the square of their mean. With the curvature H, each direction "
        "counts "
        "by what it costs.",
    ),
    (
        r"\frac{\Delta F(B)}{\Delta F_{\max}} = \frac{\eta(B)}{\eta_{\max}} = \frac{1}{1 + "
        r"B_{\mathrm{noise}} / B}",
        "What a batch of B gains with its best rate, against all rows with theirs: one half at the noise "
        "scale.",
    ),
    (
        r"|G|^2 = E\, \frac{B\, |g_B|^2 - b\, |g_b|^2}{B - b} \qquad \mathrm{tr}\, \Sigma = "
        r"E\, \frac{|g_b|^2 - |g_B|^2}{1/b - 1/B}",
        "Two batch sizes are enough to measure both, without a single row's slope.",
    ),
)
CALLS = (
    (
        "fivefold.theory.gradient_noise",
        "B_simple of a network or an objective, unbiased, with an interval, from groups of rows.",
    ),
    ("torch.func.vmap", "with torch.func.grad gives every row's gradient at once."),
    ("fivefold.train", "takes the batch size that you choose here."),
)
RELATED = (
    ("stochastic-gradient-descent", "the walk that the noise disturbs"),
    ("learning-rate-schedules", "the other answer to noise: a smaller rate late"),
    ("hessian", "the curvature H"),
    ("monte-carlo-integration", "why the noise falls as 1/B"),
)

_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 800)


class Problem:
    """Log price of 800 sales by area and latitude, all centred and scaled; half the mean squared error."""

    def __init__(self) -> None:
        found = sales()
        columns = np.stack([np.log(found["sqft_living"]), found["lat"]], axis=1)
        self.X = (columns - columns.mean(axis=0)) / columns.std(axis=0)
        price = np.log(found["price"])
        self.y = (price - price.mean()) / price.std()
        self.H = self.X.T @ self.X / 800.0
        self.start = np.array([0.5, 0.42])

    def rows(self, w: Array) -> Array:
        """Return each row's gradient at w, [800, 2]."""
        return np.asarray((self.X @ w - self.y)[:, None] * self.X)

    def batches(self, w: Array, size: int, count: int, *names: str | int) -> Array:
        """Return gradients of so many batches drawn with repeats, [count, 2]; of all rows at size 800."""
        rows = self.rows(w)
        if size == 800:
            return np.repeat(rows.mean(axis=0)[None], count, axis=0)
        draws = numpy_generator(0, "show", "gradient-noise", size, *names).integers(800, size=(count, size))
        return np.asarray(rows[draws].mean(axis=1))

    def scale(self, w: Array) -> float:
        """Return B_noise at w."""
        return noise_scale(self.rows(w), self.H)

    def best_rate(self, w: Array) -> float:
        """Return the best rate of a whole gradient, |G|²/GᵀHG."""
        G = self.rows(w).mean(axis=0)
        return float(G @ G / (G @ self.H @ G))


def geometry() -> dict[str, Any]:
    """Show what smaller batches cost in rows, and larger ones in steps."""
    ratio = np.geomspace(1e-2, 1e2, 81)
    marks = np.array([0.1, 1.0, 10.0])
    trade = [
        line(1.0 + 1.0 / ratio, 1.0 + ratio, "blue"),
        points(1.0 + 1.0 / marks, 1.0 + marks, "orange", size=8.0),
        line([1.0, 1.0], [1.0, 100.0], "grey", dashed=True, width=1.2),
        line([1.0, 100.0], [1.0, 1.0], "grey", dashed=True, width=1.2),
    ]
    return {
        "text": [
            "The rows do not agree on the slope. The mean over a batch is right on average, and off by noise "
            "whose square "
            "is tr Σ/B. Where that is larger than |G|² the step is mostly noise, and a second row is worth a "
            "second step; "
            "where it is far smaller, more rows only tell again what is known.",
            "The two meet at the noise scale. If every step has its best rate, a walk with batches of B "
            "needs "
            "S = S_min (1 + B_noise/B) steps and so E = B S = E_min (1 + B/B_noise) rows: at the noise "
            "scale, twice the least "
            "of both.",
        ],
        "figures": [
            figure(
                "A falling curve between two dashed limits, with three dots on it.",
                "(S/S_min − 1)(E/E_min − 1) = 1. Dots, from the right: batches of 0.1, 1 and 10 noise "
                "scales.",
                panel(
                    "Rows against steps",
                    trade,
                    xlabel="steps, S/S_min",
                    ylabel="rows, E/E_min",
                    xlog=True,
                    ylog=True,
                    xlim=(0.8, 100),
                    ylim=(0.8, 100),
                    xticks=powers(0, 2),
                    yticks=powers(0, 2),
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Draw batches of ten sizes at one point."""
    problem = Problem()
    scale, simple = problem.scale(problem.start), noise_scale(problem.rows(problem.start))
    return {
        "label": "the batch size B",
        "text": "Log price by log living area and latitude, 800 sales, at a point on the way to the answer: "
        f"B_noise = {scale:.1f}, and B_simple = {simple:.1f} there. Left: the slopes of 150 batches, and the "
        f"arrow of all rows. "
        "Right: the mean gain of a step at the best rate for the batch, from 4,000 batches, on the formula.",
        "start": 3,
        "frames": [_batch(problem, size) for size in _BATCHES],
    }


def failures() -> list[dict[str, Any]]:
    """Show that the scale grows on the way, and that a ratio of noisy numbers misleads."""
    problem = Problem()
    path = gradient_descent(lambda w: problem.rows(w).mean(axis=0), problem.start, 0.15, 40)
    scales = [problem.scale(w) for w in path]
    G = problem.rows(problem.start).mean(axis=0)
    pairs = two_batches(problem, 4000)
    single = pairs[:, 1] / pairs[:, 0]
    truth = noise_scale(problem.rows(problem.start))
    edges = np.linspace(-60.0, 60.0, 61)
    counts, _ = np.histogram(np.clip(single, -59.9, 59.9), edges)
    middles = 0.5 * (edges[1:] + edges[:-1])
    after = np.unique(np.round(np.geomspace(1, 4000, 40)).astype(int))
    running = np.cumsum(pairs, axis=0)[after - 1]
    ratio = np.clip(running[:, 1] / running[:, 0], -59.0, 59.0)
    return [
        {
            "title": "Measured at the start, used at the end",
            "text": f"On the way to the answer the slope shrinks and the rows go on to disagree: B_noise is "
            f"{scales[0]:.0f} at the "
            f"first step, {scales[20]:,.0f} after 20 and {scales[-1]:,.0f} after 40, more than there are "
            f"rows. A batch that was right "
            "early is too small late. Grow the batch, or let the rate fall, which does as much.",
            "figures": [
                figure(
                    "The noise scale rises by some decades along a walk.",
                    "Gradient descent on all rows, η = 0.15; B_noise at each of its points. Dashed: all 800 "
                    "rows.",
                    panel(
                        "Noise scale by step",
                        [
                            line(np.arange(41), scales, "red"),
                            line([0, 40], [800.0, 800.0], "grey", dashed=True, width=1.2),
                        ],
                        xlabel="step",
                        ylog=True,
                        xlim=(0, 40),
                        ylim=(1.0, 1e8),
                        yticks=powers(0, 8, 2),
                    ),
                )
            ],
        },
        {
            "title": "The ratio of two noisy numbers",
            "text": f"From one batch of 4 and one of 16, |G|² and tr Σ are right on average: "
            f"{pairs[:, 0].mean():.3f} against "
            f"{G @ G:.3f}, and {pairs[:, 1].mean():.2f} against {truth * (G @ G):.2f}, over 4,000 pairs. But "
            f"divided pair by pair, "
            f"{100 * np.mean(single < 0):.0f}% of the noise scales are negative and the mean of them is "
            f"{_plain(single.mean())}, where "
            f"{truth:.1f} is true. Average both first, and divide once.",
            "figures": [
                figure(
                    "A broad histogram of ratios around and below the truth; the ratio of the running means "
                    "settles on it.",
                    "Left: pair by pair, what lies outside is heaped at the ends. Right: the ratio of the "
                    "means so far.",
                    panel(
                        "B_simple from single pairs",
                        [
                            bars(middles, counts, "grey", width=1.9),
                            line([truth, truth], [0, float(counts.max()) * 1.05], "green"),
                        ],
                        xlabel="tr Σ / |G|²",
                        xlim=(-61, 61),
                        ylim=(0, 1.1 * float(counts.max())),
                    ),
                    panel(
                        "Means first, then divided",
                        [
                            line(after, ratio, "blue"),
                            line([1, 4000], [truth, truth], "green", dashed=True, width=1.4),
                        ],
                        xlabel="pairs so far",
                        xlog=True,
                        xlim=(1, 4000),
                        ylim=(-10, 60),
                        xticks=powers(0, 3),
                    ),
                )
            ],
        },
    ]


def two_batches(problem: Problem, count: int) -> Array:
    """Return |G|² and tr Σ from pairs of batches of 4 and 16 at the start, [count, 2]."""
    small = problem.batches(problem.start, 4, count, "pairs")
    large = problem.batches(problem.start, 16, count, "pairs")
    return np.array(
        [from_two_batches(float(a @ a), float(b @ b), 4, 16) for a, b in zip(small, large, strict=True)]
    )


def gain_seen(problem: Problem, size: int, count: int = 4000) -> float:
    """Return the mean gain of a step with the best rate for the batch, as a share of the most."""
    w = problem.start
    G, most = problem.rows(w).mean(axis=0), problem.best_rate(w)
    share = 1.0 if size == 800 else float(share_of_the_gain(np.array(float(size)), problem.scale(w)))
    g, rate = problem.batches(w, size, count, "gain"), share * most
    won = rate * g @ G - 0.5 * rate**2 * np.sum(g @ problem.H * g, axis=1)
    return float(won.mean() / expected_gain(G, problem.H, 0.0, 1.0, most))


def _plain(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _batch(problem: Problem, size: int) -> dict[str, Any]:
    w, scale = problem.start, problem.scale(problem.start)
    G, g = problem.rows(w).mean(axis=0), problem.batches(w, size, 150)
    wrong = float(np.mean(problem.batches(w, size, 4000, "gain") @ problem.H @ G < 0.0))
    noise = 0.0 if size == 800 else noise_scale(problem.rows(w)) / size
    seen = gain_seen(problem, size)
    colour = "red" if size < 0.3 * scale else "green" if size < 3.0 * scale else "orange"
    left = [
        points(np.clip(g[:, 0], -2.9, 2.9), np.clip(g[:, 1], -2.4, 2.9), colour, size=3.5),
        arrow((0.0, 0.0), G, "ink"),
    ]
    grid = np.geomspace(1.0, 1000.0, 61)
    right = [
        line(grid, share_of_the_gain(grid, scale), "grey"),
        line([scale, scale], [0.0, 0.5], "grey", dashed=True, width=1.2),
        points([size], [seen], colour, size=9.0),
    ]
    said = (
        "All rows: no noise."
        if size == 800
        else f"Below the noise scale: each row is still worth nearly a step. Noise over signal, tr Σ/B|G|² = "
        f"{noise:.2f}."
        if size < 0.3 * scale
        else f"About the noise scale. Noise over signal {noise:.2f}."
        if size < 3.0 * scale
        else f"Above the noise scale: twice the rows gain little. Noise over signal {noise:.3f}."
    )
    return frame(
        f"B = {size}",
        f"{said} A step gains {100 * seen:.1f}% of what all rows would; {100 * wrong:.1f}% of the batches "
        f"point uphill.",
        f"A cloud of batch slopes around the whole one, and the gain of a step by batch size, B = {size}",
        panel("Slopes of 150 batches", left, xlabel="by w₁", ylabel="by w₂", xlim=(-3, 2), ylim=(-2, 3)),
        panel(
            "Share of the most a step can gain",
            right,
            xlabel="batch size B",
            xlog=True,
            xlim=(0.8, 1000),
            ylim=(-0.03, 1.06),
            xticks=powers(0, 3),
        ),
    )
