"""Lesson: overfitting: polynomials of growing degree, with the errors that are to be expected, exactly."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.overfitting import expected_errors, new_rows_error, polynomials, smoother
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"E\, \mathrm{train} = b^2 + \sigma^2 \left( 1 - \frac{d}{n} \right) \qquad "
        r"E\, \mathrm{test} = b^2 + \sigma^2 \left( 1 + \frac{d}{n} \right)",
        "Least squares with d columns on n rows, b² what they cannot follow. Each column takes σ²/n off the "
        "error that you see, "
        "and puts it on the one that you get.",
    ),
    (
        r"E\, \mathrm{test} - E\, \mathrm{train} = \frac{2 \sigma^2 d}{n}",
        "The optimism. Mallows's C_p adds it to what was seen.",
    ),
    (
        r"E\, \mathrm{test} = c \left( 1 - \frac{n}{d} \right) + s \left( 1 + \frac{n}{d - n - 1} \right)"
        r"\quad (d > n + 1)",
        "More columns than rows, the shortest answer, new rows, Gaussian columns: past d = n the error falls "
        "again, for a while. c and s: what the columns hold, and the rest with the noise.",
    ),
)
CALLS = (
    ("fivefold.fit", "chooses by held-out rows, never by the error on the rows learnt from."),
    ("fivefold.linalg.lstsq", "the fit itself; of many answers the shortest."),
    ("fivefold.train", "with validation rows stops before the noise is learnt."),
)
RELATED = (
    ("least-squares", "the fit and its geometry"),
    ("early-stopping", "another dial from simple to complicated"),
    ("leakage", "how a test can be fooled as well"),
    ("hypothesis-test", "why the best of many looks better than it is"),
)

_ROWS, _NOISE = 24, 0.09
_DEGREES = (0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 18)
_GRID = np.cos(np.pi * (np.arange(_ROWS) + 0.5) / _ROWS)[::-1]


def truth(x: Array) -> Array:
    """Return the function that the data follow."""
    return np.asarray(np.sin(4.0 * x) + 0.5 * x)


def drawn(count: int, *names: str | int) -> Array:
    """Return so many samples of the rows, [count, rows]."""
    noise = numpy_generator(0, "show", "overfitting", *names).normal(size=(count, _ROWS))
    return np.asarray(truth(_GRID) + np.sqrt(_NOISE) * noise)


def geometry() -> dict[str, Any]:
    """Show what a fitted value is made of: the rows of P."""
    middle = 9
    weights = [
        line(
            _GRID,
            smoother(polynomials(_GRID, degree))[middle],
            colour,
            marker="o",
            width=1.5,
            label=f"{degree + 1} columns, own weight "
            f"{smoother(polynomials(_GRID, degree))[middle, middle]:.2f}",
        )
        for degree, colour in ((1, "green"), (5, "blue"), (15, "red"))
    ]
    return {
        "text": [
            "Least squares makes each fitted value out of all that was seen: ŷ = P y. The more columns, the "
            "more a row listens "
            "to itself, and the less to its neighbours. The own weights add up to tr P = d, the number of "
            "columns.",
            "What a row says is truth and noise. A row that listens to itself repeats its own noise: the "
            "error on these rows looks "
            "smaller by σ² d/n, and new noise at the same places is met with an error larger by as much.",
        ],
        "figures": [
            figure(
                "Three sets of weights over the rows: nearly level, a broad bump, and a spike at the row "
                "itself.",
                "The weights that make the fitted value at the tenth row, by the number of columns.",
                panel(
                    "One row of P",
                    weights,
                    xlabel="x of the other row",
                    xlim=(-1, 1),
                    ylim=(-0.3, 1.1),
                    legend="upper right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Fit the same rows with polynomials of growing degree."""
    return {
        "label": "the degree of the polynomial",
        "text": f"{_ROWS} rows of sin 4x + x/2 with noise of variance {_NOISE:g}, fitted by least squares. "
        f"Right: lines are the "
        "expected errors, by the formula; small dots the means of 500 samples, the large ones this sample "
        "and new noise on it.",
        "start": 3,
        "frames": [_degree(degree) for degree in _DEGREES],
    }


