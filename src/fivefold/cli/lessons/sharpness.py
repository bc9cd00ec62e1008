"""Lesson: sharpness and stability, on a valley of minima that differ in nothing but their sharpness."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import band, contour, figure, frame, line, panel, points, powers
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.gradient_descent import gradient_descent
from fivefold.concepts.momentum import momentum
from fivefold.concepts.sharpness import edge, sharpness
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"S(w) = \lambda_{\max}(H(w)) \qquad \eta\, S < 2\,(1 + \beta)",
        "The steepest curvature, and how much of it a rate can stand: 2 for plain descent, 3.8 for a "
        "momentum of 0.9.",
    ),
    (
        r"F(u, v) = \frac{1}{2} (u v - 1)^2 \quad \Rightarrow \quad S = u^2 + v^2\ \mathrm{where}\ u v = 1",
        "The smallest net of two layers: a whole curve of minima, alike in what they compute, from S = 2 "
        "upwards.",
    ),
    (
        r"u_{t+1}^2 - v_{t+1}^2 = (u_t^2 - v_t^2)\,(1 - \eta^2 r_t^2) \qquad r = u v - 1",
        "Each step, while an error r is left, makes the two layers more alike, and thereby what follows "
        "flatter.",
    ),
)
CALLS = (
    (
        "fivefold.optimize.stability_limit",
        "the largest rate at which an optimizer is stable here, from Hessian products.",
    ),
    (
        "fivefold.optimize.stability_edge",
        "the number that η S must not exceed, for SGD, momentum, Nesterov, Adam and RMSprop.",
    ),
    ("fivefold.theory.stability_margin", "whether the rate in use stands below, at or beyond the edge."),
    ("fivefold.linalg.eigh", "top eigenvalues of an operator of any size."),
)
RELATED = (
    ("hessian", "whose largest eigenvalue it is"),
    ("gradient-descent", "the bound 2/λ on a bowl"),
    ("momentum", "why it may go nearly twice as far"),
    ("power-iteration", "how it is measured without a Hessian"),
    ("learning-rate-schedules", "a high rate first chooses flat places"),
)

_START, _STEPS = np.array([2.6, 0.5]), 120
_RATES = (0.05, 0.15, 0.25, 0.28, 0.3, 0.33, 0.36, 0.4, 0.5, 0.6, 0.9)


def slope(w: Array) -> Array:
    """Return the gradient of ½ (uv − 1)²."""
    r = w[0] * w[1] - 1.0
    return np.array([r * w[1], r * w[0]])


def walk(rate: float, steps: int = _STEPS) -> Array:
    """Return the walk from the start, cut where it has flown off."""
    with np.errstate(over="ignore", invalid="ignore"):
        path = gradient_descent(slope, _START, rate, steps)
    near = np.all(np.abs(np.nan_to_num(path, nan=1e9)) < 6.0, axis=1)
    return path[: len(path) if near.all() else int(np.argmin(near))]


def geometry() -> dict[str, Any]:
    """Walk on bowls of one curvature at many rates, with and without momentum."""
    product = np.linspace(0.05, 4.5, 90)
    curves = []
    for beta, nesterov, colour, label in (
        (0.0, False, "blue", "plain"),
        (0.9, False, "orange", "momentum 0.9"),
        (0.9, True, "green", "Nesterov 0.9"),
    ):
        left = []
        for each in product:
            with np.errstate(over="ignore", invalid="ignore"):
                path = momentum(lambda w: w, np.ones(1), float(each), beta, 400, nesterov)
            left.append(float(np.abs(np.nan_to_num(path[-20:], nan=1e12)).max()))
        curves.append(line(product, np.clip(left, 1e-12, 1e12), colour, label=label))
        curves.append(line([edge(beta, nesterov)] * 2, [1e-12, 1e12], colour, dashed=True, width=1.1))
    return {
        "text": [
            "Along its steepest direction a bowl multiplies the error by 1 − ηS at each step. Beyond ηS = 2 "
            "every step lands "
            "further out than it began. This says where a walk can rest, not how low it is there.",
            "Training of networks tends to sharpen: S grows until it meets 2/η, and then hovers there while "
            "the loss goes on "
            "falling, in jumps. So a rate does not only set the pace. It decides which minima exist for the "
            "walk.",
        ],
        "figures": [
            figure(
                "Three curves of what is left after 400 steps; each shoots up at its own edge.",
                f"Largest error over the last 20 of 400 steps. Dashed: the edges {edge():g}, {edge(0.9):g} "
                f"and "
                f"{edge(0.9, True):.3f}.",
                panel(
                    "Error left, by η S",
                    curves,
                    xlabel="rate times sharpness",
                    ylog=True,
                    xlim=(0, 4.5),
                    ylim=(1e-11, 1e11),
                    yticks=powers(-8, 8, 4),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Walk from one sharp place at eleven rates."""
    return {
        "label": "the learning rate η",
        "text": f"F(u, v) = ½ (uv − 1)²: every point of the curve uv = 1 is a minimum. All walks start "
        f"beside a sharp one, S ≈ "
        f"{sharpness(slope, np.array([2.6, 1 / 2.6])):.1f}. Green: the minima with S < 2/η, where this rate "
        f"can rest.",
        "start": 3,
        "frames": [_rate(rate) for rate in _RATES],
    }


