"""Lesson: calibration: what a probability promises, what breaks it, and what one number repairs."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import band, bars, figure, frame, line, panel, points, powers, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.calibration import (
    brier_parts,
    calibration_error,
    gap_by_chance,
    reliability,
    temperature,
)
from fivefold.concepts.initialisation import gaussian_mean
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\mathrm{ECE} = \sum_b \frac{n_b}{n}\, |\bar{f}_b - \bar{y}_b|",
        "Sort the forecasts into bins; compare what was said with what came, bin by bin.",
    ),
    (
        r"\mathrm{Brier} = \sum_b \frac{n_b}{n} (\bar{f}_b - \bar{y}_b)^2 - \sum_b \frac{n_b}{n} (\bar{y}_b "
        r"- \bar{y})^2 + "
        r"\bar{y}\,(1 - \bar{y})",
        "Reliability − resolution + what no forecast can change: to be honest is not yet to be of use.",
    ),
    (
        r"E\, \left| \frac{K}{n} - p \right| = \frac{2 m}{n} \binom{n}{m} p^m (1 - p)^{n - m + "
        r"1} \quad m = "
        r"\lfloor n p \rfloor + 1",
        "De Moivre: the gap that even an honest forecast shows after n times. An ECE below that says "
        "nothing.",
    ),
)
CALLS = (
    ("fivefold.fit", "fits a temperature on held-out rows, and draws this diagram on its page."),
    ("sklearn.calibration.calibration_curve", "the bins."),
    (
        "sklearn.calibration.CalibratedClassifierCV",
        "other repairs: a sigmoid with a shift, isotonic steps, a temperature.",
    ),
)
RELATED = (
    ("maximum-likelihood", "the loss that rewards honest probabilities"),
    ("overfitting", "the usual cause of too much confidence"),
    ("label-noise", "calibrated, for the wrong labels"),
    ("hypothesis-test", "is the gap more than chance?"),
)

_ROWS, _SPREAD, _HEAT = 4000, 1.5, 3.0
_TEMPERATURES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)


def sigmoid(z: Array) -> Array:
    """Return 1/(1 + e⁻ᶻ)."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * z))


def data() -> tuple[Array, Array]:
    """Return scores that are three times too large, [n], and what happened."""
    generator = numpy_generator(0, "show", "calibration")
    z = _SPREAD * generator.normal(size=_ROWS)
    return _HEAT * z, (generator.random(_ROWS) < sigmoid(z)).astype(np.float64)


def expected_error(heat: float) -> float:
    """Return the mean of |said − true probability| after division by this temperature, by an integral."""
    return gaussian_mean(lambda z: np.abs(sigmoid(_HEAT * z / heat) - sigmoid(z)), _SPREAD)


def expected_loss(heat: float) -> float:
    """Return the expected log loss after division by this temperature, by an integral."""
    return gaussian_mean(
        lambda z: np.logaddexp(0.0, _HEAT * z / heat) - sigmoid(z) * _HEAT * z / heat, _SPREAD
    )


