"""Lesson: batch normalisation, and how an answer comes to depend on the batch that it was in."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import arrow, bars, figure, frame, line, panel, points
from fivefold.cli.lessons.layers import text as words
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.batch_normalisation import backward, moments, normalised, running
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\hat{x}_i = \frac{x_i - \mu}{\sqrt{v + \varepsilon}} \qquad y_i = \gamma\, \hat{x}_i + \beta",
        "For each channel, over the rows of the batch: μ is their mean, v their variance. γ and β are "
        "learned and give any scale and place back.",
    ),
    (
        r"m \leftarrow (1 - \alpha)\, m + \alpha\, \mu \qquad V \leftarrow (1 - \alpha)\, V + \alpha\, "
        r"\frac{n}{n-1}\, v",
        "Kept while training. In evaluation m and V take the place of μ and v.",
    ),
    (
        r"\frac{\partial L}{\partial x_i} = \frac{\gamma}{\sqrt{v + \varepsilon}} \left( g_i - \bar{g} - "
        r"\hat{x}_i\, \overline{g\, \hat{x}} \right)",
        "g is the slope at y, a bar is the mean over the batch. What would only move or stretch the batch is "
        "taken out.",
    ),
)
CALLS = (
    ("torch.nn.functional.batch_norm", "the fast path, with its backward pass."),
    ("torch.nn.BatchNorm2d", "keeps γ, β, m and V; .eval() switches to m and V."),
    ("torch.nn.GroupNorm", "measures within one row over groups of channels: no batch is needed."),
)
RELATED = (
    ("initialisation", "the same aim, once, before the first step"),
    ("residual-connection", "the other half of most deep networks"),
    ("vanishing-gradients", "what layers of the wrong size do to slopes"),
    ("stochastic-gradient-descent", "batches, and what else depends on their size"),
)

_BATCHES = (2, 3, 4, 6, 8, 16, 32, 64, 128)
_DRAWS, _UNITS, _STEPS, _RATE = 2000, 16, 400, 0.03


def geometry() -> dict[str, Any]:
    """Show two channels before and after, and the slope of a batch of three on its circle."""
    found = sales()
    x = np.stack([found["sqft_living"][::8], found["yr_built"][::8]], axis=1)
    hat = normalised(x, *moments(x))
    axes = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]) / np.sqrt([[2.0], [6.0]])
    batch = np.array([[2.6], [-0.4], [-2.2]])
    g = axes.T @ np.array([[1.5], [-0.1]])
    slope = backward(batch, g, np.ones(1), eps=0.0)[0]
    mean, variance = moments(batch)
    start, on = axes @ (batch - mean)[:, 0], axes @ normalised(batch, mean, variance, 0.0)[:, 0]
    pull, back = axes @ g[:, 0], axes @ slope[:, 0]
    turn = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.sqrt(3.0) * np.array([np.cos(turn), np.sin(turn)])
    drawn = [
        line(circle[0], circle[1], "grey", width=1.2),
        line([0.0, start[0]], [0.0, start[1]], "grey", dashed=True, width=1.2),
        arrow(on, on + pull, "blue"),
        arrow(start, start + back, "green"),
        points(start[:1], start[1:], "ink", size=8.0),
        points(on[:1], on[1:], "blue", size=8.0),
        words(start[0] - 0.15, start[1] + 0.2, "x", align="right"),
        words(on[0] - 0.25, on[1] + 0.2, "x̂", "blue", align="right"),
        words(on[0] + pull[0] + 0.1, on[1] + pull[1], "g", "blue"),
        words(start[0] + back[0] + 0.1, start[1] + back[1], "∂L/∂x", "green"),
    ]
    return {
        "text": [
            "Square feet count in thousands and years lie near 2000. Normalised, both columns are centred "
            "and of spread one; only the scale and the place of each are lost, and γ and β can give them "
            "back.",
            "Right, a batch of three rows in one channel is a point of space. Subtracting the mean leaves a "
            "plane, "
            "dividing by the spread a circle of radius √3. Only the direction of x counts, so the slope that "
            "comes back stands at right angles to x, and is the shorter the larger x is: weights that have "
            "grown learn more slowly.",
        ],
        "figures": [
            figure(
                "A cloud of sales far from the origin, and the same cloud around it with spread one.",
                f"{len(x)} sales, two channels.",
                panel(
                    "Before",
                    [points(x[:, 0], x[:, 1], "grey", size=4.0)],
                    xlabel="square feet",
                    ylabel="year of construction",
                    xlim=(0, 6000),
                    ylim=(1890, 2020),
                ),
                panel(
                    "After",
                    [points(hat[:, 0], hat[:, 1], "blue", size=4.0)],
                    xlabel="square feet, normalised",
                    xlim=(-2.5, 4.5),
                    ylim=(-3, 2),
                ),
            ),
            figure(
                "A circle with a point on it and one further out in the same direction; the arrow at the "
                "outer point is at right angles to that direction.",
                "x less its mean, in the plane where the three add up to nought. g is the slope at x̂.",
                panel(
                    "A batch of three",
                    drawn,
                    bare=True,
                    equal=True,
                    xlim=(-2.4, 3.6),
                    ylim=(-2.0, 3.4),
                ),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Put the same sale into batches of more and more others."""
    x = prices()
    skew, kurtosis = (float(np.mean(((x - x.mean()) / x.std()) ** k)) for k in (3, 4))
    grid = np.geomspace(2.0, 128.0, 61)
    curve = np.sqrt((1.0 + skew + (kurtosis - 1.0) / 4.0) / grid)
    spreads = [float(np.std(answers(n))) for n in _BATCHES]
    return {
        "label": "the size n of the batch",
        "text": "One sale whose log price per square foot lies one deviation above the mean of all 800. "
        f"It is put into {_DRAWS:,} batches of n, with others drawn at random. Without a batch its answer "
        "would be 1. The line on the right is the first term in 1/n: (1 + skewness + (kurtosis − 1)/4)/n "
        "is the variance.",
        "start": 4,
        "frames": [_batch(i, grid, curve, spreads) for i in range(len(_BATCHES))],
    }


