"""Lesson: pooling, and what a larger window forgets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.cells import cells
from fivefold.cli.lessons.layers import figure, frame, line, panel, picture, points
from fivefold.concepts.pooling import max_pool, max_pool_gradient, mean_pool

FORMULAS = (
    (
        r"y_{i,j} = \max_{a,b}\ x_{s i + a,\, s j + b}",
        "Max pooling: was it there, anywhere in the patch?",
    ),
    (
        r"y_{i,j} = \frac{1}{t^2} \sum_{a,b}\, x_{s i + a,\, s j + b}",
        "Mean pooling: how much of it was there? With the patch as large as the picture: global pooling.",
    ),
    (
        r"\frac{\partial y_{i,j}}{\partial x_{k,l}} = 1 \mathrm{\ for\ the\ winner,\ else\ } 0",
        "The gradient of the maximum goes to one pixel; that of the mean is shared out to all.",
    ),
)
CALLS = (
    ("torch.nn.functional.max_pool2d", "the fast path."),
    ("torch.nn.functional.avg_pool2d", "the mean."),
    ("torch.nn.functional.adaptive_avg_pool2d", "global, for pictures of any size."),
)
RELATED = (
    ("convolution", "whose stride does the same with learned weights"),
    ("backpropagation", "where the winner gets all of the gradient"),
)

_SIZE = 48


def geometry() -> dict[str, Any]:
    """Show four patches of numbers, their maxima and their means."""
    x = np.array([[1, 3, 0, 2], [4, 2, 1, 1], [0, 0, 7, 5], [1, 3, 6, 2]])
    shades = (("blue", "orange"), ("green", "purple"))

    def of_patch(i: int, j: int) -> str:
        return shades[i // 2][j // 2]

    largest, mean = max_pool(x.astype(float), 2, 2), mean_pool(x.astype(float), 2, 2)
    layers = [
        *cells([[str(value) for value in row] for row in x], (0, 0), of_patch, 15),
        *cells([[f"{v:g}" for v in row] for row in largest], (5.2, -1), lambda i, j: shades[i][j], 15),
        *cells([[f"{v:g}" for v in row] for row in mean], (8.4, -1), lambda i, j: shades[i][j], 15),
    ]
    return {
        "text": [
            "Cut the picture into patches and keep one number of each. A quarter of the numbers is left, "
            "and a "
            "thing may move within its patch without the maximum noticing. There is nothing to learn.",
        ],
        "figures": [
            figure(
                "Sixteen numbers in four coloured patches, their four largest, and their four means.",
                "Window 2, stride 2. Left: the picture. Middle: the largest. Right: the mean.",
                panel(
                    "Picture, maximum, mean",
                    layers,
                    bare=True,
                    equal=True,
                    xlim=(-0.3, 10.7),
                    ylim=(-4.3, 0.3),
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Enlarge the window."""
    windows = (1, 2, 3, 4, 6, 8, 12, 16)
    changes = {
        name: [_change(pool, t) for t in windows] for name, pool in (("max", max_pool), ("mean", mean_pool))
    }
    return {
        "label": "the window t",
        "text": f"A picture of {_SIZE} × {_SIZE}, pooled with a window and a stride of t. Right: how much "
        "the answer "
        "changes where the picture is moved by a single pixel.",
        "start": 3,
        "frames": [_pooled(i, windows, changes) for i in range(len(windows))],
    }


