"""Lesson: Kronecker products, and a table of prices smoothed along its rows and its columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.cells import cells
from fivefold.cli.lessons.king_county import months
from fivefold.cli.lessons.layers import figure, frame, line, panel, picture, points, powers, text
from fivefold.concepts.kronecker_products import kronecker, operations, smooth

FORMULAS = (
    (
        r"(A \otimes B)\, \mathrm{vec}(X) = \mathrm{vec}(B X A^{\mathsf{T}})",
        "A ⊗ B has the blocks aᵢⱼ B. On a table whose columns are put under each other, B acts within each "
        "column and A across the columns.",
    ),
    (
        r"(A \otimes B)^{-1} = A^{-1} \otimes B^{-1} \qquad \lambda_{ij} = \alpha_i\, \beta_j",
        "A system needs the two small inverses, and the eigenvalues are all products of one of A's and "
        "one of B's.",
    ),
    (
        r"\log |A \otimes B| = m \log |A| + n \log |B|",
        "For A [n, n] and B [m, m]: each counts as often as the other has rows.",
    ),
    (
        r"\hat{X} = K (K + \sigma^2 I)^{-1}\, \mathrm{vec}(Y), \qquad K = A \otimes B",
        "What a table with noise was before the noise, where A and B say how its columns and its rows go "
        "together.",
    ),
)
CALLS = (
    ("fivefold.linalg.Kronecker", "the operator, of any number of factors; its vec reads rows first."),
    ("fivefold.linalg.solve", "goes through the factors by itself, and so do the next two."),
    ("fivefold.linalg.eigh", "the extreme eigenvalues of a Kronecker product."),
    ("fivefold.linalg.logdet", "exact where the factors are small."),
)
RELATED = (
    ("matrix-products", "vec(B X Aᵀ) is a matter of grouping"),
    ("eigenvectors", "the factors' are the whole one's"),
    ("linear-systems", "two small ones in place of a large one"),
    ("bayes-rule", "the smoothed table is a posterior mean, and its fit an evidence"),
)

_MEMORIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
_REACH = 15.0  # kilometres after which the likeness of two places has fallen to e⁻¹
_SPREAD = 0.15  # variance of the log prices between places
_NOISE = 0.015  # variance of a month's mean of a few sales
_SHADES = (12.4, 14.0)

Array = NDArray[np.float64]


def geometry() -> dict[str, Any]:
    """Show the blocks of a small product, and the cost of a large one."""
    A, B = np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([[1.0, 4.0, 0.0], [5.0, 1.0, 2.0]])
    whole = kronecker(A, B)

    def written(matrix: Array) -> list[list[str]]:
        return [[f"{value:g}" for value in row] for row in matrix]

    shades = (("blue", "orange"), ("grey", "green"))
    drawing = [
        *cells(written(A), (0.0, 3.0), lambda i, j: shades[i][j]),
        text(2.3, 2.0, "⊗", align="center", size=18),
        *cells(written(B), (2.7, 3.0), lambda i, j: "ink"),
        text(6.1, 2.0, "=", align="center", size=18),
        *cells(written(whole), (6.6, 4.0), lambda i, j: shades[i // 2][j // 3]),
    ]
    sides = np.array([2, 5, 10, 30, 100, 300, 1000])
    cost = np.array([operations(int(n), int(n)) for n in sides], dtype=float)
    return {
        "text": [
            "Each entry of A is replaced by a copy of B, that many times as large. On a table X the "
            "product does two things in any order: B mixes the rows within each column, A mixes the "
            "columns. A table of 100 by 100 has a matrix of 10,000 by 10,000, and nobody needs to see it.",
        ],
        "figures": [
            figure(
                "A matrix of two by two and one of two by three, and their product in four coloured blocks.",
                "Each colour: an entry of A, and the block that it makes of B.",
                panel("", drawing, bare=True, equal=True, xlim=(-0.3, 12.8), ylim=(-1.2, 5.2)),
                panel(
                    "Operations of one product",
                    [
                        line(sides, cost[:, 0], "red", marker="o", label="written out, 2 n⁴"),
                        line(sides, cost[:, 1], "green", marker="s", label="by the factors, 4 n³"),
                    ],
                    xlabel="table of n by n",
                    xlog=True,
                    ylog=True,
                    xlim=(1.7, 1200),
                    ylim=(10, 1e13),
                    yticks=powers(1, 13, 3),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Lengthen the memory of the months."""
    table = months()
    errors, fits = [], []
    for memory in _MEMORIES:
        smoothed, fit = _smoothed(memory)
        errors.append(_distance(smoothed, table.second))
        fits.append(fit)
    return {
        "label": "the memory τ of prices, in months",
        "text": "Mean log prices of house sales in 63 zip codes of King County over twelve months, each "
        "from half of the sales, 13 on average: a table with noise. B says that places near each other are "
        "alike, e^(−distance / 15 km); A that months are, e^(−months apart / τ). The other half of the "
        "sales tells how well the noise was taken away; the evidence log p(Y), which A ⊗ B + σ²I gives by "
        "its eigenvalues and its log-determinant, has not seen them.",
        "start": 2,
        "frames": [_frame(i, errors, fits) for i in range(len(_MEMORIES))],
    }


