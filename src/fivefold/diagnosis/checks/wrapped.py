"""Images whose numbers ran over the end of a small integer type."""

import math

import numpy as np

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_PIXELS = 50
MUCH = 0.15
MOST_IMAGES = 4096
BRIGHT, DARK = 0.7, 0.3
USUAL = 0.04
"""Share of dark pixels among four bright neighbours that drawings of few pixels have at most."""


def as_images(record: Record) -> np.ndarray | None:
    """The training inputs as grey images [n, h, w] in [0, 1]; ``None`` where they are none.

    Rows of a square number of columns are taken for images if pixels beside each other, and above each other,
    are alike.
    """
    blocks = record.training_rows.inputs
    if not blocks or blocks[0].ndim < 2:
        return None
    same = [b for b in blocks if b.shape[1:] == blocks[0].shape[1:]]
    x: np.ndarray = np.concatenate([b.double().numpy() for b in same])[:MOST_IMAGES]
    if x.ndim == 4:
        x = (
            x.reshape(-1, *x.shape[2:])
            if x.shape[1] <= 4
            else np.moveaxis(x, -1, 1).reshape(-1, *x.shape[1:3])
        )
    elif x.ndim == 2 and math.isqrt(x.shape[1]) ** 2 == x.shape[1] >= 49:
        x = x.reshape(len(x), math.isqrt(x.shape[1]), -1)
    if x.ndim != 3 or min(x.shape[1:]) < 6 or not np.isfinite(x).all() or x.min() == x.max():
        return None
    x = (x - x.min()) / (x.max() - x.min())
    for a, b in ((x[:, :, 1:], x[:, :, :-1]), (x[:, 1:], x[:, :-1])):
        if np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.05:
            return None
    return x


def check_wrapped(record: Record) -> list[Finding]:
    """Find images in which the brightest pixels became dark, or the darkest bright.

    Statistic: of pixels whose four neighbours are all bright (above 0.7 of the range), the share that is dark
    (below 0.3), and the reverse; beside the share of extreme pixels among four middling neighbours. Null: a
    few hundredths in drawings of few pixels, thousandths in photographs, also noisy ones. False alarms:
    pictures with much noise of single pixels, black and white, which strikes bright, middling and dark places
    alike (left out below a seventh of the pixels).

    Args:
        record: What was seen.
    """
    x = as_images(record)
    if x is None or len(np.unique(x)) < 5:
        return []
    around = np.stack([x[:, 1:-1, :-2], x[:, 1:-1, 2:], x[:, :-2, 1:-1], x[:, 2:, 1:-1]])
    low, high, centre = around.min(0), around.max(0), x[:, 1:-1, 1:-1]
    holes = _share(low > BRIGHT, centre < DARK)
    sparks = _share(high < DARK, centre > BRIGHT)
    middling = max(0.0, _share((low > DARK) & (high < BRIGHT), (centre < 0.1) | (centre > 0.9)))
    worst = max(holes, sparks)
    if not (worst > MUCH or (worst > USUAL and worst > 2.0 * middling)):
        return []
    return [
        Finding(
            "precision.wrapped",
            "bright pixels turn dark, as numbers do that run over the end of eight bits",
            f"at least {max(0.0, holes):.1%} of the pixels whose four neighbours are all bright are dark, at "
            f"least {max(0.0, sparks):.1%} of those whose neighbours are all dark are bright",
            "medium",
            "a sum or a product above 255 (or below 0) was stored in an integer of eight bits, which begins "
            "anew at 0",
            "compute in floating point and clip to the range before converting to integers",
            picture=of_shares(
                "Pixels that are struck, by what is around them, three standard errors taken off",
                "share of such pixels",
                {"dark among bright": holes, "bright among dark": sparks},
                (min(MUCH, max(USUAL, 2.0 * middling)), "most of drawings and noise"),
            ),
        )
    ]


def _share(chosen: np.ndarray, struck: np.ndarray) -> float:
    """Share of the chosen pixels that are struck, less three standard errors of a share of :data:`USUAL`; 0
    where there are too few to tell.
    """
    count = int(chosen.sum())
    if count < LEAST_PIXELS:
        return 0.0
    return float(struck[chosen].mean()) - 3.0 * math.sqrt(USUAL * (1.0 - USUAL) / count)
