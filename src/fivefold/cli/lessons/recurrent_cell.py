"""Lesson: a recurrent cell through time, what it keeps, and what slope comes back over a lag."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import Layer, arrow, figure, frame, line, panel, points, powers, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.recurrent_cell import gated, plain, through_time
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"h_t = \tanh(W x_t + U h_{t-1} + b)",
        "The plain cell: one layer, used again at every step, that also reads its own last answer.",
    ),
    (
        r"\frac{\partial L}{\partial h_{t-1}} = U^{\mathsf{T}} \left( (1 - h_t^2) \odot \frac{\partial L}"
        r"{\partial h_t} \right)",
        "The way back: the same matrix at every step, so that a long lag is a high power of it.",
    ),
    (
        r"h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}",
        "The gated cell: z says how much of the old state stays; n is what a plain cell would write.",
    ),
    (
        r"z_t = \sigma(W_z x_t + U_z h_{t-1} + b_z) \quad n_t = \tanh(W_n x_t + r_t \odot U_n h_{t-1})",
        "The gates z and r read the input: what to keep, and when, is learnt. Biases of n are left out here.",
    ),
)
CALLS = (
    ("fivefold.networks.RecurrentEncoder", "these cells over padded sequences of unequal lengths."),
    ("torch.nn.GRU", "is the fast path, with this formula and this order of the weights."),
    ("torch.nn.LSTM", "has a second state that is added to, and three gates."),
    ("torch.nn.RNN", "the plain cell."),
    ("torch.nn.utils.clip_grad_norm_", "for slopes that burst on the way back."),
)
RELATED = (
    ("vanishing-gradients", "the product of slopes, for any depth"),
    ("backpropagation", "which is through time here, the weights shared"),
    ("activation-functions", "the bend's own factor"),
    ("attention", "which reaches any lag in one step"),
)

_WEIGHTS = (0.3, 0.6, 0.9, 1.0, 1.1, 1.3, 1.6, 2.0, 3.0)
_STEPS, _GATE, _START = 60, 0.95, 0.5


def geometry() -> dict[str, Any]:
    """Draw the cell unrolled, and the map of one unit with its places of rest."""
    h = np.linspace(-1.2, 1.2, 121)
    maps = [line(h, h, "grey", dashed=True, width=1.3)]
    for u, colour in ((0.5, "blue"), (1.0, "green"), (2.0, "orange")):
        maps.append(line(h, np.tanh(u * h), colour, label=f"u = {u:g}"))
    rest = resting_place(2.0)
    maps.append(points([-rest, 0.0, rest], [-rest, 0.0, rest], "orange", size=8.0))
    held = [line(h, h, "grey", dashed=True, width=1.3)]
    for z, colour in ((0.0, "orange"), (0.5, "purple"), (0.9, "green")):
        held.append(line(h, (1.0 - z) * np.tanh(2.0 * h) + z * h, colour, label=f"z = {z:g}"))
    return {
        "text": [
            "The same cell at every step: x comes in from below, the state h goes on to the right. Drawn out "
            "over time it is a deep net whose layers share their weights, and its slopes go back from right "
            "to left.",
            "One unit without input does h → tanh(u h), again and again. Where the curve crosses the "
            f"diagonal, it rests: at u = 2 at ±{rest:.3f}, and there the curve is flat: its slope is "
            f"{2.0 * (1.0 - rest**2):.3f}. A gate moves the curve towards the diagonal: the places of rest "
            "stay, and the slope is near one.",
        ],
        "figures": [
            figure(
                "Four boxes in a row, inputs from below, states to the right, slopes back to the left.",
                "Blue: values. Orange: slopes. All four boxes are one cell with one W and one U.",
                panel("The cell, four steps", _unrolled(), bare=True, xlim=(-0.3, 8.6), ylim=(-0.4, 4.2)),
            ),
            figure(
                "S-shaped curves and the diagonal; the steepest crosses it three times.",
                "Left: plain. Right: u = 2, with a gate that keeps the share z. Dashed: nothing changes.",
                panel(
                    "One step: h to tanh(u h)",
                    maps,
                    xlabel="h",
                    xlim=(-1.2, 1.2),
                    ylim=(-1.2, 1.2),
                    legend="upper left",
                ),
                panel(
                    "With a gate, u = 2",
                    held,
                    xlabel="h",
                    xlim=(-1.2, 1.2),
                    ylim=(-1.2, 1.2),
                    legend="upper left",
                ),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Move the recurrent weight of one unit, plain and with a gate."""
    return {
        "label": "the recurrent weight u",
        "text": f"One unit is set to ±{_START:g} and left alone for {_STEPS} steps. Can one still tell the "
        "sign at the end, and does a slope find its way back to the start? Purple: the same unit behind a "
        f"gate that keeps z = {_GATE:g} at every step.",
        "start": 2,
        "frames": [_weight(u) for u in _WEIGHTS],
    }


