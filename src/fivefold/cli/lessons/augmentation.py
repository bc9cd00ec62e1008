"""Lesson: augmentation of written digits, what it teaches, and when it breaks the label."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import Layer, contour, figure, frame, line, panel, picture, points
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.augmentation import averaged, flip, mixup, shift
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"R(f) = \frac{1}{n} \sum_i E_g\ \ell(f(g\, x_i),\, y_i)",
        "Train on changed copies: each row stands for a neighbourhood, not for a point. Its label stays.",
    ),
    (
        r"\bar{f}(x) = \frac{1}{|G|} \sum_{g \in G} f(g\, x)",
        "The mean over a group of changes. It does not see them, and its loss is at most R(f), ℓ convex.",
    ),
    (
        r"E_g\, (y - w \cdot g x)^2 = (y - w \cdot \bar{x})^2 + w^{\mathsf{T}} C\, w",
        "For squares: fit the mean copy, and pay for every direction in which the copies differ.",
    ),
    (
        r"\tilde{x} = \lambda x_i + (1 - \lambda) x_j \quad \tilde{y} = \lambda y_i + (1 - \lambda) y_j",
        "Mixup changes the label too, in the same proportion: straight lines between the rows.",
    ),
)
CALLS = (
    ("torch.flip", "is the fast path of a flip."),
    (
        "torch.nn.functional.pad",
        "with negative sides on the right and below it shifts; pad and crop is one call.",
    ),
    ("torch.lerp", "mixes two batches."),
)
RELATED = (
    ("convolution", "which knows about shifts by itself"),
    ("dropout", "noise that knows nothing of the rows"),
    ("overfitting", "what it is against"),
    ("label-noise", "what a change makes that breaks the label"),
)

_SHIFTS = (0, 1, 2, 3, 4, 5, 6)
_ROWS, _UNITS, _RIDGE = 100, 200, 0.003
_TURNED = np.linspace(0.0, 1.0, 11)
_ALPHAS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def geometry() -> dict[str, Any]:
    """Show the copies of a digit, and the mean over a group in the plane."""
    six, nine = typical(6), typical(9)
    mixed = mixup(np.stack([six, nine]).reshape(2, 64), np.eye(2), np.array([1, 0]), np.full(2, 0.6))[0]
    shown = (
        ("A six", six),
        ("Moved by a pixel", shift(six, 1, 1)),
        ("Mirrored", flip(six)),
        ("0.6 of it, 0.4 of a nine", mixed[0].reshape(8, 8)),
    )
    x, y, weights = swapped()
    grid = np.linspace(-1.5, 1.5, 61)
    plane = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    heights = {
        False: cubic(plane) @ weights,
        True: averaged(lambda z: cubic(z) @ weights, plane, [np.array, flip]),
    }
    errors = swap_errors()
    maps = []
    for mean, title in ((False, "f, as fitted"), (True, "Its mean over both orders")):
        layers = [
            contour(grid, grid, heights[mean].reshape(61, 61), [-2.0, -1.0, 1.0, 2.0]),
            {**contour(grid, grid, heights[mean].reshape(61, 61), [0.0]), "colour": "purple"},
            line([-1.5, 1.5], [-1.5, 1.5], "grey", dashed=True, width=1.2),
            points(x[y > 0, 0], x[y > 0, 1], "blue", size=7.0),
            points(x[y <= 0, 0], x[y <= 0, 1], "orange", size=7.0),
        ]
        maps.append(panel(title, layers, equal=True, xlim=(-1.5, 1.5), ylim=(-1.5, 1.5)))
    return {
        "text": [
            "Moved by a pixel, a six is a six. Mirrored it is none, though nothing in the pixels says so: "
            "whoever augments tells the model something that is not in the rows, and must know it.",
            "Two numbers whose order does not matter: swapping them is a group of two. A cubic fitted to "
            f"fourteen rows has a mean squared error of {errors[0]:.2f} on new ones; the mean of its answers "
            f"to both orders has {errors[1]:.2f}; a cubic fitted to the rows in both orders has "
            f"{errors[2]:.2f}.",
        ],
        "figures": [
            figure(
                "A small written six, moved, mirrored, and with a nine shining through.",
                "Scikit-learn's digits, 8 × 8.",
                *(panel(title, [picture(z)], bare=True) for title, z in shown),
            ),
            figure(
                "Contour lines: crooked on the left, symmetric about the diagonal on the right.",
                "Blue: y > 0. Orange: y < 0. Purple: where the fit changes its sign. The truth is a + b.",
                *maps,
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Move the copies further and further."""
    curves = np.array([accuracies(s) for s in _SHIFTS])
    return {
        "label": "how far a copy may move, s",
        "text": f"{_ROWS} written digits, each in all (2s + 1)² places; a ridge fit on {_UNITS} random relu "
        "units, the mean of two draws. It is asked about 600 other digits: as they are, and moved at "
        "random by up to one pixel or two. The pictures are 8 × 8, so that a pixel is far.",
        "start": 1,
        "frames": [_moved(i, curves) for i in range(len(_SHIFTS))],
    }


