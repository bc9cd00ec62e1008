"""The record's own names."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Tape


def test_names_of_several_models() -> None:
    record = Record(model={"g": nn.Linear(1, 1), "d": nn.Sequential(nn.Linear(1, 1))})
    assert [name for name, _ in record.parameters()] == ["g.weight", "g.bias", "d.0.weight", "d.0.bias"]
    assert [name for name, _ in record.modules()] == ["g", "d", "d.0"]


def _tape(rows: int) -> Tape:
    tape = Tape({})
    tape.entries.append(Entry(nn.ReLU(), (torch.zeros(rows, 2),), {}, [], None))
    return tape


@pytest.mark.parametrize(("rows", "kept"), [
    ([32, 32, 2], [32, 2, 32]),
    ([32, 32, 32, 32, 2], [32, 32, 2, 32]),
    ([32, 2, 32], [2, 32, 32]),
    ([32, 20], [32, 20]),  # no rest: more than half
    ([32, 2, 2, 2], [2, 2, 32, 2]),  # batches have become shorter
    ([2, 2], [2, 2]),
])  # fmt: skip
def test_the_rest_at_the_end_of_a_pass_is_not_the_last_tape(rows: list[int], kept: list[int]) -> None:
    record = Record()
    for each in rows:
        record.keep(_tape(each))
    assert [tape.rows for tape in record.tapes] == kept
