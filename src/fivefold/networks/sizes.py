r"""What a stack of windows does to the size of a picture, and what each of its outputs sees.

A layer of window k, stride s, padding p and dilation d reaches over :math:`r = d (k - 1) + 1` positions and
answers at

.. math:: m = \lfloor (n + 2p - r) / s \rfloor + 1

of n (the ceiling instead where a pooling counts a last window that hangs over the end). A transposed one
answers at :math:`m = (n - 1) s - 2p + r + o`. Groups change neither. Output i of a window reads its inputs

.. math:: i s - p, \ldots, i s - p + r - 1

and output i of a transposed one those j with :math:`i = j s - p + d m` for an m from 0 to k - 1, of which
there are none in its gaps. Followed from the last layer to the picture, the first and the last of these are
the ends of the receptive field.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, 2016;
    Araujo,
Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from fivefold.core import require


@dataclass(frozen=True)
class Window:
    """A layer that looks through a window: a convolution, a transposed one, or a pooling.

    Args:
        size: k, positions of the window, at least 1.
        stride: s, at least 1.
        padding: p, at least 0, on each side.
        dilation: d, at least 1: the distance of two neighbours in the window.
        transposed: Whether it paints windows instead of reading them.
        output_padding: o, positions added at one end by a transposed one, below s or d.
        ceil_mode: Whether the last window may hang over the end, as torch's poolings name it.

    Raises:
        ArgumentError: One of them is out of its range or no whole number.
    """

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    transposed: bool = False
    output_padding: int = 0
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        numbers = (self.size, self.stride, self.padding, self.dilation, self.output_padding)
        require(all(isinstance(number, int) for number in numbers), "whole numbers", numbers)
        require(self.size >= 1, "a window of at least 1 position", self.size)
        require(self.stride >= 1, "a stride of at least 1", self.stride)
        require(self.padding >= 0, "a padding of at least 0", self.padding)
        require(self.dilation >= 1, "a dilation of at least 1", self.dilation)
        limit = max(self.stride, self.dilation) if self.transposed else 1
        require(0 <= self.output_padding < limit, f"an output padding in [0, {limit})", self.output_padding)
        both = self.transposed and self.ceil_mode
        require(not both, "ceil_mode for windows that read", "a transposed one")

    @property
    def reach(self) -> int:
        """Positions from the first that the window looks at to the last: r = d (k - 1) + 1."""
        return self.dilation * (self.size - 1) + 1


def output_size(n: int, window: Window) -> int:
    """Count the positions at which a window answers on a row of n.

    Raises:
        ArgumentError: The window reaches over more positions than the padded row has.

    >>> output_size(224, Window(7, stride=2, padding=3)), output_size(5, Window(3, dilation=2))
    (112, 1)
    >>> output_size(7, Window(2, stride=2, transposed=True)), output_size(6, Window(3, 2, ceil_mode=True))
    (14, 3)
    """
    require(isinstance(n, int) and n >= 1, "a row of a whole number of at least 1 position", n)
    if window.transposed:
        m = (n - 1) * window.stride - 2 * window.padding + window.reach + window.output_padding
        require(m >= 1, "a transposed window whose padding leaves something", m)
        return m
    room = n + 2 * window.padding - window.reach
    if window.ceil_mode:
        m = -(-room // window.stride) + 1
        if (m - 1) * window.stride >= n + window.padding:
            m -= 1  # a window must begin inside the picture or its left padding
    else:
        m = room // window.stride + 1
    need = window.reach - 2 * window.padding
    require(m >= 1, f"at least {need} positions for a window that reaches over {window.reach}", n)
    return m


def pixels_seen(windows: Sequence[Window], index: int) -> tuple[int, int]:
    """Return the first and the last pixel that an output of a stack can depend on; those below 0 are padding.

    Args:
        windows: Layers, the one next to the picture first.
        index: Of the output.

    Raises:
        ArgumentError: A transposed window with gaps, an output of which sees nothing.

    >>> pixels_seen([Window(3, padding=1), Window(3, stride=2, padding=1)], 5)
    (8, 12)
    """
    first = last = index
    for w in reversed(windows):
        if w.transposed:
            # from one turn of outputs to the next all inputs move by one
            head = _painters(range(first, min(last, first + w.stride - 1) + 1), w)
            tail = _painters(range(max(first, last - w.stride + 1), last + 1), w)
            require(len(head) > 0, "transposed windows that leave no gaps", w)
            first, last = min(head), max(tail)
        else:
            first = first * w.stride - w.padding
            last = last * w.stride - w.padding + w.reach - 1
    return first, last


def _painters(outputs: range, w: Window) -> list[int]:
    """The inputs of a transposed window that any of the outputs reads.

    >>> _painters(range(3, 4), Window(3, stride=3, dilation=2, transposed=True))
    [1]
    """
    places = [i + w.padding - m * w.dilation for i in outputs for m in range(w.size)]
    return [place // w.stride for place in places if place % w.stride == 0]


@dataclass(frozen=True)
class ReceptiveField:
    """What the outputs of a stack see.

    Attributes:
        size: Pixels that an output sees; the most, where outputs after a transposed window see unequally
            many.
        jump: Pixels from the centre of one output's field to its neighbour's.
        start: Pixel in the centre of the first output's field; on average over those that take turns.
    """

    size: int
    jump: float
    start: float


def receptive_field(windows: Iterable[Window]) -> ReceptiveField:
    """Return what an output of these layers, one after the other, sees of the picture.

    VGG's argument in one line: three windows of 3 see as much as one of 7.

    >>> receptive_field([Window(3, padding=1)] * 3).size, receptive_field([Window(7)]).size
    (7, 7)
    """
    layers = list(windows)
    # outputs take turns with at most this period; one of more than a million would never end
    period = prod(w.stride for w in layers if w.transposed)
    require(period <= 10**6, "transposed strides of at most a million together", period)
    jump = prod(w.stride for w in layers if not w.transposed) / period
    fields = [pixels_seen(layers, index) for index in range(period)]
    size = max(last - first + 1 for first, last in fields)
    centres = [(first + last) / 2 - index * jump for index, (first, last) in enumerate(fields)]
    return ReceptiveField(size, jump, sum(centres) / period)
