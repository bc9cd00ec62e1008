"""Augmentation that makes examples unlike all others, or turns inputs without their targets."""

from collections.abc import Callable

import numpy as np

from fivefold.diagnosis.checks.pictures import of_pairs, of_shares
from fivefold.diagnosis.checks.preparation import TURNS, as_images
from fivefold.diagnosis.checks.seen import stacked
from fivefold.diagnosis.checks.turned_means import turned_means
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST = 100
MOST = 600


def check_augmentation(record: Record) -> list[Finding]:
    """Find images that are mirrored or turned in training only, or without the picture they are to become.

    Statistics: where targets are pictures of the inputs' size, the share of examples whose correlation with
    their target grows by 0.2 when one of the two is turned; elsewhere, the share of training images whose
    nearest evaluation image comes a third nearer when they are turned back, beside the same share among
    evaluation images themselves; where neighbours tell nothing, as before backgrounds that change, mean
    images (:func:`~fivefold.diagnosis.checks.turned_means.turned_means`). Null: for the first 0 and a few
    symmetric pictures; the second is alike on both sides wherever turned images occur in evaluation, too.
    False alarms: augmentation that helps though no evaluation image looks so (medium then, where labels are
    not seen to suffer).

    Args:
        record: What was seen.
    """
    rows, held = record.training_rows, record.evaluation_rows
    if not rows.inputs or not rows.inputs[0].is_floating_point():
        return []
    shape = tuple(rows.inputs[0].shape[1:])
    found = _apart_from_targets(record, shape)
    if found or not held.inputs or tuple(held.inputs[0].shape[1:]) != shape:
        return found
    return _beside_evaluation(rows, held, shape) or turned_means(record)


def _beside_evaluation(rows: Rows, held: Rows, shape: tuple[int, ...]) -> list[Finding]:
    x, _ = stacked(rows)
    e, _ = stacked(held)
    x, e = np.unique(x, axis=0), np.unique(e, axis=0)
    generator = np.random.default_rng(0)
    x, e = (a[generator.permutation(len(a))[:MOST]] for a in (x, e))
    a, b = as_images(x, shape), as_images(e, shape)
    if a is None or b is None or len(a) < LEAST or len(b) < LEAST or not np.isfinite(x).all():
        return []
    reference, rest = b[::2], b[1::2]
    told: dict[str, tuple[float, float]] = {}
    for name, turn in TURNS.items():
        if turn(a).shape != a.shape:
            continue
        # Turned back: for a quarter turn the way back is another turn of the list.
        told[name] = _nearer(a, turn, reference), _nearer(rest, turn, reference)
    best = max(told, key=lambda name: told[name][0] - told[name][1], default="")
    share, usual = told.get(best, (0.0, 0.0))
    if share - usual < 0.1 or share < 4 * usual:
        return []
    return [
        Finding(
            "data.preparation",
            "training images are turned or mirrored as no evaluation image is",
            f"{share:.0%} of {len(a)} training images come a third nearer to their nearest evaluation image "
            f"when {best}; of evaluation images {usual:.0%}",
            "high" if share > 6 * usual else "medium",
            "augmentation makes examples that do not occur, and may change what they show (a 6 turned is a "
            "9)",
            "keep to changes that leave the label as it is: small shifts, little noise; mirror only what may "
            "be mirrored",
            picture=of_pairs(
                "Images that come a third nearer to an evaluation image once they are turned, alike in both "
                "where nothing is wrong",
                "share of the images",
                told,
                ("training", "evaluation"),
            ),
        )
    ]


def _nearer(a: np.ndarray, turn: Callable[[np.ndarray], np.ndarray], reference: np.ndarray) -> float:
    """Share of images whose nearest one of the reference is a third nearer once they are turned."""
    straight, turned = _nearest(a, reference), _nearest(turn(a), reference)
    return float((turned < (2 / 3) ** 2 * straight).mean())


def _nearest(a: np.ndarray, reference: np.ndarray) -> np.ndarray:
    p, q = a.reshape(len(a), -1), reference.reshape(len(reference), -1)
    return np.asarray(((p**2).sum(1)[:, None] + (q**2).sum(1)[None] - 2 * p @ q.T).min(1))


def _apart_from_targets(record: Record, shape: tuple[int, ...]) -> list[Finding]:
    rows = record.training_rows
    pairs = [
        (x, y)
        for x, y in zip(rows.inputs, rows.targets, strict=True)
        if y is not None and x.ndim == 4 and y.shape[-2:] == x.shape[-2:] and len(x) == len(y)
    ]
    if not pairs or min(pairs[0][0].shape[-2:]) < 6:
        return []
    x = np.concatenate([p.double().mean(1).numpy() for p, _ in pairs])[:MOST]
    y = np.concatenate([q.double().reshape(len(q), -1, *q.shape[-2:]).mean(1).numpy() for _, q in pairs])[
        :MOST
    ]
    if len(x) < LEAST:
        return []
    straight = _correlations(x, y)
    told = {
        name: float((np.abs(_correlations(turned, y)) > np.abs(straight) + 0.2).mean())
        for name, turn in TURNS.items()
        if (turned := turn(x)).shape == y.shape
    }
    best = max(told, key=lambda name: told[name]) if told else ""
    if not best or told[best] < 0.15 or float(np.median(np.abs(straight))) < 0.05:
        return []
    return [
        Finding(
            "labels.noise",
            "inputs are mirrored or turned, and their targets are not",
            f"{told[best]:.0%} of {len(x)} training inputs agree better with their target when {best} "
            "(correlation larger by 0.2 or more)",
            "high",
            "augmentation changes the input alone",
            "apply the same change to the input and to its target picture",
            picture=of_shares(
                "Inputs that agree better with their target once they are turned",
                "share of the inputs",
                told,
                (0.15, "none in earnest up to here"),
            ),
        )
    ]


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlation of each picture with its own target, [n]."""
    a, b = x.reshape(len(x), -1), y.reshape(len(y), -1)
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(size > 1e-12, (a * b).sum(1) / np.where(size > 1e-12, size, 1.0), 0.0)
