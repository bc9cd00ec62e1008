"""Lesson: leakage: pure noise that tests well, because the test had a part in the training."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import bars, figure, frame, line, panel, points, powers, text
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.leakage import chosen, cross_validated, leaked_accuracy
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"m = E\,[\,Z^2\ |\ |Z| > t\,] = 1 + \frac{t\, \varphi(t)}{Q} \qquad Q = \frac{k}{2p} = 1 - \Phi(t)",
        "The best k of p columns of noise: their scores are the tails of a normal, and large however little "
        "they mean.",
    ),
    (
        r"\mathrm{accuracy} \approx \Phi\left( \frac{\sqrt{(1 - h)\, k}\ (m - 1)}{\sqrt{n\, ((1 - h)\, m + "
        r"h)}} \right)",
        "What a cross-validation that holds out a share h of n rows will show for them, if they were chosen "
        "before the split.",
    ),
    (
        r"\mathrm{accuracy} = \frac{1}{2}",
        "What it shows if they are chosen anew inside each fold: exactly a half on average, since the "
        "held-out rows had no say.",
    ),
)
CALLS = (
    (
        "fivefold.fit",
        "learns every step, encoders and choices included, inside each fold, and takes --group and --time.",
    ),
    (
        "sklearn.pipeline.make_pipeline",
        "puts choosing and fitting into one thing that is cross-validated as a whole.",
    ),
)
RELATED = (
    ("overfitting", "the error that was seen, and the one to come"),
    ("hypothesis-test", "test often enough, and something is found"),
    ("early-stopping", "a choice that uses held-out rows up"),
)

_N, _K, _FOLDS = 50, 20, 5
_COLUMNS = (20, 30, 50, 100, 200, 500, 1000, 2000, 5000)
_Y = np.repeat([1.0, -1.0], _N // 2)
_FOLD = np.tile(np.arange(_FOLDS), _N // _FOLDS)


def accuracies(columns: int, count: int = 12) -> Array:
    """Return the accuracies on noise, leaky and honest, of so many tables, [2, count]."""
    generator = numpy_generator(0, "show", "leakage", columns)
    found = []
    for _ in range(count):
        X = generator.normal(size=(_N, columns))
        found.append([cross_validated(X, _Y, _K, _FOLD, leak) for leak in (True, False)])
    return np.array(found).T


def geometry() -> dict[str, Any]:
    """Show the scores of columns of noise, and which are chosen."""
    X = numpy_generator(0, "show", "leakage", "scores").normal(size=(_N, 5000))
    scores, best = scored(X), chosen(X, _Y, _K)
    edges = np.linspace(-4.8, 4.8, 49)
    middles, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    counts, few = np.histogram(scores, edges)[0], np.histogram(scores[best], edges)[0]
    expected = 5000.0 * width * np.exp(-0.5 * middles**2) / np.sqrt(2.0 * np.pi)
    return {
        "text": [
            "5,000 columns of pure noise, and a label that has nothing to do with them. How far do the two "
            "classes differ in each "
            "column? By chance alone the scores are nearly normal, and the twenty largest lie "
            f"beyond {np.abs(scores[best]).min():.1f} standard errors: they look like findings.",
            "On these fifty rows they are: the twenty columns really do tell the classes apart, here. Split "
            "the rows after choosing, "
            "and every held-out row has already voted for the columns that suit it. The test asks the rows "
            "what they said before.",
        ],
        "figures": [
            figure(
                "A bell of scores; the twenty in its tails are marked.",
                "Grey: all 5,000 scores. Line: the normal curve. Red: the 20 chosen.",
                panel(
                    "Scores of columns of noise",
                    [
                        bars(middles, counts, "grey", width=0.9 * float(width)),
                        line(middles, np.maximum(expected, 1e-9), "ink", width=1.4),
                        bars(middles, few, "red", width=0.9 * float(width)),
                    ],
                    xlabel="difference of the means, in standard errors",
                    ylog=True,
                    xlim=(-4.8, 4.8),
                    ylim=(0.5, 1000.0),
                    yticks=powers(0, 3),
                ),
            )
        ],
    }


def scored(X: Array) -> Array:
    """Return Welch's t of each column, by which the columns are chosen."""
    a, b = X[_Y > 0], X[_Y < 0]
    error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
    return np.asarray((a.mean(axis=0) - b.mean(axis=0)) / error)


