"""Lesson: the hypothesis test, chance dealt out by shuffling labels, and how it is fooled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, powers, text
from fivefold.concepts.hypothesis_test import holm, p_value, shuffled, welch_statistic
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"p = 2\, \min\left( P(T \geq t),\ P(T \leq t) \right)\ \ \mathrm{if\ there\ is\ no\ effect}",
        "How often chance alone gives as much, twice: a difference the other way would also have been a "
        "finding. At most 1.",
    ),
    (
        r"T = \frac{\bar{x} - \bar{y}}{\sqrt{s_x^2 / n + s_y^2 / m}}",
        "The difference of the means in units of its standard error.",
    ),
    (
        r"p = 2\, \frac{1 + \min(\#\{b: T_b \geq t\},\ \#\{b: T_b \leq t\})}{1 + B}",
        "By permutation: deal the labels out anew B times, and count the smaller side. What was seen is "
        "one of the ways.",
    ),
)
CALLS = (
    ("fivefold.probability.welch_test", "two means, with the effect's size and the assumptions checked."),
    ("fivefold.probability.permutation_test", "any statistic, by shuffling; all ways where there are few."),
    ("fivefold.probability.correct_p_values", "where many hypotheses were tested."),
)
RELATED = (
    ("bayes-rule", "how to get the probability of the hypothesis, which p is not"),
    ("monte-carlo-integration", "a p value by shuffling is an integral by sampling"),
    ("maximum-likelihood", "how to estimate the effect instead of denying its absence"),
)

_SHIFTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)


def geometry() -> dict[str, Any]:
    """Show one deal of the labels after another."""
    x, y = _samples(1.0)
    pooled = np.concatenate([x, y])
    generator = numpy_generator(0, "show", "hypothesis-test", "deals")
    layers = []
    for row in range(5):
        order = np.arange(len(pooled)) if row == 0 else generator.permutation(len(pooled))
        first, second = pooled[order[: len(x)]], pooled[order[len(x) :]]
        at = 4.0 - row
        layers += [
            points(first, np.full(len(first), at), "blue", size=6.0),
            points(second, np.full(len(second), at), "orange", size=6.0),
            line([first.mean()] * 2, [at - 0.28, at + 0.28], "blue", width=3.0),
            line([second.mean()] * 2, [at - 0.28, at + 0.28], "orange", width=3.0),
            text(5.2, at, f"{first.mean() - second.mean():+.2f}".replace("-", "−"), align="right"),
        ]
    ticks = [(4.0, "as seen"), *((3.0 - row, f"deal {row + 1}") for row in range(4))]
    return {
        "text": [
            "Two groups of twelve, and a difference between their means. If the groups were alike, the "
            "labels "
            "would mean nothing, and any other deal of blue and orange over the same values would be as "
            "good. "
            "So deal: the differences that come out are what chance alone does.",
        ],
        "figures": [
            figure(
                "Five rows of the same dots; in the first as measured, in the others with shuffled colours.",
                "The same 24 values. Bars: the means. Right: blue minus orange.",
                panel("", layers, xlim=(-2.6, 5.4), ylim=(-0.6, 4.6), yticks=ticks, xlabel="value"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Move one group away from the other."""
    p = []
    for shift in np.linspace(0.0, 2.2, 23):
        x, y = _samples(float(shift))
        p.append(p_value(float(x.mean() - y.mean()), _by_chance(x, y)))
    return {
        "label": "the effect: how far one group is moved",
        "text": "Two groups of twelve, of standard deviation one. All of the first are moved by the same "
        "amount. "
        "Grey: the differences that 5,000 shuffles give.",
        "start": 3,
        "frames": [_tested(shift, p) for shift in _SHIFTS],
    }


def failures() -> list[dict[str, Any]]:
    """Show many tests, looking again and again, and a tiny effect in a large sample."""
    generator = numpy_generator(0, "show", "hypothesis-test", "failures")
    return [
        {
            "title": "Test often enough, and something is found",
            "text": "With no effect anywhere, one test in twenty falls below 0.05. Test twenty columns, "
            "and the "
            "chance that at least one does is 64%. Holm's correction multiplies the smallest p by the number "
            "of tests, the next by one less, and so on: then the family is wrong one time in twenty.",
            "figures": [_many(generator)],
        },
        {
            "title": "Stop when it looks good",
            "text": "Look after every ten cases and stop as soon as p is below 0.05: pure noise is "
            "declared an "
            "effect far more often than one time in twenty, and in the end always. Fix the size before, or "
            "use a test made for looking.",
            "figures": [_peeking(generator)],
        },
        {
            "title": "A small p is no large effect",
            "text": "p falls with the number of cases, whatever the effect is worth. A shift of a "
            "hundredth of a "
            "standard deviation, of no use to anybody, is certain with a million cases. Report the size of "
            "the effect with its interval. And a large p is no proof of equality: the sample may be small.",
            "figures": [_tiny()],
        },
    ]