def failures() -> list[dict[str, Any]]:
    """Show small batches, batches that are not mixed, and an evaluation that comes too early."""
    sizes = (2, 4, 8, 16, 32)
    runs = [trained(n) for n in sizes]
    plain = [trained(n, norm=False).error() for n in sizes]
    own = [run.error_in_batches(n) for run, n in zip(runs, sizes, strict=True)]
    kept = [run.error() for run in runs]
    pairs = [[trained(16, norm, mixed).error() for norm in (True, False)] for mixed in (True, False)]
    two = []
    for k, values in enumerate(pairs):
        for j, (colour, label) in enumerate((("orange", "normalised"), ("grey", "not normalised"))):
            at, named = 3.0 * k + j, {"label": label} if k == 0 else {}
            two.append(bars([at], [values[j]], colour, width=0.8, **named))
            two.append(words(at, values[j] + 0.06, f"{values[j]:.2f}", align="center"))
    steps = np.arange(61)
    start = np.array([0.9**k for k in steps])
    ticks = [(float(n), str(n)) for n in sizes]
    return [
        {
            "title": "Batches that are too small",
            "text": f"Log price per square foot by latitude and longitude; two layers of {_UNITS} relu "
            f"units, {_STEPS} steps. In batches of {sizes[0]} the error on all rows in evaluation is "
            f"{kept[0]:.2f}, in batches of {sizes[-1]} {kept[-1]:.2f}; without normalisation "
            f"{plain[0]:.2f} and {plain[-1]:.2f}. In a batch of two every unit sees only which of the two "
            "rows is larger: x̂ is −1 or 1. No slope comes back, but where two rows lie so close that ε "
            "counts: there it is large, and chance. In a batch of one x̂ is nought, whatever the row.",
            "figures": [
                figure(
                    "Error by size of the batch: high for batches of two with normalisation, lower from "
                    "eight on.",
                    "Mean squared error over all rows; 1 is the error of a constant.",
                    panel(
                        "Error after training",
                        [
                            line(sizes, own, "blue", marker="o", label="batch statistics"),
                            line(sizes, kept, "orange", marker="o", label="running averages"),
                            line(sizes, plain, "grey", marker="o", dashed=True, label="not normalised"),
                        ],
                        xlabel="size n of the batch",
                        xlog=True,
                        xlim=(1.8, 36),
                        ylim=(0.0, 1.3),
                        xticks=ticks,
                        legend="upper right",
                    ),
                )
            ],
        },
        {
            "title": "Batches that are not mixed",
            "text": "The same net in batches of 16. Sorted by latitude, each batch is one strip of land, and "
            "what its rows have in common, their latitude, is what the mean takes away: the net cannot learn "
            f"it. The error in evaluation is {pairs[1][0]:.2f}; without normalisation the same strips give "
            f"{pairs[1][1]:.2f}. Mixed, it is {pairs[0][0]:.2f} and {pairs[0][1]:.2f}. Mix the rows of all "
            "classes and places into every batch.",
            "figures": [
                figure(
                    "Two pairs of bars: nearly equal for mixed batches; for sorted ones the normalised net "
                    "is far worse.",
                    "Mean squared error on all rows, in evaluation.",
                    panel(
                        "Error after training",
                        two,
                        xlim=(-0.7, 4.7),
                        ylim=(0.0, 1.8),
                        xticks=[(0.5, "mixed"), (3.5, "sorted by latitude")],
                        legend="upper left",
                    ),
                )
            ],
        },
        {
            "title": "Evaluated too early",
            "text": "m and V begin at 0 and 1 and forget that start only by a factor of 0.9 a step. After "
            f"10 steps {100 * start[10]:.0f}% of it is left, after 50 {100 * start[50]:.1f}%. A net with few "
            "steps so far is good in training and wrong in evaluation, with no error in its weights.",
            "figures": [
                figure(
                    "A falling curve of the share of the start left in the running averages.",
                    "At the rate α = 0.1, the default in torch.",
                    panel(
                        "What is left of the start",
                        [line(steps, start, "red")],
                        xlabel="steps",
                        xlim=(0, 60),
                        ylim=(0, 1.03),
                    ),
                )
            ],
        },
    ]


