"""Lesson: backpropagation through one neuron, and what its weight does to the slope that comes back."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, points, powers, text
from fivefold.concepts.backpropagation import Layers, backward, forward, loss
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\dfrac{\partial L}{\partial w} = \dfrac{\partial L}{\partial a}\ \dfrac{\partial a}{\partial z}\ "
        r"\dfrac{\partial z}{\partial w}",
        "The chain rule: along one path, slopes multiply. Where paths meet again, they add.",
    ),
    (
        r"\delta_\ell = (\delta_{\ell+1} W_{\ell+1}^{\mathsf{T}}) \odot (1 - a_\ell^2)",
        "One layer down: through the weights, then through the bend of tanh.",
    ),
    (
        r"\dfrac{\partial L}{\partial W_\ell} = a_{\ell-1}^{\mathsf{T}}\, \delta_\ell",
        "A weight's slope: what came in, times what comes back.",
    ),
)
CALLS = (
    (
        "fivefold.calculus.value_and_gradient",
        "is the fast path, for any function of torch, over many points at once.",
    ),
    ("fivefold.train", "one forward and one backward pass a minibatch."),
)
RELATED = (
    ("derivative", "what is being computed"),
    ("activation-functions", "the factor that each bend contributes"),
    ("gradient-descent", "what the gradient is for"),
)

_INPUT, _BIAS, _TARGET = 1.5, -0.5, 0.6


def geometry() -> dict[str, Any]:
    """Compare the cost of asking forwards with asking backwards."""
    weights = np.array([1, 10, 100, 1000, 10000, 100000])
    cost = [
        line(weights, weights + 1, "red", marker="o", label="differences: one pass a weight"),
        line(weights, np.full(6, 3.0), "green", marker="s", label="backpropagation"),
    ]
    ticks = {"xticks": powers(0, 5), "yticks": powers(0, 5)}
    return {
        "text": [
            "A computation is a graph: values flow up, from the weights to the loss. To nudge one weight "
            "is to send a ripple up "
            "the graph. All ripples end at one number, the loss; so start there and walk down once, and "
            "every edge on the way "
            "learns what its ripple would have done.",
        ],
        "figures": [
            figure(
                "Passes needed for a whole gradient: differences grow with the number of weights, "
                "backpropagation does not.",
                "Counted in forward passes. A backward pass does about twice the work of a forward one.",
                panel(
                    "Passes for all slopes",
                    cost,
                    xlabel="number of weights",
                    xlog=True,
                    ylog=True,
                    xlim=(1, 1e5),
                    ylim=(0.8, 3e5),
                    legend="upper left",
                    **ticks,
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Move one weight and follow the numbers up and down the graph."""
    return {
        "label": "the weight w",
        "text": f"One neuron: L = (tanh(w x + b) − y)²/2 with x = {_INPUT}, b = −{abs(_BIAS)}, "
        f"y = {_TARGET}. Blue numbers flow up, orange slopes flow back, and each arrow multiplies by its own "
        "slope.",
        "start": 3,
        "frames": [_neuron(w) for w in (-2.0, -1.0, -0.4, 0.0, 0.4, 0.6, 0.795, 1.0, 1.5, 2.2, 3.0, 4.0)],
    }


def failures() -> list[dict[str, Any]]:
    """Show products that vanish or explode, and a path that was forgotten."""
    generator = numpy_generator(0, "show", "backpropagation")
    width, depth = 24, 20
    x, y = generator.normal(size=(16, width)), generator.normal(size=(16, width))
    base = [generator.normal(size=(width, width)) / np.sqrt(width) for _ in range(depth)]
    curves = []
    for gain, colour in ((0.5, "red"), (1.1, "green"), (2.5, "orange")):
        layers: Layers = [(gain * W, np.zeros(width)) for W in base]
        layers[-1] = (base[-1], np.zeros(width))
        norms = [float(np.linalg.norm(db)) for _, db in backward(layers, x, y)]
        curves.append(line(np.arange(1, depth + 1), norms, colour, marker="o", label=f"weights × {gain:g}"))
    depths = panel(
        "‖∂L/∂b‖ in a tanh net of 20 layers",
        curves,
        xlabel="layer, from the input",
        ylog=True,
        xlim=(0, 21),
        ylim=(1e-9, 1e6),
        yticks=powers(-8, 4, 4),
        legend="lower right",
    )
    w = np.linspace(-2, 2, 81)
    through_tanh = w * (1 - np.tanh(w) ** 2)
    direct = np.tanh(w)
    branch = panel(
        "Slope of w · tanh(w)",
        [
            line(w, direct + through_tanh, "green", label="both paths, added"),
            line(w, through_tanh, "red", dashed=True, label="one path overwrote the other"),
        ],
        xlabel="w",
        ylim=(-1.4, 1.9),
        legend="upper left",
    )
    return [
        {
            "title": "Products vanish or explode",
            "text": "Twenty layers are twenty factors. A little below one each, nothing arrives at the "
            "first layer; a little above, far too "
            "much does. Good scaling of the first weights, normalisation and residual paths keep the "
            "factors near one.",
            "figures": [
                figure(
                    "Gradient norms by layer for three scales of the weights: falling by many decades "
                    "towards the input, level, "
                    "and rising towards the input.",
                    "Read from right to left, the way the slopes travel.",
                    depths,
                )
            ],
        },
        {
            "title": "A value used twice",
            "text": "Where a value feeds two places, two slopes come back, and they must be added. "
            "Overwriting one with the other is the "
            "classic mistake in code by hand; check it against differences.",
            "figures": [
                figure(
                    "The true slope and the one from a single path.",
                    "w enters as a factor and through tanh.",
                    branch,
                )
            ],
        },
    ]


