"""Lesson: the trust region, and what its radius makes of the step."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import figure, frame, line, panel, points
from fivefold.cli.lessons.walks import Array, Walk, land, left_over, two_valleys
from fivefold.concepts.newtons_method import newtons_method
from fivefold.concepts.trust_region import trust_region, trust_step

FORMULAS = (
    (
        r"\min_s\; g^{\mathsf{T}} s + \frac{1}{2}\, s^{\mathsf{T}} H s \quad |s| \leq \Delta",
        "The lowest point of the model, as far as it is trusted.",
    ),
    (
        r"(H + \lambda I)\, s = -g \qquad \lambda\, (\Delta - |s|) = 0",
        "The exact solution, even where H has negative curvatures: lift them all by λ until the step fits.",
    ),
    (
        r"\rho = \frac{F(w) - F(w + s)}{-(g^{\mathsf{T}} s + \frac{1}{2} s^{\mathsf{T}} H s)}",
        "What was gained over what the model promised: below ¼ the radius shrinks, above ¾ it may grow.",
    ),
)
CALLS = (
    (
        "fivefold.minimize",
        'method="trust-region": exact steps by eigenvectors, or by products with the Hessian alone.',
    ),
    ("fivefold.Objective", "its hessian(w) is the H of the model."),
)
RELATED = (
    ("line-search", "the other way round: first the direction, then the length"),
    ("newtons-method", "the step when the radius is large and the curvatures are positive"),
    ("cubic-regularisation", "a charge on the length in place of a limit"),
)

_AT = np.array([0.3, 1.0])
_WIDE = two_valleys()._replace(high=(2.4, 1.8))
_RADII = (0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 1.05, 1.2, 1.27, 1.4, 1.7)


def geometry() -> dict[str, Any]:
    """Show a whole walk with its radii."""
    ground, start = two_valleys(), np.array([0.05, 1.5])
    path, radii = trust_region(lambda w: float(ground.value(w)), _derivatives, start, 0.3, 20)
    angle = np.linspace(0.0, 2.0 * np.pi, 61)
    circles = [
        Walk(w + r * np.stack([np.cos(angle), np.sin(angle)], axis=1), "grey", None, 0.8, None)
        for w, r in zip(path[:4], radii[:4], strict=True)
    ]
    return {
        "text": [
            "The paraboloid that fits at w is right near w and wrong far off. So ask for its lowest point "
            "within "
            "a distance Δ only. Where F then falls as promised, trust it farther; where not, stay and trust "
            "it "
            "less. The answer turns from the slope, for a small Δ, to Newton's step, for a large one.",
            "A negative curvature is welcome: the model falls along it to the edge of the region, and the "
            "walk "
            "leaves the saddle.",
        ],
        "figures": [
            figure(
                "A walk with circles round its first points; it passes the saddle and ends in a valley.",
                f"From (0.05, 1.5), close to the ridge, with Δ = 0.3 at first: {len(path) - 1} steps.",
                land("¼ w₁⁴ − ½ w₁² + ½ w₂²", ground, [Walk(path, "blue"), *circles], equal=True),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Trust the model ten distances far."""
    return {
        "label": "the radius Δ",
        "text": "One step from (0.3, 1), where one curvature is negative: −0.73, the other 1. Newton's step "
        "goes up "
        "to the saddle at (0, 0). Blue: the lowest points of the model for all radii.",
        "start": 3,
        "frames": [_radius(radius) for radius in _RADII],
    }


