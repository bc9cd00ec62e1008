"""Lesson: eigenvectors, and what repeated multiplication does to any direction."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, path, points, powers, text
from fivefold.concepts.eigenvectors import eigenvectors, power_iteration

FORMULAS = (
    (r"A\, v = \lambda\, v", "A direction v that A only stretches, by the factor λ."),
    (
        r"A = V \Lambda V^{\mathsf{T}}, \quad V^{\mathsf{T}} V = I",
        "A symmetric matrix has a full set of them, at right angles to each other.",
    ),
    (
        r"A^k x = \sum_i\, \lambda_i^k\, (v_i \cdot x)\, v_i",
        "Multiplied k times, the largest |λ| outgrows the rest: power iteration.",
    ),
)
CALLS = (
    (
        "fivefold.linalg.eigh",
        "is the fast path: dense for small matrices, block Lanczos for large operators.",
    ),
    ("fivefold.linalg.condition", "the ratio of extreme stretches says how much a solution can be trusted."),
)
RELATED = (
    ("svd", "the same for matrices that are not symmetric, or not square"),
    ("pca", "eigenvectors of a covariance are the axes of a cloud"),
    ("gradient-descent", "eigenvalues of the Hessian set the learning rate"),
)

_A = np.array([[2.0, 0.8], [0.8, 1.1]])


def geometry() -> dict[str, Any]:
    """Show a circle, its image, and the two directions that keep their direction."""
    turn = np.linspace(0, 2 * np.pi, 97)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    values, V = eigenvectors(_A)
    layers = [path(circle, "grey", width=1.2), path(_A @ circle, "blue", width=1.6)]
    for angle in np.deg2rad([10.0, 65.0, 160.0]):
        x = np.array([np.cos(angle), np.sin(angle)])
        layers += [arrow((0, 0), x, "grey", width=1.2), arrow(x, _A @ x, "grey", dashed=True, width=1.0)]
    for value, v, colour in zip(values, V.T, ("orange", "green"), strict=True):
        v = v * np.sign(v[np.argmax(np.abs(v))])
        layers += [arrow((0, 0), value * v, colour), points([v[0]], [v[1]], colour, size=7.0)]
        place = value * v + (0.1, 0.12) if value > 1 else 1.12 * v + (-0.15, 0.1)
        layers.append(
            text(place[0], place[1], f"λ = {value:.2f}", colour, align="left" if value > 1 else "right")
        )
    return {
        "text": [
            "A symmetric matrix turns the unit circle into an ellipse. Most vectors leave their own line "
            "(dashed). The axes "
            "of the ellipse do not: they are the eigenvectors, and their half-lengths are the |λ|.",
        ],
        "figures": [
            figure(
                "A circle and the ellipse it becomes; two arrows along the axes of the ellipse.",
                "Grey: vectors that turn. Orange and green: the two that are only stretched.",
                panel("The circle and its image", layers, equal=True, xlim=(-3.1, 3.1), ylim=(-2.1, 2.1)),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Multiply a fan of directions again and again."""
    return {
        "label": "the number of multiplications k",
        "text": "Twelve directions, multiplied by A and shortened to length one, k times. All fold onto "
        "the dominant "
        "eigenvector or its opposite, faster the larger λ₁/λ₂.",
        "start": 1,
        "frames": [_fan(k) for k in (0, 1, 2, 3, 4, 6, 8, 12)],
    }


def failures() -> list[dict[str, Any]]:
    """Show two eigenvalues of nearly the same size, and a matrix without real eigenvectors."""
    steps = np.arange(41)
    curves = []
    for ratio, colour in ((0.3, "green"), (0.7, "blue"), (0.95, "orange"), (1.0, "red")):
        A = np.diag([1.0, ratio])
        start = np.array([1.0, 1.0])
        error = [_between(power_iteration(A, start, int(k))[1], np.array([1.0, 0.0])) for k in steps]
        curves.append(line(steps, np.maximum(error, 1e-9), colour, label=f"λ₂/λ₁ = {ratio:g}"))
    gap = panel(
        "Angle to v₁",
        curves,
        xlabel="k",
        ylabel="sine of the angle",
        ylog=True,
        xlim=(0, 40),
        ylim=(1e-6, 2.0),
        yticks=powers(-6, 0, 2),
        legend="center right",
    )
    turn = np.deg2rad(40.0)
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    spokes, x = [], np.array([1.0, 0.0])
    for k in range(6):
        spokes += [
            arrow((0, 0), x, "blue", width=1.0 + 0.3 * k),
            text(1.22 * x[0], 1.22 * x[1], f"k = {k}", align="center"),
        ]
        x = R @ x
    rotation = panel("A turn by 40°", spokes, equal=True, xlim=(-1.9, 1.9), ylim=(-0.6, 1.35))
    return [
        {
            "title": "No gap, no winner",
            "text": "Each step shrinks the angle by λ₂/λ₁. Where the two are nearly equal, it hardly "
            "moves; where they are "
            "equal, every direction in their plane is an eigenvector, and the answer depends on the start.",
            "figures": [
                figure(
                    "Four error curves; at the ratio one there is no progress.",
                    "The speed is the ratio alone.",
                    gap,
                )
            ],
        },
        {
            "title": "A turn keeps no direction",
            "text": "A matrix that is not symmetric may turn every vector. Its eigenvalues are then "
            "complex, and "
            "multiplying goes round for ever. Use the singular value decomposition instead.",
            "figures": [
                figure("A vector turned again and again by 40 degrees.", "It never settles.", rotation)
            ],
        },
    ]


def _between(x: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    """Return the sine of the angle between the lines of two unit vectors."""
    return float(abs(x[0] * v[1] - x[1] * v[0]))


def _fan(k: int) -> dict[str, Any]:
    values, V = eigenvectors(_A)
    v = V[:, 0] * np.sign(V[0, 0])
    angles = np.deg2rad(np.arange(5, 365, 30))
    layers = [
        line([-1.15 * v[0], 1.15 * v[0]], [-1.15 * v[1], 1.15 * v[1]], "orange", dashed=True, width=1.4)
    ]
    worst = 0.0
    for angle in angles:
        start = np.array([np.cos(angle), np.sin(angle)])
        _, x = power_iteration(_A, start, k)
        layers.append(arrow((0, 0), x, "blue", width=1.4))
        worst = max(worst, _between(x, v))
    steps = np.arange(13)
    start = np.array([np.cos(angles[3]), np.sin(angles[3])])
    error = [_between(power_iteration(_A, start, int(step))[1], v) for step in steps]
    curve = [line(steps, error, "grey"), points([k], [error[k]], "blue", size=9.0)]
    return frame(
        f"k = {k}",
        f"The worst direction is {np.rad2deg(np.arcsin(min(1.0, worst))):.2g}° off the eigenvector. Each "
        "step shrinks the "
        f"angle of the far ones by about λ₂/λ₁ = {values[1] / values[0]:.2f}.",
        f"Twelve arrows after {k} multiplications, folding onto the dashed line of the eigenvector",
        panel("Directions after k steps", layers, equal=True, xlim=(-1.6, 1.6), ylim=(-1.15, 1.15)),
        panel(
            "One direction's angle to v₁",
            curve,
            xlabel="k",
            ylabel="sine of the angle",
            ylog=True,
            xlim=(0, 12),
            ylim=(1e-6, 2.0),
            yticks=powers(-6, 0, 2),
        ),
    )
