"""Lesson: the Hessian, and what its curvatures make of a point where the slope is zero."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import arrow, contour, figure, frame, line, panel, path, points, powers
from fivefold.concepts.hessian import hessian, newton_step, verdict

FORMULAS = (
    (
        r"H_{ij} = \frac{\partial^2 f}{\partial w_i\, \partial w_j}",
        "How the slope along one axis changes as you move along another. H is symmetric.",
    ),
    (
        r"f(w + d) \approx f(w) + \nabla f \cdot d + \frac{1}{2}\, d^{\mathsf{T}} H d",
        "The paraboloid that fits the function at w: its heights, slopes and curvatures.",
    ),
    (
        r"H v = \lim_{h \to 0} \frac{\nabla f(w + h v) - \nabla f(w)}{h}",
        "One product costs about two gradients, so that a network's Hessian can be used without being "
        "written "
        "down.",
    ),
)
CALLS = (
    ("fivefold.calculus.HessianOperator", "exact products with the Hessian of any function."),
    ("fivefold.Objective", "its hessian(w) is an operator, for eigenvalues, traces and Newton steps."),
    ("fivefold.minimize", "Newton's method among its methods, safe at saddles."),
)
RELATED = (
    ("derivative", "of which it is the derivative"),
    ("eigenvectors", "the directions of extreme curvature"),
    ("gradient-descent", "its largest eigenvalue bounds the learning rate"),
    ("power-iteration", "how to find that eigenvalue from products"),
)

_TURN = np.deg2rad(30.0)
_AXES = np.array([[np.cos(_TURN), -np.sin(_TURN)], [np.sin(_TURN), np.cos(_TURN)]])


def geometry() -> dict[str, Any]:
    """Show a function and the parabolas that fit it at three places."""
    x = np.linspace(-2.4, 2.4, 121)
    layers = [line(x, _wave(x), "ink", width=1.6)]
    for at, colour in ((-1.35, "blue"), (0.0, "red"), (1.0, "orange")):
        slope, bend = _wave_slope(at), _wave_bend(at)
        near = np.linspace(at - 0.8, at + 0.8, 41)
        model = _wave(at) + slope * (near - at) + 0.5 * bend * (near - at) ** 2
        layers += [
            line(near, model, colour, dashed=True, label=f"f″ = {bend:.2f}".replace("-", "−")),
            points([at], [_wave(at)], colour, size=8.0),
        ]
    return {
        "text": [
            "The gradient fits a plane to a function, the Hessian a paraboloid. Along one line that is a "
            "parabola: "
            "open upwards where the curvature is positive, downwards where it is negative. In many "
            "dimensions "
            "every direction d has its own, dᵀH d, and the eigenvectors are the directions where it is "
            "extreme.",
        ],
        "figures": [
            figure(
                "A curve with two valleys and three parabolas that touch it.",
                "Dashed: value, slope and curvature at the dot, continued.",
                panel(
                    "",
                    layers,
                    xlabel="w",
                    ylabel="f",
                    xlim=(-2.4, 2.4),
                    ylim=(-1.2, 1.6),
                    legend="upper center",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Bend the second direction from a valley over a trough to a saddle."""
    return {
        "label": "the second curvature λ₂",
        "text": "f = ½ (λ₁ a² + λ₂ b²), a and b counted along two turned axes, λ₁ = 2. The slope is zero "
        "in the "
        "middle, whatever λ₂ is.",
        "start": 2,
        "frames": [_bent(value) for value in (4.0, 2.0, 1.0, 0.5, 0.2, 0.0, -0.3, -1.0, -2.0)],
    }


def failures() -> list[dict[str, Any]]:
    """Show Newton's step at a saddle, and points where the Hessian is silent."""
    x = np.linspace(-1.9, 1.9, 77)
    height = _double_well(np.stack(np.meshgrid(x, x)))
    newton, w = [np.array([0.3, 1.5])], np.array([0.3, 1.5])
    for _ in range(6):
        w = w + newton_step(_double_well_gradient, w)
        newton.append(w)
    descent, w = [np.array([0.3, 1.5])], np.array([0.3, 1.5])
    for _ in range(40):
        w = w - 0.15 * _double_well_gradient(w)
        descent.append(w)
    saddle = panel(
        "f = ¼ x⁴ − ½ x² + ½ y²",
        [
            contour(x, x, height, [-0.2, -0.1, 0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.2]),
            path(np.array(descent).T, "green", marker="o", width=1.2, label="gradient descent"),
            path(np.array(newton).T, "red", marker="s", width=1.6, label="Newton's steps"),
            points([-1.0, 1.0], [0.0, 0.0], "ink", marker="*", size=12.0),
        ],
        equal=True,
        xlabel="x",
        ylabel="y",
        xlim=(-1.9, 1.9),
        ylim=(-1.0, 1.9),
        legend="upper right",
    )
    t = np.linspace(-1.2, 1.2, 81)
    silent = [
        panel(
            title, [line(t, values, colour), points([0], [0], "ink", size=8.0)], xlabel="w", ylim=(-1.3, 1.3)
        )
        for title, values, colour in (
            ("w⁴: a minimum", t**4, "green"),
            ("−w⁴: a maximum", -(t**4), "red"),
            ("w³: neither", t**3, "orange"),
        )
    ]
    return [
        {
            "title": "Newton goes uphill",
            "text": "Newton's step goes to where the model's slope is zero. Where a curvature is negative, "
            "that is "
            "uphill: from this start it runs into the saddle and stops, content. Use |λ| in place of λ, or a "
            "trust region; and look at the smallest eigenvalue before calling a point a minimum.",
            "figures": [
                figure(
                    "Lines of equal height of two valleys; Newton's path ends in the saddle between them, "
                    "the "
                    "path of gradient descent in a valley.",
                    "Both start at (0.3, 1.5). Stars: the minima.",
                    saddle,
                )
            ],
        },
        {
            "title": "Zero curvature says nothing",
            "text": "Here the Hessian is zero, and so are the slopes, and yet the three points have "
            "nothing in "
            "common. Networks are full of such directions: symmetries and unused units leave most "
            "eigenvalues "
            "at zero.",
            "figures": [
                figure("Three curves through zero: w⁴, −w⁴ and w³.", "All have H = 0 at zero.", *silent)
            ],
        },
        {
            "title": "Differences of values lose half the digits",
            "text": "Second differences of f divide by h² and leave about half of the digits; differences "
            "of exact "
            "gradients leave two thirds. Exact products, by differentiating the gradient, leave them all.",
            "figures": [_steps()],
        },
    ]


