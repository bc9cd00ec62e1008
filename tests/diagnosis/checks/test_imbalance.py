"""Uneven classes are named where they cost something, and weights that make them worse."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.imbalance import _cost, check_imbalance_of_classes
from fivefold.diagnosis.observation.record import Record, Step
from fivefold.diagnosis.observation.summary import Summary


def rather_zero(record, size: float = 30.0):
    """Make a network say the first class of all it is given, in whatever order it ranks them."""
    list(record.model[""].modules())[-1].bias.data[0] += size
    return record


def test_rare_classes_that_the_network_ranks_and_never_tells(watched, digits, network) -> None:
    x, y = digits[0], (digits[1] == 0).long()
    model = network(64, 32, 2)
    settings = {"steps": 60, "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2)}
    record = watched(model, x, y, **settings)
    assert check_imbalance_of_classes(record) == []
    found = check_imbalance_of_classes(rather_zero(record))
    assert [(f.code, f.confidence) for f in found] == [("imbalance.classes", "medium")]


def test_uneven_classes_that_are_learnt_cost_nothing(watched, digits, network) -> None:
    x, y = digits[0], (digits[1] == 0).long()
    settings = {"steps": 120, "optimizer": None, "held_out": (x[:300], y[:300])}
    model = network(64, 32, 2)
    settings["optimizer"] = torch.optim.Adam(model.parameters(), lr=1e-2)
    assert check_imbalance_of_classes(watched(model, x, y, **settings)) == []


@pytest.mark.parametrize(
    ("held", "weight", "confidence"),
    [("even", False, "high"), ("uneven", False, None), ("even", True, None)],
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

    settings = {"loss": loss, "held_out": (x[shown], y[shown]), "batch": 128}
    found = check_imbalance_of_classes(watched(network(64, 16, 2), x[kept], y[kept], **settings))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])


def test_training_shares_that_exaggerate_those_of_evaluations(watched, digits, network) -> None:
    x, y = digits
    weights = torch.tensor([0.25**k for k in range(5)] + [0.0] * 5)
    generator = torch.Generator().manual_seed(0)
    uneven = torch.multinomial((0.5 ** y.float()) * (y < 5), 600, replacement=True, generator=generator)
    more = torch.multinomial(weights[y], 4000, replacement=True, generator=generator)
    settings = {"held_out": (x[uneven], y[uneven])}
    record = watched(network(64, 16, 10), x, y, rows=lambda s: more[128 * s : 128 * (s + 1)], **settings)
    assert [f.confidence for f in check_imbalance_of_classes(record)] == ["high"]
    same = torch.multinomial((0.5 ** y.float()) * (y < 5), 4000, replacement=True, generator=generator)
    record = watched(network(64, 16, 10), x, y, rows=lambda s: same[128 * s : 128 * (s + 1)], **settings)
    assert check_imbalance_of_classes(record) == []


@pytest.mark.parametrize(("power", "found"), [(1.0, True), (-1.0, False), (0.0, False)])
def test_weights_of_classes(watched, digits, network, power: float, found: bool) -> None:
    x, y = digits
    kept = torch.rand(len(y), generator=torch.Generator().manual_seed(0)) < 0.7 ** y.float()
    weight = (torch.bincount(y[kept]) / kept.sum()) ** power

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, target, weight=weight)

    record = watched(network(64, 16, 10), x[kept], y[kept], loss=loss, batch=64)
    told = check_imbalance_of_classes(record)
    assert [(f.code, f.confidence) for f in told] == ([("imbalance.weights", "high")] if found else [])
    for f in told:
        given, inverse = (dict(points) for points in f.picture.curves.values())
        assert sorted(given.values()) == pytest.approx(sorted(weight.tolist()))
        products = [y * 10**x for x, y in inverse.items()]
        assert products == pytest.approx([products[0]] * 10)


@pytest.mark.parametrize(("power", "found"), [(1.0, True), (-1.0, False), (0.0, False)])
def test_the_weight_of_the_ones(watched, digits, network, power: float, found: bool) -> None:
    x, y = digits
    rare = (y == 0).float()
    ratio = (rare.sum() / (1 - rare).sum()) ** power

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.BCEWithLogitsLoss(pos_weight=ratio)(out[:, 0], target)

    told = check_imbalance_of_classes(watched(network(64, 16, 1), x, rare, loss=loss, batch=64))
    weights = [f"{f.code} {f.confidence}" for f in told if f.code == "imbalance.weights"]
    assert weights == (["imbalance.weights high"] if found else [])


def test_two_classes_that_were_made_one_in_training(watched, digits, network) -> None:
    x, y = digits
    held_out = (x[1200:], y[1200:])
    x, y = x[:1200], y[:1200]

    def found(kept: torch.Tensor, labels: torch.Tensor) -> list[tuple[str, str]]:
        record = watched(network(64, 16, 10), x[kept], labels[kept], batch=64, held_out=held_out)
        return [(f.code, f.confidence) for f in check_imbalance_of_classes(record)]

    whole = torch.ones(len(y), dtype=torch.bool)
    assert found(whole, y) == []
    assert found(whole, y.clamp(max=8)) == [("labels.noise", "high")]
    assert found(y != 9, y) == []  # it is missing, and no other has its examples


@pytest.mark.parametrize(("batch", "confidence"), [(64, "medium"), (0, "high")])
def test_a_split_that_was_not_shuffled(watched, digits, network, batch: int, confidence: str) -> None:
    order = digits[1].argsort(stable=True)
    x, y = digits[0][order], digits[1][order]
    few = torch.randperm(1797, generator=torch.Generator().manual_seed(1))[:600]

    def found(training: torch.Tensor, held: torch.Tensor) -> list[tuple[str, str]]:
        rows = None if batch else lambda s: torch.arange(len(training))
        settings = {"batch": batch, "rows": rows, "held_out": (x[held], y[held])}
        record = watched(network(64, 16, 10), x[training], y[training], **settings)
        return [(f.code, f.confidence) for f in check_imbalance_of_classes(record)]

    rows = torch.arange(1797)
    assert found(rows[:600], few) == [("imbalance.classes", confidence)]
    assert found(few, rows) == []
    assert found(rows[:1200], rows[:600]) == []  # classes that evaluations leave out cost nothing there


@pytest.mark.parametrize(("power", "confidence"), [(1.0, None), (2.0, "medium")])
def test_shares_that_grow_faster_than_in_evaluations(power: float, confidence: str | None) -> None:
    held = 1000 * 0.85 ** np.arange(10)
    told = _cost(Record(), 1e5 * (held / held.sum()) ** power, held)
    assert (None if told is None else told[1]) == confidence


@pytest.mark.parametrize(("share", "confidence"), [(0.02, "medium"), (0.1, "low"), (0.5, None)])
def test_a_loss_by_hand_whose_answers_cannot_be_asked(share: float, confidence: str | None) -> None:
    inputs = Summary((64, 4), "float32", 0.0, 1.0, -2.0, 2.0, 1.0, 0.0)
    steps = [Step(i, loss=1.0, shares=share, inputs=[inputs]) for i in range(8)]
    found = check_imbalance_of_classes(Record(steps=steps, count=8))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])


@pytest.mark.parametrize(("times", "found"), [(4.0, True), (1.0, False), (0.3, False)])
def test_weights_beyond_the_inverse_of_the_shares(
    watched, digits, network, times: float, found: bool
) -> None:
    x, y = digits
    rare = (y == 0).float()

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ones = target.sum().clamp(min=1)
        return nn.BCEWithLogitsLoss(pos_weight=times * (1 - target).sum() / ones)(out[:, 0], target)

    told = check_imbalance_of_classes(watched(network(64, 16, 1), x, rare, loss=loss, batch=128, steps=16))
    told = [f for f in told if f.code == "imbalance.weights"]
    assert [f.confidence for f in told] == (["medium"] if found else [])
    assert all("all its examples together count" in f.evidence for f in told)
