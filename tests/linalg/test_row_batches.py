import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.linalg.row_batches import BLOCK, RowBatches


def test_blocks_keep_order_and_dtype():
    X = np.arange(2.0 * (BLOCK + 3)).reshape(-1, 2).astype(np.float32)
    source = RowBatches([(X, X[:, 0])])
    parts = list(source.blocks())
    assert [len(x) for x, _ in parts] == [BLOCK, 3]
    assert torch.cat([x for x, _ in parts]).numpy().tolist() == X.tolist()
    assert (source.rows, source.width, source.outputs, source.vector) == (BLOCK + 3, 2, 1, True)
    assert source.dtype == torch.float32
    assert source.numpy


def test_alone():
    source = RowBatches([torch.ones(2, 3)], paired=False)
    (X, Y), *_ = source.blocks()
    assert X.shape == (2, 3)
    assert Y.shape == (2, 0)
    assert not source.numpy


def test_once_or_again():
    once = RowBatches(iter([(np.ones((1, 1)), [1.0])]))
    assert not once.again
    list(once.blocks())
    with pytest.raises(ArgumentError, match="only once"):
        list(once.blocks())
    again = RowBatches(lambda: iter([(np.ones((1, 1)), [1.0])]))
    assert list(again.blocks())
    assert list(again.blocks())
    assert again.passes == 2


def test_other_rows_at_the_second_pass():
    lengths = iter((2, 3))
    source = RowBatches(lambda: [(np.ones((n, 1)), np.ones(n)) for n in [next(lengths)]])
    list(source.blocks())
    with pytest.raises(DataError, match="2 rows at each pass"):
        list(source.blocks())
