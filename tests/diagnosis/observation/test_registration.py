"""Parameters that torch or the optimizer does not know of are named, and no others."""

import torch
from torch import nn

from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.registration import look_over


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = [nn.Linear(2, 2), nn.Linear(2, 2)]
        self.table = {"scale": nn.Parameter(torch.ones(2))}
        self.head = nn.Linear(2, 1)
        self.again = [self.head]
        self.frozen = nn.Linear(2, 2).requires_grad_(False)


def test_all_three_kinds() -> None:
    model = Listed()
    record = Record(model={"": model})
    look_over(record, [torch.optim.SGD([model.head.weight], lr=0.1)])
    assert record.hidden == ["blocks", "table"]
    assert record.outside == ["head.bias"]
    assert record.frozen == ["frozen.weight", "frozen.bias"]


def test_modules_held_in_lists_but_given_to_the_optimizer_are_known() -> None:
    model = Listed()
    parts = [*model.parameters(), *(p for b in model.blocks for p in b.parameters()), model.table["scale"]]
    record = Record(model={"": model})
    look_over(record, [torch.optim.SGD(parts, lr=0.1)])
    assert record.hidden == []
    assert record.outside == []


def test_torch_s_own_references_are_no_faults() -> None:
    model = nn.Sequential(nn.LSTM(2, 3), nn.TransformerEncoderLayer(4, 2), nn.MultiheadAttention(4, 2))
    record = Record(model={"": model})
    look_over(record, [torch.optim.SGD(model.parameters(), lr=0.1)])
    assert record.hidden == []
