"""Lesson: attention, from the mean of all values to the value of one key."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.cells import cells
from fivefold.cli.lessons.king_county import sales
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
from fivefold.concepts.attention import attention, slope_left
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"A = \mathrm{softmax}\left( \frac{Q K^{\mathsf{T}}}{\sqrt{d}} \right) \quad Y = A\, V",
        "How well each query agrees with each key, made into weights that sum to one; the answer is the mean "
        "of the values under them.",
    ),
    (
        r"\mathrm{Var}(q \cdot k) = d \quad \Rightarrow \quad \mathrm{Var}(q \cdot k / \sqrt{d}) = 1",
        "For entries N(0, 1). The division keeps the scores of one size, however wide the vectors are.",
    ),
    (
        r"\frac{\partial a_i}{\partial s_j} = a_i\, (\delta_{ij} - a_j)",
        "Where one weight is nearly one, no slope comes back to any score.",
    ),
    (
        r"Y = \left[\, Y_1\ \ldots\ Y_H \,\right] W_O",
        "Several heads look at once, each with its own part of the columns: one softmax has one focus.",
    ),
)
CALLS = (
    (
        "torch.nn.functional.scaled_dot_product_attention",
        "is the fast path; it never writes the whole of A down.",
    ),
    (
        "torch.nn.MultiheadAttention",
        "the heads with their weights; there a mask says True for what is hidden.",
    ),
)
RELATED = (
    ("recurrent-cell", "which hands a state on from step to step"),
    ("vector-products", "the dot product that measures agreement"),
    ("maximum-likelihood", "where else a softmax makes weights of scores"),
    ("dead-units", "saturation elsewhere"),
)

_SCALES = (0.1, 1.0, 4.0, 15.0, 60.0, 250.0, 1000.0, 5000.0, 50000.0, 1000000.0)
_WIDTHS = (1, 4, 16, 64, 256, 1024)
_QUERY = 47.6
_COLOURS = ("blue", "orange", "green")


def geometry() -> dict[str, Any]:
    """Show one query among three keys, and two heads on a row of letters."""
    K = np.array([[1.6, 0.3], [0.2, 1.7], [-1.3, -0.6]])
    V = np.array([[0.0, 0.0], [4.0, 0.5], [1.2, 3.2]])
    q = np.array([[1.5, 0.9]])
    Y, A = attention(q, K, V)
    keys: list[Layer] = [arrow((0, 0), key, colour) for key, colour in zip(K, _COLOURS, strict=True)]
    keys += [arrow((0, 0), q[0], "ink", width=2.8), words(1.62, 1.08, "q", size=14)]
    for k, (key, colour) in enumerate(zip(K, _COLOURS, strict=True)):
        keys.append(
            words(1.16 * key[0], 1.16 * key[1] - 0.06, f"k{'₁₂₃'[k]}", colour, size=13, align="center")
        )
    weights = [bars([k], [A[0, k]], colour, width=0.6) for k, colour in enumerate(_COLOURS)]
    weights += [words(k, A[0, k] + 0.05, f"{A[0, k]:.2f}", align="center") for k in range(3)]
    values: list[Layer] = [polygon(V[:, 0], V[:, 1], "grey", alpha=0.1, width=1.0)]
    values += [points([v[0]], [v[1]], colour, size=9.0) for v, colour in zip(V, _COLOURS, strict=True)]
    values += [
        points([Y[0, 0]], [Y[0, 1]], "ink", size=10.0),
        words(Y[0, 0] - 0.1, Y[0, 1] + 0.35, "y", size=14),
    ]
    head = [_head_picture(kind) for kind in ("before", "letter")]
    return {
        "text": [
            "A query asks all keys at once. How far each agrees is a dot product; a softmax turns the three "
            "numbers into shares, and the answer is the values' mean by these shares. It lies among the "
            "values, never beyond.",
            "What is looked for is up to Q and K. Two heads on a row of letters: one finds the place before, "
            "one all earlier places with the same letter. Neither may see what comes later: those scores are "
            "−∞, and their weights zero.",
        ],
        "figures": [
            figure(
                "A query between three arrows, three bars of weights, and a dot inside a triangle of values.",
                "Left: q and the keys. Middle: softmax(q · k/√2). Right: the values, and their mean.",
                panel("Query and keys", keys, equal=True, xlim=(-1.8, 2.2), ylim=(-1.1, 2.1)),
                panel(
                    "Weights",
                    weights,
                    xlim=(-0.6, 2.6),
                    ylim=(0, 1),
                    xticks=[(0.0, "k₁"), (1.0, "k₂"), (2.0, "k₃")],
                ),
                panel("Values and answer", values, equal=True, xlim=(-0.5, 4.6), ylim=(-0.5, 3.7)),
            ),
            figure(
                "Two lower triangles of weights: one a diagonal of ones, the other shared between equals.",
                "Rows ask, columns are seen. Empty: masked. The first A has nothing before it and sees "
                "itself.",
                panel(
                    "A head: the place before", head[0], bare=True, equal=True, xlim=(-1, 6), ylim=(-6.1, 1)
                ),
                panel(
                    "A head: the same letter", head[1], bare=True, equal=True, xlim=(-1, 6), ylim=(-6.1, 1)
                ),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Sharpen the softmax over real sales."""
    errors = [held_out(scale) for scale in _SCALES]
    return {
        "label": "the factor on the scores",
        "text": "Log price per square foot by latitude. Each of 200 sales is a key, a unit vector turned by "
        "its latitude (0.3° are one radian), and its value is the price. Another latitude asks. The scores "
        "are multiplied by a factor: 1/√d would be 0.71. Middle: the weights of one query.",
        "start": 4,
        "frames": [_sharpened(i, errors) for i in range(len(_SCALES))],
    }


