"""Examples that are in training and in evaluation, on one scale or on two."""

import pytest
import torch

from fivefold.diagnosis.checks.same_examples import check_same_examples
from fivefold.diagnosis.observation.record import Record


def record(x: torch.Tensor, held: torch.Tensor) -> Record:
    out = Record()
    for rows, inputs in ((out.training_rows, x), (out.evaluation_rows, held)):
        rows.inputs, rows.targets, rows.steps = [inputs], [None], [0]
        rows.alone, rows.beside = [True], [[]]
    return out


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(("scale", "shift", "found"), [(1.0, 0.0, 0), (1.3, 0.0, 1), (1.0, 0.8, 1)])
def test_another_scale_is_found(scale, shift, found, shuffled) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(100, 12, generator=generator)
    held = scale * x + shift
    held = held[torch.randperm(100, generator=generator)] if shuffled else held
    codes = [(f.code, f.confidence) for f in check_same_examples(record(x, held))]
    assert codes == [("data.preparation", "high")] * found


def test_other_examples_are_not_compared() -> None:
    generator = torch.Generator().manual_seed(0)
    x, other = torch.randn(2, 100, 12, generator=generator)
    assert check_same_examples(record(x, 1.3 * other)) == []
    assert check_same_examples(record(x, x + 0.8 + 0.05 * other)) == []  # augmented
