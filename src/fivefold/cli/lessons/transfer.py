"""Lesson: transfer, from newer houses to older ones by a few sales, and when the source harms."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import contour, figure, frame, line, panel, path, points, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.transfer import expected_error, fine_tune, frozen, shared_features
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"\hat{w} = \mathrm{argmin}_w\ |y - X w|^2 + \lambda\, |w - w_0|^2",
        "Fine-tuned: a fit to the target's few rows that does not go far from the source's weights.",
    ),
    (
        r"\hat{w} = w_0 + (X^{\mathsf{T}} X + \lambda I)^{-1} X^{\mathsf{T}} (y - X w_0)",
        "In closed form: a ridge fit to what the source gets wrong. A large λ keeps it, a small one "
        "asks it only where the rows are silent.",
    ),
    (
        r"E\, |\hat{w} - w^*|^2 = \lambda^2\, |S (w_0 - w^*)|^2 + \sigma^2\, \mathrm{tr}"
        r"(S X^{\mathsf{T}} X S)",
        "S = (XᵀX + λI)⁻¹. The noise costs the same from any start; a start pays for its distance.",
    ),
    (
        r"\hat{w} = B \hat{v} \quad \hat{v} = \mathrm{argmin}_v\ |y - X B v|^2",
        "Frozen: the features B of other tasks stay as they are, and only k weights are learnt.",
    ),
)
CALLS = (
    ("fivefold.linalg.lstsq", "the fine-tuned weights: with rows √λ I added, and √λ w₀ as their answers."),
    ("torch.optim.SGD", "for a network: from the source's weights, few steps at a small rate."),
    ("torch.nn.Module.requires_grad_", "freezes a part of a network."),
)
RELATED = (
    ("overfitting", "what few rows do without a source"),
    ("early-stopping", "few steps from the source keep it, as a penalty does"),
    ("least-squares", "the fit without a pull"),
    ("svd", "where the shared features come from"),
)

_COUNTS = (2, 4, 8, 16, 30, 60, 120, 240)
_PULL, _DRAWS = 10.0, 40
_NAMES = (("kept", "grey", "source, as it is"), ("level", "blue", "source, new level"))
_ALL = (*_NAMES, ("tuned", "green", "fine-tuned"), ("scratch", "red", "from scratch"))


def geometry() -> dict[str, Any]:
    """Show the weights on their way from the source to the target's least squares."""
    X, y, target, source = plane()
    pulls = np.geomspace(1e-3, 1e4, 80)
    walks = {
        "tuned": np.array([fine_tune(X, y, source, float(pull)) for pull in pulls]).T,
        "scratch": np.array([fine_tune(X, y, np.zeros(2), float(pull)) for pull in pulls]).T,
    }
    free = np.linalg.lstsq(X, y, rcond=None)[0]
    across, up = np.meshgrid(np.linspace(-0.6, 3.0, 73), np.linspace(-0.6, 2.4, 61))
    grid = np.stack([across.ravel(), up.ravel()])
    heights = np.sum((y[:, None] - X @ grid) ** 2, axis=0).reshape(across.shape)
    heights = heights - np.sum((y - X @ free) ** 2)
    layers = [
        contour(across[0], up[:, 0], heights, [0.3, 1.0, 2.5, 5.0, 9.0, 15.0]),
        path(walks["tuned"], "green", label="from the source"),
        path(walks["scratch"], "red", label="from zero"),
        points([source[0]], [source[1]], "green", size=9.0),
        text(source[0] + 0.05, source[1] + 0.18, "w₀", "green", size=14),
        points([0.0], [0.0], "red", size=9.0),
        points([free[0]], [free[1]], "ink", size=7.0),
        text(free[0] + 0.1, free[1] - 0.16, "λ = 0", size=13),
        points([target[0]], [target[1]], "orange", size=9.0, marker="s"),
        text(target[0] + 0.1, target[1] + 0.1, "w*", "orange", size=14),
    ]
    curves = [
        line(
            pulls,
            [expected_error(X, start - target, float(pull), 0.25) for pull in pulls],
            colour,
            label=name,
        )
        for start, colour, name in ((source, "green", "from the source"), (np.zeros(2), "red", "from zero"))
    ]
    near = float(np.linalg.norm(source - target))
    return {
        "text": [
            "A task with few rows has many answers that fit it nearly as well: a long valley. Which of them "
            "to take, the rows do not say; the penalty says: the one near the start. A task learnt before is "
            f"a better start than zero if it lies nearer. Here the source is {near:.2f} away from the truth, "
            f"zero {np.linalg.norm(target):.2f}.",
        ],
        "figures": [
            figure(
                "Two paths through a narrow valley to one point, from a near source and from zero.",
                "Four rows, two columns that go together. Lines of equal loss; λ falls along the paths. "
                "Square: the truth. Right: by the formula.",
                panel("Weights", layers, xlim=(-0.6, 3.0), ylim=(-0.6, 2.4), legend="upper left"),
                panel(
                    "Expected squared distance to w*",
                    curves,
                    xlabel="pull λ",
                    xlog=True,
                    xlim=(1e-3, 1e4),
                    ylim=(0.0, 9.0),
                    xticks=[(0.01, "0.01"), (1.0, "1"), (100.0, "100")],
                    legend="upper right",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Give the target more and more rows."""
    errors = {count: compared("yr_built", True, count) for count in _COUNTS}
    newer = np.median(sales()["yr_built"])
    return {
        "label": "rows of the target, n",
        "text": f"Log prices of houses by size, year, place, and their products. The source: 407 sales of "
        f"houses built in {newer:.0f} or later. The target: n sales of older ones. λ = {_PULL:g}; the error "
        f"is that on the other older houses over their variance, the mean of {_DRAWS} draws.",
        "start": 2,
        "frames": [_rows(count, errors) for count in _COUNTS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a source that harms, in weights and in houses, and features that do not hold what is asked."""
    cosines = np.linspace(-1.0, 1.0, 11)
    tuned, scratch, seen = by_cosine(cosines)
    south = {count: compared("lat", False, count) for count in _COUNTS}
    counts = np.array([4, 6, 8, 12, 20, 40, 80, 160, 400])
    inside, outside, free = (
        np.array(column) for column in zip(*(heads(int(n)) for n in counts), strict=True)
    )
    names = [each for each in _ALL if each[0] != "kept"]
    return [
        {
            "title": "A source that harms",
            "text": "Two tasks whose weights are equally long, at an angle: their distance is that of zero "
            "at a cosine of 1/2, and there the gain is gone. Below, the rows are spent on undoing the "
            f"source. Houses do it too: learn in the south of the county, where prices rise to the north, "
            f"and start from there in the north, where they fall again. With {_COUNTS[1]} sales the error "
            f"is {south[_COUNTS[1]]['tuned']:.1f} of the variance, from scratch "
            f"{south[_COUNTS[1]]['scratch']:.1f}; with 240 they are at {south[240]['tuned']:.2f} and "
            f"{south[240]['scratch']:.2f}. Hold rows back, and compare with a start from scratch.",
            "figures": [
                figure(
                    "Error falls with the cosine and crosses that of a start from zero at a half; in houses "
                    "the tuned one lies above.",
                    "Left: 6 rows, 10 columns N(0, 1), |w*| = 1, σ² = 0.1, λ = 2; lines, the formula, mean "
                    "of 300 tables; dots, one noise each. Right: south to north.",
                    panel(
                        "Squared distance, by cosine",
                        [
                            line(cosines, tuned, "green", label="fine-tuned"),
                            line(cosines, scratch, "red", label="from scratch"),
                            points(cosines, seen, "green", size=6.0),
                        ],
                        xlabel="cosine between the tasks",
                        xlim=(-1.03, 1.03),
                        ylim=(0.0, 3.0),
                        legend="upper right",
                    ),
                    panel(
                        "Error / variance, the north",
                        [
                            line(_COUNTS, [south[n][key] for n in _COUNTS], colour, marker="o", label=name)
                            for key, colour, name in names
                        ],
                        xlabel="sales of the north",
                        xlog=True,
                        xlim=(1.8, 260),
                        ylim=(0.0, 4.0),
                        xticks=[(float(n), str(n)) for n in _COUNTS],
                        legend="upper right",
                    ),
                )
            ],
        },
        {
            "title": "What the sources never needed",
            "text": "Thirty tasks share three directions of forty; the features find them. A target within "
            f"them is learnt from {counts[0]} rows to an error of {inside[0]:.2f} of its variance. One that "
            f"needs a direction more, for a third of its variance, stays at {outside[-1]:.2f} with "
            f"{counts[-1]} rows as well: what the features left out, no row can bring back. A ridge fit on "
            f"all forty columns is at {free[-1]:.3f} then. Thaw the features when there are rows enough.",
            "figures": [
                figure(
                    "One curve falls at once, one stays at a third, one falls late and deepest.",
                    "σ² = 0.01, mean of 20 draws; from scratch: ridge, λ = 1.",
                    panel(
                        "Error / variance",
                        [
                            line(counts, inside, "green", marker="o", label="frozen, within"),
                            line(counts, outside, "orange", marker="o", label="frozen, one direction short"),
                            line(counts, free, "red", marker="s", label="from scratch, that target"),
                        ],
                        xlabel="rows of the target",
                        xlog=True,
                        xlim=(3.6, 440),
                        ylim=(0.0, 2.4),
                        xticks=[(4.0, "4"), (10.0, "10"), (40.0, "40"), (100.0, "100"), (400.0, "400")],
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def plane() -> tuple[Array, Array, Array, Array]:
    """Draw four rows with two columns that go together; return them, the truth and the source."""
    generator = numpy_generator(0, "show", "transfer", "plane")
    x = generator.normal(size=4)
    X = np.stack([x, 0.8 * x + 0.25 * generator.normal(size=4)], axis=1)
    target = np.array([2.2, 0.6])
    return X, X @ target + 0.5 * generator.normal(size=4), target, np.array([1.7, 1.2])


@cache
def houses() -> tuple[Array, Array]:
    """Return the columns [800, 15], a one first, all others of mean zero and spread one, and log prices."""
    found = sales()
    raw = [np.log(found["sqft_living"]), found["yr_built"], found["lat"], found["long"]]
    one = [(column - column.mean()) / column.std() for column in raw]
    columns = np.stack([*one, *(one[i] * one[j] for i in range(4) for j in range(i, 4))], axis=1)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return np.concatenate([np.ones((800, 1)), columns], axis=1), np.log(found["price"])


def split(column: str, upper: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the source and of the target: one half by this column, and the other."""
    values = sales()[column]
    source = values >= np.median(values) if upper else values < np.median(values)
    return np.flatnonzero(source), np.flatnonzero(~source)


def fits(column: str, upper: bool, learn: NDArray[np.int64]) -> dict[str, Array]:
    """Return weights [15] by these target rows: the source's, with a new level, tuned, from scratch."""
    X, y = houses()
    source, _ = split(column, upper)
    kept = np.linalg.lstsq(X[source], y[source], rcond=None)[0]
    one = np.eye(15)[0]
    level = kept + one * np.mean(y[learn] - X[learn] @ kept)
    zero = one * y[learn].mean()
    tuned, scratch = (fine_tune(X[learn], y[learn], start, _PULL) for start in (level, zero))
    return {"kept": kept, "level": level, "tuned": tuned, "scratch": scratch}


@cache
def compared(column: str, upper: bool, count: int) -> dict[str, float]:
    """Return the mean errors on the target's other rows over their variance, from so many of its rows."""
    X, y = houses()
    _, target = split(column, upper)
    found: dict[str, list[float]] = {name: [] for name, _, _ in _ALL}
    for draw in range(_DRAWS):
        order = numpy_generator(0, "show", "transfer", column, draw).permutation(target)
        learn, other = order[:count], order[count:]
        for name, w in fits(column, upper, learn).items():
            found[name].append(float(np.mean((y[other] - X[other] @ w) ** 2) / y[target].var()))
    return {name: float(np.mean(errors)) for name, errors in found.items()}


def by_cosine(cosines: Array, pull: float = 2.0, noise: float = 0.1) -> tuple[Array, Array, Array]:
    """Return expected squared distances by cosine, tuned and from scratch, and those of one draw each."""
    generator = numpy_generator(0, "show", "transfer", "cosine")
    tables = generator.normal(size=(300, 6, 10))
    target, side = np.eye(10)[:2]
    scratch = float(np.mean([expected_error(X, -target, pull, noise) for X in tables]))
    tuned, seen = [], []
    for cosine in cosines:
        source = cosine * target + np.sqrt(1.0 - cosine**2) * side
        tuned.append(np.mean([expected_error(X, source - target, pull, noise) for X in tables]))
        ys = tables @ target + np.sqrt(noise) * generator.normal(size=(300, 6))
        fitted = [fine_tune(X, y, source, pull) for X, y in zip(tables, ys, strict=True)]
        seen.append(np.mean([np.sum((w - target) ** 2) for w in fitted]))
    return np.array(tuned), np.full(len(cosines), scratch), np.array(seen)


def heads(count: int) -> tuple[float, float, float]:
    """Return errors over the variance: frozen features within, one direction short, and from scratch."""
    found = []
    for draw in range(20):
        generator = numpy_generator(0, "show", "transfer", "heads", draw)
        basis = np.linalg.qr(generator.normal(size=(40, 4)))[0]
        B = shared_features(basis[:, :3] @ generator.normal(size=(3, 30)), 3)
        v = generator.normal(size=3)
        within = basis[:, :3] @ v / np.linalg.norm(v)
        beyond = np.sqrt(2.0 / 3.0) * within + np.sqrt(1.0 / 3.0) * basis[:, 3]
        X, noise = generator.normal(size=(count, 40)), 0.1 * generator.normal(size=count)
        answers = (
            frozen(X, X @ within + noise, B) - within,
            frozen(X, X @ beyond + noise, B) - beyond,
            fine_tune(X, X @ beyond + noise, np.zeros(40), 1.0) - beyond,
        )
        found.append([np.sum(gap**2) for gap in answers])  # new rows N(0, I): the variance is |w*|² = 1
    return tuple(float(np.mean(column)) for column in zip(*found, strict=True))  # type: ignore[return-value]


def _rows(count: int, errors: dict[int, dict[str, float]]) -> dict[str, Any]:
    X, y = houses()
    _, target = split("yr_built", True)
    learn = numpy_generator(0, "show", "transfer", "yr_built", 0).permutation(target)[:count]
    weights = fits("yr_built", True, learn)
    lowest, highest = y[target].min(), y[target].max()
    order = numpy_generator(0, "show", "transfer", "shown").permutation(np.setdiff1d(target, learn))[:120]
    left = [line([lowest, highest], [lowest, highest], "grey", dashed=True, width=1.3)]
    for key, colour, name in (("scratch", "red", "from scratch"), ("tuned", "green", "fine-tuned")):
        left.append(points(X[order] @ weights[key], y[order], colour, size=4.0, label=name))
    right = [
        line(_COUNTS, [errors[n][key] for n in _COUNTS], colour, label=name) for key, colour, name in _ALL
    ]
    right.append(points([count] * 4, [errors[count][key] for key, _, _ in _ALL], "ink", size=7.0))
    found = errors[count]
    gain = found["scratch"] / found["tuned"]
    said = (
        f"From scratch the error is {gain:.1f} times that of fine-tuning."
        if gain > 1.1
        else "From scratch is about as good now."
    )
    return frame(
        f"n = {count}",
        f"{said} Error: source as it is {found['kept']:.2f}, with a new level {found['level']:.2f}, "
        f"fine-tuned {found['tuned']:.2f}, from scratch {found['scratch']:.2f} of the variance.",
        f"Prices of older houses against two fits, and the errors of four, with {count} rows",
        panel(
            "Older houses: log price, seen by foretold",
            left,
            xlabel="foretold",
            xlim=(11.0, 15.0),
            ylim=(11.0, 15.2),
            legend="upper left",
        ),
        panel(
            "Error / variance",
            right,
            xlabel="rows of the target, n",
            xlog=True,
            xlim=(1.8, 260),
            ylim=(0.0, 1.9),
            xticks=[(float(n), str(n)) for n in _COUNTS],
            legend="upper right",
        ),
    )