def prices() -> Array:
    """Return the log prices per square foot of all 800 sales."""
    found = sales()
    return np.asarray(np.log(found["price"] / found["sqft_living"]))


@cache
def answers(n: int) -> NDArray[np.float64]:
    """Return x̂ of the one sale in so many batches of n, itself included."""
    x = prices()
    generator = numpy_generator(0, "show", "batch-normalisation", n)
    one = np.full((1, _DRAWS), x.mean() + x.std())
    batches = np.concatenate([one, generator.choice(x, size=(n - 1, _DRAWS))])
    return np.asarray(normalised(batches, *moments(batches), eps=1e-12)[0])


class Net:
    """Two layers of relu units, normalised or not, on 800 sales by latitude and longitude."""

    def __init__(self, norm: bool = True) -> None:
        found = sales()
        x = np.stack([found["lat"], found["long"]], axis=1)
        self.x = (x - x.mean(axis=0)) / x.std(axis=0)
        self.y = (prices() - prices().mean()) / prices().std()
        generator = numpy_generator(0, "show", "batch-normalisation", "net")
        widths = (2, _UNITS, _UNITS)
        self.W = [generator.normal(size=pair) * np.sqrt(2.0 / pair[0]) for pair in pairwise(widths)]
        self.gamma, self.beta = [np.ones(_UNITS) for _ in self.W], [np.zeros(_UNITS) for _ in self.W]
        self.v, self.norm = generator.normal(size=_UNITS) / np.sqrt(_UNITS), norm
        self.c = 0.0
        self.kept = [(np.zeros(_UNITS), np.ones(_UNITS)) for _ in self.W]

    def predict(self, x: Array, batch: bool) -> tuple[Array, list[tuple[Array, Array, Array]]]:
        """Return the answers to rows x, and of each layer its input, its sums and what the bend is given."""
        seen = []
        for W, gamma, beta, kept in zip(self.W, self.gamma, self.beta, self.kept, strict=True):
            z = x @ W
            hat = normalised(z, *(moments(z) if batch else kept)) if self.norm else z
            h = gamma * hat + beta
            seen.append((x, z, h))
            x = np.maximum(h, 0.0)
        return np.asarray(x @ self.v + self.c), seen

    def step(self, rows: NDArray[np.int64]) -> None:
        """Descend once on half the mean squared error of these rows."""
        answer, seen = self.predict(self.x[rows], batch=True)
        error = (answer - self.y[rows]) / len(rows)
        top = np.maximum(seen[-1][2], 0.0)
        g, dv = np.outer(error, self.v), top.T @ error
        self.c -= _RATE * float(error.sum())
        for k in range(len(self.W) - 1, -1, -1):
            x, z, h = seen[k]
            g = g * (h > 0.0)
            dz, dgamma, dbeta = backward(z, g, self.gamma[k]) if self.norm else (g, 0.0, g.sum(axis=0))
            g, dW = dz @ self.W[k].T, x.T @ dz
            self.W[k] = self.W[k] - _RATE * dW
            self.gamma[k] = self.gamma[k] - _RATE * dgamma
            self.beta[k] = self.beta[k] - _RATE * dbeta
            self.kept[k] = running(self.kept[k], z)
        self.v = self.v - _RATE * dv

    def error(self) -> float:
        """Return the mean squared error of all rows in evaluation."""
        return float(np.mean((self.predict(self.x, batch=False)[0] - self.y) ** 2))

    def error_in_batches(self, n: int, mixed: bool = True) -> float:
        """Return the mean squared error of all rows, each measured in a batch of n as in training."""
        found = [
            (self.predict(self.x[rows], batch=True)[0] - self.y[rows]) ** 2
            for rows in _rows(self, n, mixed, len(self.y) // n, "error")
        ]
        return float(np.mean(found))


@cache
def trained(n: int, norm: bool = True, mixed: bool = True) -> Net:
    """Return the net after its steps in batches of n."""
    net = Net(norm)
    for rows in _rows(net, n, mixed, _STEPS, "steps"):
        net.step(rows)
    return net


def _rows(net: Net, n: int, mixed: bool, count: int, name: str) -> Sequence[NDArray[np.int64]]:
    """Draw batches of n rows; not mixed, each is a run of neighbours by latitude."""
    generator = numpy_generator(0, "show", "batch-normalisation", name, n)
    if mixed:
        order = np.concatenate(
            [generator.permutation(len(net.y)) for _ in range(count * n // len(net.y) + 1)]
        )
        return np.split(order[: count * n], count)
    north = np.argsort(net.x[:, 0], kind="stable")
    strips = len(north) // n
    which = np.concatenate([generator.permutation(strips) for _ in range(count // strips + 1)])[:count]
    return [north[n * k : n * (k + 1)] for k in which]


def _batch(i: int, grid: Array, curve: Array, spreads: list[float]) -> dict[str, Any]:
    n = _BATCHES[i]
    found = answers(n)
    edges = np.linspace(-2.05, 4.05, 62)
    height = np.histogram(np.clip(found, -2.0, 4.0), edges)[0] / _DRAWS
    low, high = np.quantile(found, (0.05, 0.95))
    share = float(np.mean(found < 0.0))
    signs = [
        words(-0.85, 0.06, f"{100 * share:.0f}%", colour="red"),
        words(1.15, 0.25, f"{100 * (1.0 - share):.0f}%", colour="red"),
    ]
    colour = "red" if n < 4 else "orange" if n < 16 else "green"
    said = (
        "Only its sign is left: larger or smaller than the other one."
        if n == 2
        else f"In nine batches of ten the answer lies between {low:.2f} and {high:.2f}.".replace("-", "−")
    )
    ticks = [(2.0, "2"), (8.0, "8"), (32.0, "32"), (128.0, "128")]
    return frame(
        f"n = {n}",
        f"{said} No answer can be larger than √(n − 1) = {np.sqrt(n - 1):.3g}. Its spread is "
        f"{spreads[i]:.3f}; the first term says {np.sqrt(curve[0] ** 2 * grid[0] / n):.3f}.",
        f"A histogram of one sale's normalised value in batches of {n}, and its spread by batch size",
        panel(
            "Answers to one sale",
            [
                bars((edges[1:] + edges[:-1]) / 2.0, height, colour, width=0.09),
                line([1.0, 1.0], [0.0, 1.0], "ink", dashed=True, width=1.3, label="by all sales"),
                *(signs if n == 2 else []),
            ],
            xlabel="x̂ of the sale",
            xlim=(-2, 4),
            ylim=(0, 0.42),
            legend="upper left",
        ),
        panel(
            "Spread of the answers",
            [
                line(grid, curve, "grey", label="first term"),
                points(_BATCHES, spreads, "grey", size=5.0, label="drawn"),
                points([n], [spreads[i]], colour, size=9.0),
            ],
            xlabel="size n of the batch",
            xlog=True,
            ylog=True,
            xlim=(1.8, 140),
            ylim=(0.08, 2),
            xticks=ticks,
            legend="lower left",
        ),
    )
