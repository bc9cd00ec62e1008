"""Columns of targets that every example has."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.constant_targets import check_constant_targets
from fivefold.diagnosis.observation.record import Record, Rows


def seen(y: Tensor) -> Record:
    torch.manual_seed(1)
    x = torch.randn(len(y), 3)
    blocks = len(y) // 50
    return Record(
        training_rows=Rows(
            list(x.chunk(blocks)), list(y.float().chunk(blocks)), list(range(blocks)), [True] * blocks
        )
    )


def grades(n: int = 400) -> Tensor:
    return torch.randint(5, (n, 1), generator=torch.Generator().manual_seed(0))


def test_thresholds_that_are_off_by_one() -> None:
    found = check_constant_targets(seen(grades() >= torch.arange(4)))
    assert [(f.code, f.confidence) for f in found] == [("targets.constant", "high")]
    assert "column 0" in found[0].title
    found = check_constant_targets(seen(grades() > torch.arange(1, 5)))
    assert [(f.code, f.confidence) for f in found] == [("targets.constant", "medium")]
    assert "column 3" in found[0].title


def test_thresholds_that_tell_all_grades_apart() -> None:
    assert check_constant_targets(seen(grades() > torch.arange(4))) == []


def test_a_tag_that_all_have_and_one_that_none_has() -> None:
    torch.manual_seed(0)
    tags = torch.rand(400, 5) < 0.3
    assert check_constant_targets(seen(tags)) == []
    rare = tags.clone()
    rare[:, 2] = False
    assert check_constant_targets(seen(rare)) == []
    rare[:, 2] = True
    assert [(f.code, f.confidence) for f in check_constant_targets(seen(rare))] == [
        ("targets.constant", "medium")
    ]


def test_few_examples_and_other_numbers_say_nothing() -> None:
    assert check_constant_targets(seen(grades(250) >= torch.arange(4))) == []
    assert check_constant_targets(seen(3.0 * (grades() >= torch.arange(4)))) == []
    assert check_constant_targets(Record()) == []