def failures() -> list[dict[str, Any]]:
    """Show a choice by the training error, and the second descent."""
    picks, cost = choices()
    names = {"seen": "error seen", "mallows": "with 2σ²d/n", "true": "knowing the truth"}
    colours = {"seen": "red", "mallows": "blue", "true": "green"}
    layers = []
    for k, name in enumerate(names):
        counts = np.bincount(picks[name], minlength=19) / len(picks[name])
        layers.append(
            bars(np.arange(19) + 0.28 * (k - 1), counts, colours[name], width=0.26, label=names[name])
        )
    columns = np.unique(np.concatenate([np.arange(1, 39), np.arange(42, 60, 2), np.arange(60, 401, 10)]))
    curve = [min(double_descent(int(d)), 1e3) for d in columns]
    left, right = columns <= 38, columns >= 42
    seen = {d: double_descent_seen(d) for d in (1, 3, 8, 16, 25, 33, 48, 60, 100, 200, 400)}
    valley = min(range(1, 38), key=double_descent)
    second = min(range(42, 401), key=double_descent)
    best, near, far = double_descent(valley), double_descent(38), double_descent(400)
    usual = {name: int(np.median(pick)) for name, pick in picks.items()}
    return [
        {
            "title": "Chosen by the error that was seen",
            "text": "Of degrees 0 to 18 the error on the rows learnt from always likes the last best. Over "
            "500 samples its choice "
            f"costs {cost['seen']:.4f} on new noise, Mallows's {cost['mallows']:.4f}, and the best choice "
            f"that the truth would allow "
            f"{cost['true']:.4f}; the noise alone is {_NOISE:g}. The error of the chosen one, too, is lower "
            f"than the truth: measure "
            "it on rows that had no part in the choice.",
            "figures": [
                figure(
                    f"How often each rule chooses each degree; the medians are {usual['seen']}, "
                    f"{usual['mallows']} and {usual['true']}.",
                    f"How often each degree is chosen, of 500 samples; the medians are {usual['seen']}, "
                    f"{usual['mallows']} and "
                    f"{usual['true']}.",
                    panel(
                        "Degrees chosen",
                        layers,
                        xlabel="degree",
                        xlim=(-0.7, 18.7),
                        ylim=(0.0, 1.08),
                        legend="center",
                    ),
                )
            ],
        },
        {
            "title": "Worst where there are as many columns as rows",
            "text": f"40 rows and 400 columns, each telling less than the one before; the first d are used. "
            f"The error is lowest at {valley} "
            f"columns, {best:.3f}. As d nears the number of rows it goes beyond all bounds ({near:.1f} at "
            f"38): there is but one curve through "
            f"every row, and it must bend to all the noise. With more columns there are many, the shortest "
            f"is taken, and the error falls again, to {double_descent(second):.2f} at {second} columns: a "
            f"second descent, here not as deep as the first. Beyond, the answer is spread over so many "
            f"columns that "
            f"little of it is left ({far:.2f} at 400).",
            "figures": [
                figure(
                    "The error rises to a peak at forty columns, falls beyond it and slowly rises; dots from "
                    "runs lie on the curve.",
                    "Line: the formula. Dots: the mean of 200 samples. Dashed: the error of always saying 0.",
                    panel(
                        "Error on new rows",
                        [
                            line(columns[left], np.array(curve)[left], "blue"),
                            line(columns[right], np.array(curve)[right], "blue"),
                            points(list(seen), list(seen.values()), "orange", size=7.0),
                            line([1, 400], [1.04, 1.04], "grey", dashed=True, width=1.2),
                            text(44.0, 18.0, "d = n"),
                            line([40.0, 40.0], [0.1, 30.0], "grey", width=1.0),
                        ],
                        xlabel="columns d",
                        xlog=True,
                        ylog=True,
                        xlim=(1, 400),
                        ylim=(0.1, 30.0),
                        xticks=[(1.0, "1"), (10.0, "10"), (40.0, "40"), (100.0, "100"), (400.0, "400")],
                        yticks=[
                            (0.1, "0.1"),
                            (0.3, "0.3"),
                            (1.0, "1"),
                            (3.0, "3"),
                            (10.0, "10"),
                            (30.0, "30"),
                        ],
                    ),
                )
            ],
        },
    ]


