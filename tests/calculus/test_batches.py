"""Batches that are read again, and loaders that do not give the same rows twice."""

import numpy as np
import pytest
import torch

from fivefold.calculus import Batches
from fivefold.core import ArgumentError, DataError

X = torch.arange(12.0).reshape(6, 2)
Y = torch.arange(6)
SET = torch.utils.data.TensorDataset(X, Y)


def loader(**options):
    return torch.utils.data.DataLoader(SET, batch_size=4, **options)


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        [(X[:4], Y[:4]), (X[4:], Y[4:])],
        [[X[:4], Y[:4]], [X[4:], Y[4:]]],
        lambda: ((X[i : i + 2], Y[i : i + 2]) for i in (0, 2, 4)),
        loader(),
    ],
)
def test_every_source_gives_the_rows_at_each_pass(data):
    made = Batches(data)
    assert made.rows == 6
    assert sum(made.sizes) == 6
    for _ in range(2):
        pairs = list(made)
        assert len(pairs) == made.count
        torch.testing.assert_close(torch.cat([x for x, _ in pairs]), X)
        torch.testing.assert_close(torch.cat([y for _, y in pairs]), Y)


def test_numpy_batches_are_taken_as_they_are():
    backwards = X.numpy()[::-1]
    frozen = Y.numpy().copy()
    frozen.flags.writeable = False
    made = Batches(lambda: [(backwards, frozen)], device=None)
    ((inputs, targets),) = list(made)
    assert (inputs.dtype, targets.dtype) == (torch.float32, torch.int64)
    torch.testing.assert_close(inputs, X.flip(0), rtol=0, atol=0)
    with pytest.raises(DataError, match="batches"):
        Batches(lambda: [(np.array(["a"]), frozen[:1])])


def test_rows_whose_sum_overflows_float32_are_still_compared():
    huge = torch.full((2, 2), 3e38)
    assert Batches(lambda: [(huge.clone(), Y[:2])]).rows == 2
    passes = iter(range(9))
    with pytest.raises(DataError, match="differs"):
        Batches(lambda: [(huge * (1 - 0.1 * next(passes)), Y[:2])])


def test_targets_are_optional():
    assert next(iter(Batches(X, targets=False)))[1] is None
    assert next(iter(Batches([X, X], targets=False)))[1] is None
    assert next(iter(Batches((X, Y), targets=False)))[1] is None
    with pytest.raises(DataError, match="expected targets"):
        Batches(X)


def test_a_shuffling_loader_is_named():
    with pytest.raises(DataError, match=r"shuffle=True.*shuffle=False"):
        Batches(loader(shuffle=True))


def test_random_rows_and_augmentation_are_seen():
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(DataError, match=r"batch 0 differs from the first pass.*augmentation"):
        Batches(lambda: [(X + torch.randn(X.shape, generator=generator), Y)])

    def shuffled():
        order = torch.randperm(6, generator=generator)
        return [(X[order], Y[order])]

    with pytest.raises(DataError, match="the same rows in the same order"):
        Batches(shuffled)


def test_a_later_batch_that_changes_is_seen():
    passes = iter(range(100))

    def late():
        return [(X[:3], Y[:3]), (X[3:] + (next(passes) > 1), Y[3:])]

    made = Batches(late)
    with pytest.raises(DataError, match="batch 1 differs"):
        list(made)


def test_another_number_of_batches_is_seen():
    passes = iter(range(100))
    made = Batches(lambda: [(X, Y)] * (2 if next(passes) < 2 else 1))
    with pytest.raises(DataError, match="2 batches at the first pass and 1 now"):
        list(made)
    passes = iter(range(100))
    made = Batches(lambda: [(X, Y)] * (2 if next(passes) < 2 else 3))
    with pytest.raises(DataError, match="more than 2 batches"):
        list(made)


def test_refuses():
    with pytest.raises(ArgumentError, match=r"read again.*list\(data\)"):
        Batches(iter([(X, Y)]))
    with pytest.raises(ArgumentError, match="read again"):
        Batches(3)
    with pytest.raises(ArgumentError, match=r"a pair \(X, y\)"):
        Batches((X, Y, Y))
    with pytest.raises(DataError, match="at least one batch"):
        Batches([])
    with pytest.raises(DataError, match="at least one row"):
        Batches((X[:0], Y[:0]))
    with pytest.raises(DataError, match="as many targets"):
        Batches((X, Y[:2]))
    with pytest.raises(DataError, match=r"batches \(X, y\) of tensors.*type dict"):
        Batches([{"x": X}])
    bad = X.clone()
    bad[1, 1] = float("nan")
    with pytest.raises(DataError, match="finite inputs; got 1 NaN"):
        Batches((bad, Y))
    with pytest.raises(DataError, match="finite targets"):
        Batches((X, bad))