def failures() -> list[dict[str, Any]]:
    """Show scores without the root, a missing mask, and words without places."""
    found = {name: [focus(d, name == "scaled") for d in _WIDTHS] for name in ("scaled", "plain")}
    panels = []
    for at, title in ((0, "Largest of ten weights"), (1, "Slope left, 1 − Σ a²")):
        curves = [
            line(_WIDTHS, [pair[at] for pair in found[name]], colour, marker="o", label=label)
            for name, colour, label in (("scaled", "green", "q · k/√d"), ("plain", "red", "q · k"))
        ]
        ticks = {"xlim": (0.8, 1300), "ylim": (0.0, 1.35), "xticks": [(float(d), f"{d:,}") for d in _WIDTHS]}
        panels.append(panel(title, curves, xlabel="width d", xlog=True, legend="upper left", **ticks))
    seen, masked = foretold(False), foretold(True)
    return [
        {
            "title": "Without the root",
            "text": "Ten keys, entries N(0, 1). At d = 1,024 the plain scores spread by √1,024 = 32: the "
            f"largest weight is {found['plain'][-1][0]:.2f} on the average, and of the slope "
            f"{found['plain'][-1][1]:.3f} is left. The head has chosen before it has learnt anything, and "
            f"no slope tells it otherwise. Divided by √d, about {found['scaled'][-1][1]:.2f} is left at any "
            "width.",
            "figures": [
                figure(
                    "Without the root the largest weight goes to one with the width and the slope to zero; "
                    "with it both are level.",
                    "Means over 400 queries, ten keys each.",
                    *panels,
                )
            ],
        },
        {
            "title": "Without the mask",
            "text": "Foretell the next number of a row of noise. A head that asks for the next place "
            f"finds the answer there: mean squared error {seen:.2f} in training, on numbers that nobody can "
            "foretell. In use the next place is empty. With a mask the same head sees what was there by "
            f"then, and its error is {masked:.2f}; the best possible is 1.",
            "figures": [
                figure(
                    "A table of weights with ones above the diagonal, and one whose upper half is empty.",
                    "Rows ask for the next place. Right: with the mask. Row 6 has no next place and does "
                    "not count.",
                    *(
                        panel(title, _next_picture(mask), bare=True, equal=True, xlim=(-1, 6), ylim=(-6.1, 1))
                        for title, mask in (("No mask", False), ("Masked", True))
                    ),
                )
            ],
        },
        {
            "title": "Without places",
            "text": "A mean does not know in which order it was taken. “Dog bites man” and “man bites dog” "
            f"give each word the same answer: the largest difference is {apart(False):.2f}. Add to each word "
            f"a vector that says where it stands, and it is {apart(True):.2f}.",
            "figures": [
                figure(
                    "Without places the dots lie inside the rings; with places they lie apart.",
                    "Rings: dog bites man. Dots: man bites dog. The same colour is the same word.",
                    *(
                        panel(
                            title, _sentences(placed), xlim=(-1.1, 1.1), ylim=(-1.0, 1.3), legend="upper left"
                        )
                        for title, placed in (("Answers, no places", False), ("With places", True))
                    ),
                )
            ],
        },
    ]


