"""Bytes held at once, against sums by hand."""

import numpy as np
import pytest
import torch

from fivefold.optimize.comparison.memory_meter import MemoryMeter

MIB = 2**20


def test_tensors_that_live_together_add_up_and_dead_ones_do_not() -> None:
    with MemoryMeter() as meter:
        x = torch.zeros(MIB // 8, dtype=torch.float64)
        for _ in range(5):
            y = x + 1
            del y
        z = x + 2
        del x, z
    assert 2 * MIB <= meter.tensor_peak < 2.1 * MIB


def test_views_and_what_was_there_before_count_nothing() -> None:
    x = torch.zeros(MIB, dtype=torch.float64)
    with MemoryMeter() as meter:
        views = [x.reshape(-1, 2), x[5:], x.view(2, -1)]
        x.add_(1.0)
    assert len(views) == 3
    assert meter.tensor_peak < 1000


def test_numpy_counts_too() -> None:
    with MemoryMeter() as meter:
        x = np.zeros(4 * MIB // 8)
    assert x.size
    assert 4 * MIB <= meter.python_peak < 4.5 * MIB
    assert meter.peak >= meter.python_peak


def test_the_limit_calls_back() -> None:
    def stop() -> None:
        raise MemoryError("enough")

    with pytest.raises(MemoryError, match="enough"), MemoryMeter(MIB, stop):
        torch.zeros(MIB, dtype=torch.float64)
    with MemoryMeter(16 * MIB, stop):
        torch.zeros(MIB, dtype=torch.float64)


def test_under_function_transforms() -> None:
    w = torch.ones(1000, dtype=torch.float64)
    with MemoryMeter() as meter:
        torch.func.vmap(lambda v: v * 2)(w.expand(16, 1000).clone())
    assert meter.tensor_peak >= 2 * 16 * 8000
