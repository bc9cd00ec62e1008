"""Several tensors as one table."""

import torch

from fivefold.diagnosis.checks.whole import numbers_beside, whole_rows
from fivefold.diagnosis.observation.record import Rows


def kept(n: int = 300, *, width: int = 2) -> Rows:
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(3, (n, width), generator=generator)
    numbers = torch.randn(n, 2, generator=generator)
    return Rows([words], [numbers[:, 0]], [0], [False], [[numbers]])


def test_names_become_columns_and_numbers_stay() -> None:
    rows = kept()
    made = whole_rows(rows, kept(80))
    assert made is not None
    training, evaluation = made
    assert training.inputs[0].shape == (300, 8)
    assert training.alone == [True]
    assert torch.equal(training.inputs[0][:, 6:], rows.beside[0][0].double())
    assert torch.equal(training.inputs[0][:, 3:6].argmax(1), rows.inputs[0][:, 1])
    assert evaluation.inputs[0].shape == (80, 8)


def test_what_makes_no_table() -> None:
    single = Rows([torch.rand(9, 4)], [None], [0], [True], [[]])
    assert whole_rows(single, single) is None
    lost = kept()
    lost.beside = [None]
    assert whole_rows(lost, kept()) is None
    assert whole_rows(kept(width=40), kept(width=40)) is None  # a text
    other = whole_rows(kept(), kept(width=3))
    assert other is not None
    assert other[1].inputs == []  # evaluation examples of another form
    wide = kept(width=1)
    wide.beside = [[torch.rand(300, 2000)]]
    assert whole_rows(wide, wide) is None


def test_numbers_of_all_tensors() -> None:
    assert numbers_beside(kept())[0].shape == (300, 2)
    image = Rows([torch.rand(5, 3, 8, 8)], [None], [0], [False], [[torch.rand(5)]])
    assert numbers_beside(image)[0].shape == (5, 1)
    assert numbers_beside(Rows([torch.ones(5, 2, dtype=torch.long)], [None], [0], [True], [[]])) == []
    differing = Rows([torch.rand(5, 2), torch.rand(5, 3)], [None] * 2, [0, 1], [True] * 2, [[], []])
    assert numbers_beside(differing) == []