def failures() -> list[dict[str, Any]]:
    """Show that sharpness depends on how weights are written, and that one batch is sharper than all rows."""
    alpha = np.geomspace(0.2, 5.0, 61)
    twin = [sharpness(slope, np.array([a, 1.0 / a])) for a in alpha]
    sizes, sharp = batch_sharpness()
    low, middle, high = np.quantile(sharp, (0.1, 0.5, 0.9), axis=1)
    full = float(np.linalg.eigvalsh(_columns().T @ _columns() / 800.0)[-1])
    return [
        {
            "title": "The same net, as sharp as you like",
            "text": "Multiply the first layer by α and divide the second by it: uv, and so every prediction, "
            "stays the same, and "
            f"S = α² + 1/α² goes from {min(twin):.2f} to {max(twin):.1f}. Sharpness says what a rate can "
            f"stand with these weights. It is "
            "no measure of how well a net will do on new rows, unless the scales are held fixed.",
            "figures": [
                figure(
                    "The sharpness along the curve of minima, lowest in the middle, with the loss zero "
                    "throughout.",
                    "Line: α² + 1/α². Dots: power iteration on Hessian products.",
                    panel(
                        "S at (α, 1/α)",
                        [
                            line(alpha, alpha**2 + alpha**-2.0, "blue"),
                            points(alpha[::6], twin[::6], "ink", size=6.0),
                            line(alpha, 0.0 * alpha, "green", label="loss"),
                        ],
                        xlabel="α",
                        xlog=True,
                        xlim=(0.2, 5.0),
                        ylim=(-1.0, 27.0),
                        xticks=[(0.2, "0.2"), (0.5, "0.5"), (1.0, "1"), (2.0, "2"), (5.0, "5")],
                        legend="upper center",
                    ),
                )
            ],
        },
        {
            "title": "Measured on one batch",
            "text": "The largest eigenvalue is a convex function of the Hessian, so that on average a batch "
            "is sharper than the whole: "
            f"for this regression {sharp[0].mean():.1f} on batches of {sizes[0]:.0f}, against {full:.2f} on "
            f"all 800 rows. A rate chosen by "
            "the sharpness of a small batch is too careful on average, and which batch it was decides.",
            "figures": [
                figure(
                    "The sharpness of batches falls towards that of all rows as they grow.",
                    "Log price by area, latitude and year of 800 sales. Line: median of 400 batches; band: "
                    "eight of ten.",
                    panel(
                        "S of a batch",
                        [
                            band(sizes, low, high, "orange", alpha=0.2),
                            line(sizes, middle, "orange"),
                            line(sizes, sharp.mean(axis=1), "red", marker="o", width=1.2, label="mean"),
                            line(
                                [sizes[0], sizes[-1]],
                                [full, full],
                                "ink",
                                dashed=True,
                                width=1.4,
                                label="all rows",
                            ),
                        ],
                        xlabel="rows in the batch",
                        xlog=True,
                        xlim=(2, 512),
                        ylim=(0.0, 6.0),
                        xticks=[(2.0, "2"), (8.0, "8"), (32.0, "32"), (128.0, "128"), (512.0, "512")],
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def _columns() -> Array:
    found = sales()
    X = np.stack([np.log(found["sqft_living"]), found["lat"], found["yr_built"]], axis=1)
    return np.asarray((X - X.mean(axis=0)) / X.std(axis=0))


def batch_sharpness(count: int = 400) -> tuple[Array, Array]:
    """Return batch sizes [k], and the largest eigenvalue of XᵀX/B on so many batches of each, [k, count]."""
    X, generator = _columns(), numpy_generator(0, "show", "sharpness", "batches")
    sizes = 2 ** np.arange(1, 10)
    found = []
    for size in sizes:
        rows = X[generator.integers(800, size=(count, int(size)))]
        found.append(np.linalg.eigvalsh(rows.transpose(0, 2, 1) @ rows / size)[:, -1])
    return sizes.astype(np.float64), np.array(found)


def _rate(rate: float) -> dict[str, Any]:
    path = walk(rate)
    sharp = np.array([sharpness(slope, w, 60) for w in path])
    limit, losses = 2.0 / rate, 0.5 * (path[:, 0] * path[:, 1] - 1.0) ** 2
    flown, rests = len(path) <= _STEPS, bool(losses[-1] < 1e-8)
    first = sharpness(slope, np.array([2.6, 1 / 2.6]))
    colour = "red" if not rests else "blue" if limit > first else "orange"
    u, grid = np.geomspace(0.2, 4.0, 121), np.linspace(-0.5, 3.5, 81)
    height = 0.5 * (grid[None, :] * grid[:, None] - 1.0) ** 2
    stable = u**2 + u**-2.0 < limit
    left = [
        contour(grid, grid, height, [0.02, 0.1, 0.4, 1.2, 3.0, 7.0, 14.0]),
        line(u, 1.0 / u, "grey", width=1.2),
    ]
    if stable.any():
        left.append(line(u[stable], 1.0 / u[stable], "green", width=4.5))
    left += [
        line(path[:, 0], path[:, 1], colour, width=1.1, marker="o"),
        points([2.6], [0.5], "ink", size=8.0),
    ]
    right = [
        line([0, _STEPS], [limit, limit], "green", dashed=True, width=1.5, label="2/η"),
        line(np.arange(len(path)), sharp, colour, width=1.6, label="S"),
    ]
    said = (
        "It flies off: no place that it meets can hold it."
        if flown
        else f"No minimum is flat enough for this rate: 2/η = {limit:.2f}. It never rests."
        if limit <= 2.0
        else f"After {_STEPS} steps it has not come to rest."
        if not rests
        else "Low enough: it rests at the next minimum, sharp as it is."
        if limit > first
        else "Too high for the minimum beside it: thrown out, it comes to rest at a flatter one."
    )
    return frame(
        f"η = {rate:g}",
        f"{said} 2/η = {limit:.2f}; S was {sharp[0]:.2f} at the start and {sharp[-1]:.2f} at the end, the "
        f"loss {losses[-1]:.1e}.",
        f"A walk to a curve of minima, and the sharpness by step, at the rate {rate:g}",
        panel("The walk", left, xlabel="u", ylabel="v", xlim=(-0.5, 3.5), ylim=(-0.5, 3.0)),
        panel(
            "Sharpness on the way",
            right,
            xlabel="step",
            xlim=(0, _STEPS),
            ylim=(0.0, 14.0),
            legend="upper right",
        ),
    )
