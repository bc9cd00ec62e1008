"""Lesson: quadrature, and what smoothness buys."""

from collections.abc import Callable
from math import comb, erfc, exp, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import band, figure, frame, line, panel, points, powers, text
from fivefold.concepts.quadrature import Rule, gauss_hermite, gauss_legendre, simpson, trapezoid

FORMULAS = (
    (
        r"\int_a^b f(x)\, dx \approx \sum_{i=1}^n w_i\, f(x_i)",
        "A rule is n points and n weights, chosen before f is looked at.",
    ),
    (
        r"\mathrm{trapezoid}: O(h^2) \qquad \mathrm{Simpson}: O(h^4) \qquad h = \frac{b - a}{n - 1}",
        "Half the step: a quarter of the error, and a sixteenth, where f is smooth.",
    ),
    (
        r"\mathrm{Gauss}:\ \sum_i w_i\, p(x_i) = \int p(x)\, \rho(x)\, dx\ \ \mathrm{for}\ \deg p < 2n",
        "With the points chosen as well, n of them do what 2n coefficients ask. ρ is 1 on an interval "
        "(Legendre), or the normal density (Hermite).",
    ),
)
CALLS = (
    (
        "fivefold.calculus.integrate",
        "splits the interval where it must, as at a kink, and estimates its error.",
    ),
    ("fivefold.calculus.gauss_legendre", "for smooth integrands: doubles the points until two rules agree."),
    ("fivefold.calculus.normal_expectation", "the same for means over a normal distribution."),
)
RELATED = (
    ("monte-carlo-integration", "what is left in many dimensions, where grids explode"),
    ("bayes-rule", "whose evidence is an integral"),
    ("eigenvectors", "Gauss's points are the eigenvalues of a small matrix"),
    ("derivative", "the errors of the rules are derivatives at the ends"),
)

_SIZES = (3, 5, 7, 9, 11, 13, 17, 25, 33, 65)
_BAD, _LOANS = 12, 28  # of the example loans, those to people of 19 years: not repaid, and all
_ALL_BAD, _ALL_LOANS = 1254, 4454  # the same for all
_LIMIT = 1.0 / 3.0
_MEAN, _SD = 0.8, 1.5  # of a score whose probability is asked for
_FLOOR = 1e-16
_LEGEND = "upper right"

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


def geometry() -> dict[str, Any]:
    """Lay lines, parabolas and chosen points on one curve, then weigh points of a normal distribution."""
    truth = 1.0 - 4.0 * exp(-3.0)
    x = np.linspace(0.0, 3.0, 121)
    panels = []
    for name, rule, colour in _RULES:
        at, w = rule(3, 0.0, 3.0)
        # Simpson and Gauss measure the parabola through their points, the trapezoid two straight lines.
        through = (
            np.interp(x, at, _hump(at))
            if name == "trapezoid"
            else np.polyval(np.polyfit(at, _hump(at), 2), x)
        )
        layers = [
            band(x, np.zeros_like(x), through, colour, alpha=0.16),
            line(x, through, colour, width=1.4, dashed=True),
            line(x, _hump(x), "ink"),
            points(at, _hump(at), colour, size=8.0),
            text(1.55, 0.06, f"wrong by {_signed(float(w @ _hump(at)) - truth)}", align="center", size=17),
        ]
        panels.append(panel(name, layers, xlabel="x", xlim=(-0.05, 3.05), ylim=(0, 0.5)))
    return {
        "text": [
            "Ask a curve for three heights, draw what you can through them, and take that area instead. The "
            "trapezoid draws straight lines; Simpson a parabola; Gauss a parabola as well, through places so "
            "chosen that the area comes out right for every curve of degree five.",
            "For a mean over a normal distribution Gauss's points are called Hermite's. A classifier "
            "whose score is uncertain, normal around 0.8 with standard deviation 1.5, needs such a mean "
            "for its probability.",
        ],
        "figures": [
            figure(
                "One curve with three points and the area that each of three rules takes for its own.",
                f"x e⁻ˣ over [0, 3]: the area is {truth:.4f}. Black: the curve. Shaded: what the rule "
                "measures.",
                *panels,
            ),
            _hermite(),
        ],
    }


