"""Lesson: dropout as noise, as a penalty, and what it is worth on few rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import arrow, bars, contour, figure, frame, line, panel, path, points, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.dropout import draw_mask, dropout, expected_loss, ridge_of_dropout
from fivefold.concepts.overfitting import polynomials
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\tilde{h} = m \odot h / (1 - p) \quad P(m_j = 0) = p",
        "In training each value is put to zero with probability p; those that stay grow to make up for it. "
        "At evaluation nothing happens.",
    ),
    (
        r"E\, \tilde{h} = h \quad \mathrm{Var}\, \tilde{h}_j = \frac{p}{1 - p}\, h_j^2",
        "Right on the average, with a noise as large as the value itself at p = 1/2.",
    ),
    (
        r"E\, |y - \tilde{X} w|^2 = |y - X w|^2 + \frac{p}{1 - p} \sum_j |x_j|^2\, w_j^2",
        "For least squares the noise is a ridge penalty, each weight's scaled by the size of its column.",
    ),
)
CALLS = (
    ("torch.nn.functional.dropout", "is the fast path; it needs to be told training or not."),
    ("torch.nn.Dropout", "asks the module: model.eval() turns it off, model.train() on."),
    ("fivefold.linalg.lstsq", "the penalty's answer, with a row √(p/(1 − p)) |xⱼ| for each column added."),
)
RELATED = (
    ("overfitting", "what it is against"),
    ("least-squares", "whose answer it shrinks"),
    ("early-stopping", "which shrinks too, flat directions first"),
    ("augmentation", "noise that means something"),
)

_RATES = (0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
_DEGREE, _ROWS, _COPIES = 12, 40, 400


def geometry() -> dict[str, Any]:
    """Show the four places of a dropped point, and the path of the weights."""
    h, p = np.array([3.0, 1.0]), 0.4
    masks = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    share = np.prod(np.where(masks > 0.0, 1.0 - p, p), axis=1)
    at = np.array([dropout(h, mask, p) for mask in masks])
    places = [arrow(h, to, "grey", width=1.0, gap=7, dashed=True) for to in at]
    places += [points([x], [y], "blue", size=30.0 * s**0.5) for (x, y), s in zip(at, share, strict=True)]
    places += [text(x, y + 0.3, f"{s:.2f}", align="center") for (x, y), s in zip(at, share, strict=True)]
    places += [
        points([h[0]], [h[1]], "orange", size=9.0),
        text(h[0] + 0.1, h[1] - 0.24, "h", "orange", size=14),
    ]
    X, y = two_columns()
    rates = np.concatenate([np.linspace(0.0, 0.95, 39), [0.99, 0.999]])
    walk = np.array([ridge_of_dropout(X, y, float(rate)) for rate in rates]).T
    plain = np.array(
        [np.linalg.solve(X.T @ X + s * np.eye(2), X.T @ y) for s in np.geomspace(1e-2, 1e5, 60)]
    ).T
    first, second = np.meshgrid(np.linspace(-0.3, 2.3, 81), np.linspace(-0.4, 1.4, 71))
    grid = np.stack([first.ravel(), second.ravel()], axis=1)
    low = expected_loss(X, y, walk[:, 0], 0.0)
    heights = np.array([expected_loss(X, y, w, 0.0) for w in grid]).reshape(first.shape) / low
    some = [0.1, 0.3, 0.5, 0.7, 0.9]
    marks = np.array([ridge_of_dropout(X, y, rate) for rate in some])
    curves = [
        contour(first[0], second[:, 0], heights, [1.3, 2.0, 4.0, 8.0, 16.0, 30.0]),
        path(plain, "grey", dashed=True, width=1.4, label="ridge, all weights alike"),
        path(walk, "blue", label="dropout"),
        points(marks[:, 0], marks[:, 1], "blue", size=6.0),
        *(text(w[0] + 0.06, w[1] - 0.07, f"{rate:g}", "blue") for w, rate in zip(marks, some, strict=True)),
        points([walk[0, 0]], [walk[1, 0]], "orange", size=9.0),
    ]
    return {
        "text": [
            "A mask throws the point h onto an axis, to zero, or further out. The mean of the four, weighed "
            "by how likely they are, is h again. That is all that is random; the labels stay.",
            "A weight that relies on one column is hit by every zero there. For a linear fit the expected "
            "damage can be written down: it is a penalty on w², larger for larger columns. The weights go "
            "from the least-squares answer to zero as p goes from 0 to 1.",
        ],
        "figures": [
            figure(
                "Four dots at the corners of a rectangle around a point; a curve of weights bending to zero.",
                "Left: h = (3, 1), p = 0.4, with the probabilities. Right: 60 rows, the first column four "
                "times smaller; lines of equal loss, p along the way.",
                panel("Where a mask takes h", places, xlim=(-0.6, 6.4), ylim=(-0.5, 2.5)),
                panel(
                    "Weights",
                    curves,
                    xlabel="weight of the small column",
                    ylabel="of the large one",
                    xlim=(-0.3, 2.3),
                    ylim=(-0.4, 1.4),
                    legend="lower right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Drop more and more of the columns of a polynomial fit."""
    curves = np.array([errors(rate) for rate in _RATES])
    return {
        "label": "the probability p",
        "text": f"Log price per square foot by latitude: {_ROWS} sales, a polynomial of degree {_DEGREE}, "
        f"each of its columns dropped with probability p in each row. Line: the penalty's answer. Dashed: "
        f"least squares on {_COPIES} masked copies of the table. Right: the error on "
        f"these rows and on the {len(table()[3])} others that lie between them.",
        "start": 5,
        "frames": [_dropped(i, curves) for i in range(len(_RATES))],
    }