def _layers(w: float) -> Layers:
    return [(np.array([[w]]), np.array([_BIAS])), (np.array([[1.0]]), np.array([0.0]))]


def _neuron(w: float) -> dict[str, Any]:
    x, y = np.array([[_INPUT]]), np.array([[_TARGET]])
    layers = _layers(w)
    a = forward(layers, x)[1].item()
    value, slope = loss(layers, x, y), backward(layers, x, y)[0][0].item()
    z, bend, error = w * _INPUT + _BIAS, 1.0 - a * a, a - _TARGET
    places = (0.6, 2.2, 3.8, 5.4)
    names = (f"w = {w:.3g}", f"z = {z:.2f}", f"a = {a:.3f}", f"L = {value:.3f}")
    slopes = (slope, error * bend, error, 1.0)
    locals_ = (f"× x = {_INPUT}", f"× (1 − a²) = {bend:.3f}", f"× (a − y) = {error + 0.0:.2f}")
    steps = ("w x + b", "tanh z", "(a − y)²/2")
    graph = []
    for at, name, s, symbol in zip(places, names, slopes, "wzaL", strict=True):
        graph.append(text(at, 2.4, name, "blue", align="center", box=True, size=12))
        graph.append(text(at, 0.72, f"∂L/∂{symbol}", "orange", align="center", size=11))
        graph.append(text(at, 0.36, f"{s + 0.0:.4f}", "orange", align="center", size=13))
    for left, right, local, step in zip(places, places[1:], locals_, steps, strict=False):
        middle = (left + right) / 2
        graph.append(arrow((left + 0.3, 3.0), (right - 0.3, 3.0), "blue", width=1.6))
        graph.append(text(middle, 3.25, step, "blue", align="center", size=11))
        graph.append(arrow((right - 0.3, 1.35), (left + 0.3, 1.35), "orange", width=1.6))
        graph.append(text(middle, 1.62, local, "orange", align="center", size=10.5))
    grid = np.linspace(-2.3, 4.3, 133)
    losses = [loss(_layers(float(at)), x, y) for at in grid]
    reach = 0.9
    curve = [
        line(grid, losses, "grey"),
        line([w - reach, w + reach], [value - slope * reach, value + slope * reach], "orange"),
        points([w], [value], "blue", size=9.0),
    ]
    if bend < 0.05:
        note = (
            f"Saturated: tanh is flat here, 1 − a² = {bend:.4f}, and hardly any slope comes back, "
            "right or wrong as the output may be."
        )
    elif abs(slope) < 5e-3:
        note = "The bottom: the error is zero, so nothing comes back."
    else:
        note = f"The product {slopes[2]:.3f} × {bend:.3f} × {_INPUT} is the slope of the curve on the right."
    return frame(
        f"w = {w:.3g}",
        f"∂L/∂w = {slope + 0.0:.4f}. {note}",
        f"A chain from the weight {w:.3g} up to the loss {value:.3f} and slopes back to {slope:.4f}; the "
        "loss curve with its tangent",
        panel("Values up, slopes back", graph, bare=True, xlim=(-0.1, 6.1), ylim=(0, 3.6)),
        panel("L against w", curve, xlabel="w", xlim=(-2.3, 4.3), ylim=(-0.1, 1.45)),
    )
