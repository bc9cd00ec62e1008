"""Networks that are written out by hand."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from fivefold.diagnosis.checks.written_out import check_written_out
from fivefold.diagnosis.observation.loose import Loose
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher

SHAPES = (8, 32, 32, 2)


def drawn(scale: float = 1.0, constant: bool = False) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    weights = []
    for n_in, n_out in pairwise(SHAPES):
        random = torch.randn(n_in, n_out, generator=generator) * scale / n_in**0.5
        weights.append(torch.full((n_in, n_out), 1.0 / n_in) if constant else random)
    return weights


def trained(
    weights: list[Tensor], activation: Callable[[Tensor], Tensor] = torch.tanh, rows: bool = False
) -> Record:
    weights = [(w.T.contiguous() if rows else w).clone().requires_grad_() for w in weights]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    watcher = Watcher({"": Loose({f"w{i}": w for i, w in enumerate(weights)})}, [optimizer], every=1)
    watcher.attach()
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        optimizer.zero_grad()
        x = torch.randn(16, 8, generator=generator)
        h = x
        for i, w in enumerate(weights):
            h = torch.nn.functional.linear(h, w) if rows else h @ w
            h = activation(h) if i < len(weights) - 1 else h
        (0.5 * (h - x[:, :2])).square().mean().backward()
        optimizer.step()
    watcher.detach()
    return watcher.record


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize(
    ("weights", "activation", "codes"),
    [
        (drawn(), torch.tanh, []),
        (drawn(2.0), torch.relu, []),
        (drawn(6.0), torch.tanh, ["initialisation.too-large"]),
        (drawn(constant=True), torch.tanh, ["initialisation.constant"]),
        (drawn(), lambda h: 0.5 * h + 1.0, ["capacity.linear"]),
        ([*drawn()[:2], torch.zeros(32, 2)], torch.tanh, []),  # a last layer may begin at zero
        ([drawn(constant=True)[0], *drawn()[1:]], torch.tanh, []),  # the next layer tells its units apart
        ([drawn(constant=True)[0], drawn()[1][:, :1].repeat(1, 32), drawn()[2]], torch.tanh, []),
    ],
)
def test_by_weights_and_activation(weights, activation, rows: bool, codes: list[str]) -> None:
    assert [f.code for f in check_written_out(trained(weights, activation, rows))] == codes


def test_a_factorisation_is_linear_on_purpose() -> None:
    torch.manual_seed(0)
    wide = [torch.randn(8, 32) / 8**0.5, torch.randn(32, 2) / 32**0.5]
    assert [f.code for f in check_written_out(trained(wide, lambda h: h))] == ["capacity.linear"]
    assert check_written_out(trained([torch.randn(8, 1) / 8**0.5, torch.randn(1, 2)], lambda h: h)) == []


def test_modules_are_asked_elsewhere() -> None:
    assert check_written_out(Record(model={"": torch.nn.Linear(2, 2)})) == []