def vary() -> dict[str, Any]:
    """Choose twenty of more and more columns of noise."""
    curve = np.unique(np.round(np.geomspace(_K, 6000, 50)).astype(int))
    expected = [leaked_accuracy(_N, int(p), _K, 1.0 / _FOLDS) for p in curve]
    return {
        "label": "the number of columns of noise p",
        "text": f"{_N} rows, two classes of {_N // 2}, p columns of noise; the best {_K} columns, the "
        f"nearest mean, {_FOLDS} folds. Left: "
        "for each row of one table, how far its score speaks for its own class when held out (grey: "
        "against it). Right: "
        "accuracy, line by the formula, dots "
        "from 12 tables.",
        "start": 4,
        "frames": [_noise(columns, curve, expected) for columns in _COLUMNS],
    }


def failures() -> list[dict[str, Any]]:
    """Show twins on both sides of the split, and neighbours in time."""
    share = np.linspace(0.0, 1.0, 11)
    apart, together = zip(*(twins(float(s)) for s in share), strict=True)
    # A held-out row's twin is among the rows learnt from unless it drew the same fold of five.
    meet = share * (1.0 - 1.0 / _FOLDS)
    walk, inside, ahead = interpolated()
    t = np.arange(len(walk))
    return [
        {
            "title": "Twins on both sides",
            "text": "Noise again, and some rows stand in the table twice: the same patient, the same house, "
            "the same photograph. "
            "The nearest neighbour of a held-out twin is its twin, label and all. With all rows doubled the "
            "accuracy on noise is "
            f"expected at {0.5 + 0.5 * meet[-1]:.2f}. Keep what belongs together in one fold, and it is a "
            f"half.",
            "figures": [
                figure(
                    "With twins split the accuracy rises on a straight line; with twins kept together it "
                    "stays at a half.",
                    "One nearest neighbour on noise, 200 different rows, folds of a fifth. Lines: ½ + ½ · "
                    "0.8 · share, and ½.",
                    panel(
                        "Accuracy on noise",
                        [
                            line(share, 0.5 + 0.5 * meet, "red", label="rows split at random"),
                            line(share, np.full(11, 0.5), "green", label="twins in one fold"),
                            points(share, apart, "red", size=6.0),
                            points(share, together, "green", size=6.0),
                        ],
                        xlabel="share of the rows that have a twin",
                        xlim=(-0.02, 1.02),
                        ylim=(0.35, 1.0),
                        legend="upper left",
                    ),
                )
            ],
        },
        {
            "title": "Neighbours in time",
            "text": "A random walk, which nobody can foretell. Hold out days at random, and each lies "
            "between two known ones: the nearest "
            f"known day is off by {inside:.2f} steps², on average. Hold out the last fifth, as life does, "
            f"and the last known day is off by "
            f"{ahead:.1f}. Whoever will predict the future must be tested on it.",
            "figures": [
                figure(
                    "A jagged walk with random days held out and a last stretch held out; two bars of error, "
                    "the second far higher.",
                    "Left: one walk of 200 steps. Right: the mean squared error over 400 walks; expected "
                    "values as lines.",
                    panel(
                        "One walk",
                        [
                            line(t[:161], walk[:161], "ink", width=1.4),
                            line(t[160:], walk[160:], "red", width=1.4),
                            line([160, 200], [walk[160]] * 2, "grey", dashed=True, width=1.3),
                        ],
                        xlabel="day",
                        xlim=(0, 200),
                        ylim=(-25, 25),
                    ),
                    panel(
                        "Mean squared error",
                        [
                            bars([0.0], [inside], "orange", width=0.6),
                            bars([1.0], [ahead], "red", width=0.6),
                            line([-0.4, 0.4], [random_days(0.2)] * 2, "ink", width=1.6),
                            line([0.6, 1.4], [20.5, 20.5], "ink", width=1.6),
                            text(0.0, 2.5 + inside, f"{inside:.2f}", align="center"),
                            text(1.0, 2.5 + ahead, f"{ahead:.1f}", align="center"),
                        ],
                        xlim=(-0.6, 1.6),
                        ylim=(0.0, 26.0),
                        xticks=[(0.0, "random days"), (1.0, "the last fifth")],
                    ),
                )
            ],
        },
    ]


