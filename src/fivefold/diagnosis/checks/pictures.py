"""Pictures of statistics beside what they are when nothing is wrong."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from fivefold.diagnosis.checks.seen import OF_NUMBERS, Point, curve, median
from fivefold.diagnosis.finding import Picture
from fivefold.diagnosis.observation.record import Record, Step

DRAWS = 400
"""Batches drawn at random for what chance gives."""

MOST_RANKS = 101
"""Points of a curve of sorted numbers."""

MOST_CLASSES = 12


def of_classes(table: np.ndarray) -> Picture:
    """Show the share of the most common class in each batch, beside what shuffled batches give.

    The 95% quantile of that share in batches of the same size that are drawn at random from all.

    Args:
        table: Numbers of targets, [batches, classes]; no batch is empty.

    >>> shown = of_classes(np.array([[8, 0], [0, 8], [8, 0]])).curves
    >>> shown["in the batch"][0], shown["most by chance"][0][1] < 1.0
    ((0.0, 1.0), True)
    """
    generator = np.random.default_rng(0)
    shares = table.sum(0) / table.sum()
    sizes = table.sum(1).astype(int)
    chance = {
        n: float(np.quantile(generator.multinomial(n, shares, DRAWS).max(1), 0.95)) / n
        for n in sorted({int(n) for n in sizes})
    }
    return Picture(
        "Share of the most common class in each batch, beside 95% of shuffled batches",
        "watched batch",
        "share of the most common class",
        {
            "in the batch": tuple((float(i), float(row.max() / row.sum())) for i, row in enumerate(table)),
            "most by chance": tuple((float(i), chance[int(n)]) for i, n in enumerate(sizes)),
        },
    )


def of_means(blocks: Sequence[np.ndarray], what: str) -> Picture:
    """Show the mean of a number in each batch, beside the span of 95% of the means of shuffled batches.

    Args:
        blocks: The number in each batch, [b].
        what: Of what, as ``"the targets"``.

    >>> shown = of_means([np.zeros(4), np.ones(4)], "x").curves
    >>> shown["of the batch"], [round(y, 2) for _, y in shown["most by chance"]]
    (((0.0, 0.0), (1.0, 1.0)), [0.99, 0.99])
    """
    every = np.concatenate(blocks)
    middle, spread = float(every.mean()), float(every.std())
    span = [1.96 * spread / math.sqrt(len(b)) for b in blocks]
    return Picture(
        f"Mean of {what} in each batch, beside 95% of shuffled batches",
        "watched batch",
        f"mean of {what}",
        {
            "of the batch": tuple((float(i), float(b.mean())) for i, b in enumerate(blocks)),
            "most by chance": tuple((float(i), middle + s) for i, s in enumerate(span)),
            "least by chance": tuple((float(i), middle - s) for i, s in enumerate(span)),
        },
    )


def of_repeats(distances: np.ndarray) -> Picture:
    """Show how far the two targets of an input that came again lie apart.

    Args:
        distances: Squared distances of the two, over the mean of that of two targets drawn at random, [n]; 0
            where each input has its target.

    >>> of_repeats(np.array([2.0, 0.0, 0.0])).curves["the same input again"]
    ((0.0, 0.0), (0.5, 0.0), (1.0, 2.0))
    """
    ranked = np.sort(distances)
    places = np.unique(np.linspace(0, len(ranked) - 1, min(len(ranked), MOST_RANKS)).round().astype(int))
    last = max(1, len(ranked) - 1)
    return Picture(
        "Distance of the two targets of an input that came again: 0 where each input has its target",
        "share of the inputs that came again",
        "distance of the two targets",
        {"the same input again": tuple((float(i) / last, float(ranked[i])) for i in places)},
        (1.0, "mean of two targets drawn at random"),
    )


def of_shares(title: str, what: str, shares: Mapping[str, float], level: tuple[float, str]) -> Picture:
    """Show a few shares as bars, beside the one that tells what is wrong from what is not.

    Args:
        title: What is to be seen.
        what: What the shares are of.
        shares: By name; those below 0 (of a rule that tells less than nothing) are drawn as 0.
        level: The share to compare with, and what it is.

    >>> of_shares("t", "right", {"training": 0.6, "evaluation": 0.9}, (0.8, "alike from here on")).names
    ('training', 'evaluation')
    """
    points = tuple((float(i), max(float(share), 0.0)) for i, share in enumerate(shares.values()))
    return Picture(title, "examples", what, {"share": points}, level, bars=True, names=tuple(shares))


def of_numbers(
    title: str,
    what: str,
    numbers: Mapping[str, float],
    level: tuple[float, str] | None = None,
    *,
    logarithmic: bool = False,
) -> Picture | None:
    """Show a few numbers as bars, beside the one that tells what is wrong from what is not.

    Args:
        title: What is to be seen.
        what: What the numbers are.
        numbers: By name; those that are not finite are left out.
        level: The number to compare with, and what it is.
        logarithmic: Whether the axis is logarithmic, where all of them are positive.

    Returns:
        The picture; ``None`` where no number is finite.

    >>> shown = of_numbers("t", "size", {"first": 2.0, "last": float("inf")}, (1.0, "usual"))
    >>> shown.names, shown.curves
    (('first',), {'size': ((0.0, 2.0),)})
    """
    kept = {name: float(number) for name, number in numbers.items() if math.isfinite(number)}
    if not kept:
        return None
    points = tuple((float(i), number) for i, number in enumerate(kept.values()))
    log = logarithmic and min(kept.values()) > 0
    return Picture(title, "", what, {what: points}, level, logarithmic=log, bars=True, names=tuple(kept))


def of_pairs(
    title: str,
    what: str,
    pairs: Mapping[str, tuple[float, float]],
    sides: tuple[str, str],
    level: tuple[float, str] | None = None,
) -> Picture | None:
    """Show a few pairs of numbers, each joined by a line: the ends of ranges, or training and evaluation.

    Args:
        title: What is to be seen.
        what: What the numbers are.
        pairs: By name; those that are not finite are left out.
        sides: What the first number of a pair is, and the second.
        level: The number to compare with, and what it is.

    Returns:
        The picture; ``None`` where no pair is finite.

    >>> of_pairs("t", "value", {"targets": (-1.0, 3.0)}, ("least", "largest")).curves
    {'least': ((0.0, -1.0),), 'largest': ((0.0, 3.0),)}
    """
    kept = {name: pair for name, pair in pairs.items() if all(map(math.isfinite, pair))}
    if not kept:
        return None
    curves = {
        side: tuple((float(i), float(pair[k])) for i, pair in enumerate(kept.values()))
        for k, side in enumerate(sides)
    }
    return Picture(title, "", what, curves, level, bars=True, names=tuple(kept))


def of_answers(
    title: str, answers: Mapping[str, Sequence[tuple[Tensor, Tensor]]], level: tuple[float, str]
) -> Picture | None:
    """Show how far two answers of a model lie apart at most, relative to the largest number of either.

    Args:
        title: What is to be seen.
        answers: By name, the two answers, of one shape or [1, ...] and [b, ...]; for each of its outputs.
        level: From where on they differ, and what that is.

    >>> import torch
    >>> of_answers("t", {"other words": [(torch.tensor([4.0]), torch.tensor([5.0]))]}, (0.01, "x")).curves
    {'largest relative difference': ((0.0, 0.2),)}
    """
    apart = {
        name: max((_apart(a, b) for a, b in pairs if a.numel()), default=0.0)
        for name, pairs in answers.items()
    }
    return of_numbers(title, "largest relative difference", apart, level, logarithmic=True)


def _apart(a: Tensor, b: Tensor) -> float:
    size = max(float(a.abs().max()), float(b.abs().max()), 1e-12)
    return float((a.double() - b.double()).abs().max()) / size


def of_counts(training: np.ndarray, evaluations: np.ndarray, about: Sequence[int]) -> Picture:
    """Show the shares of classes in training and in evaluations, which are alike where nothing is wrong.

    Args:
        training: Number of labels of each class, [classes].
        evaluations: The same of the evaluations.
        about: Classes that are to be seen; then the most common others, twelve in all.

    >>> of_counts(np.array([6, 2, 0]), np.array([2, 1, 1]), [2]).names
    ('2', '0', '1')
    """
    shares = [counts / max(float(counts.sum()), 1.0) for counts in (training, evaluations)]
    rest = [int(c) for c in np.argsort(-(shares[0] + shares[1]), kind="stable") if c not in about]
    classes = [*(int(c) for c in about), *rest][:MOST_CLASSES]
    return Picture(
        "Share of each class, alike in both where nothing is wrong",
        "class",
        "share of the labels",
        {
            name: tuple((float(i), float(share[c])) for i, c in enumerate(classes))
            for name, share in zip(("training", "evaluations"), shares, strict=True)
        },
        bars=True,
        names=tuple(str(c) for c in classes),
    )


def of_weights(shares: np.ndarray, weights: np.ndarray) -> Picture:
    """Show the weights of classes in a loss by their shares, beside the inverse of these.

    Args:
        shares: Above 0, [classes].
        weights: Above 0, [classes].

    >>> shown = of_weights(np.array([0.1, 0.9]), np.array([1.0, 9.0])).curves
    >>> [[(round(x, 2), round(y, 2)) for x, y in points] for points in shown.values()]
    [[(-1.0, 1.0), (-0.05, 9.0)], [(-1.0, 9.0), (-0.05, 1.0)]]
    """
    order = np.argsort(shares, kind="stable")
    order = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_RANKS)).round().astype(int))]
    inverse = math.exp(float(np.log(shares * weights).mean())) / shares
    return Picture(
        "Weights of the classes in the loss, which fall as shares grow where nothing is wrong",
        "share of the class, as a power of ten",
        "weight",
        {
            name: tuple((math.log10(shares[c]), float(values[c])) for c in order)
            for name, values in (("as given", weights), ("inverse of the share", inverse))
        },
        logarithmic=True,
    )


def of_sizes(steps: Sequence[Step]) -> Picture:
    """Show the root mean squares of targets and predictions over the updates, beside that of scaled targets.

    Args:
        steps: The watched updates.

    >>> of_sizes([]).level
    (1.0, 'scaled')
    """
    calls = [(s, [c for c in s.losses if c.function in OF_NUMBERS and not c.target.integer]) for s in steps]

    def size(side: str) -> tuple[Point, ...]:
        held = [[getattr(c, side) for c in found] for _, found in calls]
        return curve(steps, (median(math.hypot(h.mean, h.std) for h in each) for each in held))

    return Picture(
        "Size of targets and predictions",
        "update",
        "root mean square",
        {"targets": size("target"), "predictions": size("prediction")},
        (1.0, "scaled"),
        logarithmic=True,
    )


def of_modes(record: Record) -> Picture:
    """Show in which mode the model was, at updates and at evaluations.

    Args:
        record: What was seen.

    >>> of_modes(Record(steps=[Step(0), Step(1, training=False)])).curves["updates"]
    ((0.0, 1.0), (1.0, 0.0))
    """
    held = [(float(e.after), e.training / e.passes) for e in record.evaluations if e.passes]
    return Picture(
        "Training mode: 1 at every update and 0 at every evaluation where nothing is wrong",
        "update",
        "share of passes in training mode",
        {
            "updates": curve(record.steps, (float(s.training) for s in record.steps)),
            "evaluations": tuple(held),
        },
    )
