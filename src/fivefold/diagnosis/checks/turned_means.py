"""Mean images of training that are more symmetric than those of evaluation: some examples are turned."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fivefold.diagnosis.checks.pictures import of_pairs
from fivefold.diagnosis.checks.preparation import TURNS, as_images
from fivefold.diagnosis.checks.seen import stacked, within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

MOST = 4096
LEAST = 200
LEAST_OF_CLASS = 8
MOST_CLASSES = 30
PARTS = 20
ERRORS = 5.0
LEAST_SIZE = 0.05
LONGEST = 3
"""Waves that go more often through an image are not looked at."""

KEEP_AXES = ("mirrored left to right", "mirrored top to bottom", "turned by 180 degrees")

Turn = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Kept:
    r"""What is left in training of what a turn T changes in evaluation.

    Attributes:
        ratio: About 1 - 2p where a share p of the training images is turned.
        error: Its standard error.
        size: What T changes in the evaluation's mean images, over what it leaves.
    """

    ratio: float
    error: float
    size: float


def turned_means(record: Record) -> list[Finding]:
    r"""Find images of which many are mirrored or turned in training, whatever stands behind what they show.

    Statistic: a mean image m is the sum of what a turn T changes, a = (m - T m) / 2, and what it leaves,
    s = (m + T m) / 2. With mean images m of training and e of evaluation, of each class where there are
    classes, and by waves f of their Fourier transforms,

    .. math:: r = \frac{\sum_f \langle a_m, a_e \rangle_f \, x_f}{\sum_f x_f^2}, \quad
              x_f = |a_e|^2_f \, \frac{\langle s_m, s_e \rangle_f}{|s_e|^2_f}

    is 1 - 2p where a share p of the training images is turned by a T that undoes itself, since those take
    from a and leave s; shifts, blur, crops and noise weaken both alike in each wave. Squares are products of
    two halves' means, which noise does not enlarge; the standard error is the jackknife's over 20 parts.
    Null: 1, and above 0.6; found below 0.3 where 0.6 is 5 standard errors off (by chance once in three
    million). Pictures that a turn hardly changes in the mean (a twentieth of what it leaves), as most
    photographs from left to right, are not asked. False alarms: augmentation that helps though no evaluation
    image looks so; medium, unless classes are mixed up: of evaluation images, the nearest of the classes'
    mean images tells six tenths or fewer of those that it tells unturned.

    Args:
        record: What was seen.
    """
    if within_updates(record):
        return []
    own, held = _groups(record)
    if len(own) < LEAST or len(held) < LEAST:
        return []
    count = 1 + int(max(own.classes.max(), held.classes.max()))
    means, others = _means(own, count), _means(held, count)
    told = {
        name: kept
        for name, turn in TURNS.items()
        if turn(own.images[:1]).shape == own.images[:1].shape
        and (kept := _kept(means, others, turn, alike=name not in KEEP_AXES)) is not None
    }
    found = [n for n, kept in told.items() if kept.ratio < 0.3 and kept.ratio + ERRORS * kept.error < 0.6]
    if not found:
        return []
    best = min(found, key=lambda name: told[name].ratio)
    straight, mixed = _right(held, others[2], TURNS[best])
    return [_finding(best, told, straight, mixed, len(own))]


def _coarse(images: np.ndarray) -> np.ndarray:
    """Images less their means, and of large ones the means of squares of pixels: mean images are smooth."""
    while min(images.shape[2:]) >= 32 and not (images.shape[2] % 2 or images.shape[3] % 2):
        n, c, h, w = images.shape
        images = images.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))
    return np.asarray(images - images.mean((2, 3), keepdims=True))


@dataclass(frozen=True)
class Grouped:
    """Images [n, channels, h, w], each less its mean, and the class of each, from 0."""

    images: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        """How many there are."""
        return len(self.images)


def _groups(record: Record) -> tuple[Grouped, Grouped]:
    """Training and evaluation images of the classes that both have enough of; of one class without labels."""
    nothing = Grouped(np.empty((0, 1, 1, 1)), np.empty(0, int))
    rows, held = record.training_rows, record.evaluation_rows
    if not rows.inputs or not held.inputs or not rows.inputs[0].is_floating_point():
        return nothing, nothing
    shape = tuple(rows.inputs[0].shape[1:])
    if tuple(held.inputs[0].shape[1:]) != shape:
        return nothing, nothing
    (x, y), (e, z) = stacked(rows, most=MOST), stacked(held, most=MOST)
    a, b = as_images(x, shape), as_images(e, shape)
    if a is None or b is None or not np.isfinite(x).all() or not np.isfinite(e).all():
        return nothing, nothing
    a, b = _coarse(a), _coarse(b)
    one = Grouped(a, np.zeros(len(a), int)), Grouped(b, np.zeros(len(b), int))
    if y is None or z is None or y.ndim != 1 or z.ndim != 1:
        return one
    ids, counts = np.unique(y, return_counts=True)
    others, held_counts = np.unique(z, return_counts=True)
    kept = np.intersect1d(ids[counts >= LEAST_OF_CLASS], others[held_counts >= LEAST_OF_CLASS])
    if len(ids) > MOST_CLASSES or not len(kept):
        return one
    chosen, these = np.isin(y, kept), np.isin(z, kept)
    return (
        Grouped(a[chosen], np.searchsorted(kept, y[chosen])),
        Grouped(b[these], np.searchsorted(kept, z[these])),
    )


Means = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Mean images of all parts, of the even and of the odd ones, each [1 + parts, classes, ...]: first with every
part, then with one left out after the other."""


