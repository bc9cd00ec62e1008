"""Lesson: the singular value decomposition, and what the rank does to a picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import arrow, figure, frame, line, panel, path, picture, points, powers
from fivefold.concepts.svd import low_rank, pseudo_inverse, svd
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"A = U \Sigma V^{\mathsf{T}} = \sum_i\, \sigma_i\, u_i v_i^{\mathsf{T}}",
        "Layers of rank one, the largest first.",
    ),
    (
        r"\min_{\mathrm{rank}\,B \leq k} \|A - B\|_F = \left(\sum_{i > k}\, \sigma_i^2\right)^{1/2}",
        "The first k layers are the best matrix of rank k, and what is left over is known.",
    ),
    (r"A^{+} = V \Sigma^{+} U^{\mathsf{T}}", "Undo every stretch that can be undone."),
)
CALLS = (
    (
        "fivefold.linalg.svd",
        "is the fast path: dense, streaming over batches of rows, or block Krylov for operators.",
    ),
    (
        "fivefold.linalg.effective_rank",
        "how many directions the data really have; the report of a fit shows it.",
    ),
)
RELATED = (
    ("eigenvectors", "σ² are the eigenvalues of AᵀA, V its eigenvectors"),
    ("pca", "the decomposition of centred data"),
    ("least-squares", "solved by it where columns repeat each other"),
)


def geometry() -> dict[str, Any]:
    """Show a circle on its way through V, the stretch and U."""
    A = np.array([[1.6, 0.9], [-0.3, 1.1]])
    U, s, Vt = svd(A)
    turn = np.linspace(0, 2 * np.pi, 97)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    stages = [
        ("Start: v₁ and v₂", np.eye(2)),
        ("Turned onto the axes: Vᵀ", Vt),
        ("Stretched: Σ Vᵀ", np.diag(s) @ Vt),
        ("Turned: U Σ Vᵀ", A),
    ]
    panels = []
    for title, M in stages:
        layers = [path(M @ circle, "grey", width=1.4)]
        for v, colour in zip(Vt, ("blue", "orange"), strict=True):
            layers.append(arrow((0, 0), M @ v, colour))
        panels.append(panel(title, layers, equal=True, xlim=(-2.6, 2.6), ylim=(-1.9, 1.9)))
    assert np.allclose((U * s) @ Vt, A)
    return {
        "text": [
            "Every matrix does three simple things: it turns (or mirrors), stretches along the axes by σ₁ "
            "≥ σ₂ ≥ …, and "
            "turns again. So each has two sets of axes at right angles, V before and U after, and A vᵢ = "
            "σᵢ uᵢ.",
        ],
        "figures": [
            figure(
                "A circle that is turned, stretched to an ellipse along the axes, and turned again.",
                f"One matrix in three moves; here σ₁ = {s[0]:.2f} and σ₂ = {s[1]:.2f}.",
                *panels,
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Rebuild a picture from its first k layers."""
    image = _landscape()
    U, s, Vt = svd(image.T)  # the readable code wants at least as many rows as columns
    return {
        "label": "the number of layers k",
        "text": f"A picture is a matrix: here {image.shape[0]} rows and {image.shape[1]} columns of grey. "
        "Keep its first k "
        "layers and throw the others away.",
        "start": 3,
        "frames": [
            _kept(image, ((U[:, :k] * s[:k]) @ Vt[:k]).T, s, k) for k in (1, 2, 3, 5, 8, 12, 16, 20, 24)
        ],
    }


