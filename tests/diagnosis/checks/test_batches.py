"""How batches are made."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.batches import (
    check_batch_norm,
    check_imbalance_of_classes,
    check_order,
    check_repeats,
)


def in_order(step: int) -> torch.Tensor:
    return torch.arange(step * 32, (step + 1) * 32)


def test_sorted_classes(watched, digits, network) -> None:
    x, y = digits
    order = y.argsort()
    found = check_order(watched(network(64, 16, 10), x[order], y[order], rows=lambda s: in_order(4 * s)))
    assert found[0].code == "data.ordered"
    assert check_order(watched(network(64, 16, 10), x, y, rows=in_order)) == []


def test_sorted_numbers(watched, digits, network) -> None:
    x = digits[0]
    y = x.sum(1, keepdim=True)
    order = y[:, 0].argsort()
    settings = {"loss": functional.mse_loss, "rows": in_order}
    assert check_order(watched(network(64, 16, 1), x[order], y[order], **settings))[0].code == "data.ordered"
    assert check_order(watched(network(64, 16, 1), x, y, **settings)) == []


def test_false_alarms_of_shuffled_batches(watched, digits, network) -> None:
    found = [check_order(watched(network(64, 4, 10), *digits, steps=6, batch=8)) for _ in range(5)]
    assert not any(found)


def test_one_batch_again_and_again(watched, digits, network) -> None:
    held_out = (digits[0][:200], digits[1][:200])
    first = torch.arange(32)
    found = check_repeats(watched(network(64, 16, 10), *digits, rows=lambda s: first, held_out=held_out))
    assert found[0].code == "data.repeated"
    assert check_repeats(watched(network(64, 16, 10), *digits, held_out=held_out)) == []
    # All data in one batch: nothing else is ever shown.
    few = (digits[0][:32], digits[1][:32])
    assert check_repeats(watched(network(64, 16, 10), *few, rows=lambda s: first, held_out=few)) == []


@pytest.mark.parametrize(("batch", "confidence"), [(4, "high"), (8, "medium"), (32, None)])
def test_batch_norm(watched, digits, batch: int, confidence: str | None) -> None:
    model = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
    found = check_batch_norm(watched(model, *digits, batch=batch, steps=3))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])


def test_rare_classes(watched, digits, network) -> None:
    x, y = digits
    kept = (y == 0) | (torch.rand(len(y), generator=torch.Generator().manual_seed(0)) < 0.01)
    found = check_imbalance_of_classes(watched(network(64, 16, 10), x[kept], y[kept], batch=128))
    assert found[0].code == "imbalance.classes"
    assert check_imbalance_of_classes(watched(network(64, 16, 10), x, y)) == []
