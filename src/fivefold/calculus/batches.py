"""Data in batches that are read again at each product, and have to be the same each time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import DataError, require

Batch = tuple[Tensor, Tensor | None]
"""Inputs ``[n, ...]`` and targets ``[n, ...]``, or ``None`` where no targets are needed."""


class Batches:
    """Pairs of inputs and targets, readable any number of times, with the same rows at each pass.

    Every pass is compared with the first one by sums over each batch; a shuffling loader, or one that
    augments at random, is told by name instead of giving products that belong to no matrix.

    Args:
        data: Inputs ``[n, ...]``; a pair ``(X, y)``; or several of them, as a list, a ``DataLoader``, or a
            function that returns a fresh iterable at each call. NumPy arrays are taken inside batches.
        targets: Whether targets are needed.
        device: Where the batches go; they stay where they are for ``None``.

    Raises:
        ArgumentError: An iterator, which can be read only once.
        DataError: No rows, not finite, targets missing or of another length, or other rows at the second
            pass.

    >>> X = torch.ones(5, 2)
    >>> data = Batches([(X[:3], X[:3, 0]), (X[3:], X[3:, 0])])
    >>> data.rows, data.count
    (5, 2)
    """

    def __init__(self, data: Any, *, targets: bool = True, device: torch.device | str | None = "cpu") -> None:
        self._source: Callable[[], Iterable[Any]] = _source(data)
        self._needs_targets = targets
        self._device = device
        self._seen: list[tuple[Any, tuple[float, ...]]] = []
        self._known = 0
        first: Batch | None = None
        sizes = []
        for X, y in self._read():
            first = (X, y) if first is None else first
            sizes.append(X.shape[0])
        if first is None:
            raise DataError("at least one batch of rows", "none", "check what yields the batches")
        self.sizes = tuple(sizes)
        self.rows = sum(sizes)
        self.count = len(sizes)
        self._known = self.count
        self.first: Batch = next(iter(self))

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches, checked against the first pass."""
        seen = 0
        for batch in self._read():
            seen += 1
            yield batch
        if seen != self._known:
            raise _changed(f"{self._known} batches at the first pass and {seen} now")

    def _read(self) -> Iterator[Batch]:
        for number, item in enumerate(self._source()):
            X, y = _pair(item, number, self._needs_targets)
            self._compare(number, X, y)
            if self._device is not None:
                X, y = X.to(self._device), None if y is None else y.to(self._device)
            yield X, y

    def _compare(self, number: int, X: Tensor, y: Tensor | None) -> None:
        # The same tensors, not written to since, need not be summed again.
        same = [(t, t._version) for t in (X, y) if t is not None]
        if number < len(self._seen):
            before, sums = self._seen[number]
            if len(before) == len(same) and all(
                a is b and v == u for (a, v), (b, u) in zip(before, same, strict=True)
            ):
                return
            if _sums(X, y) != sums:
                raise _changed(f"batch {number} differs from the first pass")
        elif self._known:
            raise _changed(f"more than {self._known} batches")
        else:
            _check_finite(number, X, y)
            self._seen.append((same if self._keeps else [], _sums(X, y)))

    @property
    def _keeps(self) -> bool:
        # What a list holds is alive anyway; batches of a loader must not be kept in memory.
        return isinstance(self._source, _Held)


class _Held:
    """A source whose batches are in memory."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __call__(self) -> Iterable[Any]:
        return self._items


def _source(data: Any) -> Callable[[], Iterable[Any]]:
    if isinstance(data, Tensor):
        return _Held([(data, None)])
    if isinstance(data, tuple):
        require(
            len(data) in (1, 2) and all(isinstance(t, Tensor) for t in data),
            "a pair (X, y) of tensors",
            f"a tuple of {[type(t).__name__ for t in data]}",
            "pass several batches as a list",
        )
        return _Held([data])
    if isinstance(data, list):
        return _Held(list(data))
    if callable(data):
        made: Callable[[], Iterable[Any]] = data
        return made
    require(
        isinstance(data, Iterable) and not isinstance(data, Iterator),
        "data that can be read again: tensors, a list, a DataLoader, or a function that returns an iterable",
        type(data).__name__,
        "pass list(data), or lambda: make_loader()",
    )
    sampler = getattr(data, "sampler", None)
    if isinstance(sampler, torch.utils.data.RandomSampler):
        raise _changed("the DataLoader was made with shuffle=True")
    return lambda: data


def _pair(item: Any, number: int, needs_targets: bool) -> Batch:
    several = tuple(item) if isinstance(item, list | tuple) else (item,)
    parts = tuple(_tensor(part) for part in several)
    if len(parts) not in (1, 2) or not isinstance(parts[0], Tensor):
        raise DataError(
            "batches (X, y) of tensors",
            f"batch {number} of type {type(item).__name__}",
            "wrap the loader so that it yields (inputs, targets)",
        )
    X, y = parts[0], parts[1] if len(parts) == 2 else None
    if not needs_targets:
        y = None
    elif not isinstance(y, Tensor):
        raise DataError("targets", f"none in batch {number}", "pass pairs (X, y)")
    if X.ndim == 0 or X.shape[0] == 0 or (y is not None and (y.ndim == 0 or y.shape[0] != X.shape[0])):
        shapes = [tuple(t.shape) for t in (X, y) if t is not None]
        raise DataError("at least one row, and as many targets", f"shapes {shapes} in batch {number}")
    return X, y


def _tensor(part: Any) -> Any:
    if not isinstance(part, np.ndarray) or part.dtype.kind not in "biuf":
        return part
    # torch shares memory with native, writable arrays in order; others are copied
    plain = np.require(part, part.dtype.newbyteorder("="), ["C", "W"])
    return torch.from_numpy(plain)


def _check_finite(number: int, X: Tensor, y: Tensor | None) -> None:
    for name, tensor in (("inputs", X), ("targets", y)):
        if tensor is not None and tensor.is_floating_point():
            bad = int((~torch.isfinite(tensor)).sum())
            if bad:
                raise DataError(
                    f"finite {name}", f"{bad} NaN or infinite in batch {number}", "drop or impute those rows"
                )


def _sums(X: Tensor, y: Tensor | None) -> tuple[float, ...]:
    """Sums over a batch that change with its entries and with their order."""
    out: list[float] = []
    for tensor in (X, y):
        if tensor is None:
            continue
        wide = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        flat = wide.reshape(wide.shape[0], -1)
        # float32 rows are added in float32, which takes a twentieth of the time, unless that overflows
        by_row = flat.sum(1).double() if flat.dtype == torch.float32 else flat.sum(1, dtype=torch.float64)
        if not bool(torch.isfinite(by_row.sum())):
            by_row = flat.sum(1, dtype=torch.float64)
        place = torch.arange(1, len(by_row) + 1, dtype=torch.float64, device=by_row.device).sqrt()
        out += [float(by_row.sum()), float(by_row @ place), float(tensor.numel())]
    return tuple(out)


def _changed(what: str) -> DataError:
    return DataError(
        "the same rows in the same order at each pass over the data",
        what,
        "make the loader with shuffle=False and without random augmentation, or pass list(loader)",
    )
