"""Lesson: depthwise separable convolution: what is saved, and which windows can no longer be written."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import Layer, bars, figure, frame, line, panel, picture, points, powers
from fivefold.cli.lessons.layers import text as words
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.depthwise_convolution import grouped, merged, nearest, share_of_products
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"y_{c,i,j} = \sum_{a,b} D_{c,a,b}\, x_{c,\, i+a,\, j+b} \qquad "
        r"z_{o,i,j} = \sum_c P_{o,c}\, y_{c,i,j}",
        "Depthwise: one window for each channel. Pointwise: a mix of the channels at each pixel, the same "
        "everywhere.",
    ),
    (
        r"\frac{c\, t^2 + c\, o}{c\, o\, t^2} = \frac{1}{o} + \frac{1}{t^2}",
        "The share of an ordinary convolution's products, for c channels in, o out and a window of t.",
    ),
    (
        r"K_{o,c} = P_{o,c}\, D_c",
        "Both together are one convolution whose windows for a channel differ by a factor only: a matrix of "
        "rank one. With m windows for each channel, of rank m, at m times the price.",
    ),
)
CALLS = (
    ("torch.nn.functional.conv2d", "with groups=c and then a window of 1 × 1."),
    ("torch.nn.Conv2d", "the same as a layer; out = m · c with groups=c is m windows for each channel."),
    ("fivefold.linalg.svd", "finds the nearest separable convolution to an ordinary one."),
)
RELATED = (
    ("convolution", "the ordinary one"),
    ("svd", "which windows a rank can hold"),
    ("receptive-field", "does not change: the window is the same"),
    ("matrix-products", "what the pointwise half is"),
)

_OUT, _CHANNELS = 16, 4
_KINDS = (("edges in all directions", "green"), ("soft spots", "blue"), ("random numbers", "red"))


def geometry() -> dict[str, Any]:
    """Show who is joined to whom, and what a separable convolution costs."""
    out = np.arange(4, 257)
    costs = []
    for t, colour in ((3, "blue"), (5, "green"), (7, "orange")):
        share = [share_of_products(int(o), t) for o in out]
        costs.append(line(out, share, colour, label=f"window {t} × {t}"))
        costs.append(line([4, 256], [1.0 / t**2] * 2, colour, dashed=True, width=1.2))
    return {
        "text": [
            "An ordinary convolution has a window for every pair of channels: it looks around and mixes in "
            "one go. The separable one does it in two: look around in each channel by itself, then mix the "
            "channels pixel by pixel.",
            f"With 256 channels out and windows of 3 × 3, {100 * share_of_products(256, 3):.1f}% of the "
            f"products are left. For many channels the share tends to 1/t²: nearly all the work is in the "
            "mixing.",
        ],
        "figures": [
            figure(
                "Three diagrams of four channels joined to four: all to all by thick lines, each to its own, "
                "and all to all by thin lines.",
                "A thick line is a window of 9 numbers, a thin one a single number.",
                panel(
                    "Ordinary: 16 × 9 = 144", _joined(4, True), bare=True, xlim=(-0.6, 3.6), ylim=(-0.9, 3.5)
                ),
                panel(
                    "Depthwise: 4 × 9 = 36", _joined(1, True), bare=True, xlim=(-0.6, 3.6), ylim=(-0.9, 3.5)
                ),
                panel("Pointwise: 16", _joined(4, False), bare=True, xlim=(-0.6, 3.6), ylim=(-0.9, 3.5)),
            ),
            figure(
                "Three falling curves by the number of channels, each with a dashed floor.",
                "1/o + 1/t². Dashed: 1/t².",
                panel(
                    "Share of the products",
                    costs,
                    xlabel="channels out o",
                    xlog=True,
                    xlim=(4, 256),
                    ylim=(0, 0.4),
                    xticks=[(float(n), str(n)) for n in (4, 16, 64, 256)],
                    legend="upper right",
                ),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Allow more and more windows for each channel."""
    errors = {name: [_error(windows(name), m) for m in range(1, 10)] for name, _ in _KINDS}
    return {
        "label": "the windows m for each channel",
        "text": f"Three ordinary convolutions with windows of 3 × 3, {_CHANNELS} channels in and {_OUT} out. "
        "For each the nearest separable one with m windows for each channel. Left and middle: ten of the "
        "windows that one channel is given, two rows for each kind. Right: the size of what is missing, "
        "over the size of all.",
        "start": 1,
        "frames": [_rank(m, errors) for m in range(1, 10)],
    }


