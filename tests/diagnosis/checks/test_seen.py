"""What several checks ask of a record."""

import math

import pytest
import torch

from fivefold.diagnosis.checks.seen import (
    batch_size,
    curve,
    initial_loss,
    late,
    late_loss,
    median,
    stacked,
    whole_loss,
)
from fivefold.diagnosis.observation.record import LossCall, Record, Rows, Step
from fivefold.diagnosis.observation.summary import summarise


def test_numbers() -> None:
    assert median([1.0, math.nan, 3.0]) == 2.0
    assert math.isnan(median([]))
    steps = [Step(i, loss=float(10 - i)) for i in range(0, 10, 3)]
    steps[1].loss = math.nan
    assert curve(steps, (s.loss for s in steps)) == ((0.0, 10.0), (6.0, 4.0), (9.0, 1.0))
    assert [s.index for s in late(steps)] == [6, 9]
    assert late([]) == []
    record = Record(steps=steps)
    assert (initial_loss(record), late_loss(record)) == (10.0, 1.0)


def test_rows() -> None:
    blocks = [torch.ones(3, 2, 2), torch.zeros(2, 2, 2), torch.zeros(2, 5)]
    rows = Rows(blocks, [torch.arange(3), torch.arange(2), torch.arange(2)], [0, 1, 2])
    x, y = stacked(rows)
    assert x.shape == (5, 4)
    assert y.tolist() == [0, 1, 2, 0, 1]
    rows.targets[1] = None
    assert stacked(rows)[1] is None
    assert stacked(Rows())[0].size == 0
    record = Record(steps=[Step(0, inputs=[summarise(b)]) for b in blocks])
    assert batch_size(record) == pytest.approx(2)


def test_a_loss_that_was_divided_by_its_backward_passes() -> None:
    some = summarise(torch.ones(3))
    call = LossCall("mse_loss", {}, 0.8, some, some, math.nan, math.nan, (), None)
    assert whole_loss(Step(0, loss=0.2, backwards=4, losses=[call])) == pytest.approx(0.8)
    assert whole_loss(Step(0, loss=0.8, backwards=4, losses=[call])) == 0.8  # it was not divided
    assert whole_loss(Step(0, loss=0.2, backwards=4)) == 0.2