def failures() -> list[dict[str, Any]]:
    """Show a six that is turned into a nine, and mixtures that land in another class."""
    six, nine = typical(6), typical(9)
    right, margin = six_or_nine()
    ring, disc, between, inside = rings()
    mixes = [0.0, *_ALPHAS]
    scores = [ring_accuracy(alpha) for alpha in mixes]
    at = np.arange(len(mixes))
    return [
        {
            "title": "A six on its head is a nine",
            "text": "Half turns are harmless for leaves and cells. Here the label goes with the way up: to a "
            f"fit on turned copies alone, {100 * (1 - right[-1]):.0f}% of the upright sixes and nines are "
            "the other one. With both ways up in training it must tell a six from a turned nine by the "
            f"writer's hand: where half of the copies are turned, {100 * right[5]:.0f}% are still told "
            f"apart, but the mean margin has come down from {margin[0]:.2f} to {margin[5]:.2f}. The training "
            "loss cannot tell why: its own labels are wrong.",
            "figures": [
                figure(
                    "A six, the same upside down, a nine that looks like it, and a falling curve.",
                    "Right: 120 rows, 241 held out, by the share of copies turned by 180°.",
                    panel("A six", [picture(six)], bare=True),
                    panel("The six, turned", [picture(flip(flip(six), -2))], bare=True),
                    panel("A nine", [picture(nine)], bare=True),
                    panel(
                        "Six or nine, held out",
                        [
                            line(_TURNED, right, "red", marker="o", label="share told apart"),
                            line(_TURNED, margin, "blue", marker="s", label="mean margin y f(x)"),
                        ],
                        xlabel="share of turned copies",
                        xlim=(-0.02, 1.02),
                        ylim=(-1.05, 1.1),
                        legend="lower left",
                    ),
                )
            ],
        },
        {
            "title": "Mixed into another class",
            "text": "Mixup promises that between two rows of a class there is more of that class. A ring "
            f"around a disc breaks the promise: of the mixtures of two ring points, {100 * inside:.0f}% lie "
            f"within the disc and are called ring. Told apart on new points: {100 * scores[0]:.1f}% without "
            f"mixup, {100 * scores[4]:.1f}% with λ drawn evenly (α = 1), {100 * scores[-1]:.1f}% with λ "
            "mostly near a half (α = 5).",
            "figures": [
                figure(
                    "A ring of dots around a disc, mixtures of ring points in its middle; a falling curve.",
                    "Left: 60 points of each class; red: mixtures of two ring points within the disc. "
                    "Right: by α, 200 points of each class.",
                    panel(
                        "Mixtures of two ring points",
                        [
                            points(ring[:, 0], ring[:, 1], "blue", size=5.0, label="ring"),
                            points(disc[:, 0], disc[:, 1], "orange", size=5.0, label="disc"),
                            points(between[:, 0], between[:, 1], "red", size=5.0, marker="s", label="mixed"),
                        ],
                        equal=True,
                        xlim=(-1.6, 2.8),
                        ylim=(-1.6, 1.6),
                        legend="lower right",
                    ),
                    panel(
                        "Told apart, new points",
                        [line(at, scores, "red", marker="o")],
                        xlabel="α",
                        xlim=(-0.3, len(mixes) - 0.7),
                        ylim=(0.8, 1.01),
                        xticks=[(float(k), "none" if k == 0 else f"{mixes[k]:g}") for k in at],
                    ),
                )
            ],
        },
    ]


