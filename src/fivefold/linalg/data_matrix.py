"""A matrix that is known as batches of rows, for data that do not fit in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from fivefold.core import DataError, require
from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.compose import Adjoint
from fivefold.linalg.operator import LinearOperator


class DataMatrix(LinearOperator):
    r"""The matrix whose rows come in batches :math:`X = [X_1; X_2; \dots; X_b]`.

    .. math:: X v = [X_1 v; \dots; X_b v], \qquad X^\top u = \sum_i X_i^\top u_i

    Sums over batches are kept in float64. Every pass reads the batches once, so that only one of them needs
    to be in memory.

    Args:
        batches: A list of matrices ``[m_i, n]``, or a function that returns a fresh iterable of them at each
            call. An iterator is refused: it could be read only once.
        rows: The number of rows m, if known; otherwise one pass counts them.

    Raises:
        ArgumentError: An iterator instead of a function, or a bad batch.
        DataError: No batches, batches of different widths, or another number of rows than said.

    >>> X = DataMatrix([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]])
    >>> X.shape, X.gram().tolist()
    ((3, 2), [[35.0, 44.0], [44.0, 56.0]])
    """

    def __init__(
        self, batches: Sequence[Array] | Callable[[], Iterable[Array]], *, rows: int | None = None
    ) -> None:
        require(
            callable(batches) or isinstance(batches, Sequence),
            "a list of batches, or a function that returns a fresh iterable of them",
            type(batches).__name__,
            "pass lambda: iter_batches(...)",
        )
        require(rows is None or rows > 0, "a positive number of rows", rows)
        self._batches = batches
        self._check: tuple[int | None, int | None] = (rows, None)
        first: Tensor | None = None
        count = 0
        for batch in self.batches():
            first = batch if first is None else first
            count += batch.shape[0]
            if rows is not None:
                count = rows
                break
        if first is None:
            raise DataError("at least one batch of rows", "none", "check what yields the batches")
        super().__init__((count, first.shape[1]), dtype=first.dtype, device=first.device)
        self._check = (count, first.shape[1])

    def batches(self) -> Iterator[Tensor]:
        """Yield the batches ``[m_i, n]`` in order, checked.

        Raises:
            DataError: The widths differ, or the rows are not as many as said.
        """
        rows, width = self._check
        source = self._batches() if callable(self._batches) else self._batches
        seen = 0
        for number, raw in enumerate(source):
            batch = to_tensor(raw, f"batch {number}", dims=(2,))
            width = batch.shape[1] if width is None else width
            if batch.shape[1] != width:
                raise DataError(f"batches with {width} columns", f"batch {number} with {batch.shape[1]}")
            seen += batch.shape[0]
            yield batch
        if rows is not None and seen != rows:
            raise DataError(f"{rows} rows at each pass", f"{seen} rows", "return the same data at each call")

    def _matmat(self, X: Tensor) -> Tensor:
        return torch.cat([batch.to(self.dtype) @ X for batch in self.batches()], dim=-2)

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        out = torch.zeros((*Y.shape[:-2], self.shape[1], Y.shape[-1]), dtype=torch.float64, device=Y.device)
        start = 0
        for batch in self.batches():
            part = Y[..., start : start + batch.shape[0], :]
            out += batch.double().mT @ part.double()
            start += batch.shape[0]
        return out.to(self.dtype)

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)

    def gram(self) -> Tensor:
        r"""Return :math:`X^\top X` in float64, ``[n, n]``; squares the condition, so prefer ``lstsq``."""
        out = torch.zeros((self.shape[1], self.shape[1]), dtype=torch.float64, device=self.device)
        for batch in self.batches():
            wide = batch.double()
            out += wide.mT @ wide
        return out

    def mean(self) -> Tensor:
        r"""Return the column means in float64, ``[n]``.

        Each batch is centred before it is summed, and means are combined by their difference, so that means
        far from zero lose nothing (Chan, Golub and LeVeque 1983).
        """
        mean = torch.zeros(self.shape[1], dtype=torch.float64, device=self.device)
        seen = 0
        for batch in self.batches():
            seen += batch.shape[0]
            mean = mean + (column_means(batch.double()) - mean) * (batch.shape[0] / seen)
        return mean


def column_means(X: Tensor) -> Tensor:
    """Column means in float64, corrected by the mean of what the first mean leaves.

    >>> column_means(torch.tensor([[1e9], [1e9 + 1]], dtype=torch.float64)).item()
    1000000000.5
    """
    wide = X.double()
    # The first row as a shift keeps the sums small where the mean is far from zero.
    centre = wide[0] + (wide - wide[0]).mean(dim=0)
    return centre + (wide - centre).mean(dim=0)
