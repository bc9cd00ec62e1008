"""Examples are kept within bounds, as copies, with the targets that belong to them."""

from itertools import pairwise

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


def test_a_target_as_long_as_several_passes_is_cut_to_them() -> None:
    rows = Rows()
    keeper = KeptRows(rows)
    for size in (3, 3, 2):
        keeper.keep([torch.rand(size, 4)], 7)
    keeper.keep_target(torch.arange(8))
    assert [t.tolist() for t in rows.targets] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    keeper.keep([torch.rand(3, 4)], 8)
    keeper.keep_target(torch.arange(11))  # the passes before belong to another evaluation
    assert rows.targets[-1] is None


def test_a_long_evaluation_leaves_room_for_what_comes_after_it() -> None:
    rows = Rows()
    keeper = KeptRows(rows, full=100)
    for begin in (0, 1, 2):
        keeper.keep([begin + torch.rand(80, 4)], 0)
    assert [len(b) for b in rows.inputs] == [80, 80, 32]
    keeper.keep_target(torch.arange(80))
    assert rows.targets[-1].tolist() == list(range(32))
    same = torch.rand(5, 4)
    keeper.keep([same], 1)
    keeper.keep([same], 2)  # evaluated again
    assert rows.steps == [0, 0, 0, 1]


def test_bags_of_tokens_and_what_else_is_given() -> None:
    rows = Rows()
    keeper = KeptRows(rows)
    keeper.keep([torch.tensor([4, 5, 6, 7]), torch.tensor([0, 1, 1])], 0)
    assert rows.inputs[0].tolist() == [[4, -1, -1], [-1, -1, -1], [5, 6, 7]]
    keeper.keep([torch.zeros(2, 5, dtype=torch.long), torch.tensor([3, 5])], 1)  # lengths
    keeper.keep([torch.zeros(2, 5), torch.ones(2, 5, dtype=torch.bool)], 2)  # a mask
    keeper.keep([torch.arange(2), torch.arange(2)], 3)  # users and items
    assert rows.alone == [True, True, True, False]
    keeper.keep([torch.zeros(2, 5)], 4)
    keeper.met()
    assert rows.alone[-1] is False


def test_what_is_given_beside_the_first_tensor() -> None:
    rows = Rows()
    keeper = KeptRows(rows, full=4)
    words, numbers = torch.randint(9, (6, 3)), torch.rand(6, 2)
    keeper.keep([words, numbers, torch.tensor([3, 1, 2, 3, 3, 2])], 0)  # the last are lengths
    assert [t.tolist() for t in rows.beside[0]] == [numbers.tolist()]
    assert rows.alone == [False]
    keeper.keep([words], 1)
    assert rows.beside[1:] == [[]] or len(rows.beside) == 1  # the very same batch is not kept again
    keeper.keep([torch.rand(2, 3), torch.rand(2, 1)], 2)
    keeper.met()
    assert rows.beside[-1] is None
    keeper.keep([torch.rand(3, 3), torch.eye(3).to_sparse()], 3)
    assert rows.beside[-1] is None  # something is not kept


def test_parts_are_thinned_out_where_there_is_no_room(monkeypatch) -> None:
    monkeypatch.setattr(kept_rows, "MOST_ROWS", 500)
    rows = Rows()
    keeper = KeptRows(rows, full=100)
    for i in range(200):
        keeper.keep([i + torch.rand(64, 2)], 0)
        keeper.keep_target(torch.full((64,), i))
    first = [int(b.min()) for b in rows.inputs]
    assert first[:2] == [0, 1]  # whole
    assert [len(b) for b in rows.inputs[:2]] == [64, 64]
    assert all(len(b) == 32 for b in rows.inputs[2:])
    assert 250 <= sum(len(b) for b in rows.inputs) <= 532
    assert first == sorted(first)
    assert first[-1] > 180  # to the very end
    # Evenly: no gap beside the others is wide.
    assert max(b - a for a, b in pairwise(first[2:])) <= 33
    assert all(t is not None and int(t[0]) == f for t, f in zip(rows.targets, first, strict=True))
    assert len({len(c) for c in (rows.inputs, rows.targets, rows.steps, rows.alone, rows.beside)}) == 1
