"""A small training under watch, every update seen, for the tests of checks."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher

Watched = Callable[..., Record]


@pytest.fixture(scope="session")
def digits() -> tuple[Tensor, Tensor]:
    """Handwritten digits: [1797, 64] in [0, 1], and their labels, shuffled."""
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    return torch.tensor(x, dtype=torch.float32)[order] / 16.0, torch.tensor(y)[order]


@pytest.fixture(scope="session")
def watched() -> Watched:
    """Train and watch."""

    def train(
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        loss: Callable[[Any, Tensor], Tensor] = functional.cross_entropy,
        optimizer: torch.optim.Optimizer | None = None,
        steps: int = 12,
        batch: int = 32,
        rows: Callable[[int], Tensor] | None = None,
        before_update: Callable[[], None] | None = None,
        held_out: tuple[Tensor, Tensor] | None = None,
        each: Callable[[int], None] | None = None,
    ) -> Record:
        torch.manual_seed(0)
        if optimizer is None:
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        watcher = Watcher({"": model}, [optimizer], every=1)
        watcher.attach()
        for step in range(steps):
            chosen = torch.randint(len(x), (batch,)) if rows is None else rows(step)
            optimizer.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            if before_update is not None:
                before_update()
            optimizer.step()
            if each is not None:
                each(step)
            if held_out is not None and step % 4 == 3:
                training = model.training
                model.eval()
                with torch.no_grad():
                    functional.cross_entropy(model(held_out[0]), held_out[1])
                model.train(training)
        watcher.detach()
        return watcher.record

    return train


@pytest.fixture
def network() -> Callable[..., nn.Sequential]:
    """A dense network with the layers asked for."""

    def make(*widths: int, activation: type[nn.Module] = nn.ReLU, seed: int = 0) -> nn.Sequential:
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), activation()]
        return nn.Sequential(*layers[:-1])

    return make
