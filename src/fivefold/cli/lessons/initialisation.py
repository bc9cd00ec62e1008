"""Lesson: initialisation: the variance of the first weights, and what becomes of signals and slopes."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import figure, frame, line, panel, points, powers
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.backpropagation import Layers, backward, loss
from fivefold.concepts.initialisation import gain, gaussian_mean, relu_agreement, signal, slope_factor
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"q_{\ell+1} = \sigma^2\, E\, \varphi(\sqrt{q_\ell}\, Z)^2",
        "Weights N(0, σ²/inputs). The mean square q of a layer's sums follows from that of the layer below: "
        "Z is "
        "normal.",
    ),
    (
        r"\chi = \sigma^2\, E\, \varphi'(\sqrt{q}\, Z)^2",
        "The factor on the mean square of the slope for each layer that it comes back through.",
    ),
    (
        r"\sigma^2 = 2\ \ (\mathrm{relu}) \qquad \sigma^2 = 1 / E\, \varphi(Z)^2\ \ (\mathrm{others})",
        "He's rule: half of a relu's square is lost, so the weights carry twice as much. It keeps signals "
        "and "
        "slopes alike; for other bends one of the two.",
    ),
)
CALLS = (
    ("torch.nn.init.kaiming_normal_", "He's rule for a tensor of weights."),
    ("fivefold.networks", "networks are filled by such a gain for their own activation."),
)
RELATED = (
    ("vanishing-gradients", "what happens where the factors are not one"),
    ("activation-functions", "the bends φ"),
    ("dead-units", "units lost at the start"),
    ("monte-carlo-integration", "a wide layer is one: a mean over many units"),
)

_WIDTH, _DEPTH, _ROWS = 200, 24, 16
_VARIANCES = (0.5, 1.0, 1.5, 1.8, 2.0, 2.3, 2.536, 3.0, 4.0)


def relu(z: Array) -> Array:
    """Return max(z, 0)."""
    return np.asarray(np.maximum(z, 0.0))


def relu_slope(z: Array) -> Array:
    """Return 1 where z > 0, else 0."""
    return np.asarray((z > 0.0) * 1.0)


def tanh_slope(z: Array) -> Array:
    """Return 1 − tanh² z."""
    return np.asarray(1.0 - np.tanh(z) ** 2)


def geometry() -> dict[str, Any]:
    """Show the map from one layer's mean square to the next one's."""
    q = np.linspace(0.0, 3.0, 61)
    rays = [
        line(q, variance * 0.5 * q, colour, label=f"relu, σ² = {variance:g}")
        for variance, colour in ((1.0, "red"), (2.0, "green"), (3.0, "orange"))
    ]
    curve = [
        gain(np.tanh) ** 2 * gaussian_mean(lambda z: np.tanh(z) ** 2, float(np.sqrt(each))) for each in q
    ]
    rays.append(line(q, curve, "blue", label=f"tanh, σ² = {gain(np.tanh) ** 2:.3f}"))
    rays.append(line([0, 3], [0, 3], "grey", dashed=True, width=1.2))
    rays.append(points([1.0], [1.0], "ink", size=8.0))
    return {
        "text": [
            "In a wide layer every sum adds up many small independent terms, so it is normal, and its mean "
            "square is "
            "one integral over the layer below. Depth repeats the map: it goes to nought, off to infinity, "
            "or stays.",
            "For relu the map is a ray: half of a square survives the bend, and only σ² = 2 puts the ray on "
            "the "
            f"diagonal. tanh bends the curve, so that it meets the diagonal in one point and stays there; σ "
            f"= {gain(np.tanh):.3f} "
            "puts that point at one.",
        ],
        "figures": [
            figure(
                "Three rays and one bent curve over a dashed diagonal; the ray of variance two lies on the "
                "diagonal.",
                "What becomes of the mean square in one layer. On the dashed diagonal it stays as it is.",
                panel(
                    "Next layer's q against q",
                    rays,
                    xlabel="q",
                    xlim=(0, 3),
                    ylim=(0, 4.5),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Change the variance of the weights of one relu and one tanh net."""
    return {
        "label": "the variance σ² of the weights, times the inputs",
        "text": f"Two nets of {_DEPTH} layers of {_WIDTH} units, {_ROWS} normal rows. Lines: the integrals. "
        f"Dots: the nets, "
        "from one draw.",
        "start": 4,
        "frames": [_variance(variance) for variance in _VARIANCES],
    }


