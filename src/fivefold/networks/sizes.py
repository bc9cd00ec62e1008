r"""What a stack of windows does to the size of a picture, and what each of its outputs sees.

A layer of window k, stride s, padding p and dilation d reaches over :math:`r = d (k - 1) + 1` places and
answers at

.. math:: m = \lfloor (n + 2p - r) / s \rfloor + 1

of n places (the ceiling instead where a pooling counts the last, partial window). A transposed one answers at
:math:`m = (n - 1) s - 2p + r + o`. Groups change neither.

Through a stack, with jump j (pixels between two neighbouring outputs), receptive field R (pixels that one
output sees) and start c (the pixel at the centre of the first output's field):

.. math:: R \leftarrow R + (r - 1) j, \quad c \leftarrow c + ((r - 1)/2 - p)\, j, \quad j \leftarrow s j

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, 2016;
Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fivefold.core import require


@dataclass(frozen=True)
class Window:
    """A layer that looks through a window: a convolution, a transposed one, or a pooling.

    Args:
        size: k, places of the window, at least 1.
        stride: s, at least 1.
        padding: p, at least 0, on each side.
        dilation: d, at least 1: the distance of two places of the window.
        transposed: Whether it paints windows instead of reading them.
        output_padding: o, places added at one end by a transposed one, below s or d.
        partial: Whether the last window may hang over the end (a pooling's ``ceil_mode``).

    Raises:
        ArgumentError: One of them is out of its range.
    """

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    transposed: bool = False
    output_padding: int = 0
    partial: bool = False

    def __post_init__(self) -> None:
        require(self.size >= 1, "a window of at least 1 place", self.size)
        require(self.stride >= 1, "a stride of at least 1", self.stride)
        require(self.padding >= 0, "a padding of at least 0", self.padding)
        require(self.dilation >= 1, "a dilation of at least 1", self.dilation)
        limit = max(self.stride, self.dilation) if self.transposed else 1
        require(0 <= self.output_padding < limit, f"an output padding in [0, {limit})", self.output_padding)

    @property
    def reach(self) -> int:
        """Places from the first that the window looks at to the last: r = d (k - 1) + 1."""
        return self.dilation * (self.size - 1) + 1


def output_size(n: int, window: Window) -> int:
    """Count the places at which a window answers on a row of n.

    Raises:
        ArgumentError: The window reaches over more places than the padded row has.

    >>> output_size(224, Window(7, stride=2, padding=3)), output_size(5, Window(3, dilation=2))
    (112, 1)
    >>> output_size(7, Window(2, stride=2, transposed=True)), output_size(6, Window(3, 2, partial=True))
    (14, 3)
    """
    require(n >= 1, "a row of at least 1 place", n)
    if window.transposed:
        m = (n - 1) * window.stride - 2 * window.padding + window.reach + window.output_padding
        require(m >= 1, "a transposed window whose padding leaves something", m)
        return m
    room = n + 2 * window.padding - window.reach
    need = window.reach - 2 * window.padding
    require(room >= 0, f"at least {need} places for a window that reaches over {window.reach}", n)
    m = room // window.stride + 1
    if window.partial and room % window.stride and m * window.stride < n + window.padding:
        m += 1  # a partial window counts where it begins inside the picture or its left padding
    return m


@dataclass(frozen=True)
class ReceptiveField:
    """What one output of a stack sees: ``size`` pixels; ``jump`` to its neighbour's; the first around
    ``start``.

    Pixel i covers [i, i + 1) - 1/2, so that ``start`` is 0 for the picture itself.
    """

    size: float = 1.0
    jump: float = 1.0
    start: float = 0.0

    def through(self, window: Window) -> "ReceptiveField":
        """Return the field after one more layer.

        A transposed layer shrinks the jump; an output of it sees at most ceil(r / s) of its inputs.

        >>> ReceptiveField().through(Window(3, padding=1)).through(Window(3, stride=2, padding=1))
        ReceptiveField(size=5.0, jump=2.0, start=0.0)
        """
        if window.transposed:
            seen = -(-window.reach // window.stride)
            jump = self.jump / window.stride
            start = self.start - ((window.reach - 1) / 2 - window.padding) * jump
            return ReceptiveField(self.size + (seen - 1) * self.jump, jump, start)
        return ReceptiveField(
            self.size + (window.reach - 1) * self.jump,
            self.jump * window.stride,
            self.start + ((window.reach - 1) / 2 - window.padding) * self.jump,
        )


def receptive_field(windows: Iterable[Window]) -> ReceptiveField:
    """Return what an output of these layers, one after the other, sees of the picture.

    VGG's argument in one line: three windows of 3 see as much as one of 7.

    >>> receptive_field([Window(3, padding=1)] * 3).size == receptive_field([Window(7)]).size
    True
    """
    field = ReceptiveField()
    for window in windows:
        field = field.through(window)
    return field
