"""Lesson: the residual connection, and what becomes of signals and slopes with and without it."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fivefold.cli.lessons.layers import (
    Layer,
    arrow,
    bars,
    figure,
    frame,
    line,
    panel,
    points,
    polygon,
    powers,
)
from fivefold.cli.lessons.layers import text as words
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.residual_connection import Blocks, backward, forward, path_shares
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"x_{\ell+1} = \lambda\, x_\ell + s\, f(x_\ell) \qquad J_\ell = \lambda I + s\, f'(x_\ell)",
        "λ = 1 is the residual connection; λ = 0 and s = 1 the plain net. The slope of a block is the "
        "identity plus what the block adds.",
    ),
    (
        r"\frac{\partial L}{\partial x_0} = J_0^{\mathsf{T}} J_1^{\mathsf{T}} \cdots J_{L-1}^{\mathsf{T}}\, "
        r"\frac{\partial L}{\partial x_L} = (I + \ldots)\, \frac{\partial L}{\partial x_L}",
        "Multiplied out for λ = 1, the product is a sum over 2ᴸ paths, each of which takes or passes by "
        "every block. One path passes by them all.",
    ),
    (
        r"E\, |x_L|^2 = (\lambda^2 + s^2)^L\, |x_0|^2",
        "For blocks that keep the mean square. The same holds for slopes. With λ = 1 and s² = 1/L it is "
        "below e at any depth.",
    ),
)
CALLS = (
    ("torch.nn.functional.relu", "the bend inside; torch's autograd sends the slope along both ways."),
    ("torch.nn.Module", "a block writes x + self.inside(x) in its forward method."),
)
RELATED = (
    ("vanishing-gradients", "products without a way round"),
    ("initialisation", "why rows grow alike in a deep plain net"),
    ("batch-normalisation", "the other half of most deep networks"),
    ("backpropagation", "how slopes add up where paths meet"),
)

_WIDTH, _DRAWS, _GAP = 48, 4, 10
_DEPTHS = (1, 2, 4, 8, 12, 16, 24, 32, 48)
_ANGLES = np.linspace(-90.0, 90.0, 201)


class Along(NamedTuple):
    """What a net does on rows that turn from −90° to 90°."""

    slope: Array  # of its answer by the angle, [201]
    neighbours: float  # mean cosine between the slopes of rows 9° apart
    apart: float  # mean cosine between the signals of rows 90° apart


def geometry() -> dict[str, Any]:
    """Show the four paths through two blocks, and how many blocks the signal has passed."""
    depth = 16
    passed = np.arange(depth + 1)
    half, small = path_shares(depth), path_shares(depth, depth**-0.5)
    return {
        "text": [
            "A plain layer replaces what it is given. A residual block adds to it: leave the block at zero "
            "and the row passes through unchanged, and so does the slope on its way back.",
            "Two blocks make four paths, L blocks 2ᴸ. Blocks drawn at random give parts of the signal at "
            f"right angles on the average, so the squares add up: with s = 1 and {depth} blocks "
            f"{100 * half[7:10].sum():.0f}% of it has passed 7 to 9 of them; with s² = 1/{depth}, "
            f"{100 * (small[0] + small[1]):.0f}% has passed none or one.",
        ],
        "figures": [
            figure(
                "Two boxes in a row, a line through both and an arc past each; beside it two rows of bars.",
                "Left: every arc is a way round. Right: shares of the expected square by blocks passed.",
                panel("Two blocks, four paths", _diagram(), bare=True, xlim=(-0.5, 10.9), ylim=(-3.6, 2.6)),
                panel(
                    f"Share by blocks passed, L = {depth}",
                    [
                        bars(passed - 0.2, half, "orange", width=0.4, label="s = 1"),
                        bars(passed + 0.2, small, "green", width=0.4, label=f"s² = 1/{depth}"),
                    ],
                    xlabel="blocks passed",
                    xlim=(-0.6, 16.6),
                    ylim=(0, 0.42),
                    legend="upper right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Make the same nets deeper."""
    curves = {
        path: [
            [float(np.mean([along(depth, path, draw)[k] for draw in range(_DRAWS)])) for depth in _DEPTHS]
            for k in (1, 2)
        ]
        for path in (0.0, 1.0)
    }
    return {
        "label": "the number of blocks L",
        "text": f"Rows of {_WIDTH} numbers that turn in a plane, through L blocks relu(x W) V drawn at "
        "random; plain, and with a way round and s² = 1/L. Left: how one answer changes with the angle, "
        "each curve over its root mean square. Middle: the cosine between slopes of rows 9° apart. Right: "
        f"between what becomes of rows 90° apart. Means of {_DRAWS} nets.",
        "start": 5,
        "frames": [_deep(i, curves) for i in range(len(_DEPTHS))],
    }


