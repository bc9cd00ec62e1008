"""Noise that is the same at each update."""

import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.checks.repeated_noise import check_repeated_noise
from fivefold.diagnosis.observation.record import Record


@pytest.mark.parametrize("draw", [torch.randn, torch.rand])
@pytest.mark.parametrize("anew", [True, False])
def test_a_generator_that_begins_anew(digits, draw, anew: bool) -> None:
    x, generator, record = digits[0], torch.Generator().manual_seed(0), Record()
    for step in range(8):
        clean = x[step * 32 : (step + 1) * 32]
        if anew:
            generator = torch.Generator().manual_seed(0)
        noise = draw(clean.shape, generator=generator)
        record.training_rows.inputs.append(clean + noise)
        record.training_rows.targets.append(noise)
    found = check_repeated_noise(record)
    assert [(f.code, f.confidence) for f in found] == ([("data.repeated", "high")] if anew else [])
    if anew:
        assert found[0].evidence.startswith("7 of 7 successive watched batches")
        assert found[0].picture.curves["share"][0][1] == 1.0


def test_measured_targets_of_all_examples_may_come_again(digits) -> None:
    x, y = digits[0][:64], digits[0][64:128]
    record = Record()
    for step in range(8):
        noise = 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(step))
        record.training_rows.inputs.append(x + noise)
        record.training_rows.targets.append(y)
    assert check_repeated_noise(record) == []


def test_the_same_batch_again_is_another_finding(watched, digits, network) -> None:
    x = digits[0][:64]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(64)
    record = watched(network(64, 64), x, noise, loss=functional.mse_loss, rows=lambda step: rows)
    assert check_repeated_noise(record) == []
