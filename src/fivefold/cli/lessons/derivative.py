"""Lesson: the derivative, and what the step of a difference quotient does to it."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, frame, line, panel, points, powers
from fivefold.concepts.derivative import EPSILON, central_difference, forward_difference
from fivefold.core import numpy_generator

FORMULAS = (
    (r"f'(x) = \lim_{h \to 0} \dfrac{f(x + h) - f(x)}{h}", "The slope of ever shorter chords."),
    (
        r"\dfrac{f(x + h) - f(x)}{h} = f'(x) + \dfrac{h}{2} f''(x) + O(h^2) + "
        r"O\left(\dfrac{\varepsilon}{h}\right)",
        "Two errors: the curve bends (grows with h), numbers are rounded (grows as h shrinks). ε = 2.2 · "
        "10⁻¹⁶.",
    ),
    (
        r"\nabla f(x)_i = \dfrac{\partial f}{\partial x_i}",
        "One slope an axis: the direction of steepest ascent.",
    ),
)
CALLS = (
    (
        "fivefold.calculus.gradient",
        "is the fast path: exact, by backpropagation, for the price of about three evaluations.",
    ),
    (
        "fivefold.calculus.gradient_check",
        "compares a hand-written gradient with differences, at the right step.",
    ),
)
RELATED = (
    ("backpropagation", "exact derivatives without a step h"),
    ("gradient-descent", "what to do with a slope"),
)

_AT = 1.0
_TRUE = float(np.cos(_AT))
_LOGS = (0.2, -0.3, -1, -2, -4, -6, -8, -10, -12, -14, -15, -16)


def geometry() -> dict[str, Any]:
    """Show that zooming in straightens a curve."""
    panels = []
    for zoom, name in ((2.0, "from afar"), (0.3, "nearer"), (0.03, "close")):
        x = np.linspace(_AT - zoom, _AT + zoom, 81)
        layers = [
            line(x, np.sin(_AT) + _TRUE * (x - _AT), "orange", dashed=True),
            line(x, np.sin(x), "blue"),
            points([_AT], [np.sin(_AT)], "ink", size=7.0),
        ]
        panels.append(panel(f"sin x, {name}", layers, xlim=(_AT - zoom, _AT + zoom), xlabel="x"))
    return {
        "text": [
            "Zoom in on a smooth curve and it becomes its tangent (dashed). The derivative is the slope "
            "of that line; of a "
            "function of many variables, the gradient is the slope of the tangent plane along every axis.",
        ],
        "figures": [
            figure(
                "The sine around 1 at three zooms; in the last, curve and tangent cannot be told apart.",
                "The window is 4, 0.6 and 0.06 wide.",
                *panels,
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Shorten the chord until rounding destroys it."""
    return {
        "label": "the step h",
        "text": "The slope of sin x at x = 1 from one chord. The true slope is cos 1 = 0.5403… A shorter "
        "chord is better, until it "
        "is worse.",
        "start": 2,
        "frames": [_chord(10.0**power) for power in _LOGS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a kink, and noise."""
    x = np.linspace(-1, 1, 101)
    kink = [
        line(x, np.abs(x), "blue"),
        line([0, 1], [0, 1], "orange", dashed=True, label="from the right: +1"),
        line([-1, 0], [1, 0], "green", dashed=True, label="from the left: −1"),
        line([-1, 1], [0, 0], "red", dashed=True, label="centred: 0"),
    ]
    generator = numpy_generator(0, "show", "derivative")
    t = np.linspace(0, 2 * np.pi, 120)
    values = np.sin(t) + 0.01 * generator.normal(size=120)
    slopes = np.diff(values) / np.diff(t)
    noise = [
        line((t[1:] + t[:-1]) / 2, slopes, "red", width=1.0, label="differences of the data"),
        line(t, np.cos(t), "ink", label="true slope"),
    ]
    return [
        {
            "title": "A kink has no slope",
            "text": "At zero |x| has a slope from the left and one from the right. A centred difference "
            "reports their mean, 0, which is "
            "neither. For minimising it is still useful: any slope between the two is a subgradient.",
            "figures": [
                figure(
                    "The function |x| with its one-sided slopes and the centred one.",
                    "Three answers to one question.",
                    panel("|x| at 0", kink, xlabel="x", ylim=(-0.4, 1.2), legend="upper center"),
                )
            ],
        },
        {
            "title": "Noise has a huge slope",
            "text": "Differences divide by h, and so they multiply noise by 1/h. Data with one part in a "
            "hundred of noise have no "
            "derivative worth the name; fit a smooth curve first.",
            "figures": [
                figure(
                    "A wild red line around the cosine.",
                    "120 values of sin t with noise of 0.01, differenced.",
                    panel(
                        "Slope of noisy data",
                        noise,
                        xlabel="t",
                        ylabel="slope",
                        ylim=(-1.9, 2.4),
                        legend="upper center",
                    ),
                )
            ],
        },
    ]


def _chord(h: float) -> dict[str, Any]:
    forward = forward_difference(lambda x: float(np.sin(x)), _AT, h)
    error = abs(forward - _TRUE)
    x = np.linspace(-0.4, 3.0, 86)
    bad = error > 0.02
    colour = "red" if bad else "green" if error < 1e-5 else "orange"
    curve = [
        line(x, np.sin(x), "blue"),
        line(x, np.sin(_AT) + _TRUE * (x - _AT), "grey", dashed=True, width=1.3),
        line(x, np.sin(_AT) + forward * (x - _AT), colour),
        points([_AT, _AT + h], [np.sin(_AT), np.sin(_AT + h)], colour, size=7.0),
    ]
    steps = 10.0 ** np.linspace(-16.4, 0.3, 110)
    one = [max(abs(forward_difference(lambda x: float(np.sin(x)), _AT, s) - _TRUE), 1e-13) for s in steps]
    two = [max(abs(central_difference(lambda x: float(np.sin(x)), _AT, s) - _TRUE), 1e-13) for s in steps]
    errors = [
        line(steps, one, "grey", width=1.3, label="one-sided"),
        line(steps, two, "purple", width=1.0, label="centred"),
        points([h], [max(error, 1e-13)], colour, size=9.0),
    ]
    if h > 1e-3:
        reason = f"The chord cuts the bend short: the error is about h/2 · |f″| = {h / 2 * np.sin(_AT):.1g}."
    elif error < 1e-7:
        reason = f"Near √ε = {np.sqrt(EPSILON):.2g}, the best that one chord can do."
    elif h > 1e-8:
        reason = "The bend hardly matters any more."
    elif bad:
        reason = (
            "Rounding rules: f(x + h) and f(x) share nearly all of their digits, and the difference "
            "is what is left."
        )
    else:
        reason = f"Rounding grows: the error is about ε/h = {EPSILON / h:.0e}."
    return frame(
        f"h = {h:.1g}" if h > 0.01 else f"h = {h:.0e}",
        f"Slope {forward:.10f}, wrong by {error:.1e}. {reason}",
        f"The sine with the line of slope {forward:.4f} by the step {h:.0e}, and its error against the step",
        panel("The chord's line", curve, xlabel="x", xlim=(-0.4, 3.0), ylim=(-0.4, 1.6)),
        panel(
            "Error of the slope",
            errors,
            xlabel="step h",
            xlog=True,
            ylog=True,
            xlim=(3e-17, 4.0),
            ylim=(1e-13, 3.0),
            xticks=powers(-15, 0, 5),
            yticks=powers(-12, 0, 3),
            legend="lower left",
        ),
    )
