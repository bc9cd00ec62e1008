"""Lesson: activation functions, and what depth does to the gradient that comes through them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import figure, frame, line, panel, points, powers
from fivefold.concepts.activation_functions import activate, gradient_by_layer
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\sigma(z) = \dfrac{1}{1 + e^{-z}}, \quad \sigma' = \sigma\,(1 - \sigma) \leq \dfrac{1}{4}",
        "The sigmoid: a soft step, whose slope is a quarter at most.",
    ),
    (r"\dfrac{d}{dz} \tanh z = 1 - \tanh^2 z \leq 1", "tanh: centred on zero, slope up to one."),
    (
        r"\mathrm{relu}(z) = \max(z, 0), \quad \mathrm{silu}(z) = z\,\sigma(z)",
        "Slope one, or nearly one, wherever they are on.",
    ),
    (
        r"\|\delta_1\| \leq \prod_\ell\, \|W_\ell\|\, \max|\phi'|\ \|\delta_L\|",
        "One factor a layer: depth raises the slope φ′ to a power.",
    ),
)
CALLS = (
    ("fivefold.networks", "networks name their activation, and their first weights are scaled to match it."),
    ("torch.nn.functional", "sigmoid, tanh, relu and silu are the fast path."),
)
RELATED = (
    ("backpropagation", "where the factors come from"),
    ("derivative", "the slope of a bend"),
    ("maximum-likelihood", "sigmoid and softmax as probabilities, where they belong: at the output"),
)

_NAMES = ("sigmoid", "tanh", "relu", "silu")
_COLOURS = ("red", "blue", "green", "purple")
_MARKERS = ("o", "s", "^", "D")
_WIDTH, _ROWS, _DEEPEST = 32, 24, 40


def geometry() -> dict[str, Any]:
    """Show the four bends and their slopes."""
    z = np.linspace(-5, 5, 121)
    shapes = [
        line(z, activate(name, z)[0], colour, label=name)
        for name, colour in zip(_NAMES, _COLOURS, strict=True)
    ]
    slopes = [
        line(z, activate(name, z)[1], colour, label=name)
        for name, colour in zip(_NAMES, _COLOURS, strict=True)
    ]
    return {
        "text": [
            "Without a bend, layer after layer of matrices is one matrix: depth adds nothing. With a "
            "bend, each layer folds space "
            "once more. What learning can reach is decided by the slope: where it is zero, nothing comes "
            "back.",
        ],
        "figures": [
            figure(
                "Four activation functions and their slopes. The sigmoid's slope peaks at a quarter.",
                "Left: the bends. Right: their slopes. The sigmoid never passes more than a quarter on.",
                panel("φ(z)", shapes, xlabel="z", xlim=(-5, 5), ylim=(-1.3, 3.2), legend="upper left"),
                panel("φ′(z)", slopes, xlabel="z", xlim=(-5, 5), ylim=(-0.2, 1.3), legend="upper left"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Stack more and more layers and watch what arrives at the first."""
    sizes = _first_layer_sizes()
    return {
        "label": "the depth of the net",
        "text": f"Square layers of {_WIDTH} units, weights scaled as is usual for each activation "
        f"(variance 1/{_WIDTH} for "
        f"sigmoid and tanh, 2/{_WIDTH} for relu and silu). A slope of size one is sent back from the top.",
        "start": 3,
        "frames": [_depth(depth, sizes) for depth in (1, 2, 4, 8, 12, 16, 20, 25, 30, 40)],
    }