def failures() -> list[dict[str, Any]]:
    """Show what breaks the structure: gaps, unequal noise, and near-singular factors."""
    sides = np.array([2, 3, 4, 5, 6, 7, 8])
    one = np.array([np.linalg.cond(_kernel(int(n))) for n in sides])
    return [
        {
            "title": "A gap in the table",
            "text": "With one cell missing, or noise that differs from cell to cell, the rows that are "
            "left of A ⊗ B are no Kronecker product any more, and solve, eigenvalues and log-determinant "
            "are lost at once. Products are not: fill the gaps with zeros, multiply, and let conjugate "
            "gradients do the rest. The table above has neither by our choice: only zip codes with sales "
            "in every month are in it, and the noise is taken as equal, though some means rest on two "
            "sales and some on 37.",
            "figures": [],
        },
        {
            "title": "Not everything is a product",
            "text": "A ⊗ B says that every place forgets at the same pace and every month has the same "
            "map. In the table above the best memory is the longest, and the gain over the plain mean of "
            f"each zip code is small: {_gain():.1f}% of the error, most of which is the other half's own "
            "noise. The structure made the computation cheap; it did not make the model true.",
            "figures": [],
        },
        {
            "title": "Condition numbers multiply",
            "text": "κ(A ⊗ B) = κ(A) κ(B). Two factors that are harmless each can make a system that has "
            "lost all its digits; three, as for a picture with colours, are worse. Solve factor by "
            "factor, and add noise to the sum rather than to a factor.",
            "figures": [
                figure(
                    "Condition numbers of one, two and three factors against their size; they multiply.",
                    "A smooth covariance e^(−(i − j)² / 8) of n neighbours. Dashed: 10¹⁶, where no digit "
                    "is left.",
                    panel(
                        "Condition number",
                        [
                            line(sides, one, "green", marker="o", label="one factor"),
                            line(sides, one**2, "orange", marker="s", label="two"),
                            line(sides, one**3, "red", marker="^", label="three"),
                            line([2, 8], [1e16, 1e16], "grey", dashed=True),
                        ],
                        xlabel="n of each factor",
                        ylog=True,
                        xlim=(1.8, 8.2),
                        ylim=(1, 1e28),
                        yticks=powers(0, 28, 4),
                        legend="upper left",
                    ),
                )
            ],
        },
    ]


def _kernel(n: int) -> Array:
    i = np.arange(n)
    return np.asarray(np.exp(-((i[:, None] - i) ** 2) / 8.0))


def _distance(a: Array, b: Array) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


def _smoothed(memory: float) -> tuple[Array, float]:
    """Return the table of the first half without its noise, and the log evidence."""
    table = months()
    apart = np.linalg.norm(table.places[:, None] - table.places, axis=2)
    month = np.arange(12.0)
    A = np.exp(-np.abs(month[:, None] - month) / memory)
    B = _SPREAD * np.exp(-apart / _REACH)
    mean = table.first.mean()
    signal, fit = smooth(A, B, table.first - mean, _NOISE)
    return mean + signal, fit


def _gain() -> float:
    """Return by how many per cent the longest memory's error is below that of each zip code's mean."""
    table = months()
    plain = _distance(table.first.mean(axis=1, keepdims=True), table.second)
    return 100.0 * (1.0 - _distance(_smoothed(_MEMORIES[-1])[0], table.second) / plain)


def _frame(i: int, errors: list[float], fits: list[float]) -> dict[str, Any]:
    table, memory = months(), _MEMORIES[i]
    smoothed, fit = _smoothed(memory)
    raw = _distance(table.first, table.second)
    plain = _distance(table.first.mean(axis=1, keepdims=True), table.second)
    # Each month is drawn two squares high: 63 places beside each other make a wide, low table.
    strips = np.concatenate([table.first.T, np.full((1, 63), _SHADES[1]), smoothed.T]).repeat(2, axis=0)
    kinds = [
        picture(strips, *_SHADES),
        text(31.0, -2.5, "as measured", align="center"),
        text(31.0, 52.0, "smoothed", align="center"),
    ]
    curve = [
        line([0.4, 1300], [raw, raw], "red", dashed=True, width=1.3, label="as measured"),
        line([0.4, 1300], [plain, plain], "grey", dashed=True, width=1.3, label="each zip code's mean"),
        line(_MEMORIES, errors, "blue", label="smoothed"),
        points([memory], [errors[i]], "blue", size=10.0),
    ]
    word = "the highest of all" if fit == max(fits) else f"{max(fits) - fit:.0f} below the highest"
    return frame(
        f"τ = {memory:g}",
        f"Off the other half by {errors[i]:.4f}, against {raw:.4f} as measured and {plain:.4f} for each "
        "zip code's "
        f"mean. Log evidence {fit:.0f}".replace("-", "−")
        + f", {word}.",
        f"The table of prices before and after smoothing with a memory of {memory:g} months, and the error",
        panel(
            "63 zip codes, cheapest left; months downwards",
            kinds,
            bare=True,
            xlim=(-0.5, 62.5),
            ylim=(54.5, -5),
        ),
        panel(
            "Difference from the other half",
            curve,
            xlabel="memory τ, months",
            xlog=True,
            xlim=(0.4, 1300),
            ylim=(0.115, 0.175),
            legend="center right",
        ),
    )
