"""Targets that a mask made zero on one side."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.zeroed_targets import check_zeroed_targets
from fivefold.diagnosis.observation.record import Record


def codes(training: Tensor, evaluation: Tensor) -> list[tuple[str, str]]:
    record = Record()
    for rows, targets in ((record.training_rows, training), (record.evaluation_rows, evaluation)):
        rows.inputs, rows.targets, rows.steps = [torch.randn(len(targets), 3)], [targets], [0]
        rows.alone, rows.beside = [True], [[]]
    return [(f.code, f.confidence) for f in check_zeroed_targets(record)]


def test_targets_that_are_zero_in_training_alone_are_found() -> None:
    generator = torch.Generator().manual_seed(0)
    x, held = torch.randn(2, 200, 16, generator=generator)
    kept = torch.rand(200, 16, generator=generator) > 0.4
    assert codes(x * kept, held) == [("mask.one-sided", "medium")]
    assert codes(x, held) == []
    assert codes(x * kept, held * kept) == []
    assert codes(x.relu(), held.relu()) == []
    assert codes(x * kept, held[:20]) == []  # too few
