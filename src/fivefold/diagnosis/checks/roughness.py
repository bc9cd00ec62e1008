"""Augmentation that makes images rougher or smoother, where that is what tells their labels."""

import numpy as np
from scipy import stats

from fivefold.diagnosis.checks.pictures import of_pairs
from fivefold.diagnosis.checks.preparation import as_images
from fivefold.diagnosis.checks.rules import every_draw, textures
from fivefold.diagnosis.checks.seen import stacked, within_updates
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 150
LEAST_OTHERS = 100
TELLS = 0.2
APART = 0.25
RARE = 1e-6


def check_roughness(record: Record) -> list[Finding]:
    """Find images whose roughness tells the labels and is another in training than in evaluation.

    The roughness of an image is log(mean distance of neighbours) - log(standard deviation), along rows and
    along columns: no scale, no mirror and no shift changes it. Statistics: its correlation with a column of
    the targets, and the largest distance of its distribution functions in training and in evaluation
    (Kolmogorov and Smirnov), the lesser of both directions. Null: two samples of one population are more than
    0.25 apart with p < 10^-6 less than once in a million. Noise and blur among the augmentations are meant to
    set them apart, and do no harm where roughness tells nothing (correlation below 0.2, of 150 examples or
    more: z = 2.4). False alarms: held-out images of other scenes (hence medium).

    Args:
        record: What was seen.
    """
    rows = record.training_rows
    if not rows.inputs or within_updates(record):
        return []
    shape = tuple(rows.inputs[0].shape[1:])
    draws = every_draw(rows)
    if draws is None or draws.tokens or len(shape) == 1 or as_images(draws.x[:1], shape) is None:
        return []
    if len(draws.x) < LEAST_ROWS:
        return []
    own = textures(draws.x, shape)[:, 3:]
    y = draws.y - draws.y.mean(0)
    told = min(_told(own[:, axis], y) for axis in (0, 1))
    if told < TELLS:
        return []
    return _beside_evaluation(record, own, shape, told)


def _told(roughness: np.ndarray, y: np.ndarray) -> float:
    """The largest correlation with a centred column of the targets."""
    centred = roughness - roughness.mean()
    size = np.linalg.norm(centred) * np.linalg.norm(y, axis=0)
    return float(np.max(np.abs(centred @ y) / np.maximum(size, 1e-300)))


def _beside_evaluation(record: Record, own: np.ndarray, shape: tuple[int, ...], told: float) -> list[Finding]:
    e, _ = stacked(record.evaluation_rows)
    if not len(e) or tuple(record.evaluation_rows.inputs[0].shape[1:]) != shape or not np.isfinite(e).all():
        return []
    other = textures(np.unique(e, axis=0), shape)[:, 3:]
    if len(other) < LEAST_OTHERS:
        return []
    tests = [stats.ks_2samp(own[:, axis], other[:, axis]) for axis in (0, 1)]
    apart = min(float(t.statistic) for t in tests)
    if apart < APART or max(float(t.pvalue) for t in tests) > RARE:
        return []
    deciles = {q: tuple(float(np.percentile(s[:, 0], q)) for s in (own, other)) for q in (10, 50, 90)}
    return [
        _finding(
            f"training images are {'rougher' if deciles[50][0] > deciles[50][1] else 'smoother'} than "
            "evaluation images, and that tells the labels",
            f"the roughness of an image (distance of neighbours over the deviation) is "
            f"{np.exp(deciles[50][0]):.2f} in the median of {len(own)} training images and "
            f"{np.exp(deciles[50][1]):.2f} in that of {len(other)} of evaluation; the two distributions are "
            f"{apart:.2f} apart, and its correlation with the labels is {told:.2f}",
            of_pairs(
                "Logarithm of the roughness: alike in both where nothing is wrong",
                "logarithm of the roughness",
                {f"{q}% are below": (pair[0], pair[1]) for q, pair in deciles.items()},
                ("training", "evaluation"),
            ),
        )
    ]


def _finding(title: str, evidence: str, picture: Picture | None) -> Finding:
    return Finding(
        "data.preparation",
        title,
        evidence,
        "medium",
        "augmentation adds noise or smooths, which changes what the labels speak of; or one of the two is "
        "prepared in another way",
        "leave out of the augmentation what changes the label: noise and blur, where these are to be told",
        picture=picture,
    )
