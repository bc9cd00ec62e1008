"""Evaluation inputs that are prepared in another way than training inputs."""

import math
from collections.abc import Callable

import numpy as np

from fivefold.diagnosis.checks.codes import check_codes
from fivefold.diagnosis.checks.drowned import check_drowned
from fivefold.diagnosis.checks.pictures import of_numbers, of_pairs
from fivefold.diagnosis.checks.seen import stacked
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 20
MOST_TOKENS = 12
MOST_COLUMNS = 1000


def check_preparation(record: Record) -> list[Finding]:
    """Find evaluation inputs on another scale than the training inputs, or turned, or of other tokens; else
    categories that are numbered apart (:func:`~fivefold.diagnosis.checks.codes.check_codes`).

    Statistics: the ratio of the standard deviations of evaluation and training inputs, and the distance of
    their column means in training standard deviations (median over columns); of tokens, the difference in
    how many examples hold each, over its standard error; of images, the correlation of the two mean images,
    as they are and with one of them turned or mirrored; of sequences, how much a token tells of the next one
    (:func:`kept_order`). Null: ratio within 0.7 to 1.4 and distance below 0.3 for samples of one population
    prepared in one way; augmentation moves them little; no token beyond 8 standard errors; mean images that
    agree best unturned; what a token tells of the next one holds in evaluation as it does in the other half
    of training, and is not misleading there, as it is under numbers of another vocabulary (below 0). False
    alarms: evaluations of another population on purpose, such as another language. Of several held-out
    sets, each by itself: found (medium) where batches that came one after the other have a standard deviation
    that is 2.5 times off, others one within 1.4, and no training batch is nearly as far. Of the columns of a
    table, each by itself: found (medium) where the quarters of a column of numbers of evaluation are 2.5
    times as far apart as training's, or as near, and the medians further apart than these.

    Args:
        record: What was seen.
    """
    if check_drowned(record):
        return []  # noise that is added in training alone, and too much of it
    return _of_inputs(record) or _of_one_set(record) or _of_one_column(record) or check_codes(record)


def _of_one_column(record: Record) -> list[Finding]:
    """Whether a column of numbers is on another scale in evaluation, and further away than samples come."""
    rows = record.training_rows.inputs
    x, _ = stacked(record.training_rows)
    e, _ = stacked(record.evaluation_rows)
    if min(len(x), len(e)) < 2 * LEAST_ROWS or not rows[0].is_floating_point() or rows[0].dim() != 2:
        return []
    if x.shape[1] != e.shape[1] or not 2 <= x.shape[1] <= MOST_COLUMNS:
        return []
    (low, middle, high), (low_e, middle_e, high_e) = (
        np.quantile(v, (0.25, 0.5, 0.75), axis=0) for v in (x, e)
    )
    wide, wide_e = high - low, high_e - low_e
    distinct = np.array([min(len(np.unique(v[:, j])) for v in (x, e)) for j in range(x.shape[1])])
    told = (distinct >= LEAST_ROWS) & (wide > 1e-9) & (wide_e > 1e-9)
    ratio = np.where(told, wide_e / np.where(told, wide, 1.0), 1.0)
    scaled = (ratio > 2.5) | (ratio < 0.4)
    apart = np.abs(middle_e - middle) > np.maximum(wide, wide_e)
    far = np.flatnonzero(told & scaled & (apart | (np.abs(middle_e - middle) > 2.0 * wide)))
    if not 0 < len(far) < told.sum():
        return []
    j = int(far[np.argmax(np.abs(np.log(ratio[far])))])
    return [
        Finding(
            "data.preparation",
            "a column is prepared in another way for evaluation than for training",
            f"column {j} (counted from 0) of {x.shape[1]}: the middle half of evaluation lies from "
            f"{low_e[j]:.3g} to {high_e[j]:.3g}, that of training from {low[j]:.3g} to {high[j]:.3g}; "
            f"{int(told.sum()) - len(far)} other columns agree",
            "medium",
            "a step of the preparation, such as a logarithm or a scaling, is left out for one of the two",
            "prepare both with the same code and the training set's numbers",
            picture=of_pairs(
                "Middle of each column of numbers: alike where nothing is wrong",
                "median",
                {
                    f"column {i}": (float(middle[i]), float(middle_e[i]))
                    for i in np.flatnonzero(told)[:MOST_TOKENS]
                },
                ("training", "evaluation"),
            ),
        )
    ]


