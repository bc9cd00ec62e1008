"""Rows are held where they fit, read where not, and come in the same order either way they are skipped to."""

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler

from fivefold.core import ArgumentError
from fivefold.optimize.training import data as training_data
from fivefold.optimize.training.data import (
    HeldRows,
    StreamedRows,
    as_batch,
    find_not_finite,
    open_rows,
)

CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def table(n=23):
    return torch.arange(n * 2.0).reshape(n, 2), torch.arange(n)


class Items(Dataset):
    def __init__(self, n=23, noise=0.0):
        self.X, self.y = table(n)
        self.noise, self.reads = noise, 0

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        self.reads += 1
        return self.X[i] + self.noise * torch.rand(2), self.y[i]


def same(one, two):
    pairs = list(zip(one, two, strict=True))
    return all(torch.equal(a, b) for x, y in pairs for a, b in zip(x, y, strict=True))


def test_an_epoch_holds_every_row_once_in_batches_that_differ_by_one():
    rows = open_rows(table(), 6, CPU)
    batches = list(rows.epoch(generator()))
    assert sorted(len(y) for _, y in batches) == [5, 6, 6, 6]
    order = torch.cat([y for _, y in batches])
    assert order.sort().values.tolist() == list(range(23))
    assert order.tolist() != list(range(23))
    for X, y in batches:
        assert torch.equal(X, table()[0][y])


@pytest.mark.parametrize(
    "data",
    [table(), TensorDataset(*table()), Items(), DataLoader(Items(), batch_size=6, shuffle=True),
     DataLoader(TensorDataset(*table()), batch_size=6, shuffle=True), [part.numpy() for part in table()]],
)  # fmt: skip
def test_what_fits_is_held_and_gives_the_same_batches(data):
    rows = open_rows(data, 6, CPU)
    assert isinstance(rows, HeldRows)
    assert rows.place == "held on cpu"
    assert same(rows.epoch(generator(3)), open_rows(table(), 6, CPU).epoch(generator(3)))


def test_a_dataset_is_read_once():
    items = Items()
    rows = open_rows(items, 6, CPU)
    reads = items.reads
    list(rows.epoch(generator()))
    assert items.reads == reads <= 23 + 8


@pytest.mark.parametrize(
    ("data", "held_bytes"),
    [(Items(noise=1.0), 1 << 30), (Items(), 100), (DataLoader(Items(noise=1.0), batch_size=6), 1 << 30),
     (DataLoader(Items(), batch_size=6, drop_last=True), 1 << 30),
     (DataLoader(Items(), batch_size=6, sampler=WeightedRandomSampler(torch.ones(23), 23)), 1 << 30),
     (DataLoader(Items(), batch_size=6, collate_fn=lambda rows: torch.stack([x for x, _ in rows])), 1 << 30),
     (DataLoader(Items(noise=1.0), batch_size=6, shuffle=True, generator=generator(8)), 1 << 30)],
)  # fmt: skip
def test_what_does_not_fit_or_draws_is_read_and_can_be_skipped_to(data, held_bytes):
    rows = open_rows(data, 6, CPU, held_bytes=held_bytes)
    assert isinstance(rows, StreamedRows)
    assert rows.place == "read batch by batch"
    before = torch.get_rng_state()
    whole = list(rows.epoch(generator(3)))
    assert len(whole) == rows.batches
    torch.rand(5)
    later = []
    for batch in rows.epoch(generator(3), 2):
        later.append(batch)
        torch.rand(3)  # what dropout draws in between does not matter
    assert same(later, whole[2:])
    torch.set_rng_state(before)
    assert len(list(rows.pieces(2))) == 2
    assert torch.equal(before, torch.get_rng_state())
    assert rows.signature() == f"{rows.batches} batches, read"


def test_a_loader_in_order_stays_in_order():
    rows = open_rows(DataLoader(Items(), batch_size=6), 99, CPU)
    assert isinstance(rows, HeldRows)
    assert torch.cat([y for _, y in rows.epoch(generator())]).tolist() == list(range(23))
    assert rows.signature() != open_rows(table(), 6, CPU).signature()


def test_pieces_are_spread_over_the_rows():
    rows = open_rows(table(), 1, CPU)
    assert [int(y) for _, y in rows.pieces(4)] == [0, 5, 11, 17]
    assert len(list(rows.pieces())) == len(list(rows.pieces(99))) == 23


