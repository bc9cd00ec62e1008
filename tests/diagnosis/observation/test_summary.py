"""Tensors in a few numbers, against NumPy."""

import math

import numpy as np
import pytest
import torch

from fivefold.diagnosis.observation.summary import MOST_NUMBERS, summarise


def test_against_numpy() -> None:
    x = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) * 3 + 100
    found = summarise(x)
    reference = x.numpy().astype(np.float64)
    assert found.mean == pytest.approx(reference.mean(), rel=1e-6)
    assert found.std == pytest.approx(reference.std(), rel=1e-5)
    assert (found.low, found.high) == (reference.min(), reference.max())
    assert (found.finite, found.zeros) == (1.0, 0.0)


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    found = summarise(torch.tensor([1.0, math.nan, math.inf, 3.0]))
    assert (found.finite, found.mean, found.high) == (0.5, 2.0, 3.0)
    assert math.isnan(summarise(torch.full((3,), math.nan)).mean)
    assert summarise(torch.full((3,), math.nan)).finite == 0.0


def test_integers_empty_and_large_ones() -> None:
    found = summarise(torch.arange(4))
    assert found.integer
    assert found.mean == 1.5
    assert summarise(torch.empty(0, 3)).shape == (0, 3)
    large = summarise(torch.arange(3 * MOST_NUMBERS))
    assert large.mean == pytest.approx(1.5 * MOST_NUMBERS, rel=1e-4)
