"""Rows for training: held as tensors where they fit, read batch by batch where not."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Generator, Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from fivefold.core import ArgumentError, child_seed, require
from fivefold.optimize.training.random_states import SideStream

Batch = tuple[Tensor, ...]
HELD_BYTES = 4 << 30
"""What is held in memory at most, by default."""
_READ_TWICE = 4
_GATHERED = 1 << 19
"""Bytes that are gathered at once, at least one batch: a part of a processor's second cache."""


class Rows(Protocol):
    """Rows that can be gone through in batches.

    Args:
        batches: Batches of an epoch.
        place: Where the rows are, in words.
    """

    batches: int
    place: str

    def epoch(self, generator: Generator, skip: int = 0) -> Iterator[Batch]:
        """The batches of one epoch in an order of the generator, without the first ``skip``."""
        ...

    def pieces(self, most: int | None = None) -> Iterator[Batch]:
        """The same rows in batches, in their own order; at most so many of them."""
        ...

    def signature(self) -> str:
        """What tells these rows from others, for checkpoints."""
        ...


class HeldRows:
    """Tensors with the same number of rows, cut anew into batches each epoch.

    Args:
        parts: ``(X, *targets)``, each [n, ...], on one device.
        batch_size: Rows of a batch; the batches of an epoch differ by at most one row.
        device: Where batches are to be.
        shuffle: Whether each epoch has an order of its own.

    >>> rows = HeldRows((torch.arange(5.0),), 2, torch.device("cpu"))
    >>> [len(batch[0]) for batch in rows.epoch(Generator())]
    [2, 2, 1]
    """

    def __init__(self, parts: Batch, batch_size: int, device: torch.device, shuffle: bool = True) -> None:
        self.parts, self.device, self.shuffle = parts, device, shuffle
        self.rows = parts[0].shape[0]
        self.batches = -(-self.rows // batch_size)
        self.place = f"held on {parts[0].device.type}"

    def epoch(self, generator: Generator, skip: int = 0) -> Iterator[Batch]:
        """The batches of one epoch in an order of the generator, without the first ``skip``."""
        order = torch.randperm(self.rows, generator=generator)
        if not self.shuffle:
            order = torch.arange(self.rows)
        order = order.to(self.parts[0].device)
        moves = self.parts[0].device != self.device
        batches = torch.tensor_split(order, self.batches)
        # several batches of small rows are gathered in one call, which costs more than what it copies
        together = max(1, min(_GATHERED // max(1, self._row_bytes() * len(batches[0])), len(batches)))
        # always from the same starts, so that after a resumption a batch lies at its old place
        # in memory, which decides how some processors round products
        for start in range(skip - skip % together, len(batches), together):
            block = batches[start : start + together]
            if together == 1:
                batch = tuple([part.index_select(0, block[0]) for part in self.parts])
                yield tuple([part.to(self.device, non_blocking=True) for part in batch]) if moves else batch
                continue
            sizes = [len(rows) for rows in block]
            rows = torch.cat(block)
            gathered = [part.index_select(0, rows) for part in self.parts]
            if moves:
                gathered = [part.to(self.device, non_blocking=True) for part in gathered]
            views = zip(*(part.split_with_sizes(sizes) for part in gathered), strict=True)
            yield from islice(views, max(0, skip - start), None)

    def _row_bytes(self) -> int:
        return sum(part[0].numel() * part.element_size() for part in self.parts)

    def pieces(self, most: int | None = None) -> Iterator[Batch]:
        """The same rows in batches, in their own order; at most so many of them, evenly spread."""
        count = self.batches if most is None else min(most, self.batches)
        chosen = {i * self.batches // count for i in range(count)}
        split = zip(*(torch.tensor_split(part, self.batches) for part in self.parts), strict=True)
        for index, batch in enumerate(split):
            if index in chosen:
                yield tuple(part.to(self.device) for part in batch)

    def signature(self) -> str:
        """Shapes, types and two sums over the bits of every tensor."""
        return "; ".join(f"{tuple(part.shape)} {part.dtype} {_fold(part):016x}" for part in self.parts) + (
            "" if self.shuffle else " in order"
        )


class StreamedRows:
    """A loader that is gone through batch by batch, its random numbers in a stream of their own.

    Args:
        loader: Its batches are tensors or sequences ``(X, *targets)``; it has a length.
        device: Where batches are to be.
    """

    place = "read batch by batch"

    def __init__(self, loader: "DataLoader[Any]", device: torch.device) -> None:
        self.loader, self.device = loader, device
        try:
            self.batches = len(loader)
        except TypeError as error:
            raise ArgumentError(
                "a loader with a length", "one without", "give the dataset a __len__, or a number of rows"
            ) from error
        require(self.batches >= 1, "at least 1 batch", self.batches)

    def epoch(self, generator: Generator, skip: int = 0) -> Iterator[Batch]:
        """The batches of one epoch in an order of the generator, without the first ``skip``."""
        yield from self._through(int(torch.randint(2**62, (), generator=generator)), skip)

    def pieces(self, most: int | None = None) -> Iterator[Batch]:
        """The rows in an order of the loader's that is always the same; at most so many batches."""
        yield from islice(self._through(0, 0), most)

    def _through(self, seed: int, skip: int) -> Iterator[Batch]:
        stream = SideStream(seed)
        own = [self.loader.generator, getattr(self.loader.sampler, "generator", None)]
        for generator in own:
            if isinstance(generator, Generator):
                generator.manual_seed(seed)
        with stream.drawing():
            batches = iter(self.loader)
        for index in range(self.batches):
            with stream.drawing():
                batch = next(batches, None)
            if batch is None:
                return
            if index >= skip:
                yield tuple(part.to(self.device, non_blocking=True) for part in as_batch(batch))

    def signature(self) -> str:
        """The number of batches; what is in them is not looked at."""
        return f"{self.batches} batches, read"


def as_batch(batch: Any) -> Batch:
    """A loader's batch as ``(X, *targets)``.

    Raises:
        ArgumentError: Anything but tensors lies in it.

    >>> len(as_batch([torch.ones(2), torch.ones(2)]))
    2
    """
    parts = (batch,) if isinstance(batch, Tensor) else batch
    fits = isinstance(parts, list | tuple) and bool(parts) and all(isinstance(p, Tensor) for p in parts)
    if not fits:
        raise ArgumentError(
            "batches (X, *targets) of tensors", type(batch).__name__, "give the loader a collate_fn"
        )
    return tuple(parts)


def open_rows(
    data: Any, batch_size: int, device: torch.device, *, held_bytes: int = HELD_BYTES, seed: int = 0
) -> Rows:
    """Hold rows as tensors where they fit, otherwise read them batch by batch.

    A dataset is read whole once if it gives the same items when read twice (the first four are asked) and its
    size, judged by the first, is within the bound. A loader's dataset likewise, if the loader draws at random
    or in order and collates by default; it then keeps the loader's batch size.

    Args:
        data: ``(X, *targets)`` as tensors or arrays, a ``TensorDataset``, a dataset, or a ``DataLoader``.
        batch_size: Rows of a batch, where no loader says another.
        device: The module's.
        held_bytes: Largest size that is held in memory.
        seed: For what a dataset draws while it is read.

    Raises:
        ArgumentError: Tensors that do not fit together, no rows, or what is none of these.

    >>> open_rows((torch.ones(6, 2), torch.ones(6)), 4, torch.device("cpu")).batches
    2
    """
    if isinstance(data, DataLoader):
        return _open_loader(data, device, held_bytes, seed)
    if isinstance(data, TensorDataset):
        data = data.tensors
    if isinstance(data, Dataset):
        if isinstance(data, IterableDataset):
            return StreamedRows(DataLoader(data, batch_size=batch_size), device)
        parts = _read_whole(data, held_bytes, seed)
        if parts is None:
            return StreamedRows(DataLoader(data, batch_size=batch_size, shuffle=True), device)
        data = parts
    return HeldRows(_tensors(data, device, held_bytes), batch_size, device)


def _open_loader(loader: "DataLoader[Any]", device: torch.device, held_bytes: int, seed: int) -> Rows:
    plain = (
        not isinstance(loader.dataset, IterableDataset)
        and loader.batch_size is not None
        and loader.collate_fn is default_collate
        and not loader.drop_last
        and (
            isinstance(loader.sampler, SequentialSampler)
            or (
                isinstance(loader.sampler, RandomSampler)
                and not loader.sampler.replacement
                and loader.sampler.num_samples == len(loader.sampler)
            )
        )
    )
    if not plain or loader.batch_size is None:
        return StreamedRows(loader, device)
    dataset: Any = loader.dataset
    parts = dataset.tensors if isinstance(dataset, TensorDataset) else _read_whole(dataset, held_bytes, seed)
    if parts is None:
        return StreamedRows(loader, device)
    held = _tensors(parts, device, held_bytes)
    return HeldRows(held, loader.batch_size, device, isinstance(loader.sampler, RandomSampler))


def _read_whole(dataset: "Dataset[Any]", held_bytes: int, seed: int) -> Batch | None:
    """Every item of a dataset as tensors, or ``None`` where it is too large or draws at random."""
    items: Any = dataset
    count = len(items)
    require(count >= 1, "at least 1 row", count)
    stream = SideStream(child_seed(seed, "train", "data"))
    with stream.drawing():
        few = range(min(_READ_TWICE, count))
        once, again = (as_batch(default_collate([items[i] for i in few])) for _ in range(2))
        same = all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(once, again, strict=True))
        size = sum(part.numel() * part.element_size() for part in once) / len(few) * count
        if not same or size > held_bytes:
            return None
        # in blocks, so that the items as they come and the tensors do not both lie in memory
        blocks = [
            as_batch(default_collate([items[i] for i in range(start, min(start + 1024, count))]))
            for start in range(0, count, 1024)
        ]
    return tuple(torch.cat(parts) for parts in zip(*blocks, strict=True))


def _tensors(data: Any, device: torch.device, held_bytes: int) -> Batch:
    """Inputs and targets as tensors, on the module's device where they fit, with equal numbers of rows."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise ArgumentError(
            "(X, *targets), a dataset or a DataLoader", type(data).__name__, "give data=(X, y)"
        )
    parts = tuple(torch.as_tensor(part) for part in data)
    require(len(parts) >= 1 and all(part.ndim >= 1 for part in parts), "(X, *targets) with rows", len(parts))
    rows = [part.shape[0] for part in parts]
    require(rows[0] >= 1 and len(set(rows)) == 1, "the same number of rows, at least 1, in each", rows)
    size = sum(part.numel() * part.element_size() for part in parts)
    if device.type == "cuda":
        # half of what is free: activations and the optimizer's state need room beside the data
        held_bytes = min(held_bytes, torch.cuda.mem_get_info(device)[0] // 2)
    home = device if device.type == "cpu" or size <= held_bytes else torch.device("cpu")
    return tuple(part.to(home) for part in parts)


def find_not_finite(parts: Iterable[Tensor]) -> str:
    """Say where the first number that is not finite stands, or nothing.

    >>> find_not_finite((torch.ones(2, 2), torch.tensor([0.0, torch.nan])))
    'nan in row 1 of the target'
    """
    for place, part in enumerate(parts):
        if not part.is_floating_point() or bool(part.isfinite().all()):
            continue
        row, *rest = (int(i) for i in (~part.isfinite()).nonzero()[0])
        number = float(part[(row, *rest)])
        name = "X" if place == 0 else "the target" if place == 1 else f"target {place}"
        if not rest:
            return f"{number} in row {row} of {name}"
        column = str(rest[0]) if len(rest) == 1 else str(tuple(rest))
        return f"{number} in row {row}, column {column} of {name}"
    return ""


def _fold(part: Tensor) -> int:
    """A checksum: two sums of the bytes, one weighted by place, modulo 2^32 each."""
    flat = part.detach().contiguous().cpu().reshape(-1).view(torch.uint8)
    plain = weighted = 0
    for start in range(0, flat.numel(), 1 << 22):
        block = flat[start : start + (1 << 22)].long()
        places = torch.arange(start + 1, start + 1 + block.numel()) % 65521
        plain = (plain + int(block.sum())) % 2**32
        weighted = (weighted + int((block * places).sum())) % 2**32
    return plain << 32 | weighted
