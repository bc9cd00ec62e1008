"""Held-out examples that are not held out, or prepared in another way."""

import torch
from torch.nn import functional

from fivefold.diagnosis.checks.held_out import check_leak, check_preparation, check_telling_column
from fivefold.diagnosis.observation.record import Record


def test_shared_examples(watched, digits, network) -> None:
    x, y = digits
    record = watched(network(64, 16, 10), x, y, steps=20, held_out=(x[:300], y[:300]))
    assert check_leak(record)[0].code == "data.leak"
    apart = watched(network(64, 16, 10), x[:1400], y[:1400], steps=20, held_out=(x[1400:], y[1400:]))
    assert check_leak(apart) == []


def test_preparation(watched, digits, network) -> None:
    x, y = digits

    def with_inputs(held_out) -> list:
        return check_preparation(
            watched(network(64, 16, 10), x[:1400], y[:1400], held_out=(held_out, y[1400:]))
        )

    assert with_inputs(16 * x[1400:])[0].code == "data.preparation"
    assert with_inputs(x[1400:] + 1.0)[0].code == "data.preparation"
    assert with_inputs(x[1400:]) == []


def test_a_column_made_from_the_target(watched, network) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 4, generator=generator)
    y = x[:, :1] + torch.randn(600, 1, generator=generator)

    def found(column: torch.Tensor) -> list:
        z = torch.cat([x, column], 1)
        model = network(5, 8, 1)
        return check_telling_column(watched(model, z, y, loss=functional.mse_loss, steps=20))

    assert found(y * 3)[0].code == "data.leak"
    assert "column 4" in found(y * 3)[0].title
    assert found(torch.randn(600, 1, generator=generator)) == []
    assert found(y + torch.randn(600, 1, generator=generator)) == []  # a good predictor, no copy


def test_a_column_that_tells_in_training_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    record = Record()
    for rows, told in ((record.training_rows, 1.0), (record.evaluation_rows, 0.0)):
        x = torch.randn(300, 3, generator=generator)
        y = x[:, 0] + torch.randn(300, generator=generator)
        x[:, 2] += told * y
        rows.inputs, rows.targets, rows.steps = [x], [y], [0]
    assert "input column 2" in check_telling_column(record)[0].title
    record.training_rows.inputs[0][:, 2] = torch.randn(300, generator=generator)
    assert check_telling_column(record) == []


def test_tokens_that_come_one_by_one_are_no_leak() -> None:
    record = Record()
    for rows in (record.training_rows, record.evaluation_rows):
        rows.inputs, rows.targets, rows.steps = [torch.randint(50, (400,))], [None], [0]
    assert check_leak(record) == []
