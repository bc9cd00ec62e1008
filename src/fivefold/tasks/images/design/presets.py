"""Search spaces: the published one, and one that is scaled to a budget."""

import math

from fivefold.core import require
from fivefold.tasks.images.design.genome import BLOCKS
from fivefold.tasks.images.design.space import DenseRange, Range, SearchSpace


def published(side: int) -> SearchSpace:
    """The ranges of AE-CNN, for pictures whose smaller side has so many pixels.

    Residual units of 3 to 10 bottlenecks with 64, 128 or 256 channels; dense units of growth 12, 20 or 40,
    with 3 to 10 layers (3 to 5 at growth 40), whose inputs are brought down to 128, 64 or 32 channels; at
    most 4 poolings; a first generation of 1 to 4 residual units, 1 to 4 dense units and all poolings.

    Source: Sun, Xue, Zhang and Yen 2020, in the form of BenchENAS (github.com/EMI-Group/BenchENAS). What
    differs: a 3x3 convolution stands before the first unit, since a dense unit begins by normalising and
    cutting off below 0, which a bare picture does not survive.

    >>> published(32).widths
    (64, 128, 256)
    """
    dense = (DenseRange(12, 128, (3, 10)), DenseRange(20, 64, (3, 10)), DenseRange(40, 32, (3, 5)))
    return SearchSpace(side, 64, 1, ("bottleneck",), (64, 128, 256), (3, 10), dense, (1, 4), (1, 4), 4)


_LEVELS: tuple[tuple[int, Range, tuple[DenseRange, ...]], ...] = (
    (8, (1, 2), (DenseRange(4, 16, (1, 3)), DenseRange(8, 16, (1, 2)))),
    (16, (1, 3), (DenseRange(4, 32, (1, 4)), DenseRange(8, 32, (1, 4)), DenseRange(12, 16, (1, 3)))),
    (32, (1, 4), (DenseRange(8, 64, (2, 6)), DenseRange(12, 64, (2, 6)), DenseRange(24, 32, (2, 4)))),
    (64, (2, 6), (DenseRange(12, 128, (3, 8)), DenseRange(20, 64, (3, 8)), DenseRange(40, 32, (3, 5)))),
)
"""Smallest width, repeats and dense units, from small to large."""
_SPEED = 5e9
"""Multiply-adds a second that a thread of a common processor makes in small convolutions, roughly."""
_SMALLEST_SIDE = 12
"""Pixels of a side that the stem leaves where time is short."""
_LARGEST_SIDE = 40
"""Pixels of a side beyond which the stem takes strides."""


def scaled(height: int, width: int, *, pictures: int, seconds: float, threads: int = 1) -> SearchSpace:
    r"""A space whose networks can see every training picture within the seconds of one evaluation.

    The smallest width w is the largest of 8, 16, 32 and 64 at which a unit of two basic blocks, trained on
    every picture once at 5 billion multiply-adds a second, takes no longer:
    :math:`3 \cdot n \cdot (s/r)^2 \cdot 4 \cdot 9 w^2 \le 5 \cdot 10^9 t`, with s/r pixels of a side after
    the stem, which takes strides r = 2, 4, ... where pictures have more than 40 pixels, and further ones,
    down to 12 pixels of a side, where not even w = 8 is fast enough. The figure is a guess that only chooses
    the ranges: how long a network takes is measured before it is trained.

    Args:
        height: Of the pictures, in pixels.
        width: The same.
        pictures: Training pictures, at least 1.
        seconds: Of one evaluation, positive.
        threads: Of the processor.

    Returns:
        The space.

    Raises:
        ArgumentError: A number out of its range.

    >>> scaled(28, 28, pictures=5000, seconds=10.0).widths
    (8, 16, 32)
    >>> scaled(28, 28, pictures=5000, seconds=3600.0, threads=8).widths
    (64, 128, 256)
    """
    require(min(height, width) >= 1, "pictures of at least 1 x 1 pixels", (height, width))
    require(pictures >= 1, "at least 1 picture", pictures)
    require(0 < seconds < math.inf, "positive, finite seconds", seconds)
    require(threads >= 1, "at least 1 thread", threads)
    side, reduction = min(height, width), 1
    while side / reduction > _LARGEST_SIDE:
        reduction *= 2

    def fits(level: int, reduction: int) -> bool:
        places = -(-height // reduction) * -(-width // reduction)
        return 3 * pictures * places * 4 * 9 * _LEVELS[level][0] ** 2 <= _SPEED * threads * seconds

    while not fits(0, reduction) and side / (2 * reduction) >= _SMALLEST_SIDE:
        reduction *= 2
    chosen = _LEVELS[max([0, *(i for i in range(len(_LEVELS)) if fits(i, reduction))])]
    least, repeats, dense = chosen
    widths = (least, 2 * least, 4 * least)
    return SearchSpace(side, least, reduction, BLOCKS, widths, repeats, dense, (1, 3), (0, 2))
