"""Blocks of curvature against their dense form."""

import pytest
import torch

from fivefold.calculus.row_blocks import RowBlocks
from fivefold.core import ArgumentError

G = torch.Generator().manual_seed(0)
FACTORS = 1 + torch.randn(4, 3, 2, generator=G, dtype=torch.float64)


def test_blocks_factors_and_numbers(case):
    blocks = FACTORS @ FACTORS.mT
    case.contract(RowBlocks(blocks, scale=0.5), 0.5 * torch.block_diag(*blocks))
    factors = RowBlocks(FACTORS, "factors", scale=3.0)
    assert factors.positive
    case.contract(factors, 3 * torch.block_diag(*blocks) / 2)
    case.contract(RowBlocks(FACTORS[:, 0, 0], scale=2.0), 2 * torch.diag(FACTORS[:, 0, 0]))
    case.contract(RowBlocks(FACTORS[:, :1], "factors"), torch.diag((FACTORS[:, 0] ** 2).sum(1) / 2))


def test_refuses():
    with pytest.raises(ArgumentError, match=r"blocks of shape \[n\] or \[n, K, K\]"):
        RowBlocks(torch.ones(2, 3))
    with pytest.raises(ArgumentError, match=r"factors of shape \[n, K, S\]"):
        RowBlocks(torch.ones(2), "factors")
