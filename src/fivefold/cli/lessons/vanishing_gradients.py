"""Lesson: vanishing and exploding gradients: products of many factors, and what is typical of them."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import band, figure, frame, line, panel, points, powers
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.vanishing_gradients import clip, exponent, sizes_on_the_way_back, typical_exponent
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\delta_0 = J_1^{\mathsf{T}} J_2^{\mathsf{T}} \cdots J_T^{\mathsf{T}}\, \delta_T",
        "The slope that arrives at the bottom is the one at the top, times a matrix for every layer or time "
        "step.",
    ),
    (
        r"|\delta_0| \approx e^{\lambda T}\, |\delta_T|",
        "So it shrinks or grows by the same factor again and again. λ is the growth by layer.",
    ),
    (
        r"E\, |\delta_0|^2 = g^{2T} |\delta_T|^2 \quad E\, \lambda = \log g + \frac{1}{2} "
        r"\left( \psi(n/2) - \log(n/2) \right)",
        "n wide, Gaussian, of gain g. The mean square follows g alone; the typical size is smaller, by about "
        "1/2n for each layer.",
    ),
)
CALLS = (
    (
        "torch.nn.utils.clip_grad_norm_",
        "shortens the gradient of a whole network; between backward and step.",
    ),
    ("fivefold.networks", "first weights scaled to each activation, so that the factors start near one."),
)
RELATED = (
    ("backpropagation", "where the product comes from"),
    ("initialisation", "how to choose the factors at the start"),
    ("activation-functions", "the bend's own factor"),
    ("dead-units", "where a factor is exactly zero"),
    ("power-iteration", "why a repeated product forgets all but one direction"),
)

_WIDTH, _DEPTH, _NETS = 16, 60, 12
_GAINS = (0.7, 0.85, 0.95, 1.0, 1.03, 1.1, 1.2, 1.35, 1.5)
_TIME, _RATE, _LONGEST = 50, 5e-4, 10.0


def gaussian_layers(count: int, width: int, *names: str | int) -> Array:
    """Return matrices [count, width, width] of gain one."""
    generator = numpy_generator(0, "show", "vanishing-gradients", *names)
    return np.asarray(generator.normal(size=(count, width, width)) / np.sqrt(width))


def geometry() -> dict[str, Any]:
    """Show the typical factor by width, and what a path around each layer does."""
    widths = np.arange(1, 41)
    typical = np.exp([typical_exponent(1.0, int(n)) for n in widths])
    tried = (1, 2, 3, 5, 8, 16, 32)
    seen = [
        np.exp(exponent(sizes_on_the_way_back(gaussian_layers(400, n, "width", n), np.eye(n)[0])))
        for n in tried
    ]
    depths = np.unique(np.round(np.geomspace(1, 1000, 40)).astype(int))
    paths = [
        line(depths, 0.9**depths, "red", label="J = 0.9 W"),
        line(depths, np.minimum(1.1**depths, 1e12), "orange", label="J = 1.1 W"),
        line(depths, (1.0 + 1.0 / depths) ** (0.5 * depths), "green", label="J = I + W/√T"),
        points(*_residual_runs(), "green", size=7.0),
    ]
    return {
        "text": [
            "A slope walks back through layer after layer and is multiplied each time. A factor of 0.9, "
            f"sixty times, leaves {0.9**60:.4f}; a factor of 1.1 makes {1.1**60:.0f}. There is no rate that "
            "is right for the first layer and the last at once.",
            "Even at the gain one, where the mean square is kept exactly, the typical slope vanishes: the "
            "mean is carried by a few nets in which it is huge. A layer with a path around it, I + W/√T, "
            f"multiplies the mean square by 1 + 1/T, T times: by e = {np.e:.3f} at most, however deep.",
        ],
        "figures": [
            figure(
                "The typical factor rises to one with the width; residual paths keep the size level at any "
                "depth.",
                "Left: e^λ at the gain one, the formula and dots from 400 layers each. Right: the root mean "
                "square, exact; dots: 200 nets of width 16 each.",
                panel(
                    "Typical factor of a layer, g = 1",
                    [line(widths, typical, "blue"), points(tried, seen, "ink", size=7.0)],
                    xlabel="width n",
                    xlim=(0, 41),
                    ylim=(0.45, 1.03),
                ),
                panel(
                    "Slope at the bottom",
                    paths,
                    xlabel="depth T",
                    xlog=True,
                    ylog=True,
                    xlim=(1, 1000),
                    ylim=(1e-8, 1e8),
                    xticks=powers(0, 3),
                    yticks=powers(-8, 8, 4),
                    legend="lower left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Scale all weights of the same deep nets."""
    return {
        "label": "the gain g of the weights",
        "text": f"{_NETS} nets of {_DEPTH} layers, {_WIDTH} wide, with entries N(0, g²/{_WIDTH}): the same "
        f"draws at "
        "every gain. A slope of length one is sent back from the top.",
        "start": 3,
        "frames": [_gain(gain) for gain in _GAINS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a narrow net at the right gain, and a cliff with and without clipping."""
    narrow = gaussian_layers(60 * 1000, 4, "narrow").reshape(1000, 60, 4, 4)
    sizes = np.array([sizes_on_the_way_back(net, np.eye(4)[0]) for net in narrow])
    low, middle, high = np.quantile(sizes, (0.05, 0.5, 0.95), axis=0)
    layer, up = np.arange(61), 60.0 - np.arange(61)
    typical = np.exp(typical_exponent(1.0, 4) * up)
    w = np.linspace(0.7, 1.15, 181)
    walks = [
        (1.08, None, "red", "plain, from 1.08"),
        (1.08, _LONGEST, "green", "clipped, from 1.08"),
        (0.8, _LONGEST, "orange", "clipped, from 0.80"),
    ]
    paths = [(cliff(start, longest), colour, label) for start, longest, colour, label in walks]
    first = abs(cliff_slope(1.08))
    return [
        {
            "title": "The right gain, and still nothing arrives",
            "text": "A thousand nets, four wide and sixty deep, all of gain one: the mean square of the "
            "slope is kept "
            f"exactly, by theory. In half of them less than {middle[0]:.5f} arrives, and in one of twenty "
            f"more than "
            f"{high[0]:.2g}. Depth counts against width: it is T/n that must not be large.",
            "figures": [
                figure(
                    "The median falls steadily towards the input while the root mean square is level.",
                    "Band: nine nets of ten. Dashed: the formulas.",
                    panel(
                        "Slope by layer, n = 4, g = 1",
                        [
                            band(layer, low, high, "blue", alpha=0.15),
                            line(layer, middle, "blue", label="median net"),
                            line(
                                layer, typical, "ink", dashed=True, width=1.3, label="typical, e^(λ(T − l))"
                            ),
                            line(
                                [0, 60],
                                [1.0, 1.0],
                                "orange",
                                dashed=True,
                                width=1.6,
                                label="root mean square",
                            ),
                        ],
                        xlabel="layer, from the input",
                        ylog=True,
                        xlim=(0, 60),
                        ylim=(1e-9, 1e2),
                        yticks=powers(-8, 0, 4),
                        legend="lower right",
                    ),
                )
            ],
        },
        {
            "title": "A cliff, and a plain where clipping does not help",
            "text": f"h is multiplied by w at each of {_TIME} steps and should end at 1: F(w) = ½ (w⁵⁰ − "
            f"1)². At w = "
            f"1.08 the slope is {first:,.0f}, and one step of rate {_RATE:g} lands at "
            f"−{_RATE * cliff_slope(1.08) - 1.08:.0f}. "
            f"Clipped to {_LONGEST:g}, the same walk comes down to 1. At w = 0.8 the slope is "
            f"{abs(cliff_slope(0.8)):.5f}: to shorten what is too long does nothing for what is too short.",
            "figures": [
                figure(
                    "The slope spans ten decades; one walk flies off, one settles, one does not move.",
                    "Left: |F′(w)|. Right: three walks at one rate; the red one leaves the picture at once.",
                    panel(
                        "Size of the slope",
                        [
                            line(
                                w, np.maximum(np.abs([cliff_slope(float(each)) for each in w]), 1e-9), "ink"
                            ),
                            line(
                                [0.7, 1.15],
                                [_LONGEST] * 2,
                                "green",
                                dashed=True,
                                width=1.3,
                                label="clipped here",
                            ),
                        ],
                        xlabel="w",
                        ylog=True,
                        xlim=(0.7, 1.15),
                        ylim=(1e-7, 1e8),
                        yticks=powers(-6, 6, 3),
                        legend="upper left",
                    ),
                    panel(
                        "w by step",
                        [
                            line(np.arange(len(p)), np.clip(p, 0.5, 1.4), c, label=name)
                            for p, c, name in paths
                        ],
                        xlabel="step",
                        xlim=(0, 60),
                        ylim=(0.7, 1.25),
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def cliff_slope(w: float) -> float:
    """Return F′(w) of F = ½ (w⁵⁰ − 1)²."""
    return _TIME * w ** (_TIME - 1) * (w**_TIME - 1.0)


def cliff(start: float, longest: float | None, steps: int = 60) -> list[float]:
    """Return a walk down the cliff, cut where it has flown off."""
    path = [start]
    for _ in range(steps):
        slope = np.array([cliff_slope(path[-1])])
        path.append(path[-1] - _RATE * float((slope if longest is None else clip(slope, longest))[0]))
        if abs(path[-1]) > 2.0:
            break
    return path


def _residual_runs() -> tuple[list[int], list[float]]:
    depths, found = [1, 4, 16, 64], []
    for depth in depths:
        nets = gaussian_layers(200 * depth, _WIDTH, "residual", depth).reshape(200, depth, _WIDTH, _WIDTH)
        ends = [
            sizes_on_the_way_back(np.eye(_WIDTH) + net / np.sqrt(depth), np.eye(_WIDTH)[0])[0] for net in nets
        ]
        found.append(float(np.sqrt(np.mean(np.square(ends)))))
    return depths, found


def _gain(gain: float) -> dict[str, Any]:
    nets = [gain * gaussian_layers(_DEPTH, _WIDTH, net) for net in range(_NETS)]
    runs = [sizes_on_the_way_back(net, np.eye(_WIDTH)[0]) for net in nets]
    layer, up = np.arange(_DEPTH + 1), _DEPTH - np.arange(_DEPTH + 1.0)
    rate = typical_exponent(gain, _WIDTH)
    arrives = float(np.exp(np.mean([np.log(run[0]) for run in runs])))
    colour = "red" if rate > 0.05 else "orange" if rate < -0.05 else "green"
    left = [line(layer, run, "grey", width=0.8) for run in runs]
    left.append(line(layer, np.exp(rate * up), colour, label="typical, e^(λ(T − l))"))
    left.append(line(layer, gain**up, "ink", dashed=True, width=1.3, label="root mean square, gᵀ⁻ˡ"))
    grid = np.linspace(0.6, 1.6, 51)
    right = [
        line(grid, np.log(grid), "ink", dashed=True, width=1.3, label="log g"),
        line(grid, [typical_exponent(float(g), _WIDTH) for g in grid], "blue", label="E λ"),
        points([gain] * _NETS, [exponent(run) for run in runs], "grey", size=4.0),
        points([gain], [rate], colour, size=9.0),
    ]
    said = "It explodes." if rate > 0.05 else "It vanishes." if rate < -0.05 else "About level."
    return frame(
        f"g = {gain:g}",
        f"{said} λ = {rate:.3f} by the formula, {np.mean([exponent(run) for run in runs]):.3f} in these "
        f"nets: of a slope "
        f"of length 1, {arrives:.2g} arrives (geometric mean).".replace("= -", "= −").replace(", -", ", −"),
        f"Sizes of slopes by layer in twelve nets, and their growth, at the gain {gain:g}",
        panel(
            "Slope by layer",
            left,
            xlabel="layer, from the input",
            ylog=True,
            xlim=(0, _DEPTH),
            ylim=(1e-12, 1e12),
            yticks=powers(-12, 12, 4),
            legend="upper right",
        ),
        panel(
            "Growth λ by layer",
            right,
            xlabel="gain g",
            xlim=(0.6, 1.6),
            ylim=(-0.6, 0.55),
            legend="upper left",
        ),
    )
