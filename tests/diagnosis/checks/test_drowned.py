"""Inputs beside the noise that training adds to them."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.drowned import check_drowned
from fivefold.diagnosis.observation.record import Record


def codes(training: Tensor, evaluation: Tensor) -> list[tuple[str, str]]:
    record = Record()
    for rows, inputs in ((record.training_rows, training), (record.evaluation_rows, evaluation)):
        rows.inputs, rows.targets, rows.steps = [inputs], [None], [0]
        rows.alone, rows.beside = [True], [[]]
    return [(f.code, f.confidence) for f in check_drowned(record)]


def test_noise_far_above_the_inputs_is_found(digits) -> None:
    x = digits[0] / digits[0].std()
    noise = 0.1 * torch.randn(800, 64, generator=torch.Generator().manual_seed(0))
    assert codes(x[:800] / 100 + noise, x[800:1600] / 100) == [("inputs.scale", "high")]
    assert codes(x[:800] + noise, x[800:1600]) == []
    assert codes(x[:800] + 30 * noise, x[800:1600]) == []  # inputs of the scale of one: meant so
    assert codes(x[:800] / 10, x[800:1600] / 100) == []  # another scale, and no noise
    assert codes(x[:40] / 100 + noise[:40], x[800:1600] / 100) == []