def failures() -> list[dict[str, Any]]:
    """Show saturation, and units that never fire."""
    generator = numpy_generator(0, "show", "activation-failures")
    rows = generator.normal(size=(200, _WIDTH))
    W = generator.normal(size=(_WIDTH, 400)) / np.sqrt(_WIDTH)
    scales = np.geomspace(0.1, 30, 25)
    flat = [
        line(
            scales,
            [float(np.mean(activate(name, s * rows @ W)[1] < 0.01)) for s in scales],
            colour,
            label=name,
        )
        for name, colour in (("sigmoid", "red"), ("tanh", "blue"))
    ]
    shifts = np.linspace(-6, 2, 33)
    dead = [float(np.mean(np.all(rows @ W + shift <= 0, axis=0))) for shift in shifts]
    return [
        {
            "title": "Saturated: far out, everything is flat",
            "text": "Large weights push z to where sigmoid and tanh are level. The unit still gives an "
            "answer, but its slope is nought, and "
            "being wrong teaches it nothing.",
            "figures": [
                figure(
                    "The share of saturated units rises with the size of the weights.",
                    "Share of values with a slope below 0.01, as the weights grow.",
                    panel(
                        "Saturated units",
                        flat,
                        xlabel="size of z (standard deviation)",
                        xlog=True,
                        xlim=(0.1, 30),
                        ylim=(0, 1),
                        legend="upper left",
                    ),
                )
            ],
        },
        {
            "title": "Dead: a relu that never fires",
            "text": "One step that is too large can push a bias so low that z is negative for every row. "
            "The slope is then exactly zero, for "
            "ever. silu and leaky variants keep a little slope on that side.",
            "figures": [
                figure(
                    "The share of relu units that fire for no row rises to one as the bias falls.",
                    "400 units, 200 rows. From a bias of about −4 on nearly all are dead.",
                    panel(
                        "Dead units",
                        [line(shifts, dead, "green")],
                        xlabel="bias",
                        xlim=(-6, 2),
                        ylim=(-0.02, 1.02),
                    ),
                )
            ],
        },
    ]


def _weights(name: str, depth: int) -> list[NDArray[np.float64]]:
    generator = numpy_generator(0, "show", "activation-functions")
    gain = 2.0 if name in {"relu", "silu"} else 1.0
    return [generator.normal(size=(_WIDTH, _WIDTH)) * np.sqrt(gain / _WIDTH) for _ in range(depth)]


def _sizes(name: str, depth: int) -> NDArray[np.float64]:
    x = numpy_generator(1, "show", "activation-rows").normal(size=(_ROWS, _WIDTH))
    return gradient_by_layer(name, _weights(name, depth), x)


def _first_layer_sizes() -> dict[str, list[float]]:
    return {name: [float(_sizes(name, depth)[0]) for depth in range(1, _DEEPEST + 1)] for name in _NAMES}


def _depth(depth: int, firsts: dict[str, list[float]]) -> dict[str, Any]:
    by_layer, by_depth = [], []
    layers, depths = np.arange(1, depth + 1), np.arange(1, _DEEPEST + 1)
    for name, colour, marker in zip(_NAMES, _COLOURS, _MARKERS, strict=True):
        by_layer.append(
            line(layers, np.maximum(_sizes(name, depth), 1e-30), colour, marker=marker, width=1.5, label=name)
        )
        by_depth.append(line(depths, np.maximum(firsts[name], 1e-30), colour, width=1.3))
        by_depth.append(points([depth], [firsts[name][depth - 1]], colour, marker=marker, size=8.0))
    sigmoid, relu = firsts["sigmoid"][depth - 1], firsts["relu"][depth - 1]
    note = (
        "Nothing to learn from is left for the sigmoid's first layers."
        if sigmoid < 1e-6
        else "The sigmoid's gradient is vanishing."
        if sigmoid < 1e-2
        else "So shallow, every activation works."
    )
    options: dict[str, Any] = {"ylog": True, "ylim": (1e-28, 1e3), "yticks": powers(-25, 0, 5)}
    return frame(
        f"{depth} layer{'s' if depth > 1 else ''}",
        f"At the first layer arrives: sigmoid {sigmoid:.1e}, tanh {firsts['tanh'][depth - 1]:.1e}, relu "
        f"{relu:.1e}, "
        f"silu {firsts['silu'][depth - 1]:.1e}. {note}",
        f"Gradient size by layer in nets of {depth} layers, and at the first layer against the depth, for "
        "four activations",
        panel(
            "Gradient at each layer",
            by_layer,
            xlabel="layer, from the input",
            xlim=(0, 41),
            legend="lower right",
            **options,
        ),
        panel("Gradient at the first layer", by_depth, xlabel="depth", xlim=(0, 41), **options),
    )
