"""Penalties, noise, clipping and precision."""

import math
import statistics

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.regularisation import check_clipping, check_precision, check_regularisation
from fivefold.diagnosis.observation.record import Group, LossCall, ParameterStep, Record, Step
from fivefold.diagnosis.observation.summary import Summary


@pytest.mark.parametrize(("decay", "found"), [(0.5, True), (1e-4, False)])
def test_decay(watched, digits, network, decay: float, found: bool) -> None:
    model = network(64, 32, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=decay)
    seen = check_regularisation(watched(model, *digits, optimizer=optimizer, steps=40))
    assert [f.code for f in seen] == (["regularisation.decay"] if found else [])


@pytest.mark.parametrize(
    ("decay", "rate", "shrunk", "found"),
    [
        (5e-2, 0.1, 0.1, True),
        (5e-4, 0.1, 0.1, False),  # batch norm lets weights shrink
        (5e-2, 1e-3, 0.1, False),  # it takes off a two-thousandth at an update
        (5e-2, 0.1, 0.9, False),
    ],
)
def test_decay_whose_pull_the_noise_of_batches_hides(
    decay: float, rate: float, shrunk: float, found: bool
) -> None:
    group = Group("SGD", {"lr": rate, "momentum": 0.9, "weight_decay": decay}, ("w",))
    seen = Record(count=100)
    for i in range(100):
        norm = 10.0 * shrunk ** min(1.0, i / 30)
        gradient = decay * norm / 0.3  # a third of the gradient's norm, most of which is noise
        seen.steps.append(
            Step(i, loss=1.0, groups=[group], parameters=[ParameterStep("w", norm, gradient, 0.1, 9)])
        )
    told = check_regularisation(seen)
    assert [f.code for f in told] == (["regularisation.decay"] if found else [])
    assert all("takes off 5.0% of the weights" in f.evidence for f in told)


@pytest.mark.parametrize(("factor", "found"), [(0.5, True), (1e-5, False)])
def test_penalty(watched, digits, network, factor: float, found: bool) -> None:
    model = network(64, 32, 10)

    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, y) + factor * sum(p.square().sum() for p in model.parameters())

    seen = check_regularisation(watched(model, *digits, loss=loss, steps=6))
    assert [f.code for f in seen] == (["regularisation.penalty"] if found else [])
    for told in seen:
        shares = sorted(y for _, y in told.picture.curves["penalty"])
        assert shares[0] > told.picture.level[0]
        assert f"{statistics.median(shares):.0%} of the total" in told.evidence


@pytest.mark.parametrize(("p", "confidence"), [(0.9, "high"), (0.7, "medium"), (0.5, None)])
def test_dropout(watched, digits, p: float, confidence: str | None) -> None:
    model = nn.Sequential(nn.Linear(64, 32), nn.Dropout(p), nn.Linear(32, 10))
    found = check_regularisation(watched(model, *digits, steps=3))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])
    assert all(f.picture.curves["share"] == ((0.0, p),) and f.picture.names == ("1",) for f in found)


def test_clipping(watched, digits, network) -> None:
    def clipped(bound: float) -> list:
        model = network(64, 32, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def cut() -> None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), bound)

        return check_clipping(watched(model, *digits, optimizer=optimizer, before_update=cut, steps=6))

    assert [(f.code, f.confidence) for f in clipped(0.01)] == [("clipping.always", "high")]
    assert clipped(5.0) == []


def test_precision(watched, digits, network) -> None:
    x, y = digits
    model = network(64, 32, 10).bfloat16()
    found = check_precision(watched(model, x.bfloat16(), y, steps=3))
    assert found[0].code == "precision.half-weights"
    assert found[0].picture.level[0] == 4e-3
    assert len(found[0].picture.curves["change"]) == 3
    assert check_precision(watched(network(64, 32, 10), x, y, steps=3)) == []


def test_predictions_beyond_half_precision() -> None:
    def call(high: float, finite: float = 1.0) -> LossCall:
        seen = Summary((4,), "float16", 0.0, 1.0, -1.0, high, finite, 0.0)
        return LossCall("mse_loss", {}, 1.0, seen, seen, math.nan, math.nan, (), None)

    steps = [Step(i, losses=[call(high)]) for i, high in enumerate((10.0, 40_000.0, 60_000.0))]
    (found,) = check_precision(Record(steps=steps))
    assert found.code == "precision.overflow"
    assert "6e+04" in found.evidence
    assert found.picture.curves["prediction"] == ((0.0, 10.0), (1.0, 40_000.0), (2.0, 60_000.0))
    assert check_precision(Record(steps=steps[:1])) == []


def test_dropout_that_is_called_as_a_function(watched, digits) -> None:
    class Called(nn.Module):
        def __init__(self, p: float) -> None:
            super().__init__()
            self.a, self.b, self.p = nn.Linear(64, 32), nn.Linear(32, 10), p

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(functional.dropout(functional.relu(self.a(x)), self.p, self.training))

    found = check_regularisation(watched(Called(0.9), *digits, steps=3))
    assert [(f.code, f.confidence) for f in found] == [("regularisation.dropout", "high")]
    assert found[0].picture.names == ("a call of dropout",)
    assert found[0].place is not None
    assert check_regularisation(watched(Called(0.3), *digits, steps=3)) == []
    assert check_regularisation(watched(Called(0.9).eval(), *digits, steps=3)) == []  # it is switched off


@pytest.mark.parametrize(("share", "confidence"), [(0.8, "high"), (0.45, "medium"), (0.1, None)])
def test_smoothing(watched, digits, network, share: float, confidence: str | None) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, y, label_smoothing=share)

    found = check_regularisation(watched(network(64, 16, 10), *digits, loss=loss, steps=3))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])
    assert all(f.picture.curves["share"] == ((0.0, 1.0 - share), (1.0, share)) for f in found)


@pytest.mark.parametrize(
    ("kind", "decay", "shrunk", "found"),
    [
        ("Adam", 0.05, 0.4, True),
        ("Adam", 0.05, 0.9, False),
        ("Adam", 5e-3, 0.4, False),
        ("AdamW", 0.05, 0.4, False),
    ],
)
def test_decay_that_adam_divides(kind: str, decay: float, shrunk: float, found: bool) -> None:
    group = Group(kind, {"lr": 5e-3, "weight_decay": decay}, ("w",))
    seen = Record(count=100)
    for i in range(100):
        norm = 10.0 * shrunk ** min(1.0, i / 50)
        seen.steps.append(
            Step(i, loss=1.0, groups=[group], parameters=[ParameterStep("w", norm, 5.0, 0.1, 9)])
        )
    assert [f.code for f in check_regularisation(seen)] == (["regularisation.decay"] if found else [])
