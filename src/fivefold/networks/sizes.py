r"""What a stack of windows does to the size of a picture, and what each of its outputs sees.

A layer of window k, stride s, padding p and dilation d reaches over :math:`r = d (k - 1) + 1` positions and
answers at

.. math:: m = \lfloor (n + 2p - r) / s \rfloor + 1

of n (the ceiling instead where a pooling counts a last window that hangs over the end). A transposed one
answers at :math:`m = (n - 1) s - 2p + r + o`. Groups change neither. Output i of a window reads its inputs

.. math:: i s - p, \; i s - p + d, \; \ldots, \; i s - p + r - 1

and output i of a transposed one those j with :math:`i = j s - p + d m` for an m from 0 to k - 1, of which
there are none in its gaps. The first and the last pixel, :math:`f_i` and :math:`l_i`, that an output depends
on are the smallest and the largest of those of the inputs that it reads; inputs that see nothing count for
nothing. Outputs take turns:

.. math:: f_{i + P} = f_i + S, \qquad l_{i + P} = l_i + S

for a period P and a shift S, which are 1 and 1 for pixels. A window that reads makes them
:math:`P' = P / \gcd(P, s)` and :math:`S' = S s P' / P`, a transposed one :math:`P' = s P` and :math:`S' = S`:
the ends of P' outputs tell those of all.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, 2016;
Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019. Where we
differ: gaps and unequal turns, which transposed and dilated windows leave.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd

from fivefold.core import require

_LONGEST_PERIOD = 10**6


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
        ArgumentError: An output in a gap of a transposed window, which sees nothing; an index that is no
            whole number; or outputs that take turns of more than a million.

    >>> pixels_seen([Window(3, padding=1), Window(3, stride=2, padding=1)], 5)
    (8, 12)
    >>> pixels_seen([Window(1, stride=3, transposed=True), Window(4, dilation=4)], 2)  # reads 2, 6, 10, 14
    (2, 2)
    """
    require(isinstance(index, int), "the index of an output, a whole number", repr(index))
    ends, shift = _ends(windows)
    turn, place = divmod(index, len(ends))
    seen = ends[place]
    gaps = f"output {index}, which sees nothing"
    require(seen is not None, "transposed windows that leave no gaps", gaps, "widen the windows")
    assert seen is not None
    return seen[0] + turn * shift, seen[1] + turn * shift


def _ends(windows: Iterable[Window]) -> tuple[list[tuple[int, int] | None], int]:
    """The first and last pixel of outputs 0 to P - 1, ``None`` where one sees nothing, and the shift S."""
    ends: list[tuple[int, int] | None] = [(0, 0)]
    shift = 1
    for w in windows:
        period = len(ends)
        turns = period * w.stride if w.transposed else period // gcd(period, w.stride)
        fits = turns <= _LONGEST_PERIOD
        require(fits, "transposed strides of at most a million together", turns, "take smaller strides")
        found: list[tuple[int, int] | None] = []
        for i in range(turns):
            inputs = _inputs(i, w)
            # inputs a period apart see the same, shifted, so that the first and the last turn hold the ends
            turn = period // gcd(period, inputs.step)
            seen = [
                (end[0] + j // period * shift, end[1] + j // period * shift)
                for j in (*inputs[:turn], *inputs[-turn:])
                if (end := ends[j % period]) is not None
            ]
            found.append((min(first for first, _ in seen), max(last for _, last in seen)) if seen else None)
        if not w.transposed:
            shift = shift * w.stride * turns // period
        ends = found
    return ends, shift


def _inputs(i: int, w: Window) -> range:
    """The inputs of a window that its output i reads, in order.

    >>> list(_inputs(5, Window(3, stride=2, padding=1))), list(_inputs(6, Window(5, 2, 0, 3, True)))
    ([9, 10, 11], [-3, 0, 3])
    """
    if not w.transposed:
        first = i * w.stride - w.padding
        return range(first, first + w.reach, w.dilation)
    # i + p = j s + d m: with g = gcd(s, d), one m of s / g neighbours where g divides i + p, and no other
    common = gcd(w.stride, w.dilation)
    turn, step = w.stride // common, w.dilation // common
    m = (i + w.padding) // common * pow(step, -1, turn) % turn
    if (i + w.padding) % common or m >= w.size:
        return range(0)
    last = (i + w.padding - w.dilation * m) // w.stride
    return range(last - (w.size - 1 - m) // turn * step, last + 1, step)


@dataclass(frozen=True)
class ReceptiveField:
    """What the outputs of a stack see.

    Attributes:
        size: Pixels from the first to the last that an output sees; the most, where outputs after a
            transposed window see unequally far.
        jump: Pixels from the centre of one output's field to its neighbour's.
        start: Pixel in the centre of the first output's field; on average over those that take turns.
    """

    size: int
    jump: float
    start: float


def receptive_field(windows: Iterable[Window]) -> ReceptiveField:
    """Return what an output of these layers, one after the other, sees of the picture.

    VGG's argument in one line: three windows of 3 see as much as one of 7.

    Raises:
        ArgumentError: Outputs in gaps of transposed windows, which see nothing, or that take turns of more
            than a million.

    >>> receptive_field([Window(3, padding=1)] * 3).size, receptive_field([Window(7)]).size
    (7, 7)
    """
    ends, shift = _ends(windows)
    fields = [end for end in ends if end is not None]
    gaps = f"{len(ends) - len(fields)} of {len(ends)} outputs that see nothing"
    require(len(fields) == len(ends), "transposed windows that leave no gaps", gaps, "widen the windows")
    jump = shift / len(ends)
    size = max(last - first + 1 for first, last in fields)
    centres = [(first + last) / 2 - index * jump for index, (first, last) in enumerate(fields)]
    return ReceptiveField(size, jump, sum(centres) / len(centres))
