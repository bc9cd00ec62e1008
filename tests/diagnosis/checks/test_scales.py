"""Scales of inputs and targets."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.scales import check_inputs, check_targets
from fivefold.diagnosis.observation.record import Record, Rows
from fivefold.diagnosis.observation.watcher import Watcher


@pytest.mark.parametrize(("factor", "found"), [(255.0, True), (1.0, False), (5.0, False)])
def test_inputs(watched, digits, network, factor: float, found: bool) -> None:
    x, y = digits
    seen = check_inputs(watched(network(64, 16, 10), factor * x, y, steps=4))
    assert bool(seen) == found


def test_inputs_that_the_model_normalises_itself(watched, digits, network) -> None:
    x, y = digits
    model = nn.Sequential(nn.BatchNorm1d(64), *network(64, 16, 10))
    assert check_inputs(watched(model, 255 * x, y, steps=4)) == []


@pytest.mark.parametrize(("factor", "found"), [(50.0, True), (1.0, False)])
def test_targets(watched, digits, network, factor: float, found: bool) -> None:
    x, y = digits
    target = factor * y.float()[:, None] / 9
    seen = check_targets(watched(network(64, 16, 1), x, target, loss=functional.mse_loss, steps=4))
    assert bool(seen) == found


@pytest.mark.parametrize(("factor", "confidence"), [(1e-4, "high"), (1e-2, "medium"), (0.1, None)])
def test_inputs_that_were_divided_twice(
    watched, digits, network, factor: float, confidence: str | None
) -> None:
    seen = check_inputs(watched(network(64, 16, 10), factor * digits[0], digits[1], steps=4))
    assert [f.confidence for f in seen] == ([confidence] if confidence else [])


def test_inputs_that_the_model_divides_itself(watched, digits) -> None:
    class Divided(nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.layers, self.by = nn.Linear(64, 10), by

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers(x / self.by)

    x, y = 255 * digits[0], digits[1]
    assert check_inputs(watched(Divided(255.0), x, y, steps=4)) == []
    assert check_inputs(watched(Divided(1.0), x, y, steps=4))[0].confidence == "high"


class Both(nn.Module):
    """Words and numbers beside them."""

    def __init__(self, *, norm: bool = False) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(20, 8), nn.BatchNorm1d(2) if norm else nn.Identity()
        self.head = nn.Linear(10, 3)

    def forward(self, words: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.words(words), self.norm(numbers)], 1))


@pytest.mark.parametrize(("factor", "found"), [(500.0, True), (1.0, False)])
def test_numbers_beside_words(factor: float, found: bool) -> None:
    torch.manual_seed(0)
    model = Both()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(4):
        words, numbers = torch.randint(20, (32,)), factor * torch.rand(32, 2)
        functional.cross_entropy(model(words, numbers), words % 3).backward()
        optimizer.step()
    watcher.detach()
    seen = [(f.code, f.confidence) for f in check_inputs(watcher.record)]
    assert seen == ([("inputs.scale", "high")] if found else [])


def test_a_column_that_drowns_beside_the_others() -> None:
    torch.manual_seed(0)
    rows = torch.randn(400, 3)
    flag = (torch.rand(400, 1) < 0.001).float()
    flag[0] = 1.0  # hardly ever on: its spread is small, as it should be

    def found(x: torch.Tensor) -> list[tuple[str, str]]:
        record = Record(training_rows=Rows([x], [None], [0], [True], [None]))
        return [(f.code, f.confidence) for f in check_inputs(record)]

    assert found(rows) == []
    assert found(torch.cat([rows, flag], 1)) == []
    assert found(rows * torch.tensor([1.0, 0.1, 1.0])) == []
    assert found(rows * torch.tensor([1.0, 0.02, 1.0])) == [("inputs.scale", "medium")]
    assert found(torch.randn(400, 40) * torch.logspace(0, -4, 40)) == [], "places of a signal"
