"""Arrays of any library."""

import numpy as np
import pandas as pd
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.tasks.as_numpy import as_numpy, is_array_like


@pytest.mark.parametrize("source", [np.arange(3), torch.arange(3), pd.Series([0, 1, 2])])
def test_the_numbers_are_the_same(source):
    assert is_array_like(source)
    assert as_numpy(source).tolist() == [0, 1, 2]


@pytest.mark.parametrize("tensor", [torch.ones(2, requires_grad=True), torch.ones(2, dtype=torch.bfloat16)])
def test_a_tensor_that_numpy_cannot_read_is_refused_in_words(tensor):
    with pytest.raises(ArgumentError, match=r"a Tensor that it cannot read.*detach"):
        as_numpy(tensor)


def test_a_scalar_is_no_array():
    for scalar in (np.str_("a.csv"), np.float64(1.0), np.bool_(True)):
        assert not is_array_like(scalar)