def failures() -> list[dict[str, Any]]:
    """Show channels that never meet, and a kernel that waits for its numbers."""
    plain, mixed = reach(3, shuffle=False), reach(3, shuffle=True)
    n = 56
    moved = {
        "ordinary": (64 * 64 * 9 * n * n, 128 * n * n + 64 * 64 * 9),
        "pointwise": (64 * 64 * n * n, 128 * n * n + 64 * 64),
        "depthwise": (64 * 9 * n * n, 128 * n * n + 64 * 9),
    }
    per_number = {name: products / numbers for name, (products, numbers) in moved.items()}
    layers: list[Layer] = []
    for at, value in enumerate(per_number.values()):
        layers.append(bars([at], [value], ("blue", "green", "red")[at], width=0.7))
        layers.append(
            words(at, value * 1.45, f"{value:.1f}" if value < 10 else f"{value:.0f}", align="center")
        )
    return [
        {
            "title": "Channels that never meet",
            "text": "Sixteen channels in four groups, three layers: each channel out has seen "
            f"{int(plain[0].sum())} of the 16, whatever the depth. Grouped layers alone are four nets side "
            "by side. A pointwise layer joins them, and so does a shuffle that deals the channels of each "
            f"group out to all groups: then it is {int(mixed[0].sum())}, after two layers.",
            "figures": [
                figure(
                    "A matrix with four light blocks on its diagonal, and one that is light all over.",
                    "Light where a channel out (row) depends on a channel in (column), measured by a "
                    "change of each.",
                    panel("Three grouped layers", [picture(0.7 * plain)], bare=True),
                    panel("With a shuffle between", [picture(0.7 * mixed)], bare=True),
                )
            ],
        },
        {
            "title": "Few products are not little time",
            "text": f"64 channels of {n} × {n}, windows of 3 × 3. The depthwise half has "
            f"{moved['ordinary'][0] / moved['depthwise'][0]:.0f} times fewer products than the ordinary "
            "layer, but reads and writes the same pictures. It does "
            f"{per_number['depthwise']:.1f} products for each number moved, the ordinary layer "
            f"{per_number['ordinary']:.0f}. A processor that multiplies faster than it fetches spends the "
            "time waiting. Measure; do not count.",
            "figures": [
                figure(
                    "Three bars on a logarithmic axis: ordinary highest, depthwise lowest.",
                    "Pictures in, pictures out and weights, each moved once.",
                    panel(
                        "Products for each number moved",
                        layers,
                        ylog=True,
                        xlim=(-0.6, 2.6),
                        ylim=(1, 1000),
                        xticks=[(float(k), name) for k, name in enumerate(per_number)],
                        yticks=powers(0, 3),
                    ),
                )
            ],
        },
    ]


def windows(kind: str) -> Array:
    """Return an ordinary convolution's windows [16, 4, 3, 3]."""
    generator = numpy_generator(0, "show", "depthwise-convolution", kind)
    if kind == "random numbers":
        return np.asarray(generator.normal(size=(_OUT, _CHANNELS, 3, 3)))
    across, down = np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0])
    if kind == "soft spots":
        place = generator.uniform(-1.0, 1.0, size=(2, _OUT, _CHANNELS, 1, 1))
        return np.asarray(np.exp(-((across - place[0]) ** 2) - (down - place[1]) ** 2))
    turned = generator.uniform(0.0, 2.0 * np.pi, size=(_OUT, _CHANNELS, 1, 1))
    soft = np.array([1.0, 2.0, 1.0]) / 4.0
    return np.asarray(np.cos(turned) * across * soft[:, None] + np.sin(turned) * down * soft)