def failures() -> list[dict[str, Any]]:
    """Show dropout left on, the factor forgotten, and a spread that changes at evaluation."""
    rates = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    found = [left_on(float(rate)) for rate in rates]
    off, on, foreseen = (np.array(column) for column in zip(*found, strict=True))
    depth = np.arange(0, 9)
    shrunk = [line(depth, (1.0 - p) ** depth, colour, label=f"p = {p:g}") for p, colour in _SHADES]
    shrunk += [points(depth, handed_on(p), colour, size=6.0) for p, colour in _SHADES]
    wide = []
    for mean, colour in ((0.0, "green"), (1.0, "orange"), (3.0, "red")):
        pairs = np.array([spread(float(p), mean) for p in rates])
        wide.append(line(rates, pairs[:, 0], colour, label=f"mean {mean:g} spreads"))
        wide.append(points(rates, pairs[:, 1], colour, size=6.0))
    bar = [bars([0.0], [off[5]], "green", width=0.6), bars([1.0], [on[5]], "red", width=0.6)]
    bar += [text(k, v + 0.05, f"{v:.2f}", align="center") for k, v in ((0.0, off[5]), (1.0, on[5]))]
    return [
        {
            "title": "Left on at evaluation",
            "text": f"The fit at p = 0.5 has an error of {off[5]:.2f} of the variance on other sales. Asked "
            f"with dropout still on, it has {on[5]:.2f}, and the same question asked twice gets two "
            "answers. The noise adds p/(1 − p) Σ xⱼ² wⱼ², and no row more will take it away. In PyTorch: "
            "call model.eval() first.",
            "figures": [
                figure(
                    "Error by the rate: low with dropout off, higher and rising with it on.",
                    "Left: p = 0.5. Right: by rate; line, the formula; dots, one mask a row.",
                    panel(
                        "Held-out error, p = 0.5",
                        bar,
                        xlim=(-0.6, 1.6),
                        ylim=(0, 1.2),
                        xticks=[(0.0, "off"), (1.0, "left on")],
                    ),
                    panel(
                        "By rate",
                        [
                            line(rates, off, "green", marker="o", label="off"),
                            line(rates, foreseen, "red", label="left on"),
                            points(rates, on, "red", size=6.0),
                        ],
                        xlabel="p",
                        xlim=(-0.02, 0.62),
                        ylim=(0, 1.2),
                        legend="upper left",
                    ),
                )
            ],
        },
        {
            "title": "The factor forgotten, and the spread with it",
            "text": "Without 1/(1 − p) each layer hands on less in training than at evaluation: after eight "
            f"layers at p = 0.5 the mean is {0.5**8:.4f} of what it will be. With the factor the means "
            "agree, but not the spreads: a layer that divides by the spread it saw in training, such as "
            "batch normalisation, saw one too large. At p = 0.5 that is by "
            f"{spread(0.5, 0.0)[0]:.2f} for a column of mean zero, and by {spread(0.5, 3.0)[0]:.2f} where "
            "the mean is three spreads. Put dropout behind the last such layer.",
            "figures": [
                figure(
                    "Left, three curves falling by layer; right, three rising by the rate.",
                    "Left: the mean in training over that at evaluation; lines, (1 − p)^layers; dots, a "
                    "linear net of width 400. Right: √((1 + p μ²/s²)/(1 − p)), and dots from 4,000 rows.",
                    panel(
                        "Mean, factor forgotten",
                        shrunk,
                        xlabel="layers",
                        xlim=(-0.2, 8.2),
                        ylim=(-0.03, 1.05),
                        legend="upper right",
                    ),
                    panel(
                        "Spread in training / evaluation",
                        wide,
                        xlabel="p",
                        xlim=(-0.02, 0.62),
                        ylim=(0.8, 5.0),
                        legend="upper left",
                    ),
                )
            ],
        },
    ]


