"""Lesson: power iteration and Lanczos, and what a few products tell about a large matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, powers
from fivefold.concepts.power_iteration import lanczos, power_iteration, ritz_values
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"A^k x = \sum_i\, \lambda_i^k\, (v_i \cdot x)\, v_i",
        "Every product multiplies each part of x by its eigenvalue: the largest |λ| outgrows the rest.",
    ),
    (
        r"Q_k^{\mathsf{T}} A\, Q_k = T_k, \quad Q_k \mathrm{\ spans\ } x, A x, \ldots, A^{k-1} x",
        "Lanczos: A as seen from the space that the products span. T is small, and zero off three diagonals.",
    ),
    (
        r"\lambda_1 - \theta_1 \approx \rho^{-4k}, \quad "
        r"\rho \approx 1 + \sqrt{\frac{\lambda_1 - \lambda_2}{\lambda_1 - \lambda_n}}",
        "The error of its largest eigenvalue θ₁ after k products: a square root of the gap, not the gap.",
    ),
)
CALLS = (
    ("fivefold.linalg.eigh", "with k: block Lanczos, restarted, each pair with a bound of its error."),
    ("fivefold.linalg.spectral_density", "where all eigenvalues lie, roughly, from the same small T."),
    ("fivefold.linalg.logdet", "functions of a matrix from the same products."),
)
RELATED = (
    ("eigenvectors", "what is looked for"),
    ("hessian", "the matrix of a network is one that can only be multiplied with"),
    ("svd", "the same for matrices that are not symmetric"),
)

_TOP = 2.2
"""The largest eigenvalue; 199 others lie between −1 and 2."""


def geometry() -> dict[str, Any]:
    """Show the parts of a vector along the eigenvectors, before and after products."""
    values = np.array([1.0, 0.9, 0.75, 0.5, 0.2, -0.3, -0.6, -0.8])
    panels = []
    for k in (0, 2, 8, 30):
        parts = values**k / np.linalg.norm(values**k)
        shades = [
            bars(values[1:], parts[1:], "grey", width=0.05),
            bars(values[:1], parts[:1], "orange", width=0.05),
        ]
        panels.append(panel(f"k = {k}", shades, xlabel="λ", xlim=(-1.1, 1.1), ylim=(0, 1.05)))
    return {
        "text": [
            "Write a vector as a sum of eigenvectors. A product with A multiplies each part by its "
            "eigenvalue; "
            "shortened to length one, the small ones fade. Power iteration waits until one part is left.",
            "But the fading itself tells of the others. The vectors x, A x, A² x, … together hold the "
            "parts in "
            "known proportions, and Lanczos combines them so that all but one cancel, long before they fade.",
        ],
        "figures": [
            figure(
                "Eight bars of equal height; after 2, 8 and 30 products the bar of the largest eigenvalue "
                "stands out.",
                "The parts of a vector along eight eigenvectors, each drawn at its eigenvalue.",
                *panels,
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Spend more and more products."""
    values = _values()
    start = numpy_generator(0, "show", "power-iteration").normal(size=len(values))
    _, T = lanczos(lambda x: values * x, start, 40)
    estimates = power_iteration(lambda x: values * x, start, 40)
    history = [ritz_values(T[:k, :k]) for k in range(1, 41)]
    return {
        "label": "the number of products k",
        "text": f"A matrix of size {len(values)}: one eigenvalue at {_TOP}, the others between −1 and 2. "
        "Each "
        "column of dots holds the eigenvalues of the small matrix T after that many products.",
        "start": 3,
        "frames": [_after(k, history, estimates) for k in (1, 2, 4, 7, 10, 14, 18, 24, 32, 40)],
    }