def failures() -> list[dict[str, Any]]:
    """Show equal weights, which stay equal, and rows that grow alike with the depth."""
    runs = {name: trained(name) for name in ("random", "equal", "zero")}
    colours = {"random": "green", "equal": "orange", "zero": "red"}
    steps = np.arange(len(runs["random"][0]))
    ranks = {name: int(np.linalg.matrix_rank(unit, tol=1e-9)) for name, (_, unit) in runs.items()}
    layer = np.arange(0, 61)
    agreement = []
    for start, colour in ((-0.6, "blue"), (0.0, "orange"), (0.6, "green")):
        c = [np.array(start)]
        for _ in range(60):
            c.append(relu_agreement(c[-1]))
        agreement.append(line(layer, c, colour, label=f"theory, from {start:g}".replace("-", "−")))
        agreement.append(points(np.arange(0, 61, 4), _cosines(start)[::4], colour, size=5.0))
    return [
        {
            "title": "All alike, for ever",
            "text": "Units with the same weights get the same slope, and so remain the same: sixteen units "
            "that are one. "
            f"After {len(steps) - 1} steps the unit weights and biases have rank {ranks['equal']} where all "
            f"began equal, "
            f"{ranks['zero']} where all began at zero, and {ranks['random']} where they were drawn. At zero, "
            f"no slope passes "
            "the second layer either: only its bias learns.",
            "figures": [
                figure(
                    "The loss falls far with random weights, little with equal ones, and not at all from "
                    "zero.",
                    "Log price per square foot of 800 sales by latitude; 16 tanh units, the same rate.",
                    panel(
                        "Loss by step",
                        [
                            line(steps, each, colours[name], label=f"{name} start")
                            for name, (each, _) in runs.items()
                        ],
                        xlabel="step",
                        xlim=(0, len(steps) - 1),
                        ylim=(0.03, 0.1),
                        legend="upper right",
                    ),
                )
            ],
        },
        {
            "title": "The right sizes, and all rows look the same",
            "text": "σ² = 2 keeps the length of every row, but not the angle between two: relu maps only to "
            "positive "
            f"numbers, and the cosine goes to one, as 1 − 9π²/2l². Rows at right angles have it at "
            f"{_after(10):.2f} after "
            f"10 layers and at {_after(60):.3f} after 60. A deep plain net starts nearly blind to its input; "
            "paths around the layers, or normalisation, keep rows apart.",
            "figures": [
                figure(
                    "Three curves of the cosine that rise to one; dots from a wide net lie near them.",
                    "Cosine between two rows. Dots: one net, 400 wide.",
                    panel(
                        "Cosine by layer",
                        agreement,
                        xlabel="layer",
                        xlim=(0, 60),
                        ylim=(-0.65, 1.05),
                        legend="lower right",
                    ),
                )
            ],
        },
    ]


def trained(start: str, steps: int = 2000) -> tuple[list[float], Array]:
    """Return a small net's losses from this start, and its units' weights and biases [16, 2] at the end."""
    found = sales()
    x = ((found["lat"] - found["lat"].mean()) / found["lat"].std())[:, None]
    price = np.log(found["price"] / found["sqft_living"])
    y = (price - price.mean())[:, None]
    generator = numpy_generator(0, "show", "initialisation", "trained")
    first, shift, last = (
        generator.normal(size=(1, 16)),
        generator.normal(size=16),
        generator.normal(size=(16, 1)) / 4,
    )
    if start != "random":
        level = 0.5 if start == "equal" else 0.0
        first, shift, last = (np.full_like(each, level) for each in (first, shift, last))
    layers: Layers = [(first, shift), (last, np.zeros(1))]
    losses = [loss(layers, x, y)]
    for _ in range(steps):
        slopes = backward(layers, x, y)
        layers = [(W - 0.1 * dW, b - 0.1 * db) for (W, b), (dW, db) in zip(layers, slopes, strict=True)]
        losses.append(loss(layers, x, y))
    return losses, np.stack([layers[0][0][0], layers[0][1]], axis=1)


