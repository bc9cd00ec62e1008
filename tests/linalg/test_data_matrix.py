import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.linalg import DataMatrix
from fivefold.linalg.data_matrix import column_means


def test_gram_and_adjoint_of_float32_accumulate_in_float64():
    # 4096 + 2^-10 needs 23 bits; sums of its squares need more than float32 has.
    rows = np.full((5000, 1), 4096.0 + 2.0**-10, np.float32)
    X = DataMatrix([rows[:1000], rows[1000:]])
    exact = 5000 * (4096.0 + 2.0**-10) ** 2
    assert float(X.gram()) == pytest.approx(exact, rel=5000 * 2.0**-52)
    total = X.H @ np.ones(5000, np.float32)
    assert total.dtype == np.float32
    assert float(total[0]) == np.float32(5000 * (4096.0 + 2.0**-10))


def test_means_far_from_zero():
    X = 1e8 + np.arange(12.0).reshape(6, 2)
    D = DataMatrix([X[:1], X[1:3], X[3:]])
    assert D.mean().tolist() == [1e8 + 5, 1e8 + 6]
    values = np.array([1e15, 1e15 + 1, 1e15 + 2])[:, None]
    assert float(column_means(torch.from_numpy(values))) == 1e15 + 1


def test_a_factory_is_read_afresh_and_rows_may_be_given():
    calls = []

    def batches():
        calls.append(1)
        return iter([np.ones((2, 3)), np.ones((1, 3))])

    X = DataMatrix(batches, rows=3)
    assert X.shape == (3, 3)
    assert X.gram().tolist() == [[3.0] * 3] * 3
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("batches", "error", "message"),
    [
        (iter([np.ones((2, 2))]), ArgumentError, "fresh iterable"),
        ([], DataError, "at least one batch"),
        ([np.ones((1, 2)), np.ones((1, 3))], DataError, "2 columns"),
        ([np.ones(3)], ArgumentError, "dimension"),
        ([np.full((1, 1), np.inf)], ArgumentError, "finite"),
        ([np.ones((0, 2))], ArgumentError, "nonempty"),
    ],
)
def test_bad_batches(batches, error, message):
    with pytest.raises(error, match=message):
        DataMatrix(batches)


def test_rows_that_are_not_as_said():
    with pytest.raises(ArgumentError, match="positive number of rows"):
        DataMatrix([np.ones((1, 1))], rows=0)
    X = DataMatrix([np.ones((2, 2))], rows=5)
    with pytest.raises(DataError, match="5 rows at each pass"):
        X.gram()