def _means(group: Grouped, count: int) -> Means:
    """Mean images of each class."""
    part = np.arange(len(group)) % PARTS
    flat = group.images.reshape(len(group), -1)
    sums = np.zeros((PARTS, count, flat.shape[1]))
    numbers = np.zeros((PARTS, count, 1))
    for p in range(PARTS):
        belongs = (group.classes[part == p, None] == np.arange(count)).astype(float)
        sums[p], numbers[p, :, 0] = belongs.T @ flat[part == p], belongs.sum(0)

    def means(chosen: slice) -> np.ndarray:
        some, of = np.zeros_like(sums), np.zeros_like(numbers)
        some[chosen], of[chosen] = sums[chosen], numbers[chosen]
        total = np.concatenate([some.sum(0)[None], some.sum(0) - some])
        out = total / np.maximum(np.concatenate([of.sum(0)[None], of.sum(0) - of]), 1.0)
        return np.asarray(out.reshape(1 + PARTS, count, *group.images.shape[1:]))

    return means(slice(None)), means(slice(0, None, 2)), means(slice(1, None, 2))


def _waves(height: int, width: int, *, alike: bool) -> np.ndarray:
    """Which of the longest waves each Fourier coefficient belongs to, [waves, height, width], by the sizes of
    its two frequencies; in either order where both axes are alike.
    """
    u, v = (np.abs(np.round(np.fft.fftfreq(n) * n)) for n in (height, width))
    u, v = np.broadcast_arrays(u[:, None], v[None])
    u, v = (np.minimum(u, v), np.maximum(u, v)) if alike else (u, v)
    pairs = [(a, b) for a in range(LONGEST + 1) for b in range(LONGEST + 1) if a or b]
    return np.array([(u == a) & (v == b) for a, b in pairs if not alike or a <= b])


def _kept(own: Means, held: Means, turn: Turn, *, alike: bool) -> Kept | None:
    """What training keeps of what a turn changes; ``None`` where it changes little, or too little is seen."""
    waves = _waves(*own[0].shape[-2:], alike=alike)

    def products(sign: float) -> tuple[np.ndarray, np.ndarray]:
        first, second, m = (np.fft.fft2(a + sign * turn(a)) for a in (held[1], held[2], own[0]))
        between = 0.5 * (first + second)
        both = ((m * between.conj()).real.sum((1, 2)), (first * second.conj()).real.sum((1, 2)))
        mine, theirs = (np.einsum("phw,bhw->pb", each, waves) for each in both)
        return mine, theirs

    (own_changed, changed), (own_left, left) = products(-1.0), products(1.0)
    seen = (left[0] > 0.02 * left[0].sum()) & (changed[0] > 0.0)
    size = float(changed[0].sum() / max(float(left[0].sum()), 1e-300))
    if size < LEAST_SIZE or not seen.any() or left[:, seen].min() <= 0.0:
        return None
    expected = (changed * own_left)[:, seen] / left[:, seen]
    ratios = (own_changed[:, seen] * expected).sum(1) / np.maximum((expected**2).sum(1), 1e-300)
    error = float(np.sqrt((PARTS - 1) * ratios[1:].var()))
    return Kept(float(ratios[0]), error, size)


def _right(held: Grouped, odd: np.ndarray, turn: Turn) -> tuple[float, float]:
    """Share of the even parts' images nearest to their class's mean image of the odd ones, as they are and
    turned.
    """
    means = odd[0].reshape(len(odd[0]), -1)
    even = np.arange(len(held)) % 2 == 0
    images, classes = held.images[even], held.classes[even]

    def share(these: np.ndarray) -> float:
        score = these.reshape(len(these), -1) @ means.T - 0.5 * (means**2).sum(1)
        return float((score.argmax(1) == classes).mean())

    return (share(images), share(turn(images))) if len(means) > 1 else (1.0, 1.0)


def _finding(name: str, told: dict[str, Kept], straight: float, mixed: float, count: int) -> Finding:
    best = told[name]
    share = min(1.0, 0.5 * (1.0 - best.ratio))
    seen = (
        f"of what makes an evaluation image other than itself {name}, the mean images of {count} training "
        f"images keep {max(best.ratio, 0.0):.0%} (give or take {best.error:.0%}), beside what they keep of "
        f"the rest: as if {share:.0%} of them were {name}"
    )
    confused = mixed <= 0.6 * straight and straight > 0.3
    if confused:
        seen += (
            f"; the nearest of the classes' mean images is right for {straight:.0%} of the evaluation "
            f"images, and for {mixed:.0%} of them {name}"
        )
    return Finding(
        "data.preparation",
        "many training images are turned or mirrored, evaluation images are not",
        seen,
        "high" if confused else "medium",
        "augmentation makes examples that do not occur, and may change what they show (a 6 turned is a 9)",
        "keep to changes that leave the label as it is: small shifts, little noise; mirror only what may be "
        "mirrored",
        picture=of_pairs(
            "What training's mean images keep of what a turn changes, as a range of two standard errors: 1 "
            "where none is turned, 0 where half are",
            "share kept",
            {key: (kept.ratio - 2 * kept.error, kept.ratio + 2 * kept.error) for key, kept in told.items()},
            ("least", "most"),
            (0.3, "found below it"),
        ),
    )
