"""Lesson: gradient descent, and what the learning rate does to it."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import contour, figure, frame, line, panel, points, powers, text
from fivefold.concepts.gradient_descent import best_rate, contraction, gradient_descent, largest_rate

FORMULAS = (
    (r"w_{t+1} = w_t - \eta\,\nabla F(w_t)", "Step against the gradient; the learning rate η says how far."),
    (
        r"0 < \eta < \dfrac{2}{\lambda_{\max}}",
        "On a bowl, every start comes to rest exactly for these rates; λ_max is its steepest curvature.",
    ),
    (
        r"\eta_{\mathrm{best}} = \dfrac{2}{\lambda_{\min} + \lambda_{\max}}",
        "The rate at which the slowest axis and the steepest shrink at the same pace.",
    ),
)
CALLS = (
    (
        "fivefold.minimize",
        "measures the curvature instead of guessing a rate, and certifies how far is left.",
    ),
    ("fivefold.train", "takes such steps on minibatches; torch.optim.SGD is the fast path of this file."),
)
RELATED = (
    ("derivative", "where the slope comes from"),
    ("eigenvectors", "the curvatures λ are eigenvalues of the Hessian"),
    ("backpropagation", "the gradient of a whole network"),
)

_HESSIAN = np.diag([1.0, 8.0])
_START = np.array([-4.0, 1.4])
_STEPS = 40
_RATES = (0.004, 0.015, 0.04, 0.08, 0.125, 0.18, 0.2222, 0.235, 0.244, 0.25, 0.253, 0.265, 0.3)


def geometry() -> dict[str, Any]:
    """Say how each axis of the bowl shrinks or grows."""
    rates = np.linspace(0.0, 0.3, 61)
    axes = [
        line(rates, np.abs(1 - rates), "blue", label="flat axis, λ = 1"),
        line(rates, np.abs(1 - 8 * rates), "orange", label="steep axis, λ = 8"),
        line([0.0, 0.3], [1.0, 1.0], "red", dashed=True, width=1.2),
        line([best_rate(_HESSIAN)] * 2, [0.0, 0.78], "green", dashed=True, width=1.2),
        text(0.225, 0.12, "best", "green"),
        text(0.004, 1.07, "above this line the error grows", "red"),
    ]
    return {
        "text": [
            "The gradient stands at right angles to the line of equal height. In a long valley it points "
            "mostly "
            "across, not along: the steep axis limits the rate, and the flat axis then has to wait.",
            "On the bowl F(w) = (w₁² + 8 w₂²)/2 each axis goes its own way: a step multiplies the error "
            "along it "
            "by 1 − ηλ. The two V-shaped curves below tell everything, before a single step is made.",
        ],
        "figures": [
            figure(
                "Two curves of the shrink factor against the learning rate; they cross at the best rate 2/9.",
                "The larger of the two factors decides. They are equal at η = 2/(1 + 8) ≈ 0.222; the "
                "steep one passes "
                "1 at η = 2/8 = 0.25.",
                panel(
                    "Factor per step, |1 − ηλ|",
                    axes,
                    xlabel="learning rate η",
                    ylabel="factor",
                    xlim=(0, 0.3),
                    ylim=(0, 1.5),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Walk down the same valley at thirteen rates: it crawls, converges, overshoots, diverges."""
    return {
        "label": "the learning rate η",
        "text": "The valley is eight times steeper across than along. All walks start at the same point "
        "and take "
        f"{_STEPS} steps.",
        "start": 2,
        "frames": [_walk(rate) for rate in _RATES],
    }


