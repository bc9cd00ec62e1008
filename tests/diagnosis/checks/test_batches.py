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
    # Users, of whom there are few, beside items.
    record = watched(network(64, 16, 10), *digits, rows=lambda s: first, held_out=held_out)
    record.training_rows.inputs = [torch.arange(32) for _ in record.training_rows.inputs]
    assert check_repeats(record) == []


def test_few_examples_of_their_nature(watched, digits, network) -> None:
    labels = digits[1][:400]
    which = torch.randint(20, (400,), generator=torch.Generator().manual_seed(0))
    states = torch.eye(64)[which]  # as in a small game
    held_out = (states[:200], labels[:200])
    assert check_repeats(watched(network(64, 16, 10), states, labels, held_out=held_out)) == []
    names = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 10))  # numbers that name things
    held_out = (torch.arange(20).repeat(10), labels[:200])
    assert check_repeats(watched(names, which, labels, held_out=held_out)) == []


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


def test_sorted_examples_without_targets(watched, digits, network) -> None:
    x, y = digits

    def found(order: torch.Tensor) -> list[tuple[str, str]]:
        settings = {"loss": lambda out, _: (out**2).mean(), "rows": lambda s: in_order(4 * s)}
        record = watched(network(64, 8, 2), x[order], y, **settings)
        record.training_rows.targets = [None] * len(record.training_rows.inputs)
        return [(f.code, f.confidence) for f in check_order(record)]

    assert found(y.argsort()) == [("data.ordered", "medium")]
    assert found(torch.arange(len(y))) == []


@pytest.mark.parametrize(
    ("held", "weight", "confidence"),
    [("even", False, "high"), ("uneven", False, "medium"), ("even", True, None)],
)
def test_rare_classes_beside_those_of_evaluations(
    watched, digits, network, held: str, weight: bool, confidence: str | None
) -> None:
    x, y = digits[0], (digits[1] == 0).long()
    kept = (y == 0) | (torch.rand(len(y), generator=torch.Generator().manual_seed(0)) < 0.4)
    even = torch.cat([torch.where(y == 0)[0][:150], torch.where(y == 1)[0][:150]])
    shown = even if held == "even" else torch.where(kept)[0][:300]
    scale = torch.tensor([1.0, 20.0]) if weight else None

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, target, weight=scale)

    settings = {"loss": loss, "held_out": (x[shown], y[shown])}
    found = check_imbalance_of_classes(watched(network(64, 16, 2), x[kept], y[kept], **settings))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])