def vary() -> dict[str, Any]:
    """Ask for more and more points of a posterior's tail."""
    errors = {name: [_tail_error(rule, n) for n in _SIZES] for name, rule, _ in _RULES}
    return {
        "label": "the number of points n",
        "text": f"Of {_LOANS} loans to people of 19 years, {_BAD} were not repaid (the loans among the "
        "project's examples). How probable is it that more than a third of such loans fail? After a "
        "prior that finds every rate alike, it is the area of the posterior above 1/3.",
        "start": 2,
        "frames": [_tail(n, errors) for n in _SIZES],
    }


def failures() -> list[dict[str, Any]]:
    """Show a kink, points that lie elsewhere, and many dimensions."""
    return [
        {
            "title": "A kink",
            "text": "The mean of max(x, 0) over a normal distribution: what a relu passes on, or an "
            "option pays. The slope jumps, and the orders were promised for smooth curves: now every "
            "rule, the cleverest included, gains two digits for ten times the points, Hermite one, and "
            "not steadily. Cut the interval at the kink, and Gauss has all digits with 33 points.",
            "figures": [_kink()],
        },
        {
            "title": "Points that lie elsewhere",
            "text": "The evidence of a model is the mean of the likelihood over the prior, so Hermite's "
            f"points of the prior offer themselves. For {_LOANS} loans that works, if slowly. For all "
            f"{_ALL_LOANS:,} the likelihood is a peak a forty-fifth as wide as the prior, and falls "
            "between the points: the answer is wrong by large factors, and nothing says so. Points laid "
            "around the peak itself need seven for twelve digits.",
            "figures": [_elsewhere()],
        },
        {
            "title": "Many dimensions",
            "text": "A grid with 9 points on each axis has 81 points in two dimensions, 59,049 in five, and "
            "3.5 billion in ten. Monte Carlo's error, 1/√n, is poor, but does not know the dimension.",
            "figures": [],
        },
    ]


_RULES = (
    ("trapezoid", trapezoid, "orange"),
    ("Simpson", simpson, "purple"),
    ("Gauss-Legendre", gauss_legendre, "blue"),
)


def _hump(x: Array) -> Array:
    return np.asarray(x * np.exp(-x))


def _normal(x: Array, mean: float = 0.0, sd: float = 1.0) -> Array:
    return np.asarray(np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * sqrt(2.0 * pi)))


def _logistic(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _apply(rule: Rule, f: Function) -> float:
    x, w = rule
    return float(w @ f(x))


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _scientific(value: float) -> str:
    """Write 0.00123 as 1.2 · 10⁻³.

    >>> _scientific(0.00123)
    '1.2 · 10⁻³'
    """
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} · {powers(int(exponent), int(exponent))[0][1]}" if int(exponent) else digits


def _hermite() -> dict[str, Any]:
    x = np.linspace(-6.0, 7.5, 136)
    at, w = gauss_hermite(7, _MEAN, _SD)
    weighed = [
        band(x, np.zeros_like(x), _normal(x, _MEAN, _SD), "grey", alpha=0.18),
        line(x, _logistic(x), "green", label="f: the probability at score x"),
        *(line([a, a], [0.0, weight], "blue", width=2.4) for a, weight in zip(at, w, strict=True)),
        points(at, w, "blue", size=7.0, label="Hermite: points and weights"),
    ]

    def density(x: Array) -> Array:
        return _logistic(x) * _normal(x, _MEAN, _SD)

    truth = _apply(trapezoid(401, _MEAN - 9 * _SD, _MEAN + 9 * _SD), density)
    variance = _apply(gauss_hermite(60, _MEAN, _SD), lambda x: (_logistic(x) - truth) ** 2)
    sizes = np.array([2, 3, 5, 7, 9, 13, 17, 25, 33, 49, 65])
    hermite = [abs(_apply(gauss_hermite(int(n), _MEAN, _SD), _logistic) - truth) for n in sizes]
    even = [abs(_apply(trapezoid(int(n), _MEAN - 8 * _SD, _MEAN + 8 * _SD), density) - truth) for n in sizes]
    curves = [
        line(sizes, np.sqrt(variance / sizes), "red", dashed=True, label="random points"),
        line(sizes, _shown(even), "orange", marker="s", label="trapezoid, ± 8 sd"),
        line(sizes, _shown(hermite), "blue", marker="o", label="Hermite"),
    ]
    return figure(
        "A normal density with seven weighed points, and errors that fall with the number of points.",
        f"The mean is {truth:.6f}. Hermite gains digits steadily. The plain trapezoid overtakes it near "
        "30 points: its errors come from the ends, and here the curve has died out at both.",
        panel(
            "Seven points of a normal",
            weighed,
            xlabel="score x",
            xlim=(-6, 7.5),
            ylim=(0, 1.25),
            legend="upper left",
        ),
        panel(
            "Error of the mean",
            curves,
            xlabel="number of points n",
            xlog=True,
            ylog=True,
            xlim=(2, 70),
            ylim=(1e-17, 3),
            yticks=powers(-16, 0, 4),
            legend="lower left",
        ),
    )