def failures() -> list[dict[str, Any]]:
    """Show ill-conditioning, and a valley with two floors."""
    steps = np.arange(201)
    curves, colours = [], ("green", "blue", "orange", "red")
    for kappa, colour in zip((2, 10, 100, 1000), colours, strict=True):
        hessian = np.diag([1.0, float(kappa)])
        factor = contraction(hessian, best_rate(hessian))
        curves.append(line(steps, np.maximum(factor**steps, 1e-12), colour, label=f"κ = {kappa}"))
    w = np.linspace(-2.3, 2.2, 91)
    left = gradient_descent(_double_well_slope, np.array([-0.6]), 0.04, 60)[:, 0]
    right = gradient_descent(_double_well_slope, np.array([0.6]), 0.04, 60)[:, 0]
    wells = [
        line(w, _double_well(w), "grey"),
        points(left, _double_well(left), "orange", label="start at −0.6"),
        points(right, _double_well(right), "blue", label="start at 0.6", marker="s"),
    ]
    return [
        {
            "title": "A long narrow valley",
            "text": "Even at the best rate a step shrinks the error only by (κ − 1)/(κ + 1), κ = "
            "λ_max/λ_min. Newton's "
            "method divides by the curvature and does not see κ; scaling the columns makes κ smaller "
            "beforehand.",
            "figures": [
                figure(
                    "Four falling error curves; the larger the condition number, the slower the fall.",
                    "Left over after so many steps at the best rate. With κ = 1000 there is hardly any "
                    "progress.",
                    panel(
                        "Error left, best rate",
                        curves,
                        xlabel="step",
                        ylabel="error",
                        ylog=True,
                        xlim=(0, 200),
                        ylim=(1e-10, 3.0),
                        yticks=powers(-9, 0, 3),
                        legend="lower right",
                    ),
                )
            ],
        },
        {
            "title": "The nearest floor, not the lowest",
            "text": "The walk knows only the slope underfoot. It ends on the floor of the valley in which "
            "it began.",
            "figures": [
                figure(
                    "A curve with two valleys; a walk from each side of the ridge ends in its own valley.",
                    "The same rate from two starts. The right walk ends higher and cannot know it.",
                    panel(
                        "F(w) = (w² − 2)² / 4 + w/3",
                        wells,
                        xlabel="w",
                        ylabel="F",
                        ylim=(-0.8, 2.6),
                        legend="upper center",
                    ),
                )
            ],
        },
    ]


def _walk(rate: float) -> dict[str, Any]:
    path = gradient_descent(lambda w: _HESSIAN @ w, _START, rate, _STEPS)
    heights = 0.5 * np.einsum("ti,ij,tj->t", path, _HESSIAN, path)
    factor, limit = contraction(_HESSIAN, rate), largest_rate(_HESSIAN)
    colour = "red" if rate >= limit else "orange" if rate > best_rate(_HESSIAN) + 1e-3 else "blue"
    x, y = np.linspace(-5, 5, 61), np.linspace(-3, 3, 41)
    bowl = 0.5 * (x[None, :] ** 2 + 8 * y[:, None] ** 2)
    inside = np.abs(path[:, 1]) < 8  # what flies further than that is beyond the picture
    shown = path[: len(path) if inside.all() else int(np.argmin(inside)) + 1]
    valley = [
        contour(x, y, bowl, [0.3, 1.2, 3, 6, 10, 16, 24]),
        line(shown[:, 0], shown[:, 1], colour, width=1.5, marker="o"),
        points([_START[0]], [_START[1]], "ink", size=7.0),
        points([0.0], [0.0], "green", marker="*", size=11.0),
    ]
    loss = [line(np.arange(_STEPS + 1), np.clip(heights, 1e-9, 1e9), colour)]
    return frame(
        f"η = {rate:.3g}",
        f"{_verdict(rate)} At worst a step leaves {100 * factor:.1f}% of the error; after {_STEPS} steps "
        f"F = {heights[-1]:.2g}."
        if factor < 1 - 1e-12
        else f"{_verdict(rate)} After {_STEPS} steps F = {heights[-1]:.3g}.",
        f"A walk in a valley with learning rate {rate:.3g}, and the loss after each step",
        panel("The walk", valley, xlabel="w₁", ylabel="w₂", xlim=(-5, 5), ylim=(-3, 3)),
        panel(
            "The loss",
            loss,
            xlabel="step",
            ylabel="F",
            ylog=True,
            xlim=(0, _STEPS),
            ylim=(1e-7, 1e5),
            yticks=powers(-6, 4, 2),
        ),
    )


def _verdict(rate: float) -> str:
    limit, best = largest_rate(_HESSIAN), best_rate(_HESSIAN)
    if rate > limit + 1e-9:
        return (
            f"Too high: beyond 2/λ_max = {limit:.2g} every step lands further out than it began. It diverges."
        )
    if rate >= limit - 1e-9:
        return f"On the edge, 2/λ_max = {limit:.2g}: it jumps from wall to wall for ever."
    if rate > best + 1e-3:
        return "High: each step overshoots the floor of the valley and lands on the other wall."
    if rate > best - 1e-3:
        return "The best rate: both axes shrink at the same pace."
    if rate > 0.125:
        return "Faster: it steps across the floor, less far each time, and gains along it."
    if rate >= 0.08:
        return "A good rate: quickly to the floor, then along it."
    if rate >= 0.03:
        return "Low: down to the floor at once, and then slowly along it."
    return "Too low: it crawls. The direction is right and the patience runs out."


def _double_well(w: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray((w**2 - 2) ** 2 / 4 + w / 3)


def _double_well_slope(w: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(w * (w**2 - 2) + 1 / 3)