def failures() -> list[dict[str, Any]]:
    """Show what a window of steps leaves out, and gates that do not look at the input."""
    windows = np.arange(1, 61)
    curves, named = [], {}
    for scale, colour in ((0.8, "green"), (0.95, "orange"), (1.0, "red")):
        named[scale] = missing(scale)
        curves.append(line(windows, named[scale], colour, label=f"U = {scale:g} Q"))
    x, mark, runs = held_values()
    shares = remembered()
    at = np.arange(len(x))
    where = int(np.flatnonzero(mark)[0])
    names = (
        ("plain", "red", "plain"),
        ("constant", "orange", "gate of 0.9, always"),
        ("marked", "green", "gate that reads the mark"),
    )
    states = [line(at, runs[key][1:], colour, label=label) for key, colour, label in names]
    states.append(points([where], [np.tanh(x[where])], "ink", size=8.0))
    return [
        {
            "title": "A window that ends before the cause",
            "text": "Long sequences are cut: slopes go back k steps and no further. What came in before has "
            "then no slope at all, and what is learnt about U lacks the longer lags. With U = 0.8 Q, Q "
            f"orthogonal, a window of 10 leaves out {100 * named[0.8][9]:.0f}% of ∂L/∂U, with 0.95 Q "
            f"{100 * named[0.95][9]:.0f}%, with Q {100 * named[1.0][9]:.0f}%: the longer the cell remembers, "
            "the more a window hides.",
            "figures": [
                figure(
                    "Three curves that fall with the window, the fastest for the smallest weights.",
                    "Eight units, sixty steps of noise, the loss at the last one: mean of 20 draws of "
                    "|∂L/∂U − its window| / |∂L/∂U|.",
                    panel(
                        "Share of ∂L/∂U left out",
                        curves,
                        xlabel="window k",
                        xlim=(0, 60),
                        ylim=(-0.03, 1.05),
                        legend="upper right",
                    ),
                )
            ],
        },
        {
            "title": "A gate that does not look",
            "text": "Thirty numbers pass, one of them is marked, and it shall be there at the end. The best "
            "straight line from the last state tells, of the variance of the marked number: "
            f"{100 * shares['plain']:.1f}% with the plain cell, which follows every input; "
            f"{100 * shares['constant']:.1f}% with a gate that is always at 0.9, which blurs them all; "
            f"{100 * shares['marked']:.1f}% with a gate that opens at the mark and is shut otherwise. "
            "Keeping is not enough: the input must say what to keep.",
            "figures": [
                figure(
                    "A jagged line of thirty numbers, one marked; of three states one jumps to it and stays.",
                    "Dot: tanh of the marked input. One row of thirty; the shares above are from 400.",
                    panel(
                        "Inputs",
                        [
                            line(at, x, "grey", marker="o", width=1.0),
                            points([where], [x[where]], "ink", size=9.0),
                            text(where + 0.8, x[where], "marked"),
                        ],
                        xlabel="step",
                        xlim=(-1, 30),
                        ylim=(-3.4, 3.4),
                    ),
                    panel(
                        "State",
                        states,
                        xlabel="step",
                        xlim=(-1, 30),
                        ylim=(-1.1, 1.8),
                        legend="upper left",
                    ),
                )
            ],
        },
    ]