@cache
def digits() -> tuple[Array, NDArray[np.int64]]:
    """Return scikit-learn's 1,797 digits [n, 8, 8] from 0 to 1, and their labels, in a random order."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = numpy_generator(0, "show", "augmentation", "order").permutation(len(labels))
    return images[order].reshape(-1, 8, 8) / 16.0, np.asarray(labels[order], dtype=np.int64)


def units(rows: Array) -> Array:
    """Return random relu units and a one, [n, units + 1], of rows [n, ...]."""
    flat = rows.reshape(len(rows), -1)
    generator = numpy_generator(0, "show", "augmentation", "units", flat.shape[1])
    W, b = generator.normal(size=(flat.shape[1], _UNITS)), 0.5 * generator.normal(size=_UNITS)
    h = np.maximum(flat @ W * (2.0 / flat.shape[1] ** 0.5) + b, 0.0)
    return np.concatenate([h, np.ones((len(h), 1))], axis=1)


def ridge(copies: list[tuple[Array, Array, float]]) -> Array:
    """Return weights [units + 1, K] from copies of the table: units [n, p], labels [n, K] and a share."""
    G = _RIDGE * np.eye(copies[0][0].shape[1])
    h = np.zeros((len(G), copies[0][1].shape[1]))
    for F, Y, share in copies:
        G += share * F.T @ F / len(F)
        h += share * F.T @ Y / len(F)
    return np.asarray(np.linalg.solve(G, h))


def accuracies(s: int) -> Array:
    """Return the shares told right with copies moved by up to s: digits as they are, moved by one, by two."""
    images, labels = digits()
    found = []
    for draw in range(2):
        learn = slice(draw * _ROWS, (draw + 1) * _ROWS)
        rows, Y = images[learn], np.eye(10)[labels[learn]]
        places = [(down, right) for down in range(-s, s + 1) for right in range(-s, s + 1)]
        W = ridge([(units(shift(rows, *place)), Y, 1.0 / len(places)) for place in places])
        asked, truth = images[600:1200], labels[600:1200]
        generator = numpy_generator(0, "show", "augmentation", "asked")
        scores = []
        for far in (0, 1, 2):
            moves = generator.integers(-far, far + 1, size=(len(asked), 2))
            moved = np.array([shift(x, int(a), int(b)) for x, (a, b) in zip(asked, moves, strict=True)])
            scores.append(np.mean(np.argmax(units(moved) @ W, axis=1) == truth))
        found.append(scores)
    return np.asarray(np.mean(found, axis=0))


def six_or_nine() -> tuple[list[float], list[float]]:
    """Return the shares of held-out sixes and nines told apart, and mean margins, by the share turned."""
    images, labels = digits()
    kept = (labels == 6) | (labels == 9)
    rows, y = images[kept], np.where(labels[kept] == 6, 1.0, -1.0)
    up, turned = units(rows[:120]), units(flip(flip(rows[:120]), -2))
    Y, asked = y[:120, None], units(rows[120:])
    fits = [ridge([(up, Y, 1.0 - share), (turned, Y, share)]) for share in _TURNED]
    margins = [y[120:] * (asked @ W)[:, 0] for W in fits]
    return [float(np.mean(m > 0.0)) for m in margins], [float(m.mean()) for m in margins]


def cubic(z: Array) -> Array:
    """Return all products of the two numbers up to degree three, [n, 10]."""
    a, b = z.T
    return np.stack([a**i * b**j for i in range(4) for j in range(4 - i)], axis=1)


def swapped() -> tuple[Array, Array, Array]:
    """Draw fourteen rows with y = a + b + noise; return them and a cubic's weights."""
    generator = numpy_generator(0, "show", "augmentation", "swap")
    x = generator.uniform(-1.4, 1.4, size=(14, 2))
    y = x.sum(axis=1) + 0.5 * generator.normal(size=14)
    return x, y, np.linalg.lstsq(cubic(x), y, rcond=None)[0]


def swap_errors() -> tuple[float, float, float]:
    """Return errors on new rows: of the cubic, of its mean, and of the one fitted to both orders."""
    x, y, w = swapped()
    new = numpy_generator(0, "show", "augmentation", "new").uniform(-1.4, 1.4, size=(4000, 2))
    both = np.linalg.lstsq(np.concatenate([cubic(x), cubic(flip(x))]), np.tile(y, 2), rcond=None)[0]
    mean = averaged(lambda z: cubic(z) @ w, new, [np.array, flip])
    truth = new.sum(axis=1)
    plain, over, fitted = (np.mean((f - truth) ** 2) for f in (cubic(new) @ w, mean, cubic(new) @ both))
    return float(plain), float(over), float(fitted)