def failures() -> list[dict[str, Any]]:
    """Show a sum that grows, a path with a factor, and blocks that hardly matter."""
    depth = 48
    layer = np.arange(depth + 1)
    sizes = {scale: _sizes(depth, scale) for scale in (1.0, depth**-0.5)}
    growth = [
        line(layer, 2.0 ** (layer / 2.0), "red", label="s = 1"),
        points(layer[::4], sizes[1.0][::4], "red"),
        line(layer, (1.0 + 1.0 / depth) ** (layer / 2.0), "green", label=f"s² = 1/{depth}"),
        points(layer[::4], sizes[depth**-0.5][::4], "green"),
    ]
    depths = np.arange(1, 101)
    gates = []
    for keep, colour in ((1.1, "orange"), (1.0, "green"), (0.9, "red"), (0.7, "purple")):
        size = (keep**2 + 1.0 / depths) ** (depths / 2.0)
        gates.append(line(depths, size, colour, label=f"λ = {keep:g}"))
    at_100 = {keep: float((keep**2 + 0.01) ** 50) for keep in (0.9, 1.1)}
    changes = {
        "plain": (_left_out(depth, 1.0, 0.0), "red"),
        "s = 1": (_left_out(depth, 1.0, 1.0), "orange"),
        "s² = 1/48": (_left_out(depth, depth**-0.5, 1.0), "green"),
    }
    few = path_shares(depth, depth**-0.5)[:3].sum()
    return [
        {
            "title": "The sum grows",
            "text": f"Without a factor each block doubles the mean square: {depth} blocks make a signal "
            f"{2.0 ** (depth / 2):,.0f} times as long, and slopes likewise. Take s² = 1/L, begin with V at "
            "zero, or normalise inside each block.",
            "figures": [
                figure(
                    "A line that rises over eight decades and one that stays level.",
                    "Lines: (1 + s²)^(l/2). Dots: one net.",
                    panel(
                        "Root mean square of the signal",
                        growth,
                        xlabel="blocks passed",
                        ylog=True,
                        xlim=(0, depth),
                        ylim=(0.3, 1e8),
                        yticks=powers(0, 8, 2),
                        legend="upper left",
                    ),
                )
            ],
        },
        {
            "title": "A factor on the way round",
            "text": "The way round must be free. A gate that leaves λ of it leaves λᴸ of the identity. "
            f"After a hundred blocks at λ = 0.9 a slope is {1.0 / at_100[0.9]:,.0f} times smaller, at λ = "
            f"1.1 {at_100[1.1]:,.0f} times larger.",
            "figures": [
                figure(
                    "Four curves by depth: one rises, one is level, two fall.",
                    "√((λ² + 1/L)ᴸ): the root mean square of the slope at the bottom, 1 at the top.",
                    panel(
                        "Slope at the bottom",
                        gates,
                        xlabel="blocks L",
                        ylog=True,
                        xlim=(0, 100),
                        ylim=(1e-8, 1e8),
                        yticks=powers(-8, 8, 4),
                        legend="lower left",
                    ),
                )
            ],
        },
        {
            "title": "Deep on paper",
            "text": f"With s² = 1/L, {100 * few:.0f}% of the square has passed two blocks or fewer. Leave "
            f"one of the {depth} out, and the answer changes by "
            f"{100 * changes['s² = 1/48'][0].mean():.0f}% on the average; with s = 1 by "
            f"{100 * changes['s = 1'][0].mean():.0f}%, in the plain net by "
            f"{100 * changes['plain'][0].mean():.0f}%. Such a net acts as a sum of many shallow ones: each "
            "further block adds little.",
            "figures": [
                figure(
                    "Three rows of dots: the change of the answer by the block left out.",
                    "Size of the change over the size of the answer; one net.",
                    panel(
                        "Change without one block",
                        [
                            line(np.arange(depth), change, colour, marker="o", width=1.0, label=name)
                            for name, (change, colour) in changes.items()
                        ],
                        xlabel="block left out",
                        xlim=(-1, depth),
                        ylim=(0, 2.4),
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def drawn(depth: int, draw: int) -> tuple[Blocks, Array, Array]:
    """Return blocks that keep the mean square, a plane [2, n] of rows, and a direction [n] to look along."""
    generator = numpy_generator(0, "show", "residual-connection", draw)
    n = _WIDTH
    plane = np.linalg.qr(generator.normal(size=(n, 2)))[0].T * np.sqrt(n)
    look = generator.normal(size=n) / np.sqrt(n)
    blocks = [
        (generator.normal(size=(n, n)) * np.sqrt(2.0 / n), generator.normal(size=(n, n)) / np.sqrt(n))
        for _ in range(depth)
    ]
    return blocks, plane, look


@cache
def along(depth: int, path: float, draw: int) -> Along:
    """Turn a row by 180° and see what the net makes of it; with a way round, s² = 1/L."""
    blocks, plane, look = drawn(depth, draw)
    scale = depth**-0.5 if path else 1.0
    angle = np.deg2rad(_ANGLES)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ plane
    turning = np.stack([-np.sin(angle), np.cos(angle)], axis=1) @ plane
    signals = forward(x, blocks, scale, path)
    slopes = backward(signals, blocks, np.tile(look, (len(x), 1)), scale, path)[0]
    return Along(
        np.sum(slopes * turning, axis=1),
        cosine(slopes[:-_GAP], slopes[_GAP:]),
        cosine(signals[-1][:-100], signals[-1][100:]),
    )


def cosine(a: Array, b: Array) -> float:
    """Return the mean cosine between the rows of a and b."""
    return float(np.mean(np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)))


def _sizes(depth: int, scale: float) -> Array:
    blocks, plane, _ = drawn(depth, 0)
    return np.array([np.sqrt(np.mean(x**2)) for x in forward(plane, blocks, scale)])


def _left_out(depth: int, scale: float, path: float) -> Array:
    blocks, plane, _ = drawn(depth, 0)
    whole = forward(plane[:1], blocks, scale, path)[-1]
    found = []
    for k in range(depth):
        rest = [*blocks[:k], *blocks[k + 1 :]]
        found.append(
            np.linalg.norm(forward(plane[:1], rest, scale, path)[-1] - whole) / np.linalg.norm(whole)
        )
    return np.array(found)


def _diagram() -> list[Layer]:
    layers: list[Layer] = [
        words(0.0, 0.0, "x₀", align="center", size=14),
        words(9.6, 0.0, "x₂", align="center", size=14),
        words(4.8, 0.0, "x₁", align="center", size=14),
    ]
    turn = np.linspace(np.pi, 0.0, 41)
    for left, name in ((0.7, "s f₀"), (5.4, "s f₁")):
        box = np.array([left + 0.9, left + 2.7, left + 2.7, left + 0.9]), np.array([-0.6, -0.6, 0.6, 0.6])
        layers += [
            polygon(*box, "orange", alpha=0.2),
            words(left + 1.8, 0.0, name, align="center", size=13),
            arrow([left - 0.3, 0.0], [left + 0.9, 0.0], "orange", width=1.6),
            arrow([left + 2.7, 0.0], [left + 3.8, 0.0], "orange", width=1.6),
            line(left + 1.8 + 2.0 * np.cos(turn), 0.25 + 1.5 * np.sin(turn), "green"),
            words(left + 1.8, 2.1, "λ", "green", align="center", size=13),
        ]
    layers.append(words(-0.3, -1.5, "x₂ = x₀ + s f₀(x₀) + s f₁(x₀ + s f₀(x₀))", size=13))
    layers.append(words(-0.3, -2.4, "slope, λ = 1:  I + s f₀′ + s f₁′ + s² f₁′ f₀′", "green", size=13))
    return layers


def _deep(i: int, curves: dict[float, list[list[float]]]) -> dict[str, Any]:
    depth = _DEPTHS[i]
    left: list[Layer] = []
    middle: list[Layer] = []
    right: list[Layer] = []
    for path, colour, name in ((0.0, "red", "plain"), (1.0, "green", "way round")):
        slope = along(depth, path, 0).slope
        left.append(line(_ANGLES, slope / np.sqrt(np.mean(slope**2)), colour, width=1.5, label=name))
        for panel_of, values in zip((middle, right), curves[path], strict=True):
            panel_of.append(line(_DEPTHS, values, colour, label=name))
            panel_of.append(points([depth], [values[i]], colour, size=9.0))
    (plain, alike), (round_, kept) = curves[0.0], curves[1.0]
    ticks = [(1.0, "1"), (4.0, "4"), (16.0, "16"), (48.0, "48")]
    common = {"xlabel": "blocks L", "xlog": True, "xlim": (0.9, 55), "ylim": (-0.05, 1.05), "xticks": ticks}
    return frame(
        f"L = {depth}",
        f"Slopes of neighbours agree by {plain[i]:.2f} in the plain net, by {round_[i]:.2f} with a way "
        f"round; rows at right angles end at the cosine {alike[i]:.2f} and {kept[i]:.2f}.",
        f"Slopes along an arc, and two cosines by depth, with {depth} blocks",
        panel(
            "Slope by the angle",
            left,
            xlabel="angle of the row, degrees",
            xlim=(-90, 90),
            ylim=(-4, 4),
            xticks=[(-90.0, "−90"), (0.0, "0"), (90.0, "90")],
            legend="lower left",
        ),
        panel("Slopes of neighbours, cosine", middle, **common, legend="lower left"),
        panel("Rows at right angles, cosine", right, **common, legend="upper left"),
    )