def failures() -> list[dict[str, Any]]:
    """Show a pattern that depends on the grid, lost arrangements, and starved pixels."""
    row = np.tile([0.0, 0.0, 1.0, 1.0], 5)
    grids = []
    for shift, name in ((0, "as it is"), (1, "one pixel further")):
        moved = np.roll(row, shift)
        pooled = max_pool(np.tile(moved, (2, 1)), 2, 2)[0]
        table = [[f"{v:g}" for v in moved[:16]], [""] * 16]
        layers = cells(table, (0, 0), lambda i, j: "blue" if table[i][j] == "1" else "grey", 12)  # noqa: B023
        for j, value in enumerate(pooled[:8]):
            shade = "orange" if value > 0 else "grey"
            layers += cells([[f"{value:g}"]], (2 * j + 0.5, -1.6), lambda i, j: shade, 12)  # noqa: B023
        grids.append(
            panel(f"The pattern {name}", layers, bare=True, equal=True, xlim=(-0.4, 16.4), ylim=(-3.2, 0.6))
        )
    face = _face()
    scrambled = face.copy()
    for i in range(0, 24, 8):
        for j in range(0, 24, 8):
            scrambled[i : i + 8, j : j + 8] = face[i : i + 8, j : j + 8][::-1, ::-1]
    same = float(np.abs(max_pool(face, 8, 8) - max_pool(scrambled, 8, 8)).max())
    arranged = [
        panel("A face", [picture(face)], bare=True),
        panel("Every patch turned round", [picture(scrambled)], bare=True),
        panel("Both, pooled by 8", [picture(max_pool(face, 8, 8))], bare=True),
    ]
    scene = _scene()
    ones = np.ones((_SIZE // 4, _SIZE // 4))
    winners = max_pool_gradient(scene, ones, 4, 4)
    gradients = [
        panel("Max: one winner a patch", [picture(winners)], bare=True),
        panel("Mean: a sixteenth each", [picture(np.full((_SIZE, _SIZE), 1.0 / 16.0))], bare=True),
    ]
    return [
        {
            "title": "One pixel further, another answer",
            "text": "Pooling is said to forgive small shifts. It forgives those within a patch. Across the "
            "edge of a "
            "patch the answer can flip: the same pattern gives stripes, or nothing but ones. A blur between "
            "the maximum and the stride cures most of it.",
            "figures": [
                figure(
                    "A row 0 0 1 1 0 0 1 1 pools to 0 1 0 1; moved by one pixel it pools to ones.",
                    "Window 2, stride 2. Above the pixels, below their maxima.",
                    *grids,
                )
            ],
        },
        {
            "title": "The arrangement is lost",
            "text": "Within a patch anything may be anywhere. Turn every patch by 180°, and the maxima are "
            "the same "
            f"(difference {same:g}). Whoever needs places, to cut out or to point at things, must keep them.",
            "figures": [
                figure(
                    "A face, the same face with each of nine patches turned round, and nine shades.",
                    "Nine patches of 8 × 8.",
                    *arranged,
                )
            ],
        },
        {
            "title": "Starved pixels",
            "text": "The maximum sends its gradient to one pixel of the patch and nothing to the others: "
            "15 of 16 "
            "learn nothing from this picture. The mean teaches all alike, and so nobody in particular.",
            "figures": [
                figure(
                    "A black picture with one white pixel in each patch, and an even dark grey one.",
                    "Where a gradient of one in each place of the answer goes. Window 4, stride 4.",
                    *gradients,
                )
            ],
        },
    ]


def _scene() -> NDArray[np.float64]:
    """Draw leaves: a smooth ground with thin bright lines, and a little unevenness."""
    y, x = np.mgrid[0:_SIZE, 0:_SIZE].astype(np.float64)
    scene = 0.35 + 0.12 * np.sin(x / 9.0) * np.cos(y / 11.0)
    scene[(x - 14) ** 2 + (y - 30) ** 2 < 70] = 0.6
    scene[np.abs(x + 0.6 * y - 46) < 0.9] = 1.0
    scene[np.abs(y - 10 - 3 * np.sin(x / 6.0)) < 0.8] = 0.9
    scene[(x - 38) ** 2 + (y - 37) ** 2 < 20] = 0.08
    return np.asarray(scene + 0.02 * np.sin(2.1 * x + 3.7 * y))


def _face() -> NDArray[np.float64]:
    y, x = np.mgrid[0:24, 0:24].astype(np.float64)
    face = np.full((24, 24), 0.15)
    face[(x - 11.5) ** 2 + (y - 11.5) ** 2 < 115] = 0.75
    for middle in (5.0, 18.0):
        face[(x - middle) ** 2 + (y - 10.5) ** 2 < 4] = 0.95
        face[(x - middle) ** 2 + (y - 10.5) ** 2 < 1] = 0.0
    face[:4] = 0.4
    mouth = (np.abs((x - 11.5) ** 2 + (y - 10.0) ** 2 - 49) < 9) & (y > 13.5)
    face[mouth] = 0.05
    return face


def _change(pool: Any, t: int) -> float:
    """Return the mean change of the pooled picture under a shift by a pixel, over its spread."""
    scene, width = _scene(), (_SIZE - t) // t * t
    changes = []
    for place in range(t):
        before, after = (pool(scene[:, at : at + width], t, t) for at in (place, place + 1))
        changes.append(np.abs(before - after).mean())
    return float(np.mean(changes) / scene.std())


def _pooled(i: int, windows: tuple[int, ...], changes: dict[str, list[float]]) -> dict[str, Any]:
    t, scene = windows[i], _scene()
    m = _SIZE // t
    curves = [
        line(windows, changes["max"], "orange", marker="o", label="maximum"),
        line(windows, changes["mean"], "blue", marker="s", label="mean"),
        points([t, t], [changes["max"][i], changes["mean"][i]], "ink", size=9.0),
    ]
    kept = "Nothing is pooled yet."
    if t > 1:
        kept = f"One number stands for {t * t}: thin lines grow under the maximum and fade under the mean."
    return frame(
        f"t = {t}",
        f"{m} × {m} of {_SIZE} × {_SIZE} are left. {kept}",
        f"A picture pooled to {m} by {m} by maximum and by mean, and the change under a shift",
        panel("Maximum", [picture(max_pool(scene, t, t))], bare=True),
        panel("Mean", [picture(mean_pool(scene, t, t))], bare=True),
        panel(
            "Change after one pixel's shift",
            curves,
            xlabel="window t",
            ylabel="mean change / spread",
            xlim=(0, 17),
            ylim=(0, 0.65),
            legend="upper right",
        ),
    )