_SHADES = ((0.1, "green"), (0.25, "orange"), (0.5, "red"))


def two_columns() -> tuple[Array, Array]:
    """Draw 60 rows with two columns that go together, the first four times smaller."""
    generator = numpy_generator(0, "show", "dropout", "two columns")
    large = generator.normal(size=60)
    small = 0.25 * (0.8 * large + 0.6 * generator.normal(size=60))
    X = np.stack([small, large], axis=1)
    return X, np.asarray(X @ np.array([2.0, 1.0]) + 0.3 * generator.normal(size=60))


def table() -> tuple[Array, Array, Array, Array]:
    """Return X, y of the 40 sales and of the others between them; columns of mean zero on the 40, as is y."""
    found = sales()
    x = places()
    price = np.log(found["price"] / found["sqft_living"])[_order()]
    X, y = polynomials(x, _DEGREE)[:, 1:], (price - price[:_ROWS].mean()) / price.std()
    X = X - X[:_ROWS].mean(axis=0)  # the level is not dropped
    inside = np.abs(x) <= 1.0
    inside[:_ROWS] = False
    return X[:_ROWS], y[:_ROWS], X[inside], y[inside]


def places() -> Array:
    """Return the latitudes of all sales, the 40 first, so scaled that these reach from −1 to 1."""
    north = sales()["lat"][_order()]
    low, high = north[:_ROWS].min(), north[:_ROWS].max()
    return np.asarray((2.0 * north - low - high) / (high - low))


def _order() -> NDArray[np.int64]:
    return numpy_generator(0, "show", "dropout", "rows").permutation(800)


def masked_fit(p: float) -> Array:
    """Return the least-squares weights on 400 masked copies of the 40 rows."""
    X, y, _, _ = table()
    generator = numpy_generator(0, "show", "dropout", "copies")
    masks = draw_mask((_COPIES, *X.shape), p, generator)
    copies = dropout(X, masks, p).reshape(-1, _DEGREE)
    return np.asarray(np.linalg.lstsq(copies, np.tile(y, _COPIES), rcond=None)[0], dtype=np.float64)


def errors(p: float) -> tuple[float, float]:
    """Return the penalty's mean squared errors on the 40 rows and on the others."""
    X, y, other, truth = table()
    w = ridge_of_dropout(X, y, p)
    return float(np.mean((y - X @ w) ** 2)), float(np.mean((truth - other @ w) ** 2))