def _wave(x: NDArray[np.float64] | float) -> Any:
    return 0.15 * np.power(x, 4) - 0.6 * np.square(x) + 0.25 * np.sin(2.0 * x)


def _wave_slope(x: float) -> float:
    return float(0.6 * x**3 - 1.2 * x + 0.5 * np.cos(2.0 * x))


def _wave_bend(x: float) -> float:
    return float(1.8 * x**2 - 1.2 - np.sin(2.0 * x))


def _double_well(w: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.25 * w[0] ** 4 - 0.5 * w[0] ** 2 + 0.5 * w[1] ** 2)


def _double_well_gradient(w: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([w[0] ** 3 - w[0], w[1]])


def _bent(second: float) -> dict[str, Any]:
    A = (_AXES * np.array([2.0, second])) @ _AXES.T
    H = hessian(lambda w: A @ w, np.zeros(2))
    x = np.linspace(-1.5, 1.5, 61)
    place = np.stack(np.meshgrid(x, x), axis=-1)
    height = 0.5 * np.einsum("abi,ij,abj->ab", place, H, place)
    colour = "green" if second > 0 else "grey" if second == 0 else "red"
    layers = [
        contour(x, x, height, [-1.6, -0.9, -0.4, -0.1, 0.1, 0.4, 0.9, 1.6, 2.5, 3.6]),
        arrow((0, 0), 1.2 * _AXES[:, 0], "blue"),
        arrow((0, 0), 1.2 * _AXES[:, 1], colour),
        points([0], [0], "ink", size=8.0),
    ]
    angles = np.linspace(0.0, 180.0, 91)
    directions = np.stack([np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))])
    curvature = np.sum(directions * (H @ directions), axis=0)
    around = [
        line([0, 180], [0, 0], "grey", width=1.0),
        line(angles, curvature, "ink"),
        points([30], [2.0], "blue", size=9.0),
        points([120], [second], colour, size=9.0),
    ]
    said = {
        "minimum": "A minimum: every direction bends upwards.",
        "saddle": "A saddle: up along the blue arrow, down along the red one.",
        "undecided": "A trough: the second direction does not bend at all, and the Hessian cannot decide.",
    }[verdict(H)]
    if second > 0:
        said += f" The condition number is {max(2.0, second) / min(2.0, second):g}."
    written = f"{second:g}".replace("-", "−")
    return frame(
        f"λ₂ = {written}",
        f"Curvatures 2 and {written}. {said}",
        f"Lines of equal height with both eigenvectors, and the curvature in every direction, λ₂ = {written}",
        panel("Lines of equal height", layers, equal=True, xlim=(-1.5, 1.5), ylim=(-1.5, 1.5)),
        panel(
            "Curvature dᵀH d",
            around,
            xlabel="direction (degrees)",
            xlim=(0, 180),
            ylim=(-2.4, 4.4),
            xticks=[(at, f"{at}") for at in (0, 30, 60, 90, 120, 150, 180)],
        ),
    )


def _steps() -> dict[str, Any]:
    at, truth = 1.0, -float(np.sin(1.0))
    steps = 10.0 ** np.linspace(-12.0, 0.0, 97)
    values = [abs((np.sin(at + h) - 2.0 * np.sin(at) + np.sin(at - h)) / h**2 - truth) for h in steps]
    slopes = [abs((np.cos(at + h) - np.cos(at - h)) / (2.0 * h) - truth) for h in steps]
    return figure(
        "Two V-shaped error curves; the one from values turns up at larger steps and errors.",
        "The second derivative of the sine at 1.",
        panel(
            "Error of the curvature",
            [
                line(steps, np.clip(values, 1e-13, 1e4), "red", width=1.3, label="from three values"),
                line(steps, np.clip(slopes, 1e-13, 1e4), "blue", width=1.3, label="from two slopes"),
            ],
            xlabel="step h",
            ylabel="error",
            xlog=True,
            ylog=True,
            xlim=(1e-12, 1.0),
            ylim=(1e-13, 1e4),
            xticks=powers(-12, 0, 3),
            yticks=powers(-12, 3, 3),
            legend="upper right",
        ),
    )