def _of_one_set(record: Record) -> list[Finding]:
    """Whether batches of one held-out set are on another scale than training's, and others are not."""
    rows, held = record.training_rows.inputs, record.evaluation_rows.inputs
    if len(rows) < 3 or not rows[0].is_floating_point() or not rows[0][0].numel() > 1:
        return []
    shape = rows[0].shape[1:]
    usual = [float(b.double().std()) for b in rows if b.shape[1:] == shape and len(b) > 1]
    seen = [b.double() for b in held if b.shape[1:] == shape and len(b) >= LEAST_ROWS]
    if not usual or not min(usual) > 0 or len(seen) < 2:
        return []
    spread = float(np.median(usual))
    apart = max(max(s / spread, spread / s) for s in usual)
    stds = [max(float(b.std()), 1e-12) for b in seen]
    ratios = [max(s / spread, spread / s) for s in stds]
    far = [i for i, r in enumerate(ratios) if r > 2.5 and r > 1.5 * apart]
    near = [i for i, r in enumerate(ratios) if r < 1.4]
    # One set comes in one piece; scattered ones are batches of a kind.
    if not far or not near or far != list(range(far[0], far[-1] + 1)):
        return []
    size = float(np.median([stds[i] for i in far]))
    count = sum(len(seen[i]) for i in far)
    return [
        Finding(
            "data.preparation",
            "the inputs of one held-out set are on another scale than all others",
            f"{count} evaluation examples that came one after the other have standard deviation {size:.3g}; "
            f"those of training have {spread:.3g}, and {len(near)} of {len(seen)} batches of evaluations are "
            "like them",
            "medium",
            "one of the held-out sets, the test set for one, is not prepared as the others are",
            "prepare all sets with the same code and the training set's numbers",
            picture=Picture(
                "Standard deviation of the inputs of each batch: alike where nothing is wrong",
                "batch of an evaluation",
                "standard deviation",
                {"evaluation": tuple((float(i), s) for i, s in enumerate(stds))},
                (spread, "training"),
                logarithmic=True,
            ),
        )
    ]


def _of_inputs(record: Record) -> list[Finding]:
    x, _ = stacked(record.training_rows)
    e, _ = stacked(record.evaluation_rows)
    rows, held = record.training_rows.inputs, record.evaluation_rows.inputs
    if len(x) < LEAST_ROWS or len(e) < LEAST_ROWS:
        return []
    if not rows[0].is_floating_point():
        return [] if held[0].is_floating_point() else _of_tokens(x, e) or _of_neighbours(x, e)
    if x.shape[1] != e.shape[1]:
        return []
    sx, se = x.std(0), e.std(0)
    used = (sx > 1e-9) & (se > 0)
    if not used.any():
        return []
    ratio = float(np.median(se[used] / sx[used]))
    pooled = float(e.std() / max(x.std(), 1e-12))
    distance = float(np.median(np.abs(e.mean(0) - x.mean(0))[used] / sx[used]))
    far = distance > 1.0
    scaled = (ratio > 2.0 or ratio < 0.5) and (pooled > 1.6 or pooled < 0.62)
    if not far and not scaled:
        return _turned(x, e, tuple(rows[0].shape[1:]))
    means = ((e.mean(0) - x.mean(0))[used] / sx[used])[:64]
    return [
        Finding(
            "data.preparation",
            "evaluation inputs are prepared in another way than training inputs",
            f"column standard deviations are {ratio:.2g} times those of training, column means "
            f"{distance:.2g} training standard deviations away (medians)",
            "high" if ratio > 2.5 or ratio < 0.4 or distance > 1.5 else "medium",
            "scaling or other preparation is done in one of the two only, or with other numbers",
            "prepare both with the same code and the training set's numbers",
            picture=Picture(
                "Column means, in training standard deviations",
                "column",
                "mean",
                {"evaluation": tuple((float(i), float(v)) for i, v in enumerate(means))},
                (0.0, "training"),
            ),
        )
    ]


