"""Evaluation inputs that are prepared in another way."""

import torch

from fivefold.diagnosis.checks.preparation import check_preparation
from fivefold.diagnosis.observation.record import Record


def test_preparation(watched, digits, network) -> None:
    x, y = digits

    def with_inputs(held_out) -> list:
        return check_preparation(
            watched(network(64, 16, 10), x[:1400], y[:1400], held_out=(held_out, y[1400:]))
        )

    assert with_inputs(16 * x[1400:])[0].code == "data.preparation"
    assert with_inputs(x[1400:] + 1.0)[0].code == "data.preparation"
    assert with_inputs(x[1400:]) == []


def record(x: torch.Tensor, others: torch.Tensor) -> Record:
    out = Record()
    for rows, inputs in ((out.training_rows, x), (out.evaluation_rows, others)):
        rows.inputs, rows.targets, rows.steps = [inputs], [None], [0]
    return out


def test_tokens_of_another_vocabulary() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = 1.0 / torch.arange(1, 61)
    x = torch.multinomial(weights.expand(700, -1), 12, replacement=True, generator=generator)
    assert check_preparation(record(x[:400], x[400:])) == []
    found = check_preparation(record(x[:400], torch.randperm(60, generator=generator)[x[400:]]))
    assert [f.code for f in found] == ["data.preparation"]


def test_images_turned_or_dark_for_bright(digits) -> None:
    x = digits[0].reshape(-1, 8, 8)
    assert check_preparation(record(x[:600], x[600:1000])) == []
    found = check_preparation(record(x[:600], x[600:1000].transpose(1, 2)))
    assert [f.code for f in found] == ["data.preparation"]
    # Standardised by themselves, dark for bright leaves every scale as it is.
    z = (digits[0] - digits[0].mean(0)) / digits[0].std(0).clamp_min(0.01)
    assert check_preparation(record(z[:600], z[600:1000])) == []
