"""Lesson: a hierarchy of features, from edges to corners to a square, written by hand and so seen through."""

from functools import cache
from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import Layer, bars, figure, frame, line, panel, picture, points
from fivefold.cli.lessons.layers import text as words
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.hierarchy_of_features import corners, edges, layer, square

FORMULAS = (
    (
        r"h_{\ell+1} = \mathrm{pool}(\mathrm{relu}(K_\ell * h_\ell - b_\ell))",
        "Every layer is the same: windows, a bias, a bend, a maximum over patches.",
    ),
    (
        r"\mathrm{relu}(a_1 + \ldots + a_k - (k - 1)) > 0 \quad \Leftrightarrow \quad \sum_i a_i > k - 1",
        "Parts between 0 and 1. With b = k − 1 all must be there: AND. With b = 0 any one will do.",
    ),
    (
        r"\mathrm{max}(a_1, \ldots, a_m)",
        "The maximum over a patch asks whether the part is anywhere in it: OR.",
    ),
)
CALLS = (
    ("torch.nn.functional.conv2d", "the windows and the bias of a layer."),
    ("torch.nn.functional.max_pool2d", "its maximum."),
    ("torch.nn.Sequential", "stacks layers; training then finds the windows."),
)
RELATED = (
    ("convolution", "the window, laid on every place"),
    ("pooling", "what the maximum forgives and forgets"),
    ("receptive-field", "how much of the picture a layer sees"),
    ("activation-functions", "without the bend there is no AND"),
)

_BIASES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.9, 2.1)
_SIZE = 48
# The convex corners of the rectangle and of the L, in pixels: row, column.
_CORNERS = (
    *((5, 4), (5, 19), (16, 4), (16, 19)),
    *((27, 27), (27, 33), (42, 27), (42, 44), (36, 44)),
)