def _posterior(rate: Array) -> Array:
    """Return the density of the rate after the loans: a polynomial of degree 28."""
    return np.asarray((_LOANS + 1) * comb(_LOANS, _BAD) * rate**_BAD * (1.0 - rate) ** (_LOANS - _BAD))


def _tail_truth() -> float:
    """Return the area above 1/3, which is a sum of binomial probabilities."""
    n = _LOANS + 1
    return sum(comb(n, j) * _LIMIT**j * (1.0 - _LIMIT) ** (n - j) for j in range(_BAD + 1))


def _tail_error(rule: Callable[[int, float, float], Rule], n: int) -> float:
    return abs(_apply(rule(n, _LIMIT, 1.0), _posterior) - _tail_truth())


def _shown(errors: list[float]) -> Array:
    """Lift errors of rounding, zero among them, to where a logarithmic axis can show them."""
    return np.maximum(errors, _FLOOR)


def _tail(n: int, errors: dict[str, list[float]]) -> dict[str, Any]:
    x = np.linspace(0.0, 1.0, 201)
    above = np.linspace(_LIMIT, 1.0, 121)
    even, _ = trapezoid(n, _LIMIT, 1.0)
    chosen, _ = gauss_legendre(n, _LIMIT, 1.0)
    curve = [
        band(above, np.zeros_like(above), _posterior(above), "green", alpha=0.16),
        line(x, _posterior(x), "ink"),
        points(even, _posterior(even), "orange", size=6.0, label="trapezoid, Simpson"),
        points(chosen, _posterior(chosen), "blue", size=6.0, marker="s", label="Gauss"),
    ]
    falling = []
    for (name, _, colour), marker in zip(_RULES, "o^s", strict=True):
        falling.append(line(_SIZES, _shown(errors[name]), colour, marker=marker, label=name, width=1.5))
        falling.append(points([n], _shown([errors[name][_SIZES.index(n)]]), colour, marker=marker, size=10.0))
    worst, middle, best = (errors[name][_SIZES.index(n)] for name, _, _ in _RULES)
    exact = " 2n − 1 ≥ 28: Gauss is exact for this polynomial." if 2 * n - 1 >= _LOANS else ""
    return frame(
        f"n = {n}",
        f"P(rate > 1/3) = {_tail_truth():.6f}. Wrong by {_scientific(worst)} (trapezoid), "
        f"{_scientific(middle)} (Simpson), {_scientific(best)} (Gauss).{exact}",
        f"The posterior above one third with {n} points of each rule, and their errors",
        panel(
            "Posterior of the rate",
            curve,
            xlabel="share of loans not repaid",
            xlim=(0, 1),
            ylim=(0, 5.6),
            legend=_LEGEND,
        ),
        panel(
            "Error",
            falling,
            xlabel="number of points n",
            xlog=True,
            ylog=True,
            xlim=(2.5, 75),
            ylim=(1e-17, 3),
            yticks=powers(-16, 0, 4),
            legend="lower left",
        ),
    )