def geometry() -> dict[str, Any]:
    """Follow honest forecasts of 70%, and one of 85%, over days."""
    generator = numpy_generator(0, "show", "calibration", "days")
    days = np.unique(np.round(np.geomspace(1, 1000, 60)).astype(int))
    gap = np.array([gap_by_chance(0.7, int(n)) for n in days])
    layers = [band(days, 0.7 - gap, 0.7 + gap, "blue", alpha=0.18)]
    for _ in range(5):
        rain = np.cumsum(generator.random(1000) < 0.7) / np.arange(1.0, 1001.0)
        layers.append(line(days, rain[days - 1], "blue", width=1.1))
    layers.append(line([1, 1000], [0.85, 0.85], "red", dashed=True, width=1.6, label="another said 85%"))
    layers.append(line([1, 1000], [0.7, 0.7], "ink", dashed=True, width=1.6, label="said 70%"))
    return {
        "text": [
            "A probability is a promise about many cases: of all the days for which 70% was said, it rains "
            "on 70%. One day proves nothing. "
            f"After ten the share is still off by {gap_by_chance(0.7, 10):.3f} on average, after a thousand "
            f"by {gap_by_chance(0.7, 1000):.3f}: "
            "only then is an 85% refuted for sure.",
            "Calibration is not accuracy. Who always says how often it rains in general is calibrated, and "
            "tells nothing.",
        ],
        "figures": [
            figure(
                "Five jagged shares of rainy days that settle at 0.7, inside a narrowing band.",
                "Share of rain over the days for which 70% was rightly said. Band: De Moivre's mean gap.",
                panel(
                    "Share that came true",
                    layers,
                    xlabel="days",
                    xlog=True,
                    xlim=(1, 1000),
                    ylim=(0.0, 1.03),
                    xticks=powers(0, 3),
                    legend="lower right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Divide the scores of an overconfident model by nine temperatures."""
    z, happened = data()
    return {
        "label": "the temperature T",
        "text": f"{_ROWS:,} cases. The model's scores are {_HEAT:g} times too large: it says 95% where "
        f"{100 * float(sigmoid(np.log(19.0) / _HEAT * np.ones(1))[0]):.0f}% is right. Left: ten bins, size "
        f"by "
        "the number of cases; the grey curve is exact. Right: the log loss and the ECE, lines by integrals, "
        "dots from the cases. On these "
        f"cases the best T is {temperature(z, happened):.2f}.",
        "start": 1,
        "frames": [_heat(heat, z, happened) for heat in _TEMPERATURES],
    }


def failures() -> list[dict[str, Any]]:
    """Show the ECE of an honest model, and honest forecasts that are of no use."""
    bins, chance, seen = honest()
    names, parts = brier()
    layers = []
    for k, (miss, resolution, rest) in enumerate(parts):
        layers.append(
            bars([k - 0.2], [miss], "red", width=0.36, **({"label": "reliability"} if k == 0 else {}))
        )
        layers.append(
            bars([k + 0.2], [resolution], "green", width=0.36, **({"label": "resolution"} if k == 0 else {}))
        )
        layers.append(
            text(
                float(k),
                max(miss, resolution) + 0.02,
                f"Brier {miss - resolution + rest:.3f}",
                align="center",
            )
        )
    return [
        {
            "title": "An honest model with an ECE",
            "text": "Every probability here is exactly right, and 1,000 cases are counted. Chance alone "
            "makes an ECE of "
            f"{seen[bins == 10][0]:.3f} in 10 bins and {seen[bins == 100][0]:.3f} in 100. The ECE is never "
            f"below zero and grows with the bins: "
            "compare it with what chance gives, not with nought, and never two of them with different bins "
            "or numbers of cases.",
            "figures": [
                figure(
                    "The calibration error of a perfectly honest model rises with the number of bins; dots "
                    "lie on the curve.",
                    "Line: De Moivre's gap, averaged over the bins. Dots: the mean of 50 sets of 1,000 "
                    "cases.",
                    panel(
                        "ECE by chance alone",
                        [line(bins, chance, "blue"), points(bins, seen, "orange", size=7.0)],
                        xlabel="number of bins",
                        xlog=True,
                        xlim=(1.8, 250),
                        ylim=(0.0, 0.2),
                        xticks=[(2.0, "2"), (10.0, "10"), (50.0, "50"), (200.0, "200")],
                    ),
                )
            ],
        },
        {
            "title": "Calibrated, and of no use",
            "text": "Three ways to forecast the same cases. The base rate, said each time, has no miss and "
            "no resolution. The overconfident model "
            f"({parts[1][0] - parts[1][1] + parts[1][2]:.3f}) tells much and promises too much; its "
            f"resolution stays when a temperature takes the "
            f"miss away ({parts[2][0] - parts[2][1] + parts[2][2]:.3f}). A low ECE alone is no praise.",
            "figures": [
                figure(
                    "Bars of reliability and resolution for a base rate, an overconfident model, and the "
                    "same with a temperature.",
                    "Brier = reliability − resolution + rest, in fifty bins; the rest, ȳ(1 − ȳ), is the same "
                    "for all.",
                    panel(
                        "Parts of the Brier score",
                        layers,
                        xlim=(-0.6, 2.6),
                        ylim=(0.0, 0.16),
                        xticks=[(float(k), name) for k, name in enumerate(names)],
                        legend="upper left",
                    ),
                )
            ],
        },
    ]


def honest(cases: int = 1000) -> tuple[Array, Array, Array]:
    """Return numbers of bins, the ECE to expect of honest forecasts in their middles, and the mean seen."""
    bins = np.array([2, 5, 10, 20, 50, 100, 200])
    chance, seen = [], []
    for count in bins:
        generator = numpy_generator(0, "show", "calibration", "honest", int(count))
        middle = (np.arange(count) + 0.5) / count
        # Equal numbers of cases in the bins, every one with the probability of the bin's middle.
        chance.append(np.mean([gap_by_chance(float(p), cases // int(count)) for p in middle]))
        said = np.repeat(middle, cases // count)
        sets = [(generator.random(len(said)) < said).astype(np.float64) for _ in range(50)]
        seen.append(np.mean([calibration_error(reliability(said, each, int(count))) for each in sets]))
    return bins.astype(np.float64), np.array(chance), np.array(seen)


def brier() -> tuple[tuple[str, str, str], list[tuple[float, float, float]]]:
    """Return the names and Brier parts of three forecasts of the same cases."""
    z, happened = data()
    said = (np.full(_ROWS, happened.mean()), sigmoid(z), sigmoid(z / temperature(z, happened)))
    return ("base rate", "overconfident", "with temperature"), [
        brier_parts(reliability(each, happened, 50)) for each in said
    ]


def _heat(heat: float, z: Array, happened: Array) -> dict[str, Any]:
    said = sigmoid(z / heat)
    table = reliability(said, happened, 10)
    error, loss = calibration_error(table), float(np.mean(np.logaddexp(0.0, z / heat) - happened * z / heat))
    right = float(np.mean((z > 0.0) == (happened > 0.5)))
    p = np.linspace(0.002, 0.998, 121)
    exact = sigmoid(heat / _HEAT * np.log(p / (1.0 - p)))
    grid = np.geomspace(0.4, 12.0, 61)
    colour = "green" if abs(np.log(heat / _HEAT)) < 0.1 else "red" if heat < _HEAT else "orange"
    left = [line([0, 1], [0, 1], "ink", dashed=True, width=1.2), line(p, exact, "grey", width=1.4)]
    left += [points([x], [y], colour, size=4.0 + 10.0 * float(np.sqrt(n / _ROWS))) for n, x, y in table.T]
    curves = [
        line(grid, [expected_loss(float(each)) for each in grid], "blue", label="log loss"),
        line(grid, [expected_error(float(each)) for each in grid], "purple", label="ECE"),
        points([heat], [loss], "blue", size=9.0),
        points([heat], [error], "purple", size=9.0),
    ]
    verdict = (
        "Honest: what was said is what came."
        if colour == "green"
        else "Too sure: high forecasts come true less often than was said, low ones more often."
        if heat < _HEAT
        else "Too timid: high forecasts come true more often than was said."
    )
    return frame(
        f"T = {heat:g}",
        f"{verdict} ECE {error:.3f} ({expected_error(heat):.3f} expected, chance apart), log loss "
        f"{loss:.3f}; right in {100 * right:.1f}%, as at every T.",
        f"What was said against what came in ten bins, and loss and error by temperature, T = {heat:g}",
        panel("Share that came true", left, xlabel="probability said", xlim=(0, 1), ylim=(0, 1), equal=True),
        panel(
            "Log loss and ECE",
            curves,
            xlabel="temperature T",
            xlog=True,
            xlim=(0.4, 12.0),
            ylim=(0.0, 1.45),
            xticks=[(0.5, "0.5"), (1.0, "1"), (3.0, "3"), (10.0, "10")],
            legend="upper right",
        ),
    )
