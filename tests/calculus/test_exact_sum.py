"""Sums over batches."""

import pytest
import torch

from fivefold.calculus.exact_sum import exact_sum
from fivefold.core import DataError


def test_float32_parts_are_added_without_rounding():
    parts = [torch.tensor([2.0**24]), torch.tensor([1.0]), torch.tensor([-(2.0**24)])]
    assert exact_sum(iter(parts)).tolist() == [1.0]  # float32 gives 0
    assert parts[0].tolist() == [2.0**24], "the parts are left as they are"
    assert exact_sum(parts).dtype == torch.float64


def test_one_part_stays_as_it_is():
    part = torch.ones(2)
    assert exact_sum([part]) is part


def test_no_parts_are_refused():
    with pytest.raises(DataError, match="at least one batch"):
        exact_sum([])
