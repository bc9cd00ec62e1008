"""Lesson: mutual information, beside correlation, on house prices and loans."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.cells import cells
from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, polygon, powers, text
from fivefold.concepts.mutual_information import bias, from_correlation, from_counts, from_neighbours
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"I(X; Y) = \sum_{x, y} p(x, y)\, \log \frac{p(x, y)}{p(x)\, p(y)}",
        "How far the table is from that of independent variables, in nats; zero for those alone.",
    ),
    (
        r"I(X; Y) = H(Y) - H(Y \mid X)",
        "The surprise about Y that X takes away: how much lower the log loss of the best prediction can be.",
    ),
    (
        r"I = -\frac{1}{2} \log(1 - r^2)",
        "For two jointly normal variables of correlation r; for others, what a straight line sees.",
    ),
    (
        r"\hat{I} = \psi(k) + \psi(n) - \frac{1}{n} \sum_i \left( \psi(n^x_i + 1) + \psi(n^y_i + 1) \right)",
        "From samples: how many points share the columns, and how many the rows, of a square that holds k "
        "neighbours. ψ is nearly a logarithm.",
    ),
)
CALLS = (
    (
        "fivefold.probability.discrete_mutual_information",
        "from counts, its bias taken off, with a standard error.",
    ),
    ("fivefold.probability.continuous_mutual_information", "by neighbours, with a standard error."),
    ("fivefold.probability.correlation_test", "where a straight line is all that is asked for."),
)
RELATED = (
    ("maximum-likelihood", "surprise, and the log loss that information lowers"),
    ("hypothesis-test", "shuffle y: what the estimate is by chance alone"),
    ("pca", "which sees correlations, and nothing else"),
    ("bayes-rule", "how a prediction changes once x is known"),
)

_NOISES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.3, 2.0)
_N = 400
_K = 3
_RECORDS = np.array([[2856, 825], [344, 429]])  # loans repaid and not, without and with an earlier default
_COLUMNS = (
    ("sqft_living", "living area", 1.0),
    ("lat", "latitude", 1e-4),
    ("long", "longitude", 1e-3),
    ("yr_built", "year built", 1.0),
)

Array = NDArray[np.float64]


def geometry() -> dict[str, Any]:
    """Show a table beside the independent one, real columns, and how neighbours are counted."""
    return {
        "text": [
            "Two variables are independent where the table of both is the product of its margins. Mutual "
            "information adds up how far it is from that. Below, real loans: 55% of those who had "
            "defaulted before did not repay, 22% of the others.",
            "Correlation asks for a straight line. House prices in King County rise northwards to "
            "Seattle and Bellevue, and fall again beyond: latitude tells three times what its correlation "
            "would say if both were normal.",
        ],
        "figures": [_table(), _real(), _counted()],
    }


def vary() -> dict[str, Any]:
    """Add noise to a parabola, whose correlation is zero all along."""
    true = [_true(noise) for noise in _NOISES]
    seen = [from_neighbours(*_parabola(noise), _K) for noise in _NOISES]
    lines = [from_correlation(*_parabola(noise)) for noise in _NOISES]
    return {
        "label": "the noise",
        "text": f"y = x² + noise · z, x even over [−1, 1], z normal, {_N} points. The true correlation is "
        "zero at every noise. Green: the true information, by quadrature. With 400 points the estimate by "
        "neighbours is uncertain by about 0.04.",
        "start": 3,
        "frames": [_bent(i, true, seen, lines) for i in range(len(_NOISES))],
    }


def failures() -> list[dict[str, Any]]:
    """Show tables that learn from chance, and a dependence too close for neighbours."""
    return [
        {
            "title": "Chance makes tables informative",
            "text": "200 pairs of independent variables, each cut into classes: the more classes, the "
            "more the table seems to tell. On average it is (rows − 1)(columns − 1)/2n as long as the "
            "cells are filled; with fewer than about three pairs to a cell the formula no longer fits. "
            "Subtract it, or shuffle y to see what chance gives. Neighbours are right on average, and so "
            "come out below zero about half of the time.",
            "figures": [_chance()],
        },
        {
            "title": "Too close for neighbours",
            "text": "The estimate can tell no more than about log n − 1: closer than its points lie it "
            "cannot see. Where y follows x exactly the truth is infinite, and 400 points say 5.1 "
            "nats, ψ(400) − ψ(3).",
            "figures": [_close()],
        },
        {
            "title": "Ties",
            "text": "Neighbours need distances, and rounded values have none: years, prices in thousands. "
            "Points that repeat are refused. Before the picture of the prices above, each value was moved "
            "at random by up to half of its last digit, which changes nothing that the digits knew.",
            "figures": [],
        },
        {
            "title": "No direction, no cause",
            "text": "I(X; Y) = I(Y; X). Latitude does not make houses dear; what does lies there. And "
            "information about y says what the best prediction could gain, not what a given model will.",
            "figures": [],
        },
    ]


def real_columns() -> dict[str, tuple[float, float, float]]:
    """Return for four columns of the sales: correlation with the log price, −½ log(1 − r²), neighbours."""
    found = sales()
    generator = numpy_generator(0, "show", "mutual-information", "ties")

    def spread(values: Array, unit: float) -> Array:
        """Move values by up to half of their last digit, so that none repeat."""
        return np.asarray(values + unit * (generator.random(len(values)) - 0.5))

    y = np.log(spread(found["price"], 1.0))
    measured = {}
    for name, words, unit in _COLUMNS:
        x = spread(found[name], unit)
        r = float(np.corrcoef(x, y)[0, 1])
        measured[words] = (r, from_correlation(x, y), from_neighbours(x, y, _K))
    return measured


def _table() -> dict[str, Any]:
    total = _RECORDS.sum()
    expected = np.outer(_RECORDS.sum(axis=1), _RECORDS.sum(axis=0)) / total
    colours = (("grey", "blue"), ("blue", "orange"))

    def drawn(table: Array, title: str) -> dict[str, Any]:
        layers = cells(
            [[f"{value:,.0f}" for value in row] for row in table],
            (0.0, 2.0),
            lambda i, j: colours[i][j] if table is not expected else "grey",
            size=15.0,
        )
        layers += [
            text(0.47, 2.25, "repaid", align="center"),
            text(1.47, 2.25, "not", align="center"),
            text(-0.1, 1.53, "no earlier default", align="right"),
            text(-0.1, 0.53, "earlier default", align="right"),
        ]
        return panel(title, layers, bare=True, equal=True, xlim=(-1.6, 2.1), ylim=(-0.1, 2.6))

    found = from_counts(_RECORDS)
    repaid = _RECORDS.sum(axis=0) / total
    surprise = float(-np.sum(repaid * np.log(repaid)))
    return figure(
        "The table of loans by earlier default and outcome, and the same margins if they were independent.",
        f"{total:,} loans. I = {found:.4f} nats, of which chance explains {bias(_RECORDS):.4f}. Not "
        f"knowing the record, the outcome's surprise is {surprise:.3f} nats: the record takes "
        f"{found / surprise:.0%} of it.",
        drawn(_RECORDS, "As counted"),
        drawn(expected, "If independent"),
    )


def _real() -> dict[str, Any]:
    found, measured = sales(), real_columns()
    at = np.arange(len(_COLUMNS), dtype=float)
    r, by_line, by_neighbours = np.array(list(measured.values())).T
    layers = [
        bars(at - 0.2, by_line, "grey", width=0.36, label="−½ log(1 − r²)"),
        bars(at + 0.2, by_neighbours, "blue", width=0.36, label="by neighbours"),
        *(
            text(place, max(a, b) + 0.03, f"r = {value:.2f}".replace("-", "−"), align="center", size=10.5)
            for place, a, b, value in zip(at, by_line, by_neighbours, r, strict=True)
        ),
    ]
    return figure(
        "Prices against latitude: up to a hump, then down. Bars: information by correlation and by "
        "neighbours.",
        "800 sales in King County, 2014 and 2015. Each column alone, with the log price. The estimates by "
        "neighbours are uncertain by 0.03: with so few, that of the year could be nothing. Of all 21,613 "
        "sales it is 0.07, and that of longitude 0.11 at r = 0.05, both ± 0.01.",
        panel(
            "Price against latitude",
            [points(found["lat"], np.log10(found["price"]), "blue", size=3.0)],
            xlabel="latitude, degrees",
            ylabel="price, dollars",
            xlim=(47.13, 47.8),
            ylim=(4.9, 6.8),
            xticks=[(47.2, "47.2"), (47.4, "47.4"), (47.6, "47.6")],
            yticks=[(5.0, "100k"), (5.5, "316k"), (6.0, "1M"), (6.5, "3.2M")],
        ),
        panel(
            "What a column tells about the price",
            layers,
            ylabel="nats",
            xlim=(-0.6, 3.6),
            ylim=(0, 0.62),
            xticks=[(float(i), words) for i, (_, words, _) in enumerate(_COLUMNS)],
            legend="upper right",
        ),
    )


def _counted() -> dict[str, Any]:
    generator = numpy_generator(0, "show", "mutual-information", "counted")
    x = np.linspace(-1.0, 1.0, 60) + 0.01 * generator.normal(size=60)
    z = generator.normal(size=60)
    panels = []
    for title, y in (("y follows x", np.sin(2.0 * x) + 0.06 * z), ("y is independent of x", 0.5 * z)):
        i = int(np.argmin(np.abs(x - 0.2)))
        reach = float(np.sort(np.maximum(np.abs(x - x[i]), np.abs(y - y[i])))[_K])
        column, row = np.abs(x - x[i]) < reach, np.abs(y - y[i]) < reach
        left, right, low, high = x[i] - reach, x[i] + reach, y[i] - reach, y[i] + reach
        others = ~(column | row)
        layers = [
            polygon([left, right, right, left], [-1.5, -1.5, 1.5, 1.5], "orange", alpha=0.1, width=0.5),
            polygon([-1.5, 1.5, 1.5, -1.5], [low, low, high, high], "green", alpha=0.1, width=0.5),
            polygon([left, right, right, left], [low, low, high, high], "ink", alpha=0.06),
            points(x[others], y[others], "grey", size=5.0),
            points(x[column & ~row], y[column & ~row], "orange", size=6.0),
            points(x[row & ~column], y[row & ~column], "green", size=6.0),
            points(x[column & row], y[column & row], "purple", size=6.0),
            points([x[i]], [y[i]], "ink", size=9.0),
            text(1.45, -1.33, f"nₓ = {column.sum() - 1}, nᵧ = {row.sum() - 1}", align="right", box=True),
        ]
        panels.append(
            panel(title, layers, equal=True, xlabel="x", ylabel="y", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
        )
    return figure(
        "A point, the square that reaches its third neighbour, and the strips above, below and beside it.",
        "The square reaches to the third neighbour. The fewer others in its strips, the more surely y had "
        "to be there once x was known. (The method first gives both variables the same spread.)",
        *panels,
    )


def _parabola(noise: float) -> tuple[Array, Array]:
    generator = numpy_generator(0, "show", "mutual-information")
    x = generator.uniform(-1.0, 1.0, size=_N)
    return x, x**2 + noise * generator.normal(size=_N)


def _true(noise: float) -> float:
    """Return h(y) − h(y | x): the entropy of the mixture over x, less that of the noise."""
    x = (np.arange(4000) + 0.5) / 4000  # the density is even in x: half is enough
    y = np.linspace(-6.0 * noise, 1.0 + 6.0 * noise, 1201)
    density = np.mean(np.exp(-0.5 * ((y[:, None] - x**2) / noise) ** 2), axis=1)
    density /= noise * np.sqrt(2 * np.pi)
    surprise = -density * np.log(np.maximum(density, 1e-300))
    return float(np.sum(surprise) * (y[1] - y[0]) - 0.5 * np.log(2 * np.pi * np.e * noise**2))


def _bent(i: int, true: list[float], seen: list[float], lines: list[float]) -> dict[str, Any]:
    noise = _NOISES[i]
    x, y = _parabola(noise)
    r = float(np.corrcoef(x, y)[0, 1])
    curves = [
        line(_NOISES, true, "green", label="the truth"),
        line(_NOISES, seen, "blue", marker="o", label="by neighbours"),
        line(_NOISES, lines, "grey", marker="s", label="−½ log(1 − r²)"),
        points([noise], [seen[i]], "blue", size=10.0),
    ]
    return frame(
        f"{noise:g}",
        f"Correlation {r:+.3f}".replace("-", "−")
        + f", which would be {lines[i]:.3f} nats. By neighbours {seen[i]:.3f}".replace("-", "−")
        + f"; the truth is {true[i]:.3f}.",
        f"A parabola with noise {noise:g}, and the information by neighbours, by correlation and in truth",
        panel(
            "400 points",
            [points(x, y, "blue", size=3.0)],
            xlabel="x",
            ylabel="y",
            xlim=(-1.05, 1.05),
            ylim=(-2.5, 3.5),
        ),
        panel(
            "Information",
            curves,
            xlabel="noise",
            ylabel="nats",
            xlog=True,
            xlim=(0.016, 2.5),
            ylim=(-0.15, 2.7),
            legend="upper right",
        ),
    )


def _chance() -> dict[str, Any]:
    generator = numpy_generator(0, "show", "mutual-information", "chance")
    n, rounds = 200, 60
    classes = np.array([2, 3, 4, 6, 8, 11, 15, 20])
    pairs = generator.random((rounds, 2, n))
    tables, corrected, formula = [], [], []
    for m in classes:
        counts = [np.histogram2d(x, y, bins=int(m), range=[[0, 1], [0, 1]])[0] for x, y in pairs]
        tables.append(float(np.mean([from_counts(table) for table in counts])))
        corrected.append(float(np.mean([from_counts(table) - bias(table) for table in counts])))
        formula.append(bias(counts[0]))
    near = np.array([from_neighbours(x, y, _K) for x, y in pairs])
    layers = [
        line(classes, tables, "red", marker="o", label="table"),
        line(classes, formula, "grey", dashed=True, label="the formula of its bias"),
        line(classes, corrected, "orange", marker="s", label="table, less the formula"),
        line([2, 20], [near.mean()] * 2, "blue", label="by neighbours"),
    ]
    edges = np.linspace(-0.2, 0.2, 17)
    heights = np.histogram(near, edges)[0]
    return figure(
        "The table's information rises with the classes though there is none; neighbours stay at zero.",
        f"Means of {rounds} repetitions. Right: the same {rounds} estimates by neighbours, "
        f"{np.mean(near < 0):.0%} of them below zero.",
        panel(
            "Independent variables, n = 200",
            layers,
            xlabel="classes of each variable",
            ylabel="nats",
            xlim=(1.5, 20.5),
            ylim=(-0.3, 1.2),
            legend="upper left",
        ),
        panel(
            "By neighbours",
            [bars(0.5 * (edges[1:] + edges[:-1]), heights, "blue", width=0.023)],
            xlabel="nats",
            ylabel="times",
            xlim=(-0.2, 0.2),
            ylim=(0, 16),
        ),
    )


def _close() -> dict[str, Any]:
    generator = numpy_generator(0, "show", "mutual-information", "close")
    x, z = generator.normal(size=(2, 400))
    rest = np.logspace(-6.0, -0.3, 20)  # 1 − r
    true = -0.5 * np.log(1.0 - (1.0 - rest) ** 2)
    curves = [line(rest, true, "green", label="the truth")]
    for n, colour, marker in ((100, "orange", "s"), (400, "blue", "o")):
        found = []
        for left in rest:
            r = 1.0 - left
            found.append(from_neighbours(x[:n], r * x[:n] + np.sqrt(1.0 - r * r) * z[:n], _K))
        curves.append(line(rest, found, colour, marker=marker, label=f"by neighbours, {n} points"))
    return figure(
        "The true information rises without end as the correlation nears one; the estimates level off.",
        "Normal variables. The closer they follow each other, the further right.",
        panel(
            "Information",
            curves,
            xlabel="1 − r, from loose to close",
            ylabel="nats",
            xlog=True,
            xlim=(1.0, 5e-7),
            ylim=(0, 7.5),
            xticks=powers(-6, 0, 2),
            legend="upper left",
        ),
    )
