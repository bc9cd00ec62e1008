"""Lesson: convolution with stride and padding, and what is lost between the places."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.cells import cells
from fivefold.cli.lessons.layers import figure, frame, line, panel, picture, points, polygon
from fivefold.concepts.convolution import as_matrix, convolve, output_size, transposed

FORMULAS = (
    (
        r"y_{o,i,j} = \sum_c \sum_a \sum_b\, K_{o,c,a,b}\ x_{c,\, s i + a - p,\, s j + b - p}",
        "Lay the window K on a place, multiply, add up. Stride s: every s-th place. Padding p: zeros around.",
    ),
    (
        r"m = \lfloor \frac{n + 2p - t}{s} \rfloor + 1",
        "How many places a window of t has on a row of n.",
    ),
    (
        r"y = C x, \quad \nabla_x = C^{\mathsf{T}} \nabla_y",
        "It is a matrix, mostly zeros, with the same few weights in every row. Gradients go back through its "
        "transpose.",
    ),
)
CALLS = (
    (
        "fivefold.linalg.Convolution",
        "as an operator: products, adjoint, exact singular values where it is cyclic.",
    ),
    ("fivefold.linalg.lipschitz_bound", "by how much a convolution can enlarge its input at most."),
    ("torch.nn.functional.conv2d", "the fast kernel under both."),
)
RELATED = (
    ("pooling", "the other way to make a picture smaller"),
    ("matrix-products", "what it is, written out"),
    ("backpropagation", "where the transpose comes in"),
)

_EDGE = np.array([[[[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]]]) / 4.0


def geometry() -> dict[str, Any]:
    """Show one window on its place, and the whole as a matrix."""
    x = np.array([[3, 3, 3, 0, 0], [3, 3, 3, 0, 0], [3, 3, 3, 0, 0], [3, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    K = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]])
    y = convolve(x[None].astype(float), K[None, None].astype(float))[0]
    layers = [
        *cells(
            [[str(v) for v in row] for row in x],
            (0, 0),
            lambda i, j: "blue" if i < 3 and 1 <= j < 4 else "grey",
            13,
        ),
        *cells([[f"{v}".replace("-", "−") for v in row] for row in K], (6.2, -1), lambda i, j: "orange", 13),
        *cells(
            [[f"{v:g}".replace("-", "−") for v in row] for row in y],
            (10.4, -1),
            lambda i, j: "green" if (i, j) == (0, 1) else "grey",
            13,
        ),
    ]
    row = as_matrix(np.array([[[[1.0, 0.0, -1.0]]]]), (1, 10))
    strided = as_matrix(np.array([[[[1.0, 0.0, -1.0]]]]), (1, 10), stride=2)
    return {
        "text": [
            "A window of weights is laid on a patch of the picture: multiply number by number, add up, "
            "write the "
            "sum down, and move on. The same weights everywhere: what is learned in one corner is known in "
            "all.",
            "On a row of numbers, every place of the window is one row of a matrix: the same numbers, "
            "shifted. A "
            "stride of two leaves out every other row.",
        ],
        "figures": [
            figure(
                "A table of numbers with a marked patch, a window of weights, and the table of sums.",
                "Blue patch times orange window, added up: the green number. Next to it the other places.",
                panel(
                    "Picture, window, answer",
                    layers,
                    bare=True,
                    equal=True,
                    xlim=(-0.3, 13.8),
                    ylim=(-5.3, 0.3),
                ),
            ),
            figure(
                "Two striped matrices; in the second the stripe is twice as steep.",
                "The window (1, 0, −1) on ten numbers, as a matrix. White is 1, black −1, grey 0.",
                panel("Stride 1", [picture(row, -1.0, 1.0)], bare=True),
                panel("Stride 2", [picture(strided, -1.0, 1.0)], bare=True),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Let the window take longer and longer steps."""
    return {
        "label": "the stride s",
        "text": "A window of 3 × 3 that answers to upright edges, on a picture of 32 × 32 with one ring of "
        "zeros "
        "around it. Dots: the middles of its places.",
        "start": 1,
        "frames": [_strided(stride) for stride in (1, 2, 3, 4, 5, 6, 8)],
    }