def failures() -> list[dict[str, Any]]:
    """Show ghosts of rounded right angles, and two eigenvalues of one size."""
    values = np.concatenate([np.linspace(0.0, 1.0, 100), [2.0, 3.0]])
    start = numpy_generator(0, "show", "power-iteration", "ghosts").normal(size=len(values))
    panels = []
    for keep, title in ((True, "Kept at right angles"), (False, "Two vectors remembered")):
        _, T = lanczos(lambda x: values * x, start, 60, keep_apart=keep)
        dots: list[tuple[int, float]] = []
        ghosts: list[tuple[int, float]] = []
        for k in range(1, 61):
            found = ritz_values(T[:k, :k])
            dots += [(k, value) for value in found]
            ghosts += [(k, value) for value in found[2:] if value > 1.05 and k > 12]
        layers = [points(*_columns(dots), "blue", size=2.0)]
        if ghosts:
            layers.append(points(*_columns(ghosts), "red", size=5.0, label="ghosts"))
        corner = {"legend": "center left"} if ghosts else {}
        panels.append(panel(title, layers, xlabel="k", xlim=(0, 61), ylim=(-0.1, 3.2), **corner))
    steps = np.arange(1, 31)
    opposite = np.array([1.0, -1.0, 0.5, 0.2])
    power = power_iteration(lambda x: opposite * x, np.array([1.0, 0.8, 1.0, 1.0]), 30)
    stuck = panel(
        "Estimate of the largest |λ| = 1",
        [
            line([0, 31], [1, 1], "green", dashed=True, width=1.4),
            line(steps, power, "red", label="power iteration"),
            line(
                steps[:4],
                [
                    ritz_values(lanczos(lambda x: opposite * x, np.array([1.0, 0.8, 1.0, 1.0]), k)[1])[0]
                    for k in range(1, 5)
                ],
                "blue",
                marker="o",
                label="Lanczos",
            ),
        ],
        xlabel="k",
        ylabel="estimate",
        xlim=(0, 31),
        ylim=(0, 1.15),
        legend="center right",
    )
    return [
        {
            "title": "Ghosts",
            "text": "On paper a new vector need only be made orthogonal to the last two. Rounded, the basis "
            "forgets a direction just when its eigenvalue has been found, finds it again, and reports it "
            "twice, then three times. Taking all old directions out again costs memory and cures it.",
            "figures": [
                figure(
                    "Two plots of eigenvalue estimates; in the second, copies of the two largest appear.",
                    "Two separate eigenvalues, at 2 and 3, over a hundred between 0 and 1. Red: an "
                    "eigenvalue "
                    "reported again.",
                    *panels,
                )
            ],
        },
        {
            "title": "Two of the same size",
            "text": "With eigenvalues 1 and −1 nothing outgrows the other: power iteration goes to and "
            "fro, and "
            "its estimate settles at a number that is no eigenvalue. It looks converged. Only the residual "
            "‖A v − λ v‖ tells.",
            "figures": [
                figure(
                    "The estimate of power iteration settles near 0.2, far from one; Lanczos reaches it at "
                    "once.",
                    "Eigenvalues 1, −1, 0.5 and 0.2.",
                    stuck,
                )
            ],
        },
        {
            "title": "A start without the answer",
            "text": "A start at right angles to v₁ never sees it: the products stay in the others' space. "
            "Start "
            "at random, and check a second start where it matters. A single start also shows only one vector "
            "of an eigenvalue that occurs twice; blocks of starts find both.",
            "figures": [],
        },
    ]


def _values() -> NDArray[np.float64]:
    return np.concatenate([[_TOP], np.linspace(2.0, -1.0, 199)])


def _columns(pairs: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [at for at, _ in pairs], [value for _, value in pairs]


def _after(k: int, history: list[NDArray[np.float64]], estimates: NDArray[np.float64]) -> dict[str, Any]:
    dots = np.array([(at, value) for at, found in enumerate(history[:k], start=1) for value in found])
    layers = [line([0, 41], [edge, edge], "grey", width=1.0, dashed=True) for edge in (2.0, -1.0)] + [
        line([0, 41], [_TOP, _TOP], "orange", width=1.2),
        points(dots[:, 0], dots[:, 1], "blue", size=2.5),
    ]
    steps = np.arange(1, 41)
    by_lanczos = np.maximum([_TOP - found[0] for found in history], 1e-16)
    by_power = np.maximum(_TOP - estimates, 1e-16)
    errors = [
        line(steps, by_power, "red", label="power iteration"),
        line(steps, by_lanczos, "blue", label="Lanczos"),
        points([k, k], [by_power[k - 1], by_lanczos[k - 1]], "ink", size=8.0),
    ]
    gained = by_lanczos[k - 1]
    return frame(
        f"k = {k}",
        f"Largest eigenvalue {_TOP}: power iteration is off by {by_power[k - 1]:.1e}, "
        + ("Lanczos by rounding alone." if gained < 1e-13 else f"Lanczos by {gained:.1e}."),
        f"Estimates of the eigenvalues after up to {k} products, and the errors of both methods",
        panel("Eigenvalues of T", layers, xlabel="k", xlim=(0, 41), ylim=(-1.2, 2.5)),
        panel(
            "Error of the largest",
            errors,
            xlabel="k",
            ylabel="error",
            ylog=True,
            xlim=(0, 41),
            ylim=(1e-16, 10.0),
            yticks=powers(-15, 0, 5),
            legend="lower left",
        ),
    )