def test_signatures_tell_changed_rows():
    X, y = table()
    first = open_rows((X, y), 6, CPU).signature()
    assert first == open_rows((X.clone(), y.clone()), 6, CPU).signature()
    changed, swapped = X.clone(), X.clone()
    changed[3, 1] = torch.nextafter(changed[3, 1], torch.tensor(1e9))
    swapped[[0, 1]] = swapped[[1, 0]]
    for other in ((changed, y), (swapped, y), (X, y.double()), (X[:-1], y[:-1])):
        assert open_rows(other, 6, CPU).signature() != first


def test_what_is_not_finite_is_found():
    X, y = table()
    assert find_not_finite((X, y)) == ""
    X[4, 1] = torch.inf
    assert find_not_finite((X, y)) == "inf in row 4, column 1 of X"
    y = y.float()
    y[7] = torch.nan
    assert find_not_finite((X[:3], y)) == "nan in row 7 of the target"
    weights = torch.ones(23, 2, 2)
    weights[1, 0, 1] = -torch.inf
    assert find_not_finite((y[:3], y[:3], weights)) == "-inf in row 1, column (0, 1) of target 2"


class Endless(IterableDataset):
    def __iter__(self):
        return iter([torch.ones(2)])


class Short(Endless):
    def __len__(self):
        return 12

    def __iter__(self):
        return iter([(torch.ones(2), torch.tensor(1.0))] * 12)


def test_an_iterable_dataset_needs_a_length():
    assert len(list(open_rows(Short(), 5, CPU).epoch(generator()))) == 3
    with pytest.raises(ArgumentError, match="a loader with a length"):
        open_rows(Endless(), 5, CPU)


@pytest.mark.parametrize(
    ("data", "message"),
    [((), "with rows"), ((torch.ones(0, 2),), "at least 1, in each"), ((torch.tensor(1.0),), "with rows"),
     ((torch.ones(2), torch.ones(3)), "the same number of rows"), (3, "a dataset or a DataLoader"),
     (Items(0), "at least 1 row"), ("abc", "a dataset or a DataLoader")],
)  # fmt: skip
def test_bad_rows_are_refused(data, message):
    with pytest.raises(ArgumentError, match=message):
        open_rows(data, 5, CPU)


def test_a_batch_of_anything_else_is_refused():
    with pytest.raises(ArgumentError, match=r"batches \(X, \*targets\) of tensors; got dict"):
        as_batch({"x": torch.ones(2)})
    with pytest.raises(ArgumentError, match="of tensors"):
        as_batch([torch.ones(2), "a"])


@pytest.mark.parametrize("bytes_at_once", [1, 150, 1 << 20])
def test_batches_gathered_together_are_those_of_the_permutation(monkeypatch, bytes_at_once):
    """From any batch on, to the end and past it, whatever is gathered at once."""
    monkeypatch.setattr(training_data, "_GATHERED", bytes_at_once)
    X, y = torch.randn(23, 3), torch.arange(23)
    rows = HeldRows((X, y), 5, torch.device("cpu"))
    order = torch.randperm(23, generator=torch.Generator().manual_seed(4))
    expected = order.tensor_split(5)
    for skip in range(6):
        found = list(rows.epoch(torch.Generator().manual_seed(4), skip))
        assert len(found) == 5 - skip
        for (x, target), place in zip(found, expected[skip:], strict=True):
            assert torch.equal(x, X[place])
            assert torch.equal(target, y[place])


@pytest.mark.parametrize("skip", [1, 3, 4])
def test_a_batch_lies_at_the_same_place_of_its_memory_after_a_resumption(skip):
    """Products of misaligned matrices are rounded differently on some processors."""
    held = HeldRows(
        (torch.randn(75, 5),), 16, torch.device("cpu")
    )  # 15 rows of 5: not a multiple of 64 bytes
    whole = list(held.epoch(torch.Generator().manual_seed(0)))
    again = list(held.epoch(torch.Generator().manual_seed(0), skip))
    assert len(again) == 5 - skip
    for (one,), (other,) in zip(whole[skip:], again, strict=True):
        assert torch.equal(one, other)
        assert one.storage_offset() == other.storage_offset()