def failures() -> list[dict[str, Any]]:
    """Show division by tiny singular values, and a picture without low rank."""
    n = 40
    place = np.arange(n)
    blur = np.exp(-0.5 * ((place[:, None] - place[None, :]) / 2.2) ** 2)
    blur /= blur.sum(axis=1, keepdims=True)
    truth = np.where((place > 9) & (place < 20), 1.0, 0.0) + np.where((place > 24) & (place < 34), 0.6, 0.0)
    generator = numpy_generator(0, "show", "svd")
    seen = blur @ truth + 0.001 * generator.normal(size=n)
    naive, careful = np.linalg.solve(blur, seen), pseudo_inverse(blur, tolerance=0.01) @ seen
    inverse = panel(
        "Undoing the blur",
        [
            line(place, np.clip(naive, -6, 6), "red", width=0.9, label="all σ inverted"),
            line(place, truth, "ink", width=1.4, label="truth"),
            line(place, careful, "blue", label="σ > σ₁/100 inverted"),
        ],
        xlabel="place",
        ylabel="brightness",
        xlim=(0, n - 1),
        ylim=(-1.2, 2.6),
        legend="upper right",
    )
    spectrum = panel(
        "Singular values of the blur",
        [
            points(np.arange(1, n + 1), np.maximum(svd(blur)[1], 1e-12), "blue"),
            line([1, n], [0.01, 0.01], "red", dashed=True, width=1.2),
        ],
        xlabel="i",
        ylabel="σᵢ",
        ylog=True,
        xlim=(0, n),
        ylim=(1e-10, 3.0),
        yticks=powers(-9, 0, 3),
    )
    stripes = np.clip(1.0 - np.abs(np.subtract.outer(np.arange(24), np.arange(24))) / 2.0, 0, 1)
    images = [
        panel("A diagonal line", [picture(stripes)], bare=True),
        panel("Its best rank 5", [picture(low_rank(stripes, 5))], bare=True),
    ]
    return [
        {
            "title": "Small singular values are loud",
            "text": "To invert is to divide by σ. A direction that A nearly wiped out comes back "
            "multiplied by 1/σ, and the noise "
            "with it: a thousandth of noise drowns the picture. Leave these directions out, or shrink them.",
            "figures": [
                figure(
                    "A deblurred signal: inverting everything gives wild swings, inverting the large "
                    "values gives nearly the "
                    "truth; the singular values fall over ten decades.",
                    "Noise of 0.001 was added after the blur. The red line is cut off; it goes on outside.",
                    inverse,
                    spectrum,
                )
            ],
        },
        {
            "title": "Not everything has a low rank",
            "text": "Layers are made of rows times columns, so they love what runs along the axes. One "
            "thin diagonal line needs them "
            "all: its singular values hardly fall.",
            "figures": [
                figure(
                    "A thin diagonal line and its smeared rank-5 image.",
                    "Twenty-four by twenty-four.",
                    *images,
                )
            ],
        },
    ]


def _landscape() -> NDArray[np.float64]:
    """Draw a small picture: sky, sun, hills, a house with a window, and a fence."""
    y, x = np.mgrid[0:36, 0:48].astype(np.float64)
    image = 0.95 - 0.012 * y
    image[(x - 37) ** 2 + (y - 8) ** 2 < 20] = 1.0
    image[y > 21 + 4 * np.sin(x / 7.0)] = 0.55
    image[y > 27 + 2 * np.cos(x / 5.0)] = 0.38
    image[(y > 15) & (y < 29) & (x > 8) & (x < 23)] = 0.78
    image[(y <= 15) & (y > 7) & (np.abs(x - 15.5) < (y - 6.5))] = 0.18
    image[(y > 18) & (y < 23) & (x > 10) & (x < 15)] = 0.12
    image[(y > 20) & (y < 29) & (x > 17) & (x < 21)] = 0.25
    image[(y > 27) & (y < 33) & (x > 26) & (x.astype(int) % 4 == 0)] = 0.92
    image[(y == 29) & (x > 26)] = 0.92
    return np.asarray(image)


def _kept(
    image: NDArray[np.float64], approximation: NDArray[np.float64], s: NDArray[np.float64], k: int
) -> dict[str, Any]:
    rows, columns = image.shape
    error = float(np.linalg.norm(image - approximation) / np.linalg.norm(image))
    numbers = k * (rows + columns + 1)
    order = np.arange(1, len(s) + 1)
    shown = np.maximum(s, 1e-3)
    return frame(
        f"k = {k}",
        f"{numbers} numbers instead of {rows * columns}. Left out: {100 * error:.1f}% of the length, "
        "which is "
        "√(σ²ₖ₊₁ + …)/√(σ²₁ + …), by the theorem of Eckart and Young.",
        f"A small landscape rebuilt from {k} layers, and the singular values with the first {k} marked",
        panel(f"Rank {k}", [picture(np.clip(approximation, 0, 1))], bare=True),
        panel(
            "Singular values",
            [points(order, shown, "grey", size=4.0), points(order[:k], shown[:k], "blue", size=6.5)],
            xlabel="i",
            ylabel="σᵢ",
            ylog=True,
            xlim=(0, rows + 1),
            ylim=(0.02, 60),
        ),
    )
