"""A state goes through JSON and arrays and comes back with the same bits."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fivefold.core import ArgumentError, ArtifactError
from fivefold.optimize.training.state_tree import flatten_state, restore_state


def there_and_back(value):
    tree, arrays = flatten_state(value)
    return restore_state(json.loads(json.dumps(tree, allow_nan=False)), arrays)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_values_come_back_equal_and_of_the_same_type(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.complex64, torch.complex128,
     torch.int64, torch.uint8, torch.bool, torch.uint16],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 2, 5)])
def test_tensors_keep_type_shape_and_bits(dtype, shape):
    value = (torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 9).to(dtype)
    back = there_and_back({"x": value})["x"]
    assert (back.dtype, back.shape) == (value.dtype, value.shape)
    assert torch.equal(back, value)


def test_what_is_not_finite_keeps_its_bits():
    strange = torch.tensor([0x7FC00001, 0x7F800000, 0x80000000, 1], dtype=torch.int64).to(torch.int32)
    value = strange.view(torch.float32)
    assert torch.equal(there_and_back(value).view(torch.int32), strange)
    back = there_and_back([math.inf, -math.inf, math.nan])
    assert back[:2] == [math.inf, -math.inf]
    assert math.isnan(back[2])


def test_the_order_of_memory_of_images_is_kept():
    value = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    back = there_and_back(value)
    assert torch.equal(back, value)
    assert back.stride() == value.stride()


@pytest.mark.parametrize(
    "value",
    [
        torch.randn(5, 7).T,
        torch.linalg.eigh(torch.randn(4, 4) + 4 * torch.eye(4))[1],
        torch.randn(2, 3, 4).permute(2, 0, 1),
        torch.full((3, 2), torch.nan).T,
    ],
)
def test_matrices_by_columns_stay_so(value):
    back = there_and_back(value)
    assert torch.equal(back.nan_to_num(), value.nan_to_num())
    assert back.stride() == value.stride()


def test_arrays_and_numbers_of_numpy():
    state = np.random.RandomState(3).get_state()
    back = there_and_back(state)
    assert isinstance(back, tuple)
    assert back[0] == "MT19937"
    assert back[1].dtype == np.uint32
    assert (back[1] == state[1]).all()
    assert there_and_back([np.float64(0.1), np.int32(4)]) == [0.1, 4]


@pytest.mark.parametrize("value", [{1, 2}, object(), {"a": {(1, 2): 3}}, {True: 1}, [b"bytes"]])
def test_what_needs_pickle_is_refused(value):
    with pytest.raises(ArgumentError, match="the state"):
        flatten_state(value)


@pytest.mark.parametrize(
    "tree",
    [{"tensor": "t9", "dtype": "torch.float32"}, {"tensor": "t0", "dtype": "os.system"}, {"dict": [[1]]}, {},
     {"tensor": "t0", "dtype": "torch.bfloat16", "shape": [7]}, {"float": "much"}],
)  # fmt: skip
def test_a_tree_that_does_not_fit_is_refused(tree):
    with pytest.raises(ArtifactError, match="a state whose parts fit"):
        restore_state(tree, {"t0": np.ones(3, np.uint8)})
