"""Where the rows of a data objective come from: memory, at once or in parts, or a stream."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from fivefold.calculus import Batches
from fivefold.core import require
from fivefold.linalg import Array
from fivefold.objective.model import Model
from fivefold.objective.rows import Rows, check_offset, check_rows, check_weights
from fivefold.probability import Likelihood


class Source(ABC):
    """The rows of an objective, part by part, the same at each pass.

    Args:
        count: The number of rows n.
        batch: The most rows of a part, or ``None`` for what comes.
    """

    def __init__(self, count: int, batch: int | None) -> None:
        require(batch is None or batch >= 1, "a batch of at least 1 row, or None", batch)
        self.count = count
        self.batch = batch

    @property
    @abstractmethod
    def whole(self) -> Rows | None:
        """All rows, where they are worked off at once."""

    @abstractmethod
    def __iter__(self) -> Iterator[Rows]:
        """Yield the parts in order."""

    @abstractmethod
    def take(self, index: Tensor) -> "Held":
        """Return some of the rows, which are then held in memory, in the order of the index."""


class Held(Source):
    """Rows in memory.

    Args:
        rows: All of them.
        batch: The most rows of a part; all where ``None``.
        dtype: What the inputs of a part are converted to; as they are where ``None``.
    """

    def __init__(self, rows: Rows, batch: int | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__(rows.count, batch)
        self.rows = rows if batch is not None else rows.cast(dtype)
        self._dtype = dtype

    @property
    def whole(self) -> Rows | None:
        """All rows, where they are worked off at once."""
        return self.rows if self.batch is None else None

    def __iter__(self) -> Iterator[Rows]:
        """Yield the parts: views, converted where that is needed."""
        if self.batch is None:
            yield self.rows
        else:
            for start in range(0, self.count, self.batch):
                yield self.rows.cut(start, min(start + self.batch, self.count)).cast(self._dtype)

    def take(self, index: Tensor) -> "Held":
        """Return some of the rows, copied."""
        return Held(self.rows.take(index), self.batch, self._dtype)


class Streamed(Source):
    """Rows that are read again at each pass; only one batch of them is in memory at a time.

    Args:
        batches: Pairs (X, y).
        model: Checks the inputs.
        likelihood: Checks the observations; its constants by row are held in memory.
        weights: ``[n]``, in memory, or ``None``.
        offset: ``[n]`` or ``[n, K]``, in memory, or ``None``.
        batch: The most rows of a part; those of a batch where ``None``.
        work: The dtype and the device of observations, weights and offsets.
        dtype: What the inputs of a part are converted to; as they are where ``None``.
    """

    def __init__(
        self,
        batches: Batches,
        model: Model,
        likelihood: Likelihood,
        weights: Array | None,
        offset: Array | None,
        *,
        batch: int | None,
        work: Tensor,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(batches.rows, batch)
        self._batches = batches
        self._model = model
        self._likelihood = likelihood
        self._weights = check_weights(weights, batches.rows, work)
        self._offset = check_offset(offset, batches.rows, likelihood.outputs, work)
        self._work = work
        self._dtype = dtype

    @property
    def whole(self) -> None:
        """Never."""
        return None

    def _checked(self) -> Iterator[Rows]:
        start = 0
        for X, y in self._batches:
            inputs = self._model.inputs(X)
            stop = start + inputs.shape[0]
            likelihood = self._likelihood
            if likelihood.by_row:
                likelihood = likelihood.take(torch.arange(start, stop))
            rows = check_rows(inputs, y, likelihood, None, None, self._work)
            weights = None if self._weights is None else self._weights[start:stop]
            offset = None if self._offset is None else self._offset[start:stop]
            yield Rows(rows.X, rows.y, weights, offset, likelihood)
            start = stop

    def __iter__(self) -> Iterator[Rows]:
        """Read the batches, and yield them in parts."""
        for rows in self._checked():
            yield from Held(rows, self.batch or rows.count, self._dtype)

    def observations(self) -> Tensor:
        """Read everything once, and return y ``[n]`` as the likelihood has it, each known to be possible."""
        return torch.cat([rows.y for rows in self._checked()])

    def take(self, index: Tensor) -> Held:
        """Read everything once, and return some of the rows, held in memory."""
        X: Tensor | None = None
        y: Tensor | None = None
        start = 0
        for rows in self._checked():
            here = ((index >= start) & (index < start + rows.count)).nonzero()[:, 0]
            if X is None or y is None:
                X, y = rows.X.new_empty((len(index), *rows.X.shape[1:])), rows.y.new_empty(len(index))
            X[here], y[here] = rows.X[index[here] - start], rows.y[index[here] - start]
            start += rows.count
        assert X is not None  # Batches has at least one
        assert y is not None
        weights = None if self._weights is None else self._weights[index]
        offset = None if self._offset is None else self._offset[index]
        return Held(Rows(X, y, weights, offset, self._likelihood.take(index)), self.batch, self._dtype)
