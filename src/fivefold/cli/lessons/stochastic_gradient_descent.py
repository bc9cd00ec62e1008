"""Lesson: stochastic gradient descent on real sales, and what the size of the batch changes."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import figure, frame, line, panel, path, points, powers
from fivefold.cli.lessons.walks import Array, Ground, Walk, land, left_over
from fivefold.concepts.stochastic_gradient_descent import (
    batches,
    gradient_noise,
    stochastic_gradient_descent,
)
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"g_t = \frac{1}{b} \sum_{i \in B_t} \nabla \ell_i(w_t) \qquad w_{t+1} = w_t - \eta\, g_t",
        "The mean slope of a few rows, drawn anew for each step, in place of that of all.",
    ),
    (
        r"\mathrm{E}\, |g_t - \nabla F|^2 = \frac{\sigma^2}{b} \cdot \frac{N - b}{N - 1}",
        "Right on average. Ten times less error takes a hundred times as many rows.",
    ),
    (
        r"\mathrm{E}\, F - F^* \rightarrow \frac{\eta\, \sigma^2 / b}{2\, (2 - \eta \lambda)}",
        "Where it hovers at a constant rate η, on a bowl of one weight with curvature λ.",
    ),
)
CALLS = (
    ("fivefold.train", "deals the batches, and takes any optimizer and schedule."),
    ("torch.optim.SGD", "the step: the fast path of this file."),
)
RELATED = (
    ("gradient-descent", "the same with all rows at each step"),
    ("learning-rate-schedules", "what brings the walk to rest"),
    ("adam", "the usual choice for networks"),
    ("maximum-likelihood", "where the sum over rows comes from"),
)

_RATE, _EPOCHS = 0.2, 3
_START = np.array([-0.55, 1.05])
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 400, 800)


def regression() -> tuple[Array, Array]:
    """Return log living area and latitude [800, 2], and log price [800], each with mean 0 and spread 1.

    >>> regression()[0].std(axis=0).round(9)
    array([1., 1.])
    """
    found = sales()
    table = np.stack([np.log(found["sqft_living"]), found["lat"], np.log(found["price"])], axis=1)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    return table[:, :2], table[:, 2]


def ground() -> Ground:
    """Return the mean squared error of the two weights, as a map."""
    X, y = regression()
    H, b, c = X.T @ X / len(y), X.T @ y / len(y), float(y @ y) / len(y)
    best = np.linalg.solve(H, b)
    low, high = (best[0] - 1.5, best[1] - 0.9), (best[0] + 0.9, best[1] + 0.9)
    floor = 0.5 * (c - best @ b)
    return Ground(
        lambda w: 0.5 * (np.sum(w * (w @ H), axis=-1) - 2.0 * w @ b + c),
        lambda w: H @ w - b,
        lambda w: H,
        (float(low[0]), float(low[1])),
        (float(high[0]), float(high[1])),
        tuple(float(floor + rise) for rise in (0.01, 0.05, 0.12, 0.25, 0.42, 0.65, 0.95, 1.3)),
        ((float(best[0]), float(best[1])),),
    )


def walk(size: int, rate: float, epochs: int = _EPOCHS, seed: int = 0) -> Array:
    """Walk through so many epochs with batches of this size."""
    generator = numpy_generator(seed, "show", "stochastic-gradient-descent", size)
    plan = [rows for _ in range(epochs) for rows in batches(800, size, generator)]
    return descend(plan, rate)


def descend(plan: list[Any], rate: float) -> Array:
    """Walk on the batches of the plan; each row's loss is ½ (xᵢ·w − yᵢ)²."""
    X, y = regression()
    return stochastic_gradient_descent(
        lambda w, rows: X[rows].T @ (X[rows] @ w - y[rows]) / len(rows), _START, rate, plan
    )


