"""What training examples teach, and whether it holds for evaluation examples."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.labels import check_labels
from fivefold.diagnosis.observation.record import Record


def record(x: torch.Tensor, y: torch.Tensor, others: torch.Tensor, told: torch.Tensor) -> Record:
    out = Record()
    for rows, inputs, targets in ((out.training_rows, x, y), (out.evaluation_rows, others, told)):
        rows.inputs, rows.targets, rows.steps = [inputs], [targets], [0]
    return out


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("sound", []),
        ("columns", ["data.preparation"]),
        ("classes", ["data.preparation"]),
        ("order", ["labels.unrelated"]),
        ("noisier", []),
    ],
)
def test_digits(digits, name: str, codes: list[str]) -> None:
    x, y = digits
    generator = torch.Generator().manual_seed(0)
    others, told = x[1200:1700], y[1200:1700]
    if name == "columns":
        others = others[:, torch.randperm(64, generator=generator)]
    elif name == "classes":
        told = (told + 3) % 10
    elif name == "order":
        told = told[torch.randperm(500, generator=generator)]
    elif name == "noisier":
        others = others + 0.2 * torch.randn(others.shape, generator=generator)
    assert [f.code for f in check_labels(record(x[:800], y[:800], others, told))] == codes


def test_texts_with_a_vocabulary_of_their_own() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(4, (900,), generator=generator)
    x = torch.where(
        torch.rand(900, 9, generator=generator) < 0.5,
        10 * y[:, None] + torch.randint(10, (900, 9), generator=generator),
        torch.randint(40, (900, 9), generator=generator),
    )
    other = torch.randperm(40, generator=generator)
    assert check_labels(record(x[:600], y[:600], x[600:], y[600:])) == []
    found = check_labels(record(x[:600], y[:600], other[x[600:]], y[600:]))
    assert [(f.code, f.confidence) for f in found] == [("data.preparation", "high")]
    (_, training), (_, evaluation), _ = found[0].picture.curves["share"]
    assert evaluation < found[0].picture.level[0] < training


def test_targets_shifted_by_a_row_in_training() -> None:
    """Each row holds the target of the row before, so that shifted targets are known by heart."""
    generator = torch.Generator().manual_seed(0)
    tells = torch.randn(1401, 2, generator=generator)
    y = (tells[:, 0] > 0).long() + (tells[:, 1] > 0.5)
    before = nn.functional.one_hot(y[:-1], 3).float()
    x, target = torch.cat([before, tells[1:], tells[1:] + tells[:-1]], 1), y[1:]
    assert check_labels(record(x[:900], target[:900], x[900:], target[900:])) == []
    found = check_labels(record(x[:900], y[:900], x[900:], target[900:]))
    assert [(f.code, f.confidence) for f in found] == [("labels.unrelated", "high")]