def choices() -> tuple[dict[str, Any], dict[str, float]]:
    """Return the degrees chosen in 500 samples by three rules, and the mean error that each choice costs."""
    samples = drawn(500, "choices")
    seen, real = [], []
    for degree in range(19):
        fitted = samples @ smoother(polynomials(_GRID, degree))
        seen.append(np.mean((fitted - samples) ** 2, axis=1))
        real.append(np.mean((fitted - truth(_GRID)) ** 2, axis=1) + _NOISE)
    penalty = 2.0 * _NOISE * (np.arange(19) + 1.0)[:, None] / _ROWS
    scores = {"seen": np.array(seen), "mallows": np.array(seen) + penalty, "true": np.array(real)}
    picks = {name: np.argmin(score, axis=0) for name, score in scores.items()}
    return picks, {name: float(np.mean(np.array(real)[pick, np.arange(500)])) for name, pick in picks.items()}


def coefficients() -> Array:
    """Return 400 coefficients whose squares fall as 1/j² and add up to one."""
    squares = np.arange(1.0, 401.0) ** -2.0
    return np.asarray(np.sqrt(squares / squares.sum()))


def double_descent(columns: int) -> float:
    """Return the expected error on new rows: 40 rows, the first columns of 400."""
    squares = coefficients() ** 2
    return new_rows_error(40, columns, float(squares[:columns].sum()), float(squares[columns:].sum()), 0.04)


def double_descent_seen(columns: int, count: int = 200) -> float:
    """Return the mean error of so many samples."""
    generator = numpy_generator(0, "show", "overfitting", "descent", columns)
    w, errors = coefficients(), []
    other = float(np.sum(w[columns:] ** 2)) + 0.04  # of the columns left out, and of the noise
    for _ in range(count):
        X = generator.normal(size=(40, columns))
        y = X @ w[:columns] + np.sqrt(other) * generator.normal(size=40)
        answer = np.linalg.lstsq(X, y, rcond=None)[0]
        errors.append(float(np.sum((answer - w[:columns]) ** 2)) + other)
    return float(np.mean(errors))


def _degree(degree: int) -> dict[str, Any]:
    y, again = drawn(2, "shown")
    X = polynomials(_GRID, degree)
    P = smoother(X)
    x = np.linspace(-1.0, 1.0, 201)
    curve = polynomials(x, degree) @ (np.linalg.pinv(X) @ y)
    here, there = float(np.mean((P @ y - y) ** 2)), float(np.mean((P @ y - again) ** 2))
    degrees = np.arange(19)
    lines = np.array(
        [expected_errors(polynomials(_GRID, int(each)), truth(_GRID), _NOISE) for each in degrees]
    )
    bias, train, test = lines[degree]
    best = int(np.argmin(lines[:, 2]))
    samples, fresh = drawn(500, "means"), drawn(500, "again")
    means = []
    for each in degrees:
        fitted = samples @ smoother(polynomials(_GRID, int(each)))
        means.append((np.mean((fitted - samples) ** 2), np.mean((fitted - fresh) ** 2)))
    colour = "green" if test < 1.1 * lines[best, 2] else "orange" if degree < best else "red"
    said = (
        "Near the best."
        if colour == "green"
        else "Too simple: it cannot follow."
        if degree < best
        else "Too free: it follows the noise."
    )
    left = [
        line(x, truth(x), "grey", dashed=True, width=1.4, label="truth"),
        line(x, np.clip(curve, -3.0, 3.0), colour, label="fit"),
        points(_GRID, y, "ink", size=6.0),
    ]
    right = [
        line(degrees, lines[:, 1], "grey", label="rows learnt from"),
        line(degrees, lines[:, 2], "blue", label="new noise"),
        points(degrees, [a for a, _ in means], "grey", size=4.0),
        points(degrees, [b for _, b in means], "blue", size=4.0),
        points([degree, degree], [here, there], colour, size=9.0),
    ]
    return frame(
        f"degree {degree}",
        f"{said} Expected: {bias:.3f} of bias, and with the noise {train:.3f} where it learnt, {test:.3f} on "
        f"new noise. This sample: "
        f"{here:.3f} and {there:.3f}.",
        f"A polynomial of degree {degree} through 24 rows, and both errors by degree",
        panel("The fit", left, xlabel="x", xlim=(-1, 1), ylim=(-2.0, 2.4), legend="upper right"),
        panel(
            "Mean squared error",
            right,
            xlabel="degree",
            ylog=True,
            xlim=(-0.5, 18.5),
            ylim=(0.01, 1.5),
            yticks=[(0.01, "0.01"), (0.03, "0.03"), (0.1, "0.1"), (0.3, "0.3"), (1.0, "1")],
            legend="upper right",
        ),
    )
