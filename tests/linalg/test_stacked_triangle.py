import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg.stacked_triangle import stacked_triangle

RNG = np.random.default_rng(21)
X = torch.from_numpy(RNG.standard_normal((60, 3)) * [1.0, 1e-6, 1e3] + 5)
Y = X[:, :1] * 2 + 1


@pytest.mark.parametrize("sizes", [(60,), (1, 1, 58), (20, 20, 20)])
def test_singular_values_do_not_depend_on_the_batches(sizes):
    blocks = list(zip(X.split(sizes), Y.split(sizes), strict=True))
    zero, one = torch.zeros(4).double(), torch.ones(4).double()
    R, _, _, rows, count = stacked_triangle(blocks, zero, one, ones=False)
    whole = torch.linalg.svdvals(torch.cat([X, Y], dim=1))
    assert torch.allclose(torch.linalg.svdvals(R)[:3], whole[:3], rtol=1e-12)
    assert (rows, count) == (60, len(sizes))


def test_a_column_of_ones_centres():
    R, shift, scale, _, _ = stacked_triangle([(X, Y)], None, None, ones=True)
    centred = torch.linalg.svdvals((X - X.mean(0)) / scale[:3])
    assert torch.allclose(torch.linalg.svdvals(R[1:, 1:4]), centred, rtol=1e-9)
    assert torch.allclose(shift[:3], X.mean(0))


def test_not_finite_rows_are_refused():
    bad = X.clone()
    bad[7, 1] = torch.nan
    with pytest.raises(ArgumentError, match="finite numbers in X, rows 0 to 59"):
        stacked_triangle([(bad, Y)], None, None, ones=False)