def resting_place(u: float) -> float:
    """Return the largest h with h = tanh(u h): zero for u ≤ 1."""
    h = 1.0
    for _ in range(200):  # Newton from above, where the function is convex
        slope = 1.0 - u * (1.0 - np.tanh(u * h) ** 2)
        h -= float((h - np.tanh(u * h)) / slope) if abs(slope) > 1e-12 else 0.0
    return h if u > 1.0 else 0.0


def left_alone(u: float, start: float, gate: float | None = None) -> tuple[Array, Array]:
    """Return states h₀, …, h_T of one unit without input, and ∂hₜ/∂h₀ for each; with a gate of this size."""
    none = np.zeros((_STEPS, 1))
    first = np.array([start])
    if gate is None:
        h = plain(none, first, np.eye(1), np.array([[u]]), np.zeros(1))[:, 0]
        factors = u * (1.0 - h[1:] ** 2)
    else:
        b = np.array([40.0, np.log(gate / (1.0 - gate)), 0.0])  # r = 1, z = the gate
        U = np.array([[0.0], [0.0], [u]])
        h = gated(none, first, np.zeros((3, 1)), U, b, np.zeros(3))[:, 0]
        factors = gate + (1.0 - gate) * u * (1.0 - np.tanh(u * h[:-1]) ** 2)
    return h, np.concatenate([[1.0], np.cumprod(factors)])


def missing(scale: float, steps: int = 60, units: int = 8) -> Array:
    """Return the share of ∂L/∂U that a window of 1, …, 60 steps leaves out; U = scale · Q, Q orthogonal."""
    shares = []
    for draw in range(20):
        generator = numpy_generator(0, "show", "recurrent-cell", "window", draw)
        U = scale * np.linalg.qr(generator.normal(size=(units, units)))[0]
        W, x = 0.1 * generator.normal(size=(units, 1)), generator.normal(size=(steps, 1))
        h = plain(x, np.zeros(units), W, U, np.zeros(units))
        slopes = np.zeros_like(h)
        slopes[-1] = generator.normal(size=units)
        d = through_time(x, h, U, slopes)[0]
        parts = np.einsum("ti,tj->tij", (1.0 - h[1:] ** 2) * d[1:], h[:-1])[::-1]  # the last step first
        left = parts.sum(axis=0) - np.cumsum(parts, axis=0)
        shares.append(np.linalg.norm(left, axis=(1, 2)) / np.linalg.norm(parts.sum(axis=0)))
    return np.asarray(np.mean(shares, axis=0))


def cells_on(x: Array, mark: Array) -> dict[str, Array]:
    """Return the states of three cells on numbers x [T], one marked."""
    inputs, zero = np.stack([x, mark], axis=1), np.zeros(1)
    U, c = np.zeros((3, 1)), np.zeros(3)
    W = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    open_at_mark = np.array([[0.0, 0.0], [0.0, -40.0], [1.0, 0.0]])
    return {
        "plain": plain(inputs, zero, np.array([[1.0, 0.0]]), np.eye(1), zero)[:, 0],
        "constant": gated(inputs, zero, W, U, np.array([0.0, np.log(9.0), 0.0]), c)[:, 0],
        "marked": gated(inputs, zero, open_at_mark, U, np.array([0.0, 20.0, 0.0]), c)[:, 0],
    }


def held_values(draw: int = 0) -> tuple[Array, Array, dict[str, Array]]:
    """Draw thirty numbers with a mark among the first twenty; return both, and the cells' states."""
    generator = numpy_generator(0, "show", "recurrent-cell", "mark", draw)
    x, mark = generator.normal(size=30), np.zeros(30)
    mark[generator.integers(20)] = 1.0
    return x, mark, cells_on(x, mark)


