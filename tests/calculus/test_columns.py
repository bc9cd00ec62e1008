"""Batches of matrices through a function of one."""

import torch

from fivefold.calculus.columns import over_columns


def test_over_columns_keeps_the_batch(case):
    X = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    torch.testing.assert_close(over_columns(lambda c: case.A @ c, X), case.A @ X, rtol=1e-14, atol=1e-14)


def test_the_dtype_of_the_columns_stays():
    assert over_columns(lambda X: X.double(), torch.ones(3, 2)).dtype == torch.float32
    assert over_columns(lambda X: X.double(), torch.ones(2, 3, 2)).dtype == torch.float32