def _of_tokens(x: np.ndarray, e: np.ndarray) -> list[Finding]:
    """Whether tokens are in far more examples of one side than of the other."""
    x, e = np.unique(x, axis=0), np.unique(e, axis=0)
    n, m = len(x), len(e)
    if n < 100 or m < 50:
        return []
    ids = np.unique(np.concatenate([x.ravel(), e.ravel()]))
    if len(ids) > 20_000:
        return []
    p, q = (np.array([np.isin(ids, np.unique(row)) for row in s]).mean(0) for s in (x, e))
    both = (n * p + m * q) / (n + m)
    z = (q - p) / np.sqrt(np.maximum(both * (1 - both), 1e-9) * (1 / n + 1 / m))
    apart = (np.abs(z) > 8) & (np.abs(q - p) > 0.15)
    # Another population has other words, too: many of the common ones must be moved.
    common = np.maximum(p, q) > 0.1
    if apart.sum() < 3 or apart.sum() < 0.2 * common.sum():
        return []
    k = int(np.abs(z).argmax())
    return [
        Finding(
            "data.preparation",
            "evaluation inputs are made of other tokens than training inputs",
            f"{int(apart.sum())} of {int(common.sum())} common tokens are in far more examples of one side "
            f"than of the other: token {int(ids[k])} in {p[k]:.0%} of {n} training and {q[k]:.0%} of {m} "
            "evaluation examples",
            "high" if apart.sum() >= 0.4 * common.sum() and apart.sum() >= 5 else "medium",
            "the two were numbered by vocabularies of their own, or cut into tokens in different ways",
            "make the vocabulary from the training texts, and encode both with it",
            picture=of_pairs(
                "Examples that hold each of these tokens: about as many of both where nothing is wrong",
                "share of the examples",
                {str(int(ids[k])): (p[k], q[k]) for k in np.argsort(-np.abs(z))[:MOST_TOKENS]},
                ("training", "evaluation"),
            ),
        )
    ]


COMMON = 300
"""Tokens that are told apart where neighbours are counted; all others are one."""


def kept_order(x: np.ndarray, e: np.ndarray) -> tuple[float, float]:
    r"""How much a token tells of the next one, as half of the training examples teach it.

    The mean of log p(b | a) - log p(b) over neighbouring tokens a, b that differ, in nats,

    .. math:: p(b | a) = (n_{ab} + 5 p(b)) / (n_a + 5)

    with counts n from every second training example: the gain of a bigram over a unigram. Where the two
    sides number their tokens alike it is about the same for both, and positive; tokens that were numbered
    anew lead astray, so that it is negative, even where each number is as frequent as before.

    Args:
        x: Training sequences, [n, t]; negative entries are padding.
        e: Evaluation sequences, [m, t'].

    Returns:
        The gain for the other training examples, and for the evaluation's; nan where there are fewer than
        1000 neighbours.
    """
    ids, counts = np.unique(x[x >= 0], return_counts=True)
    if len(ids) < 4:
        return math.nan, math.nan
    known = np.sort(ids[np.argsort(-counts)[:COMMON]])
    k = len(known) + 1

    def pairs(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        code = np.where(known[place] == rows, place, len(known))
        a, b = code[:, :-1], code[:, 1:]
        told = (rows[:, :-1] >= 0) & (rows[:, 1:] >= 0) & (a != b)  # runs are padding or space
        return a[told], b[told]

    taught, other, held = pairs(x[::2]), pairs(x[1::2]), pairs(e)
    if min(len(p[0]) for p in (taught, other, held)) < 1000:
        return math.nan, math.nan
    table = np.zeros((k, k))
    np.add.at(table, taught, 1.0)
    share = (table.sum(0) + 1.0) / (table.sum() + k)
    gain = np.log((table / share + 5.0) / (table.sum(1, keepdims=True) + 5.0))
    return float(gain[other].mean()), float(gain[held].mean())


def _of_neighbours(x: np.ndarray, e: np.ndarray) -> list[Finding]:
    """Whether tokens follow each other in evaluation as in training."""
    x, e = np.unique(x, axis=0), np.unique(e, axis=0)
    order = np.random.default_rng(0)
    own, other = kept_order(x[order.permutation(len(x))], e)
    if not own > 0.2 or not other < 0.15 * own:
        return []
    return [
        Finding(
            "data.preparation",
            "evaluation inputs number their tokens in another way than training inputs",
            f"what a token tells of the next one, as half of the training examples teach it, is {own:.2f} "
            f"nats in the other half, and {other:.2f} in evaluation (below 0 it misleads)",
            "high" if other < -0.15 * own else "medium",
            "the two were numbered by vocabularies of their own, or cut into tokens in different ways",
            "make the vocabulary from the training texts, and encode both with it",
            picture=of_numbers(
                "What a token tells of the next one: as much in both where nothing is wrong",
                "nats",
                {"other half of training": own, "evaluation": other},
                (0.15 * own, "found below it"),
            ),
        )
    ]


TURNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored left to right": lambda a: a[..., ::-1],
    "mirrored top to bottom": lambda a: a[..., ::-1, :],
    "turned by 90 degrees": lambda a: np.rot90(a, 1, (-2, -1)),
    "turned by 180 degrees": lambda a: np.rot90(a, 2, (-2, -1)),
    "turned by 270 degrees": lambda a: np.rot90(a, 3, (-2, -1)),
    "transposed": lambda a: np.swapaxes(a, -2, -1),
}
"""Ways in which an image can be turned."""


