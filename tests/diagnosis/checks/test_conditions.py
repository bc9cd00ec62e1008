"""Numbers that are given beside the inputs, in training and in evaluation."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.conditions import check_conditions, check_sizes
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.watch import watch


class Told(nn.Module):
    """A network that is told a number with each example."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(9, 8)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        return self.layer(torch.cat([x, level.float()[:, None]], 1))


def trained(draw: Callable[[int], Tensor], tested: list[float]) -> Record:
    torch.manual_seed(0)
    model = Told()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    seen = watch(model, optimizer, every=1)
    for _ in range(8):
        x = torch.randn(32, 8)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x, draw(32)), x).backward()
        optimizer.step()
    with torch.no_grad():
        for level in tested:
            x = torch.randn(64, 8)
            nn.functional.mse_loss(model(x, torch.full((64,), level)), x)
    seen.close()
    return seen.record


LEVELS = [2.0, 8.0, 14.0, 20.0, 26.0, 32.0, 38.0, 44.0]


@pytest.mark.parametrize(
    ("draw", "tested", "found"),
    [
        (lambda n: torch.randint(50, (n,)), LEVELS, []),
        (lambda n: torch.randint(50, (n,)) / 50, LEVELS, ["high"]),
        (lambda n: torch.randint(5, (n,)), LEVELS, ["high"]),
        (lambda n: torch.rand((n,)), [1.05, 1.1, 1.2, 1.25], []),  # a trend that goes on
        (lambda n: torch.full((n,), 3.0), LEVELS, []),
        (lambda n: torch.arange(n) // 8, LEVELS, []),  # which graph a node belongs to
    ],
)
def test_numbers_beyond_what_training_shows_are_found(draw, tested, found) -> None:
    seen = trained(draw, tested)
    assert len(seen.training_rows.numbers) == len(seen.training_rows.inputs) == 8
    assert [f.confidence for f in check_conditions(seen)] == found


def test_nothing_is_said_where_nothing_is_given_beside() -> None:
    assert check_conditions(Record()) == []


@pytest.mark.parametrize(("scale", "found"), [(1.0, []), (4.5, ["medium"]), (8.0, ["high"])])
def test_a_signal_on_another_scale_than_its_noise_is_found(scale: float, found: list[str]) -> None:
    generator = torch.Generator().manual_seed(0)
    level = torch.randint(50, (600,), generator=generator)
    kept = (1 - level / 50)[:, None] ** 4
    signal, noise = torch.randn(2, 600, 20, generator=generator)
    record = Record()
    rows = record.training_rows
    rows.inputs, rows.steps = [kept.sqrt() * scale * signal + (1 - kept).sqrt() * noise], [0]
    rows.targets, rows.alone, rows.beside, rows.numbers = [noise], [False], [[]], [[level]]
    assert [f.confidence for f in check_sizes(record)] == found