def _samples(shift: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two groups of twelve with standard deviation one, their means apart by exactly the shift."""
    z = numpy_generator(0, "show", "hypothesis-test").normal(size=(2, 12))
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, ddof=1, keepdims=True)
    return 1.0 + z[0] + shift, 1.0 + z[1]


def _by_chance(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return shuffled(x, y, 5000, numpy_generator(0, "show", "hypothesis-test", "shuffles"))


def _tested(shift: float, curve: list[float]) -> dict[str, Any]:
    x, y = _samples(shift)
    seen, chance = float(x.mean() - y.mean()), _by_chance(x, y)
    p, t = p_value(seen, chance), welch_statistic(x, y)
    edges = np.linspace(-2.4, 2.4, 49)
    counts = np.histogram(chance, edges)[0]
    middles = 0.5 * (edges[1:] + edges[:-1])
    tail = np.abs(middles) >= abs(seen)  # two groups of one size: the sides are alike
    colour = "red" if p < 0.05 else "blue"
    layers = [bars(middles[~tail], counts[~tail], "grey", width=0.095)]
    if tail.any():
        layers.append(bars(middles[tail], counts[tail], colour, width=0.095))
    layers.append(line([seen, seen], [0, 620], colour, width=2.4))
    against = [
        line(np.linspace(0.0, 2.2, 23), curve, "grey"),
        line([0, 2.2], [0.05, 0.05], "orange", dashed=True, width=1.3, label="0.05"),
        points([shift], [p], colour, size=9.0),
    ]
    word = "rarely" if p < 0.05 else "often enough"
    return frame(
        f"{shift:g}",
        f"Difference {seen:.2f}, t = {t:.2f}. Chance alone goes as far that way in {50 * p:.3g}% of the "
        f"deals: {word}. p is twice that, {p:.2g}.",
        f"Histogram of differences by shuffling with the seen one at {seen:.2f}, and p = {p:.2g} on its "
        "curve",
        panel("Differences by chance", layers, xlabel="difference", xlim=(-2.4, 2.4), ylim=(0, 650)),
        panel(
            "p against the effect",
            against,
            xlabel="effect",
            ylabel="p",
            ylog=True,
            xlim=(-0.05, 2.25),
            ylim=(1e-4, 1.5),
            yticks=powers(-4, 0),
            legend="lower left",
        ),
    )


def _many(generator: np.random.Generator) -> dict[str, Any]:
    numbers = np.array([1, 2, 5, 10, 20, 50, 100])
    plain, corrected = [], []
    for m in numbers:
        p = generator.random((2000, int(m)))
        plain.append(float(np.mean(p.min(axis=1) < 0.05)))
        corrected.append(float(np.mean([holm(row).min() < 0.05 for row in p])))
    return figure(
        "The chance of a false alarm rises to nearly one with the number of tests; corrected it stays at 5%.",
        "2,000 repetitions without any effect.",
        panel(
            "At least one false alarm",
            [
                line(numbers, plain, "red", marker="o", label="p < 0.05"),
                line(numbers, corrected, "green", marker="s", label="Holm"),
                line([1, 100], [0.05, 0.05], "grey", dashed=True),
            ],
            xlabel="number of tests",
            ylabel="probability",
            xlog=True,
            xlim=(1, 100),
            ylim=(0, 1.03),
            legend="center left",
        ),
    )


def _peeking(generator: np.random.Generator) -> dict[str, Any]:
    z = np.cumsum(generator.normal(size=(2000, 1000)), axis=1)
    looks = np.arange(10, 1001, 10)
    extreme = np.abs(z[:, looks - 1]) / np.sqrt(looks) > 1.959964
    stopped = np.mean(np.maximum.accumulate(extreme, axis=1), axis=0)
    once = np.mean(extreme, axis=0)
    return figure(
        "The share of noise declared an effect: constant at 5% when looked at once, rising when looked at "
        "often.",
        "2,000 experiments on pure noise.",
        panel(
            "False alarms so far",
            [
                line(looks, stopped, "red", label="looked at every 10 cases"),
                line(looks, once, "green", label="looked at once, here"),
            ],
            xlabel="cases",
            ylabel="share",
            xlim=(0, 1000),
            ylim=(0, 0.6),
            legend="upper left",
        ),
    )


def _tiny() -> dict[str, Any]:
    from math import erfc, sqrt

    sizes = np.logspace(1.0, 6.3, 60)
    curves = []
    for effect, colour in ((0.5, "green"), (0.1, "blue"), (0.01, "red")):
        p = [max(erfc(effect * sqrt(n / 2.0) / sqrt(2.0)), 1e-12) for n in sizes]
        curves.append(line(sizes, p, colour, label=f"effect {effect:g}"))
    return figure(
        "p falls with the number of cases for every effect, however small.",
        "Where the difference seen is exactly the effect, in standard deviations.",
        panel(
            "p",
            [*curves, line([10, 2e6], [0.05, 0.05], "orange", dashed=True, width=1.2)],
            xlabel="cases in each group",
            xlog=True,
            ylog=True,
            xlim=(10, 2e6),
            ylim=(1e-8, 2.0),
            xticks=powers(1, 6),
            yticks=powers(-8, 0, 2),
            legend="lower left",
        ),
    )