def ring_and_disc(count: int, *names: str) -> tuple[Array, Array]:
    """Draw so many points of a ring from 1 to 1.4 and of a disc of 0.7, [2 count, 2], and their classes."""
    generator = numpy_generator(0, "show", "augmentation", *names)
    angle = generator.uniform(0.0, 2.0 * np.pi, size=2 * count)
    far = np.concatenate([generator.uniform(1.0, 1.4, count), 0.7 * np.sqrt(generator.random(count))])
    return far[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), np.repeat(
        np.eye(2), count, axis=0
    )


def rings() -> tuple[Array, Array, Array, float]:
    """Return ring, disc, some mixtures within the disc, and the share of mixtures there, λ drawn evenly."""
    x, y = ring_and_disc(60, "few")
    generator = numpy_generator(0, "show", "augmentation", "mixtures")
    who = generator.integers(60, size=6000)
    mixed = mixup(x[who], y[who], generator.permutation(6000), generator.random(6000))[0]
    inside = np.linalg.norm(mixed, axis=1) < 0.7
    return x[:60], x[60:], mixed[inside][:40], float(np.mean(inside))


def ring_accuracy(alpha: float) -> float:
    """Return the share of new points told apart by a fit on mixtures, λ ~ Beta(α, α); zero: on the rows."""
    x, y = ring_and_disc(200, "many")
    generator = numpy_generator(0, "show", "augmentation", "alpha", round(100 * alpha))
    copies = [(units(x), y, 1.0)]
    if alpha > 0.0:
        drawn = [(generator.permutation(400), generator.beta(alpha, alpha, size=400)) for _ in range(20)]
        pairs = [mixup(x, y, partner, share) for partner, share in drawn]
        copies = [(units(rows), labels, 0.05) for rows, labels in pairs]
    asked, truth = ring_and_disc(1000, "asked")
    found = np.argmax(units(asked) @ ridge(copies), axis=1)
    return float(np.mean(found == np.argmax(truth, axis=1)))


def typical(digit: int) -> Array:
    """Return the picture [8, 8] nearest to the mean of its class."""
    images, labels = digits()
    kept = images[labels == digit]
    return np.asarray(kept[np.argmin(np.sum((kept - kept.mean(axis=0)) ** 2, axis=(1, 2)))])


def _mosaic(x: Array, s: int) -> Array:
    moves = numpy_generator(0, "show", "augmentation", "mosaic", s).integers(-s, s + 1, size=(9, 2))
    sheet = np.full((29, 29), 0.5)
    for k, (down, right) in enumerate(moves):
        i, j = 10 * (k // 3), 10 * (k % 3)
        sheet[i : i + 8, j : j + 8] = shift(x, int(down), int(right))
    sheet[[8, 9, 18, 19], :] = sheet[:, [8, 9, 18, 19]] = 0.5
    return sheet[:28, :28]


def _moved(i: int, curves: Array) -> dict[str, Any]:
    s, x = _SHIFTS[i], typical(6)
    copies = [shift(x, down, right) for down in range(-s, s + 1) for right in range(-s, s + 1)]
    mean = np.mean(copies, axis=0)
    ink = float(np.mean([copy.sum() for copy in copies]) / x.sum())
    names = (("as they are", "blue"), ("moved by up to 1", "green"), ("by up to 2", "purple"))
    lines: list[Layer] = [
        line(_SHIFTS, curves[:, k], colour, marker="o", label=label)
        for k, (label, colour) in enumerate(names)
    ]
    lines.append(points([s] * 3, curves[i], "ink", size=8.0))
    right = f"{100 * curves[i, 0]:.0f}% right as they are, {100 * curves[i, 1]:.0f}% moved by up to one pixel"
    what = "No copies." if s == 0 else f"{len(copies)} copies, with {100 * ink:.0f}% of their ink left."
    return frame(
        f"s = {s}",
        f"{what} {right}, {100 * curves[i, 2]:.0f}% by up to two.",
        f"Nine copies of a six, their mean and the shares told right, moved by up to {s}",
        panel("Nine copies", [picture(_mosaic(x, s))], bare=True),
        panel("The mean of all", [picture(mean)], bare=True),
        panel(
            "Told right, other digits",
            lines,
            xlabel="s",
            xlim=(-0.3, 6.3),
            ylim=(0.0, 1.45),
            legend="upper right",
        ),
    )
