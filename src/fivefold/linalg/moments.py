"""Sums and products of columns over batches of rows, about a point near their mean."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import DataError, require
from fivefold.linalg.doubled import two_sum
from fivefold.linalg.row_batches import BLOCK, require_finite_block

_UNIT = 2.0**-53
_STRIPS, _STRIP = 5, 40
"""Most strips of columns that a product is made in, and their least width: narrower ones take longer."""
_NEAR = 0.5
"""Means of up to so many spreads (down to a power of two) need no shift: squares grow by a quarter."""
_NARROW = 128
"""Up to so many columns a product takes a millisecond: on busy cores threads wait longer than that."""


@dataclass(frozen=True, eq=False)
class Moments:
    r"""What one pass over rows :math:`v_i` (the columns of X, then those of Y) leaves.

    .. math:: G = \sum_i D^{-1} (v_i - s)(v_i - s)^\top D^{-1}, \qquad t = \sum_i D^{-1} (v_i - s)

    The shift s is the mean of the first block, so that means far from zero cost no digits, and zero where all
    of them are near; D are powers of two near the spread there, so that nothing overflows.

    Args:
        rows: m.
        shift: s, ``[p]``; zero where the columns are not to be centred.
        scale: D, ``[p]``.
        sums: t, ``[p]``.
        gram: G, ``[p, p]``.
        growth: :math:`\gamma`: :math:`|\hat G - G|_{jk} \le \gamma \sqrt{G_{jj} G_{kk}}`.
    """

    rows: int
    shift: Tensor
    scale: Tensor
    sums: Tensor
    gram: Tensor
    growth: float

    @property
    def mean(self) -> Tensor:
        """The means of the columns, ``[p]``."""
        out: Tensor = self.shift + self.sums / self.rows * self.scale
        return out

    @property
    def mean_rest(self) -> Tensor:
        """What rounding the means to float64 left, ``[p]``."""
        out: Tensor = two_sum(self.shift, self.sums / self.rows * self.scale)[1]
        return out

    def centred(self) -> Tensor:
        r"""Return :math:`G - t t^\top / m`: the products about the mean, still divided by D, ``[p, p]``."""
        return self.gram - torch.outer(self.sums, self.sums) / self.rows


def moments(blocks: Iterable[tuple[Tensor, Tensor]], *, centre: bool, shared: bool = False) -> Moments:
    """Read all blocks once and sum in float64.

    The products of a block are added with the rounding error kept, so that errors grow with the rows of a
    block and not with the rows of the data.

    Args:
        blocks: ``(X, Y)`` of at most :data:`~fivefold.linalg.row_batches.BLOCK` rows.
        centre: Whether to shift to the mean of the first block.
        shared: Whether something else, such as a reader of files, wants the cores between the blocks.

    Raises:
        ArgumentError: NaN or infinities.
        DataError: Products outside the range of float64.

    >>> rows = torch.tensor([[1e9], [1e9 + 2]], dtype=torch.float64)
    >>> M = moments([(rows, torch.ones(2, 1))], centre=True)
    >>> M.centred()[0, 0].item() * M.scale[0].item() ** 2, M.mean[0].item()
    (2.0, 1000000001.0)
    """
    shift = scale = sums = gram = rest = torch.zeros(0)
    rows, rescale, centred = 0, False, False
    buffer: Tensor | None = None
    for X, Y in blocks:
        n, p = X.shape[1], X.shape[1] + Y.shape[1]
        if rows == 0:
            first = torch.cat([X.double(), Y.double()], dim=1)
            require_finite_block(X, Y, 0)
            shift, scale = first_shift_and_scale(first, centre=centre)
            if bool((shift.abs() <= _NEAR * scale).all()):
                shift = torch.zeros_like(shift)
            centred = bool((shift != 0).any())
            # Squares of anything near one neither overflow nor vanish: most data need no scale.
            rescale = bool(((scale < 2.0**-200) | (scale > 2.0**200)).any())
            scale = scale if rescale else torch.ones_like(scale)
            sums = torch.zeros_like(shift)
            gram = torch.zeros((p, p), dtype=torch.float64, device=X.device)
            rest = torch.zeros_like(gram)
            # laid out as the rows are: to turn them would take as long as to multiply them
            by_columns = n > 1 and X.stride(0) < X.stride(1)
            shape = (p, BLOCK) if by_columns else (BLOCK, p)
            buffer = torch.empty(shape, dtype=torch.float64, device=X.device)
            buffer = buffer.mT if by_columns else buffer
        assert buffer is not None
        part = buffer[: X.shape[0]]
        with few_threads(p if shared else _NARROW + 1):
            # converted first: a difference of mixed dtypes is slower than both together
            part[:, :n] = X
            part[:, n:] = Y
            if centred:
                part -= shift
            if rescale:
                part /= scale
            product = upper_product(part)
            sums += part.sum(dim=0)
        # A NaN or infinity anywhere shows on the diagonal: a look at every entry is not needed.
        if not bool(torch.isfinite(product.diagonal()).all()):
            require_finite_block(X, Y, rows)
            raise DataError(
                "products within the range of float64", "an overflow", "rescale the columns of X and y"
            )
        total = gram + product
        back = total - gram
        rest += (gram - (total - back)) + (product - back)
        gram = total
        rows += X.shape[0]
    require(rows > 0, "at least one row", 0)
    # Dot products over a block, and the rounding of shift and scale; sums of blocks keep their error.
    growth = (min(rows, BLOCK) + 8) * _UNIT
    gram = (gram + rest).triu()
    return Moments(rows, shift, scale, sums, gram + gram.triu(1).mT, growth)


def upper_product(rows: Tensor) -> Tensor:
    """Return :math:`V^T V` with its upper triangle right and zeros or products below, in two thirds the time.

    A strip of columns is multiplied with itself and those to its right: 0.6 of the operations for five.

    >>> upper_product(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).triu().tolist()
    [[10.0, 14.0], [0.0, 20.0]]
    """
    p = rows.shape[1]
    strips = max(1, min(_STRIPS, p // _STRIP))
    if strips == 1:
        return rows.mT @ rows
    out = torch.zeros((p, p), dtype=rows.dtype, device=rows.device)
    for i in range(strips):
        start, stop = p * i // strips, p * (i + 1) // strips
        out[start:stop, start:] = rows[:, start:stop].mT @ rows[:, start:]
    return out


@contextmanager
def few_threads(columns: int) -> Iterator[None]:
    """Use one thread of torch inside where the columns are few, and what there was afterwards.

    >>> with few_threads(3):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    if columns > _NARROW or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def first_shift_and_scale(first: Tensor, *, centre: bool) -> tuple[Tensor, Tensor]:
    """Return the mean of a block (or zero) and powers of two near the spread of its columns about it.

    >>> [t.tolist() for t in first_shift_and_scale(torch.tensor([[1.0], [9.0]]).double(), centre=True)]
    [[5.0], [4.0]]
    """
    shift = first.mean(dim=0) if centre else torch.zeros_like(first[0])
    # The largest entry first: squares of 1e200 would overflow.
    away = first - shift
    top = away.abs().amax(dim=0)
    top = torch.where(top > 0, top, torch.ones_like(top))
    spread = (away / top).square().mean(dim=0).sqrt()
    spread = torch.where(spread > 0, spread, torch.ones_like(spread))
    exponent = (spread.log2() + top.log2()).floor().clamp(-1000, 1000)
    return shift, torch.exp2(exponent)
