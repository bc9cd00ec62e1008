"""Labels of few examples, beside what as many held-out ones would teach."""

import pytest
import torch

from fivefold.diagnosis.checks.few_labels import check_few_labels
from fivefold.diagnosis.observation.record import Record


def record(x, y, held, labels) -> Record:
    out = Record()
    for rows, inputs, targets in (
        (out.training_rows, x, y),
        (out.evaluation_rows, held, labels),
    ):
        rows.inputs, rows.targets, rows.steps = [inputs], [targets], [0]
        rows.alone, rows.beside = [True], [[]]
    return out


@pytest.mark.parametrize("shuffled", [False, True])
def test_labels_in_another_order_are_found(digits, shuffled) -> None:
    x, y = digits
    labels = y[:100][torch.randperm(100, generator=torch.Generator().manual_seed(0))] if shuffled else y[:100]
    found = check_few_labels(record(x[:100], labels, x[100:900], y[100:900]))
    assert [(f.code, f.confidence) for f in found] == ([("labels.unrelated", "high")] if shuffled else [])


def test_nothing_is_said_where_as_many_held_out_examples_tell_nothing(digits) -> None:
    x, y = digits
    noise = torch.randint(10, (900,), generator=torch.Generator().manual_seed(0))
    assert check_few_labels(record(x[:100], noise[:100], x[100:900], noise[100:900])) == []
    # Held-out examples that are the training examples with their own labels tell nothing new.
    assert check_few_labels(record(x[:100], noise[:100], x[:100], y[:100])) == []
