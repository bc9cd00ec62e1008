"""Rows of a matrix with their right-hand sides, batch after batch, checked as they come."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from fivefold.core import ArgumentError, DataError, require
from fivefold.linalg.arrays import Array, require_finite, to_tensor, wants_numpy

BLOCK = 2048
"""Rows that are multiplied at a time: what is held in float64, and what rounding errors grow with."""

Pairs = (
    Sequence[tuple[Array, Array]]
    | Callable[[], Iterable[tuple[Array, Array]]]
    | Iterable[tuple[Array, Array]]
)
"""Batches ``(X_i, y_i)``: a list, a function that returns a fresh iterable, or an iterator (read once)."""

Alone = Sequence[Array] | Callable[[], Iterable[Array]] | Iterable[Array]
"""Batches ``X_i`` in the same forms."""


class RowBatches:
    r"""Batches :math:`(X_i, Y_i)`, ``[m_i, n]`` and ``[m_i, k]``, that can be read once or again and again.

    Args:
        batches: A list of pairs, a function that returns a fresh iterable of them at each call, or an
            iterator, which can be read only once.
        paired: Whether each batch is a pair; otherwise it is X alone, and Y has no columns.

    Raises:
        ArgumentError: Not iterable.

    >>> source = RowBatches([([[1.0, 2.0]], [3.0])])
    >>> [(X.shape, Y.shape) for X, Y in source.blocks()]
    [(torch.Size([1, 2]), torch.Size([1, 1]))]
    """

    def __init__(self, batches: Pairs | Alone, *, paired: bool = True) -> None:
        require(
            callable(batches) or isinstance(batches, Iterable),
            f"batches {'(X_i, y_i)' if paired else 'of rows'} as a list, a function that returns a fresh "
            "iterable, or an iterator",
            type(batches).__name__,
        )
        self._batches = batches
        self._paired = paired
        self.again = callable(batches) or isinstance(batches, Sequence)
        """Whether a second pass is possible."""
        self.passes = 0
        self.width: int | None = None
        self.outputs: int | None = None
        self.vector = True
        """Whether the right-hand sides came as vectors."""
        self.numpy = True
        self.dtype = torch.float32
        self.rows: int | None = None

    def blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield blocks of at most :data:`BLOCK` rows as they came, without a look for NaN.

        Raises:
            ArgumentError: As :meth:`batches`.
            DataError: As :meth:`batches`.
        """
        for X, Y in self.batches():
            yield from row_blocks(X, Y)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches as they came, without a look for NaN.

        Raises:
            ArgumentError: A second pass over an iterator, or a batch that is no pair of numeric arrays.
            DataError: Widths or numbers of rows that differ, no rows, or other rows at a later pass.
        """
        require(
            self.again or self.passes == 0,
            "batches that can be read again",
            "an iterator, which can be read only once",
            "pass a function that returns a fresh iterable: lambda: read_batches(...)",
        )
        self.passes += 1
        source = self._batches() if callable(self._batches) else self._batches
        seen = 0
        for number, pair in enumerate(source):
            X, Y = self._checked(number, pair if self._paired else self._with_nothing(number, pair))
            seen += X.shape[0]
            yield X, Y
        if seen == 0:
            raise DataError("at least one batch of rows", "none", "check what yields the batches")
        if self.rows is not None and seen != self.rows:
            raise DataError(
                f"{self.rows} rows at each pass", f"{seen} rows", "return the same data at each call"
            )
        self.rows = seen

    def _with_nothing(self, number: int, rows: Array) -> tuple[Tensor, Tensor]:
        X = to_tensor(rows, f"batch {number}", dims=(2,), finite=False)
        if self.width is None:
            self.numpy = wants_numpy(rows)
        return X, X[:, :0]

    def _checked(self, number: int, pair: object) -> tuple[Tensor, Tensor]:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise ArgumentError(
                "each batch as a pair (X, y)", f"{type(pair).__name__} as batch {number}", "yield X, y"
            )
        X = to_tensor(pair[0], f"X of batch {number}", dims=(2,), finite=False).detach()
        Y = X[:, :0]
        if self._paired:
            Y = to_tensor(pair[1], f"y of batch {number}", dims=(1, 2), finite=False).detach()
        if self.width is None:
            self.width, self.vector = X.shape[1], Y.ndim == 1
            self.outputs = 1 if Y.ndim == 1 else Y.shape[1]
            self.numpy = wants_numpy(pair[1]) if self._paired else self.numpy
        if self.passes == 1:
            self.dtype = torch.promote_types(self.dtype, torch.promote_types(X.dtype, Y.dtype))
        if X.shape[1] != self.width:
            raise DataError(f"batches with {self.width} columns", f"batch {number} with {X.shape[1]}")
        if Y.shape[0] != X.shape[0]:
            raise DataError(f"{X.shape[0]} values of y in batch {number}", f"{Y.shape[0]}")
        Y = Y[:, None] if Y.ndim == 1 else Y
        if Y.shape[1] != self.outputs:
            raise DataError(f"y with {self.outputs} columns", f"batch {number} with {Y.shape[1]}")
        return X, Y


def row_blocks(X: Tensor, Y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield blocks of at most :data:`BLOCK` rows of a batch.

    >>> [len(X) for X, _ in row_blocks(torch.ones(BLOCK + 1, 1), torch.ones(BLOCK + 1, 0))]
    [2048, 1]
    """
    for start in range(0, X.shape[0], BLOCK):
        yield X[start : start + BLOCK], Y[start : start + BLOCK]


def require_finite_block(X: Tensor, Y: Tensor, start: int) -> None:
    """Refuse NaN and infinities, saying near which row.

    >>> require_finite_block(torch.ones(2, 1), torch.ones(2, 1), 0)
    """
    rows = f"rows {start} to {start + X.shape[0] - 1}"
    require_finite(X, f"X, {rows}")
    require_finite(Y, f"y, {rows}")
