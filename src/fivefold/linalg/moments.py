"""Sums and products of columns over batches of rows, about a point near their mean."""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from threading import local
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import ArgumentError, DataError
from fivefold.linalg.blas_threads import one_blas_thread
from fivefold.linalg.doubled import two_sum
from fivefold.linalg.few_vectors import KNOWN, numpy_reads, self_product
from fivefold.linalg.row_batches import BLOCK, require_finite_block, row_blocks
from fivefold.linalg.side_by_side import WIDE, side_by_side

_Block = tuple[Tensor, Tensor]
_Multiplied = tuple[_Block, Any, Any]
"""A block, its products and the sums of its columns: as NumPy's arrays in main memory, else as tensors."""
_UNIT = 2.0**-53
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


def moments(batches: Iterable[tuple[Tensor, Tensor]], *, centre: bool) -> Moments:
    """Read all batches once and sum in float64.

    The products of a block of rows are added with the rounding error kept, so that errors grow with the rows
    of a block and not with the rows of the data. The blocks of a batch are multiplied side by side; the next
    batch is asked for when all of them are done, so that its reader may fill the same memory again.

    Args:
        batches: ``(X, Y)``, multiplied in blocks of :data:`~fivefold.linalg.row_batches.BLOCK` rows.
        centre: Whether to shift to the mean of the first block.

    Raises:
        ArgumentError: NaN or infinities.
        DataError: Products outside the range of float64.

    >>> rows = torch.tensor([[1e9], [1e9 + 2]], dtype=torch.float64)
    >>> M = moments([(rows, torch.ones(2, 1))], centre=True)
    >>> M.centred()[0, 0].item() * M.scale[0].item() ** 2, M.mean[0].item()
    (2.0, 1000000001.0)
    """
    source = (batch for batch in batches if batch[0].shape[0])
    first = next(source, None)
    if first is None:
        raise ArgumentError("at least one row", "none")
    about = _About.of(*next(row_blocks(*first)), centre=centre)
    rows = 0
    sums: Any = 0.0
    gram: Any = 0.0
    rest: Any = 0.0
    with closing(_multiplied(about, chain([first], source))) as multiplied:
        for (X, Y), product, added in multiplied:
            # A NaN or infinity anywhere shows on the diagonal: a look at every entry is not needed.
            if not math.isfinite(product.trace()):
                require_finite_block(X, Y, rows)
                raise DataError(
                    "products within the range of float64", "an overflow", "rescale the columns of X and y"
                )
            sums = sums + added
            total = gram + product
            back = total - gram
            rest = rest + ((gram - (total - back)) + (product - back))
            gram = total
            rows += X.shape[0]
    # Dot products over a block, and the rounding of shift and scale; sums of blocks keep their error.
    growth = (min(rows, BLOCK) + 8) * _UNIT
    gram, sums = (torch.as_tensor(t) for t in (gram + rest, sums))
    return Moments(rows, about.shift, about.scale, sums, gram.triu() + gram.triu(1).mT, growth)


@dataclass(frozen=True, eq=False)
class _About:
    """What is taken from the rows before they are multiplied, and what they are divided by.

    Args:
        shift: ``[p]``.
        scale: ``[p]``.
        shifted: Whether a shift differs from zero.
        scaled: Whether a scale differs from one.
        own: What each thread has for itself.
    """

    shift: Tensor
    scale: Tensor
    shifted: bool
    scaled: bool
    own: local = field(default_factory=local)

    @classmethod
    def of(cls, X: Tensor, Y: Tensor, *, centre: bool) -> "_About":
        """What the first block says."""
        require_finite_block(X, Y, 0)
        shift, scale = first_shift_and_scale(torch.cat([X.double(), Y.double()], dim=1), centre=centre)
        if bool((shift.abs() <= _NEAR * scale).all()):
            shift = torch.zeros_like(shift)
        # Squares of anything near one neither overflow nor vanish: most data need no scale.
        scaled = bool(((scale < 2.0**-200) | (scale > 2.0**200)).any())
        return cls(shift, scale if scaled else torch.ones_like(scale), bool((shift != 0).any()), scaled)

    def of_block(self, block: _Block) -> _Multiplied:
        """Return the block, its products and the sums of its columns."""
        X, Y = block
        if X.device.type != "cpu":
            V = (torch.cat([X, Y], dim=1).double() - self.shift) / self.scale
            return block, V.mT @ V, V.sum(dim=0)
        rows = self._rows(*(t if t.dtype in KNOWN else t.double() for t in block))
        return block, self_product(rows), rows.sum(axis=0)

    def _rows(self, X: Tensor, Y: Tensor) -> np.ndarray:
        m, n = X.shape
        asis = X.dtype == torch.float64 and not (Y.shape[1] or self.shifted or self.scaled)
        if asis and numpy_reads(X):
            return X.numpy()
        # laid out as the rows are: to turn them would take as long as to multiply them
        by_columns = n > 1 and X.stride(0) < X.stride(1)
        rows = self._memory(m).reshape((m, -1), order="F" if by_columns else "C")
        rows[:, :n], rows[:, n:] = X.resolve_neg().numpy(), Y.resolve_neg().numpy()
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            if self.shifted:
                rows -= self.shift.numpy()
            if self.scaled:
                rows /= self.scale.numpy()
        return rows

    def _memory(self, rows: int) -> np.ndarray:
        """Each thread's own, used again: memory that is new each time costs as much as the conversion."""
        p = len(self.shift)
        if not hasattr(self.own, "memory"):
            self.own.memory = np.empty(BLOCK * p)
        memory: np.ndarray = self.own.memory
        return memory[: rows * p]


def _multiplied(about: _About, batches: Iterator[_Block]) -> Generator[_Multiplied, None, None]:
    """Multiply the blocks of one batch after the other's; wide ones, which need memory, one by one."""
    p = len(about.shift)
    apart = p <= WIDE and about.shift.device.type == "cpu"
    with one_blas_thread() if p <= _NARROW else nullcontext():
        for batch in batches:
            blocks = row_blocks(*batch)
            if apart:
                yield from side_by_side(about.of_block, blocks)
            else:
                yield from map(about.of_block, blocks)


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
