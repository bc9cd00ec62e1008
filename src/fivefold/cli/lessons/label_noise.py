"""Lesson: label noise: what it hides, what it moves, and how to undo it where it is known."""

from math import comb, erf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import figure, frame, line, panel, points
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.label_noise import boundary, forward_loss, seen_accuracy
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"P(\mathrm{seen} = j\,|\,x) = \sum_i T_{ij}\, P(\mathrm{true} = i\,|\,x)",
        "The labels that are seen follow the true ones through a matrix of flips T, whose rows sum to one.",
    ),
    (
        r"\mathrm{seen} = a\,(1 - \rho) + (1 - a)\, \frac{\rho}{K - 1} \leq 1 - \rho",
        "The accuracy on noisy labels of a model that is right with probability a. Where ρ < "
        "(K − 1)/K, no honest model passes 1 − ρ.",
    ),
    (
        r"\ell(x, j) = -\log\, (T^{\mathsf{T}} p(x))_j",
        "The forward correction: let the model speak of true classes, pass its answer through T, and compare "
        "that with what was "
        "seen.",
    ),
)
CALLS = (
    ("torch.nn.functional.nll_loss", "of the logarithm of p T is the forward loss."),
    (
        "torch.nn.functional.cross_entropy",
        "with label_smoothing, where T is not known, doubts all labels alike.",
    ),
)
RELATED = (
    ("maximum-likelihood", "the loss that is corrected"),
    ("overfitting", "how noise gets into a model"),
    ("calibration", "a model of noisy labels is calibrated for the wrong question"),
    ("bayes-rule", "from the seen label back to the true one"),
)

_FLIPS = (0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.48)
_ROWS = 4000


def accuracy(at: float) -> float:
    """Return the true accuracy of a boundary for N(±1, 1), one class as frequent as the other."""
    return 0.25 * (2.0 + erf((1.0 + at) / sqrt(2.0)) + erf((1.0 - at) / sqrt(2.0)))


