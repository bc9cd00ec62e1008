"""The data of an objective: checked inputs, observations, weights and offsets, row by row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import ArgumentError, DataError, require
from fivefold.linalg import Array
from fivefold.linalg.arrays import to_tensor
from fivefold.probability import Likelihood


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Inputs ``[n, ...]``, observations ``[n]``, weights ``[n]``, offset ``[n]``, ``[n, K]`` or ``None``.

    The likelihood is that of these rows: it can hold constants row by row.
    """

    X: Tensor
    y: Tensor
    weights: Tensor | None
    offset: Tensor | None
    likelihood: Likelihood

    @property
    def count(self) -> int:
        """The number of rows n."""
        return self.y.shape[0]

    def take(self, index: Tensor) -> "Rows":
        """Return some of the rows, in the order of the index."""
        return Rows(
            self.X[index],
            self.y[index],
            None if self.weights is None else self.weights[index],
            None if self.offset is None else self.offset[index],
            self.likelihood.take(index),
        )

    def cut(self, start: int, stop: int) -> "Rows":
        """Return the rows from ``start`` to before ``stop``, as views."""
        likelihood = self.likelihood
        return Rows(
            self.X[start:stop],
            self.y[start:stop],
            None if self.weights is None else self.weights[start:stop],
            None if self.offset is None else self.offset[start:stop],
            likelihood.take(torch.arange(start, stop)) if likelihood.by_row else likelihood,
        )

    def cast(self, dtype: torch.dtype | None) -> "Rows":
        """Return the rows with inputs in ``dtype``, where they are not whole numbers."""
        if dtype is None or not self.X.is_floating_point():
            return self
        return Rows(self.X.to(dtype), self.y, self.weights, self.offset, self.likelihood)

    def shifted(self, eta: Tensor) -> Tensor:
        """Add the offset to predictors ``[..., n]`` or ``[..., n, K]``."""
        return eta if self.offset is None else eta + self.offset

    def total(self, losses: Tensor) -> Tensor:
        """Add losses ``[..., n]`` with the weights, in float64."""
        if self.weights is not None:
            # A row of weight 0 is absent, even where its loss is infinite.
            losses = torch.where(self.weights > 0, losses * self.weights, torch.zeros_like(losses))
        return losses.sum(-1, dtype=torch.float64)

    def mean(self, losses: Tensor) -> Tensor:
        """Average losses ``[..., n]`` with the weights, summed in float64."""
        return (self.total(losses) / self.count).to(losses.dtype)

    def factors(self, like: Tensor, count: int) -> Tensor:
        """Return what each row's loss is multiplied by in the average over ``count`` rows, ``[n]``."""
        ones = like.new_ones(self.count) if self.weights is None else self.weights
        return ones / count


def check_rows(
    X: Tensor, y: Array, likelihood: Likelihood, weights: Array | None, offset: Array | None, like: Tensor
) -> Rows:
    """Check that all parts have one row count, and put them into the dtype and device of ``like``.

    Raises:
        ArgumentError: Parts of different lengths, or an offset of the wrong shape.
        DataError: Impossible observations, weights that are negative or all zero.
    """
    n = X.shape[0]
    target = likelihood.check(y, dtype=like.dtype, device=like.device)
    require(target.shape[0] == n, f"y with the {n} rows of X", f"{target.shape[0]} rows")
    a, b = check_weights(weights, n, like), check_offset(offset, n, likelihood.outputs, like)
    return Rows(X, target, a, b, likelihood)


def check_weights(weights: Array | None, count: int, like: Tensor) -> Tensor | None:
    """Return weights ``[n]`` in the dtype and on the device of ``like``.

    Raises:
        ArgumentError: Another length.
        DataError: Negative, or all zero.
    """
    if weights is None:
        return None
    a = to_tensor(weights, "the weights", dims=(1,)).to(like)
    require(a.shape[0] == count, f"weights with the {count} rows of X", f"{a.shape[0]} rows")
    if bool((a < 0).any()) or not bool((a > 0).any()):
        raise DataError(
            "weights of at least 0, one of them positive",
            f"between {float(a.min()):g} and {float(a.max()):g}",
        )
    return a


def check_offset(offset: Array | None, count: int, outputs: int, like: Tensor) -> Tensor | None:
    """Return an offset ``[n]`` or ``[n, K]`` in the dtype and on the device of ``like``.

    Raises:
        ArgumentError: Another shape.
    """
    if offset is None:
        return None
    b = to_tensor(offset, "the offset", dims=(1, 2)).to(like)
    shape = (count,) if outputs == 1 else (count, outputs)
    require(tuple(b.shape) == shape, f"an offset of shape {shape}", tuple(b.shape))
    return b


def row_index(rows: Array, count: int, device: torch.device) -> Tensor:
    """Return a selection of rows (slice, mask or numbers) as row numbers.

    Raises:
        ArgumentError: Not whole numbers or a mask, none selected, or out of range.

    >>> row_index(slice(1, 3), 5, torch.device("cpu"))
    tensor([1, 2])
    """
    if isinstance(rows, slice):
        index = torch.arange(count)[rows]
    else:
        try:
            index = torch.as_tensor(rows)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError("row numbers, a mask or a slice", str(error)) from error
        if index.dtype == torch.bool:
            require(tuple(index.shape) == (count,), f"a mask of shape ({count},)", tuple(index.shape))
            index = index.nonzero()[:, 0]
    whole = index.numel() == 0 or not (index.is_floating_point() or index.is_complex())
    require(
        whole and index.ndim == 1,
        "row numbers as a vector of integers",
        f"{index.dtype} {tuple(index.shape)}",
    )
    require(index.numel() > 0, "at least one row", "none")
    low, high = int(index.min()), int(index.max())
    require(low >= 0 and high < count, f"row numbers from 0 to {count - 1}", f"{low} to {high}")
    return index.to(torch.int64).to(device)