def twins(share: float, rows: int = 200) -> tuple[float, float]:
    """Return the accuracy of a nearest neighbour on noise, twins in any fold and in one; 8 tables' mean."""
    generator = numpy_generator(0, "show", "leakage", "twins", round(100 * share))
    found = []
    for _ in range(8):
        X, y = generator.normal(size=(rows, 5)), generator.integers(2, size=rows)
        who = np.concatenate([np.arange(rows), np.arange(round(share * rows))])
        folds = generator.integers(_FOLDS, size=len(who)), generator.integers(_FOLDS, size=rows)[who]
        distance = np.sum((X[who][:, None] - X[who][None]) ** 2, axis=2)
        doubled = np.isin(who, np.arange(round(share * rows)))
        hits = []
        for fold in folds:
            barred = fold[:, None] == fold[None]
            nearest = np.argmin(np.where(barred, np.inf, distance), axis=1)
            right = y[who] == y[who][nearest]
            # Both copies of a doubled row are asked: they count half each, so that every row counts once.
            hits.append(float(np.average(right, weights=np.where(doubled, 0.5, 1.0))))
        found.append(hits)
    apart, together = np.mean(found, axis=0)
    return float(apart), float(together)


def random_days(held: float) -> float:
    """Return the expected squared error of the nearest known day of a walk, days held out at random."""
    return 1.0 / (1.0 - held**2)  # further than k away only if 2k days are held out: Σ held²ᵏ


def interpolated(count: int = 400) -> tuple[Array, float, float]:
    """Return a walk [201], and the mean squared errors of the nearest known day, by both ways."""
    generator = numpy_generator(0, "show", "leakage", "walk")
    walks = np.cumsum(generator.normal(size=(count, 201)), axis=1)
    inside = []
    for walk in walks:
        known = generator.random(201) >= 0.2
        days, held = np.flatnonzero(known), np.flatnonzero(~known)
        nearest = days[np.argmin(np.abs(held[:, None] - days[None]), axis=1)]
        inside.append(np.mean((walk[held] - walk[nearest]) ** 2))
    return (
        walks[0] - walks[0][0],
        float(np.mean(inside)),
        float(np.mean((walks[:, 161:] - walks[:, 160:161]) ** 2)),
    )


def margins(X: Array) -> Array:
    """Return for each row y times its score when its fold is held out, the columns chosen on all rows."""
    use, out = X[:, chosen(X, _Y, _K)], np.zeros(_N)
    for fold in range(_FOLDS):
        hold = np.equal(_FOLD, fold)
        learn = ~hold
        a, b = use[learn & (_Y > 0)].mean(axis=0), use[learn & (_Y < 0)].mean(axis=0)
        out[hold] = _Y[hold] * ((use[hold] - 0.5 * (a + b)) @ (a - b)) / np.linalg.norm(a - b)
    return out


def _noise(columns: int, curve: Any, expected: list[float]) -> dict[str, Any]:
    found = accuracies(columns)
    formula = leaked_accuracy(_N, columns, _K, 1.0 / _FOLDS)
    chose = (
        "All are used: nothing was chosen, nothing leaks."
        if columns == _K
        else f"The best {_K} of {columns:,} columns of noise."
    )
    X = numpy_generator(0, "show", "leakage", "one", columns).normal(size=(_N, columns))
    margin = np.sort(np.clip(margins(X), -3.9, 6.9))
    wrong = int(np.sum(margin <= 0.0))
    colour = "green" if formula < 0.55 else "orange" if formula < 0.85 else "red"
    at = np.arange(_N)
    left = [
        bars(at[:wrong], margin[:wrong], "grey", width=0.85),
        bars(at[wrong:], margin[wrong:], colour, width=0.85),
    ]
    right = [
        line(curve, expected, "grey", label="chosen before the split"),
        line([_K, 6000], [0.5, 0.5], "green", dashed=True, width=1.4, label="chosen inside"),
        points([columns] * found.shape[1], found[1], "green", size=3.5),
        points([columns] * found.shape[1], found[0], colour, size=4.5),
    ]
    return frame(
        f"p = {columns:,}",
        f"{chose} "
        f"Expected {100 * formula:.1f}%; in 12 tables {100 * found[0].mean():.1f}% chosen before the split, "
        f"and "
        f"{100 * found[1].mean():.1f}% inside it. In the table on the left {_N - wrong} of {_N} are right.",
        f"Held-out scores of fifty rows, and the accuracy by the number of columns of noise, p = {columns}",
        panel(
            "Rows, held out: for their class or against",
            left,
            xlabel="row, in order",
            xlim=(-1, 50),
            ylim=(-4.0, 7.0),
        ),
        panel(
            "Accuracy on noise",
            right,
            xlabel="columns p",
            xlog=True,
            xlim=(_K - 2, 6000),
            ylim=(0.2, 1.03),
            xticks=[(20.0, "20"), (100.0, "100"), (1000.0, "1,000"), (5000.0, "5,000")],
            legend="lower right",
        ),
    )
