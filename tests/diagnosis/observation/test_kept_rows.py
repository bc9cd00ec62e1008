"""Examples are kept within bounds, as copies, with the targets that belong to them."""

import torch

from fivefold.diagnosis.observation import kept_rows
from fivefold.diagnosis.observation.kept_rows import KeptRows
from fivefold.diagnosis.observation.record import Rows


def test_bounds_and_copies(monkeypatch) -> None:
    monkeypatch.setattr(kept_rows, "MOST_ROWS", 6)
    rows = Rows()
    keeper = KeptRows(rows)
    x = torch.ones(4, 3)
    for step in range(4):
        keeper.keep([x], step)
    x.zero_()
    assert rows.steps == [0, 1]
    assert bool((rows.inputs[0] == 1).all())
    monkeypatch.setattr(kept_rows, "MOST_BYTES", 8)
    keeper = KeptRows(Rows())
    keeper.keep([torch.ones(4, 3)], 0)
    keeper.keep([], 0)
    assert keeper._rows.inputs == []


def test_targets_by_example_and_by_token() -> None:
    rows = Rows()
    keeper = KeptRows(rows)
    keeper.keep_target(torch.ones(3))  # nothing is kept yet
    keeper.keep([torch.zeros(2, 5, dtype=torch.long)], 0)
    keeper.keep_target_of((torch.zeros(10, 7), torch.arange(10)), {})
    assert rows.targets[0].shape == (2, 5)
    keeper.keep([torch.zeros(2, 5)], 1)
    keeper.keep_target(torch.ones(3))  # of another batch
    assert rows.targets[1] is None
    keeper.keep_target(torch.ones(2))
    assert rows.targets[1].shape == (2,)
