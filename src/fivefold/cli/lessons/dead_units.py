"""Lesson: saturation and dead units, with a small relu net that learns prices by latitude."""

from math import erfc
from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.backpropagation import Layers, backward, loss
from fivefold.concepts.dead_units import dead, expected_dead, expected_saturated, saturated, unit_slope
from fivefold.concepts.initialisation import gaussian_mean
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"z_i \leq 0\ \mathrm{for\ all}\ i \quad \Rightarrow \quad \frac{\partial L}{\partial w} = "
        r"\sum_i g_i\, \mathrm{relu}'(z_i)\, x_i = 0",
        "A relu that is off on every row gets no slope, whatever the error, and stays off.",
    ),
    (
        r"P(\mathrm{dead}) = \Phi(-m/s)^N",
        "By chance, where a unit's sums are N(m, s²) on N independent rows.",
    ),
    (
        r"P(\tanh' < \varepsilon) = \mathrm{erfc}\left( \frac{\mathrm{artanh}\sqrt{1 - \varepsilon}}{s "
        r"\sqrt{2}} \right)",
        "The share of saturated sums grows with their spread s.",
    ),
)
CALLS = (
    (
        "torch.nn.functional.leaky_relu",
        "keeps a hundredth of the slope below zero, so that no unit is lost for good.",
    ),
    ("fivefold.networks", "dense networks begin with spread biases, so that few units start dead."),
    ("fivefold.optimize.range_test", "finds a rate at which units do not die."),
)
RELATED = (
    ("activation-functions", "the bends and their slopes"),
    ("vanishing-gradients", "many small factors; here is one that is zero"),
    ("initialisation", "how large the sums are at the start"),
    ("learning-rate-schedules", "small steps first"),
)