def directions(latitude: Array) -> Array:
    """Return unit vectors [n, 2], turned by latitude."""
    angle = (latitude - 47.5) / 0.3
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def smoothed(latitude: Array, scale: float) -> tuple[Array, Array]:
    """Return the answers [m] at these latitudes from 200 sales, and the weights [m, 200]."""
    found = sales()
    price = np.log(found["price"] / found["sqft_living"])[::4]
    keys = directions(found["lat"][::4])
    Y, A = attention(directions(latitude), keys, price[:, None], scale=scale)
    return Y[:, 0], A


def held_out(scale: float) -> float:
    """Return the mean squared error on the 600 other sales, over their variance."""
    found = sales()
    other = np.arange(800) % 4 != 0
    price = np.log(found["price"] / found["sqft_living"])[other]
    return float(np.mean((price - smoothed(found["lat"][other], scale)[0]) ** 2) / price.var())


def focus(d: int, scaled: bool) -> tuple[float, float]:
    """Return the mean largest weight and the mean slope left, of 400 queries on ten keys each."""
    generator = numpy_generator(0, "show", "attention", "width", d)
    Q, K = generator.normal(size=(400, 1, d)), generator.normal(size=(400, 10, d))
    A = attention(Q, K, K, scale=None if scaled else 1.0)[1]
    return float(A.max(axis=-1).mean()), float(slope_left(A).mean())


def next_place(n: int, mask: bool) -> Array:
    """Return the weights [n, n] of a head that asks for the place after its own."""
    places = 6.0 * np.eye(n)
    seen = np.tril(np.ones((n, n), dtype=bool)) if mask else None
    return attention(np.roll(places, 1, axis=1), places, places, seen, scale=1.0)[1]


def foretold(mask: bool) -> float:
    """Return the mean squared error of that head on rows of noise, at all places that have a next one."""
    x = numpy_generator(0, "show", "attention", "noise").normal(size=(2000, 6))
    answers = x @ next_place(6, mask).T
    return float(np.mean((answers[:, :-1] - x[:, 1:]) ** 2))


def answers(order: tuple[int, ...], placed: bool) -> Array:
    """Return what each word gets, [3, 2], in the order dog, bites, man."""
    known = np.array([[1.0, 0.2], [-0.3, 1.0], [-0.7, -0.8]])
    place = np.array([[0.0, 0.0], [0.6, -0.4], [-0.3, 0.7]]) if placed else np.zeros((3, 2))
    x = known[list(order)] + place
    return attention(x, x, x)[0][np.argsort(order)]


def apart(placed: bool) -> float:
    """Return the largest difference between the two sentences' answers."""
    return float(np.abs(answers((0, 1, 2), placed) - answers((2, 1, 0), placed)).max()) + 0.0