def failures() -> list[dict[str, Any]]:
    """Show blind trust, and the hard case."""
    ground, start = two_valleys(), np.array([0.3, 1.0])
    careful, _ = trust_region(lambda w: float(ground.value(w)), _derivatives, start, 4.0, 12)
    curves = [
        (excess(blind(start, 4.0, 12)), "red", "Δ = 4, every step taken"),
        (excess(blind(start, 0.1, 12)), "orange", "Δ = 0.1, every step taken"),
        (excess(careful), "blue", "adapted, Δ = 4 at first"),
    ]
    ridge = np.array([0.0, 1.5])
    path, _ = trust_region(lambda w: float(ground.value(w)), _derivatives, ridge, 0.5, 20)
    stuck = newtons_method(ground.gradient, ground.hessian, ridge, 3)
    walks = [
        Walk(stuck, "red", "Newton's steps", 1.6, "s"),
        Walk(path, "blue", "with the missing part"),
    ]
    return [
        {
            "title": "Too much trust, and too little",
            "text": "A radius that never changes is wrong nearly everywhere: too large, and a step lands "
            "high on "
            "the other wall; too small, and the walk crawls however good the model is. Comparing gain and "
            "promise "
            "costs nothing, for F is computed anyway.",
            "figures": [
                figure(
                    "Three curves of height: one first rises, one falls slowly, one falls fast.",
                    "From (0.3, 1).",
                    left_over("Height above the floor, F − F*", curves, (-12, 2), legend="lower right"),
                )
            ],
        },
        {
            "title": "The hard case",
            "text": "On the ridge itself the slope has no part along the negative curvature. Every step with "
            "(H + λI) s = −g, Newton's among them, stays on the ridge and leads into the saddle. The lowest "
            "point of the model still lies on the edge of the region: what is missing has to be added along "
            "that direction, to either side.",
            "figures": [
                figure(
                    "Two walks from the ridge: one runs down it into the saddle, the other turns off to a "
                    "valley.",
                    "Both start at (0, 1.5), where ∂F/∂w₁ = 0.",
                    land("¼ w₁⁴ − ½ w₁² + ½ w₂²", ground, walks, legend="upper left"),
                )
            ],
        },
    ]


def excess(path: Array) -> Array:
    """Return the heights above the floors, −¼, of a path in the two valleys."""
    return np.asarray(np.maximum(two_valleys().value(path) + 0.25, 1e-17))


def blind(start: Array, radius: float, steps: int) -> Array:
    """Walk with a radius that stays, whatever comes of it."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] + trust_step(*_derivatives(path[-1]), radius)[0])
    return np.array(path)


def _derivatives(w: Array) -> tuple[Array, Array]:
    return _WIDE.gradient(w), _WIDE.hessian(w)


def _gains(radius: float) -> tuple[Array, float, float, float]:
    """The step from the point, its multiplier, what the model promises and what F gains."""
    g, H = _derivatives(_AT)
    s, multiplier = trust_step(g, H, radius)
    promised = -float(g @ s + 0.5 * s @ H @ s)
    return s, multiplier, promised, float(_WIDE.value(_AT) - _WIDE.value(_AT + s))


def _radius(radius: float) -> dict[str, Any]:
    every = np.linspace(0.02, 1.8, 61)
    table = [_gains(float(each)) for each in every]
    s, multiplier, promised, gained = _gains(radius)
    ratio = gained / promised
    colour = "red" if ratio < 0.1 else "orange" if ratio < 0.25 else "green"
    said = (
        "Refused: stay, and trust it a quarter as far."
        if ratio < 0.1
        else "Taken, but the radius shrinks."
        if ratio < 0.25
        else "Taken, and the radius stays."
        if ratio < 0.75
        else "Taken, and the radius doubles."
    )
    angle = np.linspace(0.0, 2.0 * np.pi, 61)
    circle = _AT + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    walks = [
        Walk(_AT + np.array([step for step, *_ in table]), "blue", None, 1.6, None),
        Walk(circle, "grey", None, 0.9, None),
        Walk(np.stack([_AT, _AT + s]), colour, None, 2.2),
    ]
    curves = [
        line(every, [row[2] for row in table], "purple", dashed=True, label="promised"),
        line(every, [row[3] for row in table], "ink", label="gained"),
        points([radius, radius], [promised, gained], colour, size=9.0),
    ]
    return frame(
        f"Δ = {radius:g}",
        f"The model promises {promised:.2f}, F gains {gained:.2f}: ρ = {ratio:.2f}. {said} The multiplier is "
        f"λ = {multiplier:.2f}.".replace("-", "−"),
        f"The step within the circle on the map, and gains promised and made by radius, Δ = {radius:g}",
        land("The step", _WIDE, walks),
        panel(
            "Gain of the step",
            curves,
            xlabel="radius Δ",
            xlim=(0, 1.8),
            ylim=(-1.6, 2.2),
            legend="lower left",
        ),
    )