_UNITS, _STEPS, _RATE = 24, 800, 0.1
_PUSHES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
_DECADES = [(0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100")]


def geometry() -> dict[str, Any]:
    """Show how likely a unit is dead or saturated by chance."""
    generator = numpy_generator(0, "show", "dead-units", "geometry")
    m = np.linspace(-6.0, 1.0, 71)
    lost = []
    for rows, colour in ((10, "green"), (100, "blue"), (1000, "purple")):
        share = [max(expected_dead(float(each), 1.0, rows), 1e-12) for each in m]
        lost.append(line(m, share, colour, label=f"{rows} rows"))
        at = np.arange(-5.0, 0.1, 1.0)
        seen = [float(np.mean(dead(generator.normal(each, 1.0, size=(rows, 300))))) for each in at]
        lost.append(points(at, seen, colour, size=6.0))
    s = np.geomspace(0.1, 100.0, 61)
    flat = []
    for slope, colour in ((0.1, "green"), (0.01, "blue"), (0.0001, "purple")):
        share = [max(expected_saturated(float(each), slope), 1e-12) for each in s]
        flat.append(line(s, share, colour, label=f"slope < {slope:g}"))
        at = np.array([0.3, 1.0, 3.0, 10.0, 30.0])
        seen = [float(saturated(each * generator.normal(size=(4000, 1)), slope)[0]) for each in at]
        flat.append(points(at, seen, colour, size=6.0))
    return {
        "text": [
            "A unit sees each row as one number z. Where the bend is flat at z, the row teaches it nothing. "
            "A tanh is "
            "nearly flat far out; a relu is exactly flat below zero. A relu with no row above zero is dead: "
            "its slope is "
            "zero on all of them, so no step will ever move it.",
            "More rows make it likelier that one of them wakes the unit. But a bias pushed five spreads "
            "below zero needs "
            f"millions: one row in {1 / expected_dead(5.0, 1.0, 1):,.0f} gets through.",
        ],
        "figures": [
            figure(
                "Shares of dead relu units by mean, and of saturated tanh sums by spread: S-shaped curves "
                "with dots on them.",
                "Lines: the formulas. Dots: 300 units, and 4,000 sums, from one draw.",
                panel(
                    "Dead relu units",
                    lost,
                    xlabel="mean m of the sums, s = 1",
                    xlim=(-6, 1),
                    ylim=(-0.03, 1.03),
                    legend="upper right",
                ),
                panel(
                    "Saturated tanh sums",
                    flat,
                    xlabel="spread s of the sums",
                    xlog=True,
                    xlim=(0.1, 100),
                    ylim=(-0.03, 1.03),
                    xticks=_DECADES,
                    legend="upper left",
                ),
            )
        ],
    }


class Net:
    """One hidden layer of relu units, f(x) = Σ vⱼ relu(wⱼ x + bⱼ) + c, on 200 sales by latitude."""

    def __init__(self, push: float = 0.0, leak: float = 0.0) -> None:
        found = sales()
        north, price = found["lat"][::4], np.log(found["price"] / found["sqft_living"])[::4]
        self.inputs = np.stack([(north - north.mean()) / north.std(), np.ones(len(north))], axis=1)
        self.y, self.leak = (price - price.mean()) / price.std(), leak
        generator = numpy_generator(0, "show", "dead-units", "net")
        self.W = generator.normal(size=(2, _UNITS)) * np.array([[np.sqrt(2.0)], [1.0]]) - np.array(
            [[0.0], [push]]
        )
        self.v, self.c = generator.normal(size=_UNITS) * np.sqrt(2.0 / _UNITS), 0.0

    def predict(self, inputs: Array) -> Array:
        """Return f at rows (x, 1), [n, 2]."""
        z = inputs @ self.W
        return np.asarray(np.where(z > 0.0, z, self.leak * z) @ self.v + self.c)

    def off(self) -> float:
        """Return the share of units that are off on every row."""
        return float(np.mean(dead(self.inputs @ self.W)))

    def step(self, rate: float) -> None:
        """Descend once on half the mean squared error."""
        z, error, n = self.inputs @ self.W, self.predict(self.inputs) - self.y, len(self.y)
        h = np.where(z > 0.0, z, self.leak * z)
        slopes = unit_slope(self.inputs, z, np.outer(error, self.v) / n, self.leak)
        self.v, self.c = self.v - rate * (h.T @ error) / n, self.c - rate * float(error.mean())
        self.W = self.W - rate * slopes


def trained(push: float, leak: float = 0.0) -> tuple[Net, Array, float]:
    """Return the net after training, the share of units off at each step, and its mean squared error."""
    net = Net(push, leak)
    off = [net.off()]
    for _ in range(_STEPS):
        net.step(_RATE)
        off.append(net.off())
    return net, np.array(off), float(np.mean((net.predict(net.inputs) - net.y) ** 2))


def first_shares(x: Array, push: float, spread: float = 1.0) -> tuple[float, float]:
    """Return the expected shares of units that are off on all rows, and on on all, x being the one column.

    For units w ~ N(0, 2), b ~ N(−push, spread²), by an integral over w.
    """
    ends = np.sqrt(2.0) * np.array([x.min(), x.max()])

    def below(level: Array) -> Array:
        """Return Φ(level)."""
        return np.array([0.5 * erfc(-each / np.sqrt(2.0)) for each in level])

    off = gaussian_mean(lambda w: below((push - np.maximum(w * ends[0], w * ends[1])) / spread), 1.0)
    on = gaussian_mean(lambda w: below((np.minimum(w * ends[0], w * ends[1]) - push) / spread), 1.0)
    return off, on


def vary() -> dict[str, Any]:
    """Push the first biases of the same net further and further down."""
    x = Net().inputs[:, 0]
    grid = np.linspace(0.0, 8.0, 33)
    curve = [first_shares(x, float(push))[0] for push in grid]
    return {
        "label": "how far the first biases are pushed down",
        "text": f"Log price per square foot of {len(x)} sales by latitude, both scaled to the spread one; "
        f"{_UNITS} relu units, "
        f"{_STEPS} steps at the rate {_RATE} on all rows. Then the same net with a leak of a tenth below "
        f"zero. "
        "Right: the share of units dead before the first step, expected and seen.",
        "start": 2,
        "frames": [_push(push, grid, curve) for push in _PUSHES],
    }


def failures() -> list[dict[str, Any]]:
    """Show first weights so large that tanh saturates, and a column that was not centred."""
    scales = np.geomspace(0.1, 100.0, 10)
    x = Net().inputs[:, 0]
    expected = [
        np.mean([expected_saturated(float(s * np.sqrt(1.0 + each**2)), 0.01) for each in x]) for s in scales
    ]
    shares, losses = zip(*(saturating(float(s)) for s in scales), strict=True)
    best, worst = int(np.argmin(losses)), len(scales) - 1
    found = sales()
    years = found["yr_built"]
    columns = {"raw": years / years.std(), "centred": (years - years.mean()) / years.std()}
    kinds = {name: first_shares(column, 0.0) for name, column in columns.items()}
    seen = {name: counted(column) for name, column in columns.items()}
    layers = []
    for k, (name, (off, on)) in enumerate(kinds.items()):
        parts = (
            ("red", off, "dead"),
            ("orange", on, "on for all: a straight line"),
            ("green", 1.0 - off - on, "bends in the data"),
        )
        for j, (colour, share, label) in enumerate(parts):
            at = 4.0 * k + j
            layers.append(bars([at], [share], colour, width=0.8, **({"label": label} if k == 0 else {})))
            layers.append(points([at], [seen[name][j]], "ink", size=7.0))
            layers.append(text(at, share + 0.06, f"{share:.3f}", align="center"))
    return [
        {
            "title": "Saturated from the start",
            "text": "The same sales, three tanh units, first weights and biases N(0, s²), 400 steps, the "
            "mean of eight draws. At s "
            f"= {scales[best]:.2g} the error comes down to {losses[best]:.2f}; at s = {scales[worst]:.0f}, "
            f"with "
            f"{100 * expected[worst]:.0f}% of the sums on the flat, to {losses[worst]:.2f}: hardly any slope "
            f"reaches the first "
            "layer, and the last one must do with the steps that chance has put there.",
            "figures": [
                figure(
                    "The share of saturated sums rises with the scale; the error after training has a lowest "
                    "point between.",
                    "Left: line, the formula averaged over the rows; dots, the net. Right: the error after "
                    "400 steps.",
                    panel(
                        "Sums with a slope below 0.01",
                        [
                            line(scales, np.maximum(expected, 1e-12), "blue"),
                            points(scales, shares, "ink", size=6.0),
                        ],
                        xlabel="scale s of the first weights",
                        xlog=True,
                        xlim=(0.1, 100),
                        ylim=(-0.03, 1.03),
                        xticks=_DECADES,
                    ),
                    panel(
                        "Error after training",
                        [line(scales, losses, "red", marker="o")],
                        xlabel="scale s of the first weights",
                        xlog=True,
                        xlim=(0.1, 100),
                        ylim=(0.4, 0.9),
                        xticks=_DECADES,
                    ),
                )
            ],
        },
        {
            "title": "A column that was not centred",
            "text": f"Years of construction, from {years.min():.0f} to {years.max():.0f}, divided by their "
            f"spread but not centred, lie "
            f"between {columns['raw'].min():.0f} and {columns['raw'].max():.0f}: all rows are nearly one "
            f"point, and one sign of w "
            f"decides for all of them. {100 * kinds['raw'][0]:.0f}% of the units are dead, "
            f"{100 * kinds['raw'][1]:.0f}% never bend; "
            f"{100 * (1 - sum(kinds['raw'])):.1f}% are of use. Subtract the mean, and "
            f"{100 * (1 - sum(kinds['centred'])):.0f}% are.",
            "figures": [
                figure(
                    "Bars: half of the units dead and half always on for raw years; nearly all bend within "
                    "the data once centred.",
                    "Left three bars: raw years. Right three: centred. Bars: the integral over w. Dots: "
                    "2,000 units drawn.",
                    panel(
                        "What a unit does at the start",
                        layers,
                        xlim=(-0.8, 6.8),
                        ylim=(0.0, 1.35),
                        xticks=[(1.0, "raw"), (5.0, "centred")],
                        legend="upper left",
                    ),
                )
            ],
        },
    ]


def counted(x: Array) -> tuple[float, float, float]:
    """Draw 2,000 units on one column; return the shares that are dead, always on, and of use."""
    generator = numpy_generator(0, "show", "dead-units", "counted")
    z = np.outer(x, generator.normal(size=2000) * np.sqrt(2.0)) + generator.normal(size=2000)
    off, on = float(np.mean(dead(z))), float(np.mean(np.all(z > 0.0, axis=0)))
    return off, on, 1.0 - off - on


def saturating(scale: float) -> tuple[float, float]:
    """Return the share of saturated sums at the start, and the mean error of eight nets of three units."""
    net, generator = Net(), numpy_generator(0, "show", "dead-units", "saturating")
    x, y = net.inputs[:, :1], net.y[:, None]
    share = float(np.mean(saturated(net.inputs @ (scale * generator.normal(size=(2, 1000))), 0.01)))
    errors = []
    for _ in range(8):
        first, last = scale * generator.normal(size=(2, 3)), generator.normal(size=(3, 1)) / np.sqrt(3.0)
        layers: Layers = [(first[:1], first[1]), (last, np.zeros(1))]
        for _ in range(400):
            slopes = backward(layers, x, y)
            layers = [(W - 0.2 * dW, b - 0.2 * db) for (W, b), (dW, db) in zip(layers, slopes, strict=True)]
        errors.append(2.0 * loss(layers, x, y))
    return share, float(np.mean(errors))


def _push(push: float, grid: Array, curve: list[float]) -> dict[str, Any]:
    plain, off, error = trained(push)
    leaky, _, eased = trained(push, leak=0.1)
    x = np.linspace(plain.inputs[:, 0].min(), plain.inputs[:, 0].max(), 121)
    rows = np.stack([x, np.ones(len(x))], axis=1)
    colour = "green" if off[0] < 0.5 else "orange" if off[0] < 0.9 else "red"
    left = [
        points(plain.inputs[:, 0], plain.y, "grey", size=3.0),
        line(x, leaky.predict(rows), "purple", dashed=True, width=1.6, label="with a leak"),
        line(x, plain.predict(rows), colour, label="relu"),
    ]
    expected = first_shares(plain.inputs[:, 0], push)[0]
    right = [line(grid, curve, "grey"), points([push], [off[0]], colour, size=9.0)]
    lost, still = round(off[0] * _UNITS), round(off[-1] * _UNITS)
    said = (
        "Every unit is dead: the net is a constant, and stays one."
        if still == _UNITS
        else "One unit is left."
        if still == _UNITS - 1
        else f"{_UNITS - still} units are at work."
    )
    return frame(
        f"{push:g}",
        f"{said} Dead before the first step: {lost} of {_UNITS} ({_UNITS * expected:.1f} expected); after "
        f"the last: {still}. "
        f"Error {error:.2f}, with a leak {eased:.2f}.",
        f"A curve through sales and the share of dead units, biases pushed by {push:g}",
        panel(
            "Log price per square foot, scaled",
            left,
            xlabel="latitude, scaled",
            xlim=(-3, 2),
            ylim=(-3, 3.5),
            legend="lower left",
        ),
        panel("Dead at the start", right, xlabel="push", xlim=(-0.2, 8.2), ylim=(-0.03, 1.06)),
    )