def _sentences(placed: bool) -> list[Layer]:
    layers: list[Layer] = []
    one, other = answers((0, 1, 2), placed), answers((2, 1, 0), placed)
    for name, a, b, colour in zip(("dog", "bites", "man"), one, other, _COLOURS, strict=True):
        layers.append(points([a[0]], [a[1]], colour, size=15.0, label=name))
        layers.append(points([a[0]], [a[1]], "surface", size=10.0))
        layers.append(points([b[0]], [b[1]], colour, size=7.0))
    return layers


def _table(A: Array, names: str, hidden: Array) -> list[Layer]:
    shown = [["" if hidden[i, j] else f"{A[i, j]:.2g}" for j in range(len(names))] for i in range(len(names))]
    layers = cells(shown, (0.0, 0.0), lambda i, j: "blue" if A[i, j] > 0.1 else "grey", 12.0)
    for k, name in enumerate(names):
        layers.append(words(k + 0.47, 0.4, name, align="center", size=13))
        layers.append(words(-0.4, -k - 0.47, name, align="center", size=13))
    return layers


def _head_picture(kind: str) -> list[Layer]:
    letters = "ABACBA"
    places = 9.0 * np.eye(6)
    same = 9.0 * np.array([[float(a == b) for b in "ABC"] for a in letters])
    Q, K = (np.roll(places, -1, axis=1), places) if kind == "before" else (same, same)
    seen = np.tril(np.ones((6, 6), dtype=bool), 0 if kind == "letter" else -1)
    seen[0, 0] = True
    A = attention(Q, K, K, seen, scale=1.0)[1].round(2)
    return _table(A, letters, ~seen)


def _next_picture(mask: bool) -> list[Layer]:
    hidden = ~np.tril(np.ones((6, 6), dtype=bool)) if mask else np.zeros((6, 6), dtype=bool)
    return _table(next_place(6, mask).round(2), "123456", hidden)


def _sharpened(i: int, errors: list[float]) -> dict[str, Any]:
    found, scale = sales(), _SCALES[i]
    latitude, price = found["lat"][::4], np.log(found["price"] / found["sqft_living"])[::4]
    grid = np.linspace(47.19, 47.777, 300)
    curve = smoothed(grid, scale)[0]
    answer, A = smoothed(np.array([_QUERY]), scale)
    a = A[0]
    count = float(np.exp(-np.sum(a[a > 0] * np.log(a[a > 0]))))
    best = int(np.argmin(errors))
    colour = "green" if abs(i - best) <= 1 else "orange" if i < best else "red"
    what = (
        "Nearly the mean of all."
        if i < 2
        else "Nearly one sale."
        if count < 1.5
        else "A mean of those near by."
    )
    return frame(
        f"{scale:,g}" if scale < 1e6 else "1,000,000",
        f"{what} The query weighs as many as {count:.1f} sales evenly, and {slope_left(a):.2f} of the slope "
        f"is left. Held-out error {errors[i]:.2f} of the variance.",
        f"A curve through sales, the weights of one query and the held-out error, scores times {scale:g}",
        panel(
            "Log price per square foot",
            [
                points(latitude, price, "grey", size=3.0),
                line(grid, curve, colour),
                points([_QUERY], answer, "ink", size=8.0),
            ],
            xlabel="latitude",
            xlim=(47.17, 47.8),
            ylim=(4.3, 6.8),
        ),
        panel(
            f"Weights, asked at {_QUERY}°",
            [
                line([_QUERY, _QUERY], [1e-5, 1.0], "ink", dashed=True, width=1.0),
                points(latitude, np.maximum(a, 1e-9), colour, size=4.0),
            ],
            xlabel="latitude of the key",
            xlim=(47.17, 47.8),
            ylim=(1e-5, 1.6),
            ylog=True,
            yticks=powers(-5, 0),
        ),
        panel(
            "Held-out error / variance",
            [
                line(_SCALES, errors, "grey", marker="o"),
                points([scale], [errors[i]], colour, size=9.0),
            ],
            xlabel="factor on the scores",
            xlog=True,
            xlim=(0.05, 2e6),
            ylim=(0.0, 1.5),
            xticks=powers(0, 6, 2),
        ),
    )
