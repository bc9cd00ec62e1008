"""From what the user passes as data to a source of rows, the point to start from, and the dtype of sums."""

from typing import Any, Literal

import torch
from torch import Tensor

from fivefold.calculus import Batches
from fivefold.core import require
from fivefold.linalg import Array
from fivefold.objective.linear import Linear
from fivefold.objective.model import Model
from fivefold.objective.rows import check_rows
from fivefold.objective.source import Held, Source, Streamed
from fivefold.probability import Likelihood

Precision = Literal["float64", "float32"]


class Reading:
    """How the data of an objective are read.

    Args:
        model: Checks the inputs, and says where to start.
        likelihood: Checks the observations, and says where its own parameters start.
        weights: ``[n]``, or ``None``.
        offset: ``[n]`` or ``[n, K]``, or ``None``.
        batch: The most rows that are worked on at a time, or ``None``.
        precision: The dtype of ``w``; that of the inputs or of the module where ``None``.

    Raises:
        ArgumentError: Another precision, or a batch without rows.
    """

    def __init__(
        self,
        model: Model,
        likelihood: Likelihood,
        weights: Array | None,
        offset: Array | None,
        *,
        batch: int | None,
        precision: Precision | None,
    ) -> None:
        require(
            precision in (None, "float32", "float64"),
            "precision 'float64' or 'float32', or None for that of the data",
            repr(precision),
        )
        whole = batch is None or (isinstance(batch, int) and batch >= 1)
        require(whole, "a batch of at least 1 row, or None for all rows", repr(batch))
        self._model = model
        self._likelihood = likelihood
        self._weights = weights
        self._offset = offset
        self._batch = batch
        self._precision = precision
        self.work = torch.zeros(0)
        """An empty tensor in the dtype of products and sums over rows, on their device."""

    def __call__(self, data: Any) -> tuple[Source, Tensor]:
        """Return the rows and the point to start from, ``[P]``.

        Args:
            data: ``(X, y)``, or batches of such pairs that can be read again.

        Raises:
            ArgumentError: Neither; parts that do not fit each other.
            DataError: Impossible or not finite.
        """
        if isinstance(data, tuple | list) and len(data) == 2:
            return self._held(*data)
        batched = callable(data) or isinstance(data, torch.utils.data.DataLoader)
        require(
            batched and not isinstance(data, torch.nn.Module),
            "data as a pair (X, y), or a function that returns fresh batches of such pairs",
            type(data).__name__,
            "pass lambda: batches for a list of them",
        )
        return self._streamed(Batches(data, device=None))

    def _held(self, X: Array, y: Array) -> tuple[Source, Tensor]:
        inputs = self._model.inputs(X)
        start, dtype = self._start(inputs, several=self._batch is not None)
        rows = check_rows(inputs, y, self._likelihood, self._weights, self._offset, self.work)
        source = Held(rows, self._batch, dtype)
        return source, self._with_theta(start, rows.y)

    def _streamed(self, batches: Batches) -> tuple[Source, Tensor]:
        start, dtype = self._start(self._model.inputs(batches.first[0]), several=True)
        source = Streamed(
            batches, self._model, self._likelihood, self._weights, self._offset,
            batch=self._batch, work=self.work, dtype=dtype,
        )  # fmt: skip
        # Observations are checked whenever they are read, and the objective's first value reads them all.
        if not self._likelihood.parameters:
            return source, start
        return source, self._with_theta(start, source.observations())

    def _start(self, X: Tensor, *, several: bool) -> tuple[Tensor, torch.dtype | None]:
        """Return where the model starts and what inputs are converted to; settle the dtype of sums."""
        start = self._model.at(X)
        if self._precision is not None:
            start = start.to(torch.float64 if self._precision == "float64" else torch.float32)
        if not isinstance(self._model, Linear):
            self.work = start.new_zeros(0)
            return start, start.dtype
        wide = several or torch.float64 in (X.dtype, start.dtype)
        self.work = start.new_zeros(0, dtype=torch.float64 if wide else torch.float32)
        return start, None

    def _with_theta(self, start: Tensor, y: Tensor) -> Tensor:
        return torch.cat([start, self._likelihood.initial_theta(y).to(start)])