def data(flips: float) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Return x [n], true labels and seen labels: a share of class one is seen as class zero."""
    generator = numpy_generator(0, "show", "label-noise")
    true = np.arange(_ROWS) % 2
    x = generator.normal(size=_ROWS) + 2.0 * true - 1.0
    return x, true, np.where((true == 1) & (generator.random(_ROWS) < flips), 0, true)


def fitted(x: Array, labels: NDArray[np.int64], T: Array, steps: int = 40) -> Array:
    """Return (w, b) of the logits (0, w x + b) that minimise the forward loss, by damped Gauss-Newton."""
    inputs, w = np.stack([x, np.ones(len(x))], axis=1), np.zeros(2)

    def evaluate(w: Array) -> tuple[float, Array, Array]:
        """Return the loss, its gradient and the Fisher matrix of what is seen."""
        z = inputs @ w
        value, slopes = forward_loss(np.stack([0.0 * z, z], axis=1), labels, T)
        p = 0.5 + 0.5 * np.tanh(0.5 * z)
        seen = T[0, 1] + (T[1, 1] - T[0, 1]) * p
        bend = ((T[1, 1] - T[0, 1]) * p * (1.0 - p)) ** 2 / (seen * (1.0 - seen))
        return value, inputs.T @ slopes[:, 1], (inputs * bend[:, None]).T @ inputs / len(x)

    value, gradient, F = evaluate(w)
    for _ in range(steps):
        step, size = np.linalg.solve(F + 1e-9 * np.eye(2), gradient), 1.0
        while size > 1e-6 and evaluate(w - size * step)[0] > value:
            size *= 0.5
        w = w - size * step
        value, gradient, F = evaluate(w)
    return w


def flip_matrix(flips: float) -> Array:
    """Return T where only class one is flipped."""
    return np.array([[1.0, 0.0], [flips, 1.0 - flips]])


def geometry() -> dict[str, Any]:
    """Show the accuracy that is seen against the true one."""
    a = np.linspace(0.0, 1.0, 11)
    generator = numpy_generator(0, "show", "label-noise", "ceiling")
    layers = []
    for flips, colour in ((0.0, "grey"), (0.1, "green"), (0.2, "blue"), (0.4, "red")):
        layers.append(line(a, seen_accuracy(a, flips), colour, label=f"ρ = {flips:g}"))
        right = generator.random((20000, 1)) < np.array([[0.6, 0.8, 0.95]])
        agrees = right ^ (generator.random((20000, 1)) < flips)
        layers.append(points([0.6, 0.8, 0.95], agrees.mean(axis=0), colour, size=6.0))
    four = seen_accuracy(np.array([0.95, 0.9]), 0.2)
    return {
        "text": [
            "If one label in five is wrong, a perfect model agrees with four labels of five. What stands "
            "above 1 − ρ on rows that were "
            "learnt from is memory. And the noise squeezes all differences: models that are right in 95% and "
            "90% of the cases show "
            f"{100 * four[0]:.1f}% and {100 * four[1]:.1f}%. The order stays, since all lose by one rule: to "
            f"compare models, noisy test labels "
            "will do, with more rows.",
        ],
        "figures": [
            figure(
                "Four lines through one half, flatter the more noise there is.",
                "Two classes, flips at rate ρ in both. Dots: 20,000 labels each.",
                panel(
                    "Accuracy seen",
                    layers,
                    xlabel="true accuracy",
                    xlim=(0, 1),
                    ylim=(0, 1.03),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Hide more and more of one class among the other."""
    return {
        "label": "the share ρ of class one that is labelled zero",
        "text": f"Two classes, N(−1, 1) and N(1, 1), {_ROWS:,} rows, a logistic regression. Only class one "
        f"is mislabelled. Upright "
        "lines: where the plain fit (solid) and the corrected one (dashed) divide. The plain fit goes even "
        "further than these labels ask for, since a "
        "logistic curve cannot level off at 1 − ρ. Right: true accuracy, lines by integrals, dots from the "
        "fits.",
        "start": 3,
        "frames": [_flips(flips) for flips in _FLIPS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a model that remembers every label, and a correction by the wrong rate."""
    k = np.arange(1, 52, 2)
    curves = []
    for flips, colour in ((0.1, "green"), (0.3, "blue"), (0.4, "red")):
        curves.append(line(k, [majority(int(each), flips) for each in k], colour, label=f"ρ = {flips:g}"))
        curves.append(
            points([1, 5, 15, 41], [neighbours(each, flips) for each in (1, 5, 15, 41)], colour, size=6.0)
        )
    guess = np.linspace(0.0, 0.7, 71)
    wrong = [
        line(
            guess,
            [accuracy(guessed(0.3, float(r))) for r in guess],
            "blue",
            label="a model free to learn any p",
        ),
        line([0.3, 0.3], [0.6, accuracy(0.0)], "green", dashed=True, width=1.4),
    ]
    none, twice = accuracy(guessed(0.3, 0.0)), accuracy(guessed(0.3, 0.65))
    return [
        {
            "title": "Remembering every label",
            "text": "Two classes far apart, so that only the labels are noisy. One nearest neighbour repeats "
            "the label that it finds, wrong "
            f"ones too: right in {100 * majority(1, 0.3):.0f}% at ρ = 0.3. The majority of fifteen is right "
            f"in {100 * majority(15, 0.3):.1f}%. "
            "A model free enough to fit every label does as the first; fewer parameters, early stopping or "
            "many neighbours do as the second.",
            "figures": [
                figure(
                    "True accuracy rises with the number of neighbours asked, from 1 − ρ towards one.",
                    "Lines: the binomial. Dots: 2,000 new rows, 1,000 to learn from.",
                    panel(
                        "Right on true labels",
                        curves,
                        xlabel="neighbours asked, k",
                        xlim=(0, 52),
                        ylim=(0.55, 1.02),
                        legend="lower right",
                    ),
                )
            ],
        },
        {
            "title": "Corrected by the wrong rate",
            "text": f"30% of class one are flipped. Without a correction {100 * none:.1f}% are right; with "
            f"the right one "
            f"{100 * accuracy(0.0):.1f}%; by one who believes in 65% {100 * twice:.1f}%, worse than none. T "
            f"must be measured, on some rows that "
            "somebody labelled again.",
            "figures": [
                figure(
                    "True accuracy by the rate that was assumed, highest at the true one.",
                    "The line drawn where (1 − r) p = ½ says it should, r being the rate believed in; at r = "
                    "0.3 it is right.",
                    panel(
                        "True accuracy",
                        wrong,
                        xlabel="rate assumed, r",
                        xlim=(0, 0.7),
                        ylim=(0.74, 0.86),
                        legend="lower left",
                    ),
                )
            ],
        },
    ]


def majority(k: int, flips: float) -> float:
    """Return P(more than half of k labels are right), k odd.

    >>> majority(1, 0.3), round(majority(3, 0.3), 3)
    (0.7, 0.784)
    """
    return float(sum(comb(k, j) * (1.0 - flips) ** j * flips ** (k - j) for j in range(k // 2 + 1, k + 1)))


def neighbours(k: int, flips: float) -> float:
    """Return the true accuracy of k nearest neighbours on classes far apart, 2,000 rows learnt from."""
    generator = numpy_generator(0, "show", "label-noise", "neighbours", k)
    x, new = np.sort(generator.normal(size=1000)), generator.normal(size=2000)
    right = generator.random(1000) >= flips  # one of the two classes; the other is its mirror image
    order = np.argsort(np.abs(new[:, None] - x[None]), axis=1)[:, :k]
    return float(np.mean(right[order].mean(axis=1) > 0.5))


def guessed(flips: float, assumed: float) -> float:
    """Return the boundary of one who learns what is seen, and takes r for ρ: (1 − r) p̂ = (1 − ρ) p."""
    needed = 0.5 * (1.0 - assumed) / (1.0 - flips)
    return float(0.5 * np.log(needed / (1.0 - needed)))


def plain_limit(flips: float) -> float:
    """Return where a plain logistic regression divides, given endless rows, by Newton on a grid."""
    x = np.linspace(-7.0, 7.0, 1401)
    inputs, w = np.stack([x, np.ones(len(x))], axis=1), np.array([1.0, 0.0])
    density = np.exp(-0.5 * (x - 1.0) ** 2) + np.exp(-0.5 * (x + 1.0) ** 2)
    ones = (1.0 - flips) * np.exp(-0.5 * (x - 1.0) ** 2) / density  # of the labels seen at x
    for _ in range(30):
        p = 0.5 + 0.5 * np.tanh(0.5 * inputs @ w)
        H = (inputs * (density * p * (1.0 - p))[:, None]).T @ inputs
        w = w - np.linalg.solve(H, inputs.T @ (density * (p - ones)))
    return float(-w[1] / w[0])


def _flips(flips: float) -> dict[str, Any]:
    x, true, seen = data(flips)
    plain, corrected = fitted(x, seen, np.eye(2)), fitted(x, seen, flip_matrix(flips))
    cut, mended = -plain[1] / plain[0], -corrected[1] / corrected[0]
    best = boundary(0.0, flips)
    edges = np.linspace(-4.5, 4.5, 46)
    middle = 0.5 * (edges[1:] + edges[:-1])
    counts = [np.histogram(x[seen == label], edges)[0] for label in (0, 1)]
    hidden = np.histogram(x[(seen == 0) & (true == 1)], edges)[0]
    colour = "green" if flips < 0.15 else "orange" if flips < 0.38 else "red"
    left = [
        line(middle, counts[0], "grey", width=1.6, label="labelled 0"),
        line(middle, counts[1], "blue", width=1.6, label="labelled 1"),
        line(middle, hidden, "red", width=1.2, dashed=True, label="labelled 0, truly 1"),
        line([cut, cut], [0.0, 330.0], colour, width=2.6),
        line([mended, mended], [0.0, 330.0], "green", width=1.6, dashed=True),
    ]
    grid = np.linspace(0.0, 0.49, 50)
    right = [
        line(
            grid, [accuracy(boundary(0.0, float(r))) for r in grid], "grey", label="best for the labels seen"
        ),
        line(
            grid[::3],
            [accuracy(plain_limit(float(r))) for r in grid[::3]],
            "red",
            width=1.4,
            label="logistic, plain",
        ),
        line([0, 0.49], [accuracy(0.0)] * 2, "green", dashed=True, width=1.4, label="corrected"),
        points([flips], [accuracy(float(cut))], colour, size=9.0),
        points([flips], [accuracy(float(mended))], "green", size=7.0, marker="s"),
    ]
    rows = f"{int(np.sum(seen != true)):,} of {_ROWS:,} labels are wrong"
    return frame(
        f"ρ = {flips:g}",
        f"{rows if flips else 'All labels are right'}. The line belongs at 0; plain it is drawn at "
        f"{_signed(cut)} (best for these labels: "
        f"{best:.2f}), corrected at {_signed(mended)}. True accuracy {100 * accuracy(float(cut)):.1f}% and "
        f"{100 * accuracy(float(mended)):.1f}%.",
        f"Histograms of two classes with two boundaries, and the accuracy by the rate of flips, {flips:g}",
        panel("Rows by label", left, xlabel="x", xlim=(-4.5, 4.5), ylim=(0, 420), legend="upper left"),
        panel(
            "True accuracy", right, xlabel="flips ρ", xlim=(-0.01, 0.5), ylim=(0.5, 0.9), legend="lower left"
        ),
    )


def _signed(value: float) -> str:
    return f"{value + 0.0:.2f}".replace("-", "−")
