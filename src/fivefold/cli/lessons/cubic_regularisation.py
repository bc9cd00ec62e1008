"""Lesson: cubic regularisation, and what the charge on long steps does."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, points
from fivefold.cli.lessons.walks import Array, Walk, land, left_over, two_valleys
from fivefold.concepts.cubic_regularisation import cubic_regularisation, cubic_step
from fivefold.concepts.gradient_descent import gradient_descent

FORMULAS = (
    (
        r"\min_s\; g^{\mathsf{T}} s + \frac{1}{2}\, s^{\mathsf{T}} H s + \frac{\sigma}{3}\, |s|^3",
        "The model, and a charge that grows with the third power of the length.",
    ),
    (
        r"(H + \lambda I)\, s = -g \qquad \lambda = \sigma\, |s|",
        "A trust-region step whose multiplier is tied to its length.",
    ),
    (
        r"|H(w) - H(v)| \leq 2\sigma\, |w - v|",
        "Where this holds, the model lies above F: every step gains at least what it promises.",
    ),
)
CALLS = (
    ("fivefold.minimize", 'method="cubic": the same step and a σ that adapts.'),
    ("fivefold.Objective", "its hessian(w) is the H of the model."),
)
RELATED = (
    ("trust-region", "a limit on the length in place of a charge"),
    ("newtons-method", "the step without the charge"),
    ("hessian", "how fast it changes is what σ has to cover"),
)

_AT = np.array([0.3, 1.0])
_SIGMAS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 3.0, 6.0, 15.0, 50.0)


def geometry() -> dict[str, Any]:
    """Show the walk from a saddle's ridge, where slopes alone see nothing."""
    ground, ridge = two_valleys(), np.array([0.0, 1.5])
    path, _ = cubic_regularisation(lambda w: float(ground.value(w)), _derivatives, ridge, 1.0, 16)
    plain = gradient_descent(ground.gradient, ridge, 0.2, 40)
    walks = [
        Walk(path, "blue", "cubic regularisation"),
        Walk(plain, "red", "gradient descent", 1.2, "s"),
    ]
    return {
        "text": [
            "A paraboloid with a negative curvature falls for ever, and has no lowest point. Adding ⅓σ|s|³ "
            "gives "
            "it one, in every case, and at a distance that suits: the farther the step, the stronger the "
            "brake.",
            "If σ is at least half of how fast the Hessian changes, the model lies above F everywhere. Its "
            "lowest "
            "point is then a sure gain, and ε-small slopes without negative curvature are reached in a "
            "multiple of "
            "ε^(−3/2) steps, where gradient descent may need ε⁻².",
        ],
        "figures": [
            figure(
                "From the ridge gradient descent runs into the saddle; the other walk turns off to a valley.",
                "Both start at (0, 1.5), where the slope points along the ridge.",
                land("¼ w₁⁴ − ½ w₁² + ½ w₂²", ground, walks, legend="upper left"),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Charge ten prices."""
    slope, H = _derivatives(_AT)
    every = np.array([np.zeros(2), *(cubic_step(slope, H, each) for each in np.geomspace(200.0, 0.35, 25))])
    return {
        "label": "the charge σ",
        "text": "Left one weight: F = ¼ w⁴ − ½ w² and its model at w = 0.3, where F curves down. Right two "
        "weights, "
        "from (0.3, 1); blue: the steps for all σ.",
        "start": 4,
        "frames": [_charge(sigma, every) for sigma in _SIGMAS],
    }


def failures() -> list[dict[str, Any]]:
    """Show fixed charges, too low and too high, beside the one that adapts."""
    start = np.array([0.3, 1.0])
    ground = two_valleys()
    adapted, sigmas = cubic_regularisation(lambda w: float(ground.value(w)), _derivatives, start, 1000.0, 24)
    curves = [
        (np.maximum(ground.value(fixed(start, sigma, 16)) + 0.25, 1e-17), colour, f"σ = {sigma:g}, fixed")
        for sigma, colour in ((0.02, "red"), (1000.0, "orange"))
    ]
    curves.append((np.maximum(ground.value(adapted) + 0.25, 1e-17), "blue", "adapted from σ = 1000"))
    return [
        {
            "title": "A price that is wrong",
            "text": "Nobody knows how fast the Hessian changes. Too low a σ lets the first step fly over "
            "both "
            "valleys; too high a one makes every step short, and Newton's doubling of digits comes late. "
            "Halve σ when the gain is nearly as promised, double it when it is not.",
            "figures": [
                figure(
                    "Curves of height; one shoots up at first, one falls slowly, one falls ever faster.",
                    f"From (0.3, 1). The adapted σ falls from 1000 to {sigmas[-1]:.2g} on the way.",
                    left_over("Height above the floor, F − F*", curves, (-14, 6), legend="upper right"),
                )
            ],
        },
        {
            "title": "Each step is dear",
            "text": "The exact step takes the eigenvalues of H, or several factorizations. With many "
            "weights the "
            "model is minimised only roughly, in the space that a few products with H span.",
            "figures": [],
        },
    ]


def fixed(start: Array, sigma: float, steps: int) -> Array:
    """Walk with a charge that stays, and take every step."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] + cubic_step(*_derivatives(path[-1]), sigma))
    return np.array(path)


def _derivatives(w: Array) -> tuple[Array, Array]:
    ground = two_valleys()
    return ground.gradient(w), ground.hessian(w)


def _height(w: Any) -> Any:
    return 0.25 * np.power(w, 4) - 0.5 * np.power(w, 2)


def _charge(sigma: float, every: Array) -> dict[str, Any]:
    at = 0.3
    g, h = at**3 - at, 3.0 * at**2 - 1.0
    s = float(cubic_step(np.array([g]), np.array([[h]]), sigma)[0])
    w = np.linspace(-2.2, 2.6, 121)
    away = w - at
    model = _height(at) + g * away + 0.5 * h * away**2 + sigma / 3.0 * np.abs(away) ** 3
    promised, gained = -(g * s + 0.5 * h * s * s + sigma / 3.0 * abs(s) ** 3), _height(at) - _height(at + s)
    colour = "red" if gained < 0.1 * promised else "green" if gained >= promised else "orange"
    left = [
        line(w, _height(w), "ink", width=1.6, label="F"),
        line(w, model, colour, dashed=True, label="model"),
        points([at], [_height(at)], "ink", size=8.0),
        points([at + s], [_height(at + s)], colour, size=9.0),
        arrow((at, -0.95), (at + s, -0.95), colour),
    ]
    ground = two_valleys()
    slope, H = _derivatives(_AT)
    two = cubic_step(slope, H, sigma)
    walks = [
        Walk(_AT + every, "blue", None, 1.5, None),
        Walk(np.stack([_AT, _AT + two]), colour, None, 2.2),
    ]
    said = (
        "Too low: the step is long, and F is higher there. It is refused, and σ doubles."
        if gained < 0.1 * promised
        else "A long step that gains less than promised: F lies above the model there."
        if gained < promised
        else "The step gains at least as much as promised."
        if s > 0.15
        else "Too high: a sure gain, and a tiny one."
    )
    return frame(
        f"σ = {sigma:g}",
        f"{said} Left: step {s:.2f}, promised {promised:.2g}, gained {gained:.2g}.".replace("-", "−"),
        f"A curve with its cubic model, and the step on a map of two valleys, σ = {sigma:g}",
        panel("One weight", left, xlabel="w", xlim=(-2.2, 2.6), ylim=(-1.1, 1.6), legend="upper center"),
        land("Two weights", ground, walks),
    )