def left_on(p: float) -> tuple[float, float, float]:
    """Return the error on other rows with dropout off, with it on, and as the formula foresees it."""
    X, y, other, truth = table()
    w = ridge_of_dropout(X, y, p)
    mask = draw_mask(other.shape, p, numpy_generator(0, "show", "dropout", "left on", round(100 * p)))
    seen = float(np.mean((truth - dropout(other, mask, p) @ w) ** 2))
    return float(np.mean((truth - other @ w) ** 2)), seen, expected_loss(other, truth, w, p) / len(truth)


def handed_on(p: float, width: int = 400, rows: int = 100) -> Array:
    """Return by layer of a linear net the mean without the factor, over that at evaluation."""
    generator = numpy_generator(0, "show", "dropout", "handed on")
    h = 1.0 + 0.3 * generator.normal(size=(rows, width))
    bare, means = h.copy(), [1.0]
    for _ in range(8):
        W = (1.0 + 0.3 * generator.normal(size=(width, width))) / width
        h, bare = h @ W, (draw_mask(h.shape, p, generator) * bare) @ W
        means.append(float(bare.mean() / h.mean()))
    return np.array(means)


def spread(p: float, mean: float) -> tuple[float, float]:
    """Return a column's spread under dropout over its own: by the formula, and on 4,000 rows N(mean, 1)."""
    generator = numpy_generator(0, "show", "dropout", "spread", round(100 * p))
    x = mean + generator.normal(size=4000)
    seen = dropout(x, draw_mask(x.shape, p, generator), p).std()
    return float(np.sqrt((1.0 + p * mean**2) / (1.0 - p))), float(seen)


def _dropped(i: int, curves: Array) -> dict[str, Any]:
    p = _RATES[i]
    X, y, _, _ = table()
    x, north = places()[:_ROWS], sales()["lat"][_order()][:_ROWS]
    scaled = np.linspace(-1.0, 1.0, 161)
    grid = north.min() + 0.5 * (scaled + 1.0) * np.ptp(north)
    G = polynomials(scaled, _DEGREE)[:, 1:] - polynomials(x, _DEGREE)[:, 1:].mean(axis=0)
    w, seen = ridge_of_dropout(X, y, p), masked_fit(p)
    best = int(np.argmin(curves[:, 1]))
    colour = "green" if abs(i - best) <= 1 else "red" if i < best else "orange"
    left = [
        points(north, y, "grey", size=4.0),
        line(grid, G @ w, colour, label="penalty"),
        line(grid, G @ seen, "ink", dashed=True, width=1.3, label="masked copies"),
    ]
    at = np.arange(1, _DEGREE + 1)
    weights = [bars(at, w, colour, width=0.6), points(at, seen, "ink", size=5.0)]
    place = np.arange(len(_RATES))
    right = [
        line(place, curves[:, 0], "blue", marker="o", label="these rows"),
        line(place, curves[:, 1], "purple", marker="s", label="others"),
        points([i, i], curves[i], colour, size=9.0),
    ]
    what = (
        "Least squares." if p == 0.0 else f"The noise on each value is {np.sqrt(p / (1 - p)):.2g} times it."
    )
    return frame(
        f"p = {p:g}",
        f"{what} Error {curves[i, 0]:.2f} on the {_ROWS} rows, {curves[i, 1]:.2f} on the others; weights of "
        f"length {np.linalg.norm(w):.2f}, on masked copies {np.linalg.norm(seen):.2f}.",
        f"A polynomial through forty sales, its weights and the errors, at p = {p:g}",
        panel(
            "Log price per square foot, scaled",
            left,
            xlabel="latitude",
            xlim=(47.17, 47.79),
            ylim=(-3.5, 3.5),
            legend="upper left",
        ),
        panel("Weights by degree", weights, xlabel="degree", xlim=(0.3, 12.7), ylim=(-1.6, 2.0)),
        panel(
            "Mean squared error",
            right,
            xlabel="p",
            xlim=(-0.4, 10.4),
            ylim=(0.0, 2.6),
            xticks=[(float(k), f"{_RATES[k]:g}") for k in (0, 2, 4, 6, 8, 10)],
            legend="upper right",
        ),
    )