def geometry() -> dict[str, Any]:
    """Show the windows of two layers, and what they answer on a square."""
    x = upright(7, 7, 18, 18)
    rims = layer(x[None], edges(), 0.0, 2)
    found = layer(rims, corners(), 1.0)
    K = corners()[0]
    names = ("left rim", "right rim", "upper rim", "lower rim")
    asked = [_tile(K[c]) for c in range(4)]
    return {
        "text": [
            "A first layer asks for edges: bright on one side, dark on the other. A second layer does not "
            "see pixels but those answers. An upper left corner is an upper rim that begins here and a "
            "left rim that begins here: two parts at two places.",
            "A third layer asks for the four corners, each in its own quarter of the picture, with b = 3: "
            f"all four, or nothing. To this square it answers {answer(x):g}. Nobody writes such windows "
            "for real pictures; training finds them, and the first layers of trained networks look much "
            "like these.",
        ],
        "figures": [
            figure(
                "A bright square; four pictures of its left, right, upper and lower rim; four pictures with "
                "one bright spot each, at the corners.",
                "Pixels, the four answers of the first layer, the four of the second.",
                panel("Pixels", [picture(x)], bare=True),
                panel("Edges: left, right, upper, lower", [picture(_four(rims))], bare=True),
                panel("Corners", [picture(_four(found))], bare=True),
            ),
            figure(
                "Four small pictures of 3 × 3 weights; two of them are all zero.",
                "What an upper left corner asks of the four edge pictures: white is 1, grey 0, black −1. "
                "Black is there for slanted rims.",
                panel(
                    f"On {names[0]}s, {names[1]}s, {names[2]}s, {names[3]}s",
                    [picture(np.concatenate(asked, axis=1), -1.0, 1.0)],
                    bare=True,
                ),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Raise the bias of the corner layer."""
    found = [hits(b) for b in np.linspace(0.0, 2.2, 45)]
    return {
        "label": "the bias b of the corner layer",
        "text": "A rectangle, a disc, a diamond and an L, with nine convex corners among them. A dot marks "
        "every place where a corner unit answers; green where a corner is.",
        "start": 4,
        "frames": [_biased(b, found) for b in _BIASES],
    }


def failures() -> list[dict[str, Any]]:
    """Show parts without a whole, turned and faint squares, and digits."""
    small = upright(3, 19, 10, 10)
    four = sum(upright(i, j, 8, 8) for i in (4, 20) for j in (4, 20))
    shown = [
        panel(f"{name}: {answer(x):.2g}", [picture(x)], bare=True)
        for name, x in (("In one quarter", small), ("Four of them", np.asarray(four)))
    ]
    angles = np.arange(0, 91, 3)
    turned_ = [turned(float(angle)) for angle in angles]
    square_by_angle = [answer(x) for x in turned_]
    corner_by_angle = [float(layer(layer(x[None], edges(), 0.0, 2), corners(), 1.0).max()) for x in turned_]
    contrast = np.linspace(0.0, 1.0, 41)
    faint = [answer(float(c) * upright(7, 7, 18, 18)) for c in contrast]
    lost = float(contrast[np.flatnonzero(np.array(faint) > 0.0)[0] - 1])
    by_chance = [int(a) for a, y in zip(angles, square_by_angle, strict=True) if 0 < a < 90 and y > 0.0]
    scores = digits()
    right = {"pixels": "grey", "edges": "blue", "corners": "orange"}
    columns: list[Layer] = []
    for at, (name, colour) in enumerate(right.items()):
        columns.append(bars([at], [scores[name]], colour, width=0.7))
        columns.append(words(at, scores[name] + 0.05, f"{100 * scores[name]:.0f}%", align="center"))
    return [
        {
            "title": "Parts without a whole",
            "text": "The square unit pools the corners of each quarter. A small square inside one quarter "
            "has all four corners, but not in four quarters: it is missed. Four small squares have every "
            "corner in every quarter: they pass for one large square. More layers with smaller steps "
            "between them would tell; a maximum over half the picture cannot.",
            "figures": [
                figure(
                    "A small bright square in one quarter; four small squares, one in each quarter.",
                    "With the answer of the square unit, which is 1 for a large square.",
                    *shown,
                )
            ],
        },
        {
            "title": "Turned, or faint",
            "text": "These windows know upright rims only: turned by 3° the square is lost, and found again "
            f"only where the pixels happen to suit it ({', '.join(f'{a}°' for a in by_chance)}). And the "
            "bias is in units of the contrast of 1 for which it was chosen: at a contrast of "
            f"{lost:.3g} and below nothing answers. Networks learn windows for many directions, and "
            "normalise for contrast.",
            "figures": [
                figure(
                    "Two curves that fall within the first degrees, with a few peaks, and return at "
                    "ninety; a line that rises only near contrast one.",
                    "Left: a square of 18 pixels, turned. Right: the upright square, fainter and fainter.",
                    panel(
                        "Answer by angle",
                        [
                            line(angles, corner_by_angle, "orange", label="best corner"),
                            line(angles, square_by_angle, "blue", label="square"),
                        ],
                        xlabel="degrees",
                        xlim=(0, 90),
                        ylim=(-0.03, 1.25),
                        xticks=[(float(a), str(a)) for a in (0, 30, 60, 90)],
                        legend="upper right",
                    ),
                    panel(
                        "Answer by contrast",
                        [line(contrast, faint, "blue")],
                        xlabel="contrast",
                        xlim=(0, 1),
                        ylim=(-0.03, 1.05),
                    ),
                )
            ],
        },
        {
            "title": "Written for squares, used for digits",
            "text": "The 1,797 digits of 8 × 8 pixels that come with scikit-learn: 900 to find the mean of "
            "each class, the others to try it, each given to the nearest mean. From the pixels "
            f"{100 * scores['pixels']:.0f}% are right, from our edges {100 * scores['edges']:.0f}%, from our "
            f"corners {100 * scores['corners']:.0f}%. A later layer holds less, not more, unless its windows "
            "ask for what tells the classes apart. That is what training is for.",
            "figures": [
                figure(
                    "Three bars: pixels and edges about equal, corners far lower.",
                    "Share of 897 digits given to the right class.",
                    panel(
                        "Nearest mean, share right",
                        columns,
                        xlim=(-0.6, 2.6),
                        ylim=(0, 1.1),
                        xticks=[(float(k), name) for k, name in enumerate(right)],
                    ),
                )
            ],
        },
    ]


def upright(top: int, left: int, height: int, width: int) -> Array:
    """Draw a bright rectangle on 32 × 32 dark pixels."""
    x = np.zeros((32, 32))
    x[top : top + height, left : left + width] = 1.0
    return x


def turned(degrees: float) -> Array:
    """Draw a square of 18 pixels, turned; a pixel on the rim is as bright as the part of it inside."""
    angle = np.deg2rad(degrees)
    fine = (np.arange(32 * 4) + 0.5) / 4.0 - 16.0
    x, y = np.meshgrid(fine, fine)
    inside = (np.abs(np.cos(angle) * x + np.sin(angle) * y) < 9.0) & (
        np.abs(np.cos(angle) * y - np.sin(angle) * x) < 9.0
    )
    return np.asarray(inside.reshape(32, 4, 32, 4).mean(axis=(1, 3)))


def scene() -> Array:
    """Draw a rectangle, a disc, a diamond and an L."""
    y, x = np.mgrid[0:_SIZE, 0:_SIZE].astype(np.float64)
    drawn = np.zeros((_SIZE, _SIZE))
    drawn[5:17, 4:20] = 1.0
    drawn[(x - 35.5) ** 2 + (y - 11.5) ** 2 < 8.5**2] = 1.0
    drawn[np.abs(x - 11.5) + np.abs(y - 34.5) < 9.0] = 1.0
    drawn[27:43, 27:34] = 1.0
    drawn[36:43, 27:45] = 1.0
    return drawn


def answer(x: Array) -> float:
    """Return the answer of the square unit, three layers up, to a picture of 32 × 32."""
    parts = layer(layer(x[None], edges(), 0.0, 2), corners(), 1.0, 8)
    return float(layer(parts, square(), 3.0, 2).max())


def hits(b: float) -> tuple[int, Array, Array]:
    """Return how many of the nine corners answer, and the places [n, 2] of true and of false answers."""
    h = layer(layer(scene()[None], edges(), 0.0, 2), corners(), b).max(axis=0)
    places = 2.0 * np.argwhere(h > 0.0) + 0.5
    far = np.abs(places[:, None] - np.array(_CORNERS, dtype=float)[None]).max(axis=2)
    near = far <= 2.0
    return int(near.any(axis=0).sum()), places[near.any(axis=1)], places[~near.any(axis=1)]


@cache
def digits() -> dict[str, float]:
    """Return the share of scikit-learn's digits that the nearest class mean gets right, by features."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y = data.images / 16.0, data.target
    rims = [layer(each[None], edges(), 0.0) for each in x]
    features = {
        "pixels": x,
        "edges": np.stack(rims),
        "corners": np.stack([layer(each, corners(), 0.5) for each in rims]),
    }
    shares = {}
    for name, found in features.items():
        rows = found.reshape(len(found), -1)
        means = np.stack([rows[:900][y[:900] == k].mean(axis=0) for k in range(10)])
        nearest = np.sum((rows[900:, None] - means) ** 2, axis=2).argmin(axis=1)
        shares[name] = float(np.mean(nearest == y[900:]))
    return shares


def _tile(K: Array) -> Array:
    return np.pad(K, ((0, 0), (0, 1)), constant_values=1.0)


def _four(h: Array) -> Array:
    framed = np.pad(h, ((0, 0), (0, 1), (0, 1)), constant_values=1.0)
    return np.concatenate([np.concatenate(list(framed[:2]), 1), np.concatenate(list(framed[2:]), 1)])


def _biased(b: float, found: list[tuple[int, Array, Array]]) -> dict[str, Any]:
    seen, true, false = hits(b)
    strongest = layer(layer(scene()[None], edges(), 0.0, 2), corners(), b).max(axis=0)
    grid = np.linspace(0.0, 2.2, 45)
    said = (
        "One edge is enough: every rim answers."
        if b < 1.0
        else "Two edges are needed."
        if b < 2.0
        else "Even two edges in full are not enough."
    )
    marks: list[Layer] = [picture(scene() * 0.55)]
    if len(false):
        marks.append(points(false[:, 1], false[:, 0], "red", size=4.0))
    if len(true):
        marks.append(points(true[:, 1], true[:, 0], "green", size=6.0))
    return frame(
        f"b = {b:g}",
        f"{said} {seen} of {len(_CORNERS)} corners are found; {len(false)} answers come from elsewhere. "
        f"The strongest answer is {strongest.max():.2g}.",
        f"A scene with marks where corner units answer, and how many do, at the bias {b:g}",
        panel("Where a corner answers", marks, bare=True),
        panel("How strongly", [picture(strongest, 0.0, 2.0)], bare=True),
        panel(
            "Answers by bias",
            [
                line(grid, [each[0] for each in found], "green", label="corners found, of 9"),
                line(grid, [len(each[2]) for each in found], "red", label="answers elsewhere"),
                points([b], [seen], "green", size=9.0),
                points([b], [len(false)], "red", size=9.0),
            ],
            xlabel="bias b",
            xlim=(-0.05, 2.25),
            ylim=(-2, 130),
            legend="upper right",
        ),
    )