def geometry() -> dict[str, Any]:
    """Show the slopes of many batches of two sizes, and how their noise falls."""
    X, y = regression()
    each = X * (X @ _START - y)[:, None]
    generator = numpy_generator(0, "show", "stochastic-gradient-descent", "cloud")
    clouds = []
    for size, colour, marker in ((4, "orange", "s"), (40, "blue", "o")):
        drawn = np.array([each[generator.permutation(800)[:size]].mean(axis=0) for _ in range(150)])
        clouds.append(
            points(-drawn[:, 0], -drawn[:, 1], colour, size=4.0, marker=marker, label=f"{size} sales")
        )
    whole = -each.mean(axis=0)
    sizes = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    noise = np.sqrt([gradient_noise(each, int(size)) for size in sizes])
    return {
        "text": [
            "The loss of 800 house sales is a mean of 800 terms, and so is its slope. A few terms, drawn at "
            "random, "
            "give the same slope on average, with an error that falls like one over the root of their "
            "number. A "
            "batch of 8 costs a hundredth of the whole and points nearly the same way while the floor is "
            "far.",
        ],
        "figures": [
            figure(
                "Two clouds of steps round the step of all rows; and the error falling with the batch size.",
                "Left: downhill directions by 150 batches each, and by all 800 sales (star). Right: the "
                "typical "
                "error of a batch's slope; it is zero for all rows.",
                panel(
                    "−gₜ at the start",
                    [*clouds, points([whole[0]], [whole[1]], "red", marker="*", size=14.0)],
                    xlabel="along w₁",
                    ylabel="along w₂",
                    xlim=(-1.0, 3.6),
                    ylim=(-2.6, 1.6),
                    legend="upper right",
                ),
                panel(
                    "Error of the slope",
                    [
                        path(np.stack([sizes, noise]), "blue", marker="o", label="batch of b sales"),
                        line(
                            [1, 512], [noise[0], noise[0] / np.sqrt(512)], "grey", dashed=True, label="1/√b"
                        ),
                    ],
                    xlabel="b",
                    xlog=True,
                    ylog=True,
                    xlim=(1, 600),
                    ylim=(0.02, 5.0),
                    legend="upper right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Read the same sales three times, in batches of one up to all."""
    return {
        "label": "the batch size b",
        "text": f"Log price by log living area (w₁) and latitude (w₂): 800 sales in King County, each read "
        f"{_EPOCHS} times, η = {_RATE:g}. The work is the same in every frame; only the number of steps "
        f"differs.",
        "start": 3,
        "frames": [_batch(size) for size in _SIZES],
    }


def failures() -> list[dict[str, Any]]:
    """Show the rate with small batches, and rows that come in order."""
    here = ground()
    floor = float(here.value(np.array(here.floors[0])))
    curves = []
    for rate, colour in ((0.02, "blue"), (0.2, "orange"), (0.6, "red")):
        with np.errstate(over="ignore", invalid="ignore"):
            heights = here.value(walk(1, rate)) - floor
        curves.append((heights[::12], colour, f"η = {rate:g}"))
    X, _ = regression()
    order = np.argsort(X[:, 1], kind="stable")
    sorted_plan = [order[first : first + 10] for _ in range(3) for first in range(0, 800, 10)]
    swung = descend(sorted_plan, _RATE)
    walks = [
        Walk(swung, "red", "sorted from south to north", 1.2, None),
        Walk(walk(10, _RATE), "blue", "shuffled", 1.2, None),
    ]
    return [
        {
            "title": "A constant rate never rests, and a high one explodes",
            "text": "With one sale at a time, η = 0.2 hovers well above the floor, though it got there at "
            "once. "
            "A tenth of the rate comes ten times closer and takes ten times as long. At 0.6 single large "
            "houses "
            "throw the walk out: all rows together would still allow η up to 2/λ_max ≈ 1.86.",
            "figures": [
                figure(
                    "Three jagged curves of height; the highest rate explodes again and again.",
                    "Batches of one sale, three epochs.",
                    left_over(
                        "Height above the floor, F − F*",
                        curves,
                        (-5, 3),
                        x=np.arange(0, 2401, 12),
                        xlim=(0, 2400),
                        legend="lower left",
                    ),
                )
            ],
        },
        {
            "title": "Rows that come in order",
            "text": "A batch is right on average only if it is drawn. Sales sorted by latitude show the "
            "walk the "
            "south, then the north: it follows each in turn and ends where the last rows want it. Shuffle "
            "before every epoch.",
            "figures": [
                figure(
                    "Two walks: one goes far round in loops, the other stays near the floor.",
                    "Three epochs in batches of 10.",
                    land("Sorted or shuffled", here, walks, legend="lower left"),
                )
            ],
        },
    ]


def _batch(size: int) -> dict[str, Any]:
    here, found = ground(), walk(size, _RATE)
    heights = here.value(found) - float(here.value(np.array(here.floors[0])))
    late = float(np.mean(heights[-max(1, len(heights) // 6) :]))
    read = np.arange(len(found)) * size
    keep = np.unique(np.round(np.geomspace(1, len(found), 260)).astype(int)) - 1
    colour = "orange" if size <= 4 else "red" if size >= 400 else "blue"
    said = (
        "Noisy: it is near the floor after a few sales, and then wanders about it."
        if size <= 4
        else "It comes to the floor within an epoch and stays close."
        if size <= 32
        else "Smooth, and slower for the same work."
        if size <= 128
        else "Too large: so few steps that it does not arrive."
    )
    return frame(
        f"b = {size}",
        f"{said} {len(found) - 1} steps; over the last sixth of them F − F* is {late:.2g} on average.",
        f"A walk on the map of the squared error, and the height above the floor by sales read, batch {size}",
        land("The walk", here, [Walk(found[keep], colour, None, 1.0, "o" if size > 16 else None)]),
        left_over(
            "Height above the floor, F − F*",
            [(np.maximum(heights[keep], 1e-9), colour, None)],
            (-6, 1),
            x=np.maximum(read[keep], 1),
            xlabel="sales read",
            xlog=True,
            xlim=(1, 2400),
            xticks=powers(0, 3),
        ),
    )