def as_images(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return examples as images [n, c, h, w], where they are images; ``None`` elsewhere."""
    if len(shape) == 3 and min(shape[1:]) >= 6:
        return x.reshape(len(x), *shape)
    if len(shape) == 2 and min(shape) >= 6:
        return x.reshape(len(x), 1, *shape)
    side = math.isqrt(shape[0]) if len(shape) == 1 else 0
    if side >= 6 and side * side == shape[0]:
        return x.reshape(len(x), 1, side, side)
    return None


REVERSED = "with channels in reverse"


def _turned(x: np.ndarray, e: np.ndarray, shape: tuple[int, ...]) -> list[Finding]:
    """Whether the mean evaluation image agrees far better with the mean training image when turned."""
    a, b = as_images(x, shape), as_images(e, shape)
    if a is None or b is None or len(a) < 100 or len(b) < 50:
        return []
    one, other = a.mean(0), b.mean(0)
    # Of one side's halves, mean images must agree: else they are no common picture at all.
    sound = _agreement(a[::2].mean(0), a[1::2].mean(0))
    straight = _agreement(one, other)
    ways = {name: turn(other) for name, turn in TURNS.items()}
    ways[REVERSED] = other[::-1]
    ways["with dark for bright"] = -other
    told = {n: _agreement(one, w) for n, w in ways.items() if w.shape == one.shape}
    best = max(told, key=lambda n: told[n])
    if sound < 0.9 or straight > 0.8 or told[best] < 0.9 or told[best] - straight < 0.2:
        return []
    if best == REVERSED and not _swapped(a, b):
        return []
    return [
        Finding(
            "data.preparation",
            f"evaluation images are {best} beside training images",
            f"the correlation of the two mean images is {straight:.2f}, and {told[best]:.2f} with one {best}",
            "high" if told[best] - straight > 0.3 else "medium",
            "the axes, the channels or the brightness are treated in another way in one of the two",
            "prepare both with the same code",
            picture=of_numbers(
                "Correlation of the two mean images, with one of them turned: most as they are when right",
                "correlation",
                {"as they are": straight, **told},
                (0.8, "alike from here on"),
            ),
        )
    ]


def _swapped(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether colours themselves are those of the other side in reverse: of the channels' means, less than
    half of the difference is left, and their variances and covariances fit no worse. Other scenes only have
    another cast.
    """
    mean, other = a.mean((0, 2, 3)), b.mean((0, 2, 3))
    spread, others = (np.cov(np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)) for x in (a, b))
    spread, others = (
        np.atleast_2d(c) / max(float(np.trace(np.atleast_2d(c))), 1e-300) for c in (spread, others)
    )
    left = float(np.linalg.norm(mean - other[::-1])), float(np.linalg.norm(mean - other))
    fit = float(np.linalg.norm(spread - others[::-1, ::-1])), float(np.linalg.norm(spread - others))
    return left[0] < 0.5 * left[1] and fit[0] < 1.2 * fit[1] + 0.01


def _agreement(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / size) if size > 0 else 0.0
