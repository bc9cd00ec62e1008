"""Sequences laid out along one axis and read along the other."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.time_axis import axis_of_time, check_time_axis
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record


def text(length: int = 20_000) -> torch.Tensor:
    """A walk on 20 tokens, each of which is followed by one of two."""
    steps = torch.randint(1, 3, (length,), generator=torch.Generator().manual_seed(0))
    return steps.cumsum(0) % 20


class Reader(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.embed, self.rnn = nn.Embedding(20, 4), nn.GRU(4, 8, batch_first=batch_first)
        self.head = nn.Linear(8, 20)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.embed(x))[0])


def test_a_text_cut_up_by_view(watched) -> None:
    ids = text()
    right, wrong = ids.view(200, 100), ids.view(100, 200).t()

    def findings(x: torch.Tensor, *, batch_first: bool = True) -> list[Finding]:
        def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(out.flatten(0, 1), y.flatten())

        rows = torch.arange(60)
        model = Reader(batch_first)
        settings = {"loss": loss, "steps": 3, "rows": lambda s: rows + 5 * s}
        return check_time_axis(watched(model, x[:, :-1], x[:, 1:], **settings))

    assert findings(right) == []
    (found,) = findings(wrong)
    assert found.code == "axis.time"
    # Each token is followed by one of two, among 20: log 10 nats.
    shown = found.picture.curves["what one tells of the other, nats"]
    assert [y for _, y in shown] == pytest.approx([math.log(10), 0.0], abs=0.1)
    assert findings(wrong, batch_first=False) == []  # time is first, and is read as such


def test_the_axis_is_told_by_likeness() -> None:
    walk = torch.randn(30, 40, 2, generator=torch.Generator().manual_seed(0)).cumsum(1)
    record = Record()
    for x, axis in ((walk, 1), (walk.transpose(0, 1), 0), (torch.randn(30, 40, 2), None)):
        record.training_rows.inputs = [x]
        assert axis_of_time(record) == axis
    record.training_rows.inputs = [torch.rand(30, 8)]
    assert axis_of_time(record) is None


def test_levels_of_places_are_no_likeness_of_examples() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = 3 * torch.randn(1, 40, 2, generator=generator) + torch.randn(30, 40, 2, generator=generator)
    record = Record()
    record.training_rows.inputs = [pictures]
    assert axis_of_time(record) is None
    record.training_rows.inputs = [pictures.transpose(0, 1)]
    assert axis_of_time(record) is None