def _kink() -> dict[str, Any]:
    d = _MEAN / _SD
    truth = _SD * exp(-0.5 * d * d) / sqrt(2.0 * pi) + _MEAN * 0.5 * erfc(-d / sqrt(2.0))
    low, high = _MEAN - 9 * _SD, _MEAN + 9 * _SD

    def relu(x: Array) -> Array:
        return np.maximum(x, 0.0)

    def weighed(x: Array) -> Array:
        return relu(x) * _normal(x, _MEAN, _SD)

    sizes = np.array([5, 9, 17, 33, 65, 129, 257])
    curves = []
    for (name, rule, colour), marker in zip(_RULES, "o^s", strict=True):
        errors = [abs(_apply(rule(int(n), low, high), weighed) - truth) for n in sizes]
        curves.append(line(sizes, _shown(errors), colour, marker=marker, label=name, width=1.5))
    errors = [abs(_apply(gauss_hermite(int(n), _MEAN, _SD), relu) - truth) for n in sizes]
    curves.append(line(sizes, _shown(errors), "red", marker="D", label="Hermite", width=1.5))
    cut = [abs(_apply(gauss_legendre(int(n), 0.0, high), weighed) - truth) for n in sizes]
    curves.append(line(sizes, _shown(cut), "green", marker="v", label="Legendre, cut at the kink"))
    x = np.linspace(-4.0, 6.0, 201)
    return figure(
        "Five error curves; four fall slowly, the one that is cut at the kink falls to rounding.",
        f"The mean is {truth:.6f}. One bend in the integrand is enough.",
        panel(
            "max(x, 0) times the density",
            [line(x, weighed(x), "ink"), line([0, 0], [0, 0.45], "grey", dashed=True)],
            xlabel="x",
            xlim=(-4, 6),
            ylim=(0, 0.5),
        ),
        panel(
            "Error",
            curves,
            xlabel="number of points n",
            xlog=True,
            ylog=True,
            xlim=(4, 300),
            ylim=(1e-17, 1e10),
            yticks=powers(-16, 0, 4),
            legend=_LEGEND,
        ),
    )


def _log_evidence_errors(bad: int, loans: int, sizes: tuple[int, ...], at_peak: bool) -> list[float]:
    """Return the errors of log ∫ likelihood · prior, the score's prior being normal with deviation 1.5."""
    rate = bad / loans
    top, width = float(np.log(rate / (1.0 - rate))), 1.0 / sqrt(loans * rate * (1.0 - rate))

    def height(score: Array) -> Array:
        """Return the likelihood, in units of its height at the top."""
        return np.asarray(
            np.exp(bad * (score - top) - loans * (np.logaddexp(0.0, score) - np.logaddexp(0.0, top)))
        )

    def product(score: Array) -> Array:
        return height(score) * _normal(score, 0.0, _SD)

    truth = _apply(trapezoid(2001, top - 14 * width, top + 14 * width), product)
    found = []
    for n in sizes:
        if at_peak:
            value = _apply(gauss_hermite(n, top, width), lambda s: product(s) / _normal(s, top, width))
        else:
            value = _apply(gauss_hermite(n, 0.0, _SD), height)
        found.append(abs(float(np.log(max(value, 1e-300) / truth))))
    return found


def _elsewhere() -> dict[str, Any]:
    sizes = (3, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97)
    curves = [
        line(
            sizes,
            _shown(_log_evidence_errors(_ALL_BAD, _ALL_LOANS, sizes, at_peak=False)),
            "red",
            marker="D",
            label=f"{_ALL_LOANS:,} loans, points of the prior",
        ),
        line(
            sizes,
            _shown(_log_evidence_errors(_BAD, _LOANS, sizes, at_peak=False)),
            "orange",
            marker="o",
            label=f"{_LOANS} loans, points of the prior",
        ),
        line(
            sizes,
            _shown(_log_evidence_errors(_ALL_BAD, _ALL_LOANS, sizes, at_peak=True)),
            "green",
            marker="v",
            label=f"{_ALL_LOANS:,} loans, points at the peak",
        ),
    ]
    return figure(
        "The error of the log evidence: large and erratic where the peak is narrow, unless points lie at it.",
        f"{_ALL_BAD:,} of all {_ALL_LOANS:,} example loans were not repaid; {_BAD} of the {_LOANS} to "
        "people of 19.",
        panel(
            "Error of the log evidence",
            curves,
            xlabel="number of points n",
            xlog=True,
            ylog=True,
            xlim=(2.5, 110),
            ylim=(1e-17, 1e9),
            yticks=powers(-16, 4, 4),
            legend=_LEGEND,
        ),
    )