def reach(depth: int, shuffle: bool) -> Array:
    """Return which of 16 channels out depend on which of 16 in, after layers of four groups."""
    generator = numpy_generator(0, "show", "depthwise-convolution", "reach")
    layers = generator.normal(size=(depth, 16, 4, 1, 1))

    def through(x: Array) -> Array:
        for k, K in enumerate(layers):
            if shuffle and k > 0:
                x = x.reshape(4, 4, 1, 1).transpose(1, 0, 2, 3).reshape(16, 1, 1)
            x = grouped(x, K, groups=4)
        return x[:, 0, 0]

    return np.stack([through(np.eye(16)[c][:, None, None]) != 0.0 for c in range(16)], axis=1).astype(float)


def _error(K: Array, m: int) -> float:
    return float(np.linalg.norm(K - merged(*nearest(K, m))) / np.linalg.norm(K))


def _joined(count: int, thick: bool) -> list[Layer]:
    layers: list[Layer] = []
    for c in range(4):
        for o in range(4):
            if count == 4 or c == o:
                layers.append(
                    line([0.0, 3.0], [c, o], "orange" if thick else "grey", width=3.6 if thick else 0.9)
                )
    layers.append(points([0.0] * 4, np.arange(4), "blue", size=16.0))
    layers.append(points([3.0] * 4, np.arange(4), "green", size=16.0))
    layers.append(words(0.0, -0.7, "in", "blue", align="center"))
    layers.append(words(3.0, -0.7, "out", "green", align="center"))
    return layers


def _mosaic(m: int | None) -> Array:
    rows = []
    for name, _ in _KINDS:
        K = windows(name)
        shown = (K if m is None else merged(*nearest(K, m)))[:10, 0]
        shown = shown / np.abs(K[:10, 0]).max()
        framed = [np.pad(each, ((0, 1), (0, 1)), constant_values=1.0) for each in shown]
        rows.append(np.concatenate([np.concatenate(framed[:5], 1), np.concatenate(framed[5:], 1)]))
    return np.concatenate([np.pad(row, ((0, 2), (0, 0)), constant_values=1.0) for row in rows])


def _rank(m: int, errors: dict[str, list[float]]) -> dict[str, Any]:
    share = share_of_products(_OUT, 3, m)
    said = ", ".join(f"{name} {100 * errors[name][m - 1]:.0f}%" for name, _ in _KINDS)
    dear = " More than the ordinary convolution costs." if share > 1.0 else ""
    curves: list[Layer] = []
    for name, colour in _KINDS:
        curves.append(line(np.arange(1, 10), errors[name], colour, label=name))
        curves.append(points([m], [errors[name][m - 1]], colour, size=9.0))
    equal = 1.0 / share_of_products(_OUT, 3)
    curves.append(line([equal] * 2, [0, 0.6], "grey", dashed=True, width=1.3))
    curves.append(words(equal + 0.12, 0.5, "as dear as", "grey"))
    curves.append(words(equal + 0.12, 0.44, "ordinary", "grey"))
    return frame(
        f"m = {m}",
        f"{100 * share:.0f}% of the products.{dear} Missing: {said}.",
        f"Windows, their best approximations of rank {m}, and the errors by rank",
        panel("Ordinary windows", [picture(_mosaic(None), -1.0, 1.0)], bare=True),
        panel(f"Rank {m}", [picture(_mosaic(m), -1.0, 1.0)], bare=True),
        panel(
            "Missing, relative",
            curves,
            xlabel="windows m for each channel",
            xlim=(0.6, 9.4),
            ylim=(-0.02, 1.0),
            legend="upper right",
        ),
    )