def failures() -> list[dict[str, Any]]:
    """Show aliasing, the chequerboard, and the dark frame of zero padding."""
    n = 49
    place = np.arange(n)
    frequency = 0.13 * place / n  # the stripes get finer to the right
    stripes = np.tile(0.5 + 0.5 * np.cos(2.0 * np.pi * np.cumsum(4.0 * frequency)), (n, 1))
    point = np.ones((1, 1, 1, 1))
    blur = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, None] / 256.0
    careless = convolve(stripes[None], point, stride=2)[0]
    careful = convolve(stripes[None], blur, stride=2, padding=2)[0][1:-1, 1:-1]
    aliased = [
        panel("49 × 49", [picture(stripes)], bare=True),
        panel("Every second pixel", [picture(careless)], bare=True),
        panel("Blurred before", [picture(careful)], bare=True),
    ]
    boards = []
    for window in (3, 4):
        painted = transposed(
            np.ones((1, 8, 8)), np.ones((1, 1, window, window)), (14 + window, 14 + window), 2
        )
        boards.append(
            panel(f"Window {window}, stride 2", [picture(painted[0], 0.0, float(painted.max()))], bare=True)
        )
    mean = np.ones((1, 1, 5, 5)) / 25.0
    flat = np.ones((1, 24, 24))
    frames = []
    for layer in (1, 3):
        flat = np.ones((1, 24, 24))
        for _ in range(layer):
            flat = convolve(flat, mean, padding=2)
        title = "After one layer" if layer == 1 else f"After {layer} layers"
        frames.append(panel(title, [picture(flat[0])], bare=True))
    return [
        {
            "title": "Stripes that are not there",
            "text": "A stride leaves places out. What is finer than two steps does not vanish: it comes "
            "back as "
            "something coarse that the picture does not contain. Blur before you stride.",
            "figures": [
                figure(
                    "Stripes that get finer to the right; with every second pixel left out the fine ones "
                    "turn "
                    "coarse again, with a blur before they fade.",
                    "The stripes on the right of the second picture are an artefact.",
                    *aliased,
                )
            ],
        },
        {
            "title": "The chequerboard",
            "text": "The transposed convolution paints one window for every number. Where the stride does "
            "not "
            "divide the window, some pixels are painted more often than their neighbours, and a pattern of "
            "squares lies over every generated picture. Choose a window that is a multiple of the stride.",
            "figures": [
                figure(
                    "A chequered board of overlaps for a window of three, an even one for a window of four.",
                    "An even picture of 8 × 8 ones, painted at stride 2. Brightness: how often a pixel was "
                    "painted.",
                    *boards,
                )
            ],
        },
        {
            "title": "A dark frame",
            "text": "Padding adds zeros, and zeros are black. Each layer mixes them in from the edge; "
            "after a few "
            "layers a wide frame says more about the edge than about the picture.",
            "figures": [
                figure(
                    "A white square with a grey frame, wider after three layers.",
                    "A white picture under means of 5 × 5 with two rings of zeros.",
                    *frames,
                )
            ],
        },
    ]


def _scene() -> NDArray[np.float64]:
    """Draw a small picture: a house, its door and window, and a moon."""
    y, x = np.mgrid[0:32, 0:32].astype(np.float64)
    scene = np.full((32, 32), 0.25)
    scene[(x - 25) ** 2 + (y - 6) ** 2 < 12] = 1.0
    scene[(y >= 13) & (y < 28) & (x >= 5) & (x < 22)] = 0.75
    scene[(y < 13) & (y > 4) & (np.abs(x - 13.0) < (y - 3.5))] = 0.55
    scene[(y >= 19) & (y < 28) & (x >= 8) & (x < 12)] = 0.1
    scene[(y >= 16) & (y < 21) & (x >= 15) & (x < 19)] = 0.95
    scene[y >= 28] = 0.4
    return scene


def _strided(stride: int) -> dict[str, Any]:
    scene = _scene()
    y = convolve(scene[None], _EDGE, stride, padding=1)[0]
    middles = stride * np.arange(output_size(32, 3, stride, padding=1))
    across, down = np.meshgrid(middles, middles)
    at = middles[min(1, len(middles) - 1)] + np.array([-1.5, 1.5])
    window = polygon([at[0], at[1], at[1], at[0]], [at[0], at[0], at[1], at[1]], "orange", width=2.0)
    rim = line([-0.5, 31.5, 31.5, -0.5, -0.5], [-0.5, -0.5, 31.5, 31.5, -0.5], "grey", width=1.0)
    seen = picture(scene)
    dots = points(across.ravel(), down.ravel(), "blue", size=2.2 if stride == 1 else 4.0)
    m = len(middles)
    seen_by = transposed(np.ones((1, m, m)), np.ones((1, 1, 3, 3)), (32, 32), stride, padding=1)[0]
    missed = float(np.mean(seen_by == 0.0))
    covered = (
        f"{100 * missed:.0f}% of the pixels are seen by no window"
        if missed > 0.0
        else f"every pixel is seen, {seen_by.mean():.3g} times on the average"
    )
    return frame(
        f"s = {stride}",
        f"⌊(32 + 2 − 3)/{stride}⌋ + 1 = {m}: an answer of {m} × {m}, {9 * m * m:,} products; {covered}.",
        f"A house under a lattice of windows at stride {stride}, and the answer of {m} by {m} edges",
        panel("Places of the window", [seen, rim, dots, window], bare=True),
        panel("The answer: edges", [picture(y, -0.8, 0.8)], bare=True),
    )