def remembered(count: int = 400) -> dict[str, float]:
    """Return for each cell the squared correlation of its last state with tanh of the marked number."""
    ends: dict[str, list[float]] = {"plain": [], "constant": [], "marked": []}
    wanted = []
    for draw in range(count):
        x, mark, runs = held_values(draw)
        wanted.append(float(np.tanh(x @ mark)))
        for name, states in runs.items():
            ends[name].append(float(states[-1]))
    return {name: float(np.corrcoef(wanted, found)[0, 1] ** 2) for name, found in ends.items()}


def _unrolled() -> list[Layer]:
    layers: list[Layer] = []
    for t in range(1, 5):
        x = 2.1 * t - 1.2
        layers.append(text(x, 2.1, f"tanh, h{'₀₁₂₃₄'[t]}", align="center", size=13, box=True))
        layers.append(text(x, 0.0, f"x{'₀₁₂₃₄'[t]}", "blue", align="center", size=14))
        layers.append(arrow((x, 0.35), (x, 1.6), "blue", width=1.6))
        layers.append(text(x + 0.15, 0.95, "W", "blue", size=12))
        if t < 4:
            layers.append(arrow((x + 0.62, 2.25), (x + 1.5, 2.25), "blue", width=1.6))
            layers.append(text(x + 1.05, 2.62, "U", "blue", align="center", size=12))
            layers.append(arrow((x + 1.5, 1.95), (x + 0.62, 1.95), "orange", width=1.6))
            layers.append(text(x + 1.05, 1.58, "Uᵀ", "orange", align="center", size=12))
    layers.append(arrow((7.2, 2.6), (7.2, 3.5), "blue", width=1.6))
    layers.append(text(7.2, 3.8, "loss L", align="center", size=13))
    layers.append(arrow((7.42, 3.5), (7.42, 2.6), "orange", width=1.6))
    return layers


def _weight(u: float) -> dict[str, Any]:
    (h, slope), (kept, carried) = left_alone(u, _START), left_alone(u, _START, _GATE)
    rest, t = resting_place(u), np.arange(_STEPS + 1)
    colour = "green" if rest > 0.1 else "orange" if u >= 1.0 else "red"
    grid = np.linspace(-1.2, 1.2, 121)
    stairs_x, stairs_y = np.repeat(h[:31], 2)[:-1], np.repeat(h[:31], 2)[1:]
    one = [
        line(grid, grid, "grey", dashed=True, width=1.3),
        line(grid, np.tanh(u * grid), colour),
        line(grid, (1.0 - _GATE) * np.tanh(u * grid) + _GATE * grid, "purple", width=1.3),
        line(stairs_x, stairs_y, "ink", width=1.0),
        points([_START], [_START], "ink", size=6.0),
    ]
    states = [line(t, sign * kept, "purple", width=1.4) for sign in (1.0, -1.0)]
    states += [line(t, sign * h, colour) for sign in (1.0, -1.0)]
    slopes = [
        line(t, np.maximum(carried, 1e-16), "purple", label=f"gate z = {_GATE:g}"),
        line(t, np.maximum(slope, 1e-16), colour, label="plain"),
    ]
    if rest > 0.0:
        said = (
            f"It rests at ±{rest:.3f}: the sign is kept. The slope there is {u * (1.0 - rest**2):.3f}, and "
            f"of a slope of 1"
        )
    elif u == 1.0:
        said = f"Between the two it fades slowly, to {h[-1]:.3f}. Of a slope of 1"
    else:
        said = f"It fades to {h[-1]:.2g}, and the sign with it. Of a slope of 1"
    return frame(
        f"u = {u:g}",
        f"{said} at the end {slope[-1]:.1g} arrives at the start; through the gate, {carried[-1]:.2g}.",
        f"A map with its stairs, states and slopes over {_STEPS} steps, at u = {u:g}",
        panel("One step, and the walk", one, xlabel="h", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2)),
        panel("State by step", states, xlabel="step", xlim=(0, _STEPS), ylim=(-1.1, 1.1)),
        panel(
            "Slope ∂hₜ/∂h₀",
            slopes,
            xlabel="step t",
            ylog=True,
            xlim=(0, _STEPS),
            ylim=(1e-12, 1e3),
            yticks=powers(-12, 0, 4),
            legend="upper right",
        ),
    )
