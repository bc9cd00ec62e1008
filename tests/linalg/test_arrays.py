import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Identity
from fivefold.linalg.arrays import in_kind, to_tensor, wants_numpy


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        ([1, 2], torch.float64),
        (np.array([True]), torch.float64),
        (np.ones(2, np.float32), torch.float32),
        (np.ones(2, np.float16), torch.float32),
        (np.ones(2, np.longdouble), torch.float64),
        (np.ones(2, ">f8"), torch.float64),
        (np.arange(4.0)[::-1], torch.float64),
        (torch.ones(2, dtype=torch.bfloat16), torch.float32),
        (torch.ones(2, dtype=torch.int32), torch.float64),
    ],
)
def test_dtypes_and_values(x, dtype):
    out = to_tensor(x, "x")
    assert out.dtype == dtype
    values = x.tolist() if isinstance(x, torch.Tensor) else np.asarray(x).astype(float).tolist()
    assert out.tolist() == values


def test_a_read_only_array_is_copied():
    x = np.ones(3)
    x.flags.writeable = False
    to_tensor(x, "x")[0] = 5.0
    assert x[0] == 1.0


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, float("nan")], "finite numbers in x; got 1 NaN"),
        (np.array(["a"]), "numbers"),
        ([1j], "real numbers"),
        (torch.ones(1, dtype=torch.complex64), "real numbers"),
        ([[1.0], [1.0, 2.0]], "rectangular"),
        ([], "nonempty"),
        (1.0, "at least 1 dimension"),
    ],
)
def test_bad_input_is_named(x, message):
    with pytest.raises(ArgumentError, match=message):
        to_tensor(x, "x")


def test_dimensions_are_checked():
    with pytest.raises(ArgumentError, match="1 or 2 dimension"):
        to_tensor(np.ones((1, 1, 1)), "x", dims=(1, 2))


def test_the_last_array_decides_the_kind():
    assert not wants_numpy(Identity(2))
    assert wants_numpy(Identity(2), np.ones(2))
    assert wants_numpy(torch.ones(2), [1.0])
    assert isinstance(in_kind(torch.ones(2), np.ones(1)), np.ndarray)
    assert isinstance(in_kind(torch.ones(2), torch.ones(1)), torch.Tensor)


def test_arrays_by_columns_stay_as_they_lie():
    columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert to_tensor(columns, "x").stride() == (1, 2)
    assert to_tensor(columns, "x").data_ptr() == columns.ctypes.data
    assert to_tensor(columns[::-1], "x").tolist() == columns[::-1].tolist()
    assert to_tensor(np.arange(6.0).reshape(2, 3)[:, ::2], "x").tolist() == [[0.0, 2.0], [3.0, 5.0]]
    assert to_tensor(columns.astype(">f8"), "x").tolist() == columns.tolist()