def _after(depth: int) -> float:
    c = np.array(0.0)
    for _ in range(depth):
        c = relu_agreement(c)
    return float(c)


def _cosines(start: float, width: int = 400) -> Array:
    generator = numpy_generator(0, "show", "initialisation", "cosines", str(start))
    z = np.stack([np.eye(width)[0], start * np.eye(width)[0] + np.sqrt(1 - start**2) * np.eye(width)[1]])
    found = [start]
    for depth in range(60):
        W = generator.normal(size=(width, width)) * np.sqrt(2.0 / width)
        z = (z if depth == 0 else relu(z)) @ W  # the first layer mixes the two rows without a bend
        h = relu(z)
        found.append(float(h[0] @ h[1] / np.linalg.norm(h[0]) / np.linalg.norm(h[1])))
    return np.array(found)


def run(kind: str, variance: float) -> tuple[Array, Array]:
    """Return the mean squares of the sums, layers 0 to 24, and of the slopes that come back, top first."""
    bend, slope = (relu, relu_slope) if kind == "relu" else (np.tanh, tanh_slope)
    generator = numpy_generator(0, "show", "initialisation", kind)
    draws = generator.normal(size=(_DEPTH, _WIDTH, _WIDTH)) * np.sqrt(variance / _WIDTH)
    sums = [generator.normal(size=(_ROWS, _WIDTH))]
    for W in draws:
        sums.append(bend(sums[-1]) @ W)
    g = generator.normal(size=(_ROWS, _WIDTH))
    back = [g]
    for W, z in zip(draws[::-1], sums[-2::-1], strict=True):
        back.append((back[-1] @ W.T) * slope(z))
    return np.array([np.mean(z**2) for z in sums]), np.array([np.mean(g**2) for g in back])


def expected(kind: str, variance: float) -> tuple[Array, Array]:
    """Return what :func:`run` finds, by the integrals."""
    bend, slope = (relu, relu_slope) if kind == "relu" else (np.tanh, tanh_slope)
    q = signal(bend, variance, _DEPTH)
    factors = [slope_factor(slope, variance, float(each)) for each in q[-2::-1]]
    return q, np.concatenate([[1.0], np.cumprod(factors)])


def _variance(variance: float) -> dict[str, Any]:
    layer = np.arange(_DEPTH + 1)
    left, right, ends = [], [], {}
    for kind, colour in (("relu", "green"), ("tanh", "blue")):
        q, back = expected(kind, variance)
        seen, came = run(kind, variance)
        left += [line(layer, q, colour, label=kind), points(layer[::2], seen[::2], colour)]
        right += [line(layer, back[::-1], colour, label=kind), points(layer[::2], came[::-1][::2], colour)]
        ends[kind] = float(q[-1]), float(back[-1])
    said = " ".join(f"{kind}: signal {q:.2g}, slope {back:.2g}." for kind, (q, back) in ends.items())
    verdict = (
        "He's value: relu keeps both."
        if variance == 2.0
        else f"relu loses both by {variance / 2:g} a layer."
        if variance < 2.0
        else f"relu gains both by {variance / 2:g} a layer."
    )
    common = {"xlim": (0, _DEPTH), "ylog": True, "xlabel": "layer, from the input", "legend": "lower left"}
    return frame(
        f"σ² = {variance:g}",
        f"{verdict} Expected at the far end, mean squares. {said}",
        f"Mean squares of signals and slopes by layer, by theory and in two nets, at the variance "
        f"{variance:g}",
        panel("Signal, going up", left, **common, ylim=(1e-9, 1e9), yticks=powers(-8, 8, 4)),
        panel("Slope, coming back", right, **common, ylim=(1e-9, 1e9), yticks=powers(-8, 8, 4)),
    )
