"""Calls of torch's functions are described as they were made."""

import math

import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.observation.calls import along, labels_compared, loss_call, place_of_user


def described(function, *args, **kwargs):
    return loss_call(function, args, kwargs, function(*args, **kwargs))


def test_a_loss_of_classes() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    labels = torch.tensor([0, 0, 1])
    found = described(functional.cross_entropy, logits, labels, label_smoothing=0.1)
    assert found.function == "cross_entropy"
    assert found.settings["label_smoothing"] == 0.1
    assert found.right == pytest.approx(1 / 3)
    assert found.classes == (2, 1)
    assert found.row_sum_error == pytest.approx(2.0)
    assert found.place.path == __file__
    assert described(functional.cross_entropy, logits.softmax(1), labels).row_sum_error < 1e-6


def test_ignored_labels_are_not_judged() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    found = described(functional.cross_entropy, logits, torch.tensor([0, -100]))
    assert found.right == 1.0
    assert found.classes == (1, 0)


def test_a_loss_of_two_classes_and_one_of_numbers() -> None:
    found = described(functional.binary_cross_entropy_with_logits, torch.tensor([1.0, -1.0]), torch.ones(2))
    assert found.right == 0.5
    assert found.classes == (0, 2)
    found = described(functional.mse_loss, torch.zeros(4, 1), torch.ones(4, 1), reduction="none")
    assert found.value == 1.0
    assert math.isnan(found.right)
    assert loss_call(functional.mse_loss, (torch.zeros(2),), {}, torch.zeros(())) is None


def test_operations_along_a_dimension() -> None:
    x = torch.zeros(5, 3)
    assert along(functional.softmax, (x,), {"dim": -1}, "").dim == 1
    assert along(torch.softmax, (x, 0), {}, "head").inside == "head"
    assert along(functional.normalize, (x,), {}, "").dim == 1
    assert along(functional.softmax, (x,), {}, "") is None


def test_comparisons_of_labels() -> None:
    a, b = torch.tensor([1, 2, 3]), torch.tensor([1, 0, 3])
    assert labels_compared(torch.eq, (a, b), a == b)[:2] == (2, 3)
    assert labels_compared(torch.eq, (a, 1), a == 1) is None
    assert labels_compared(torch.eq, (a.float(), b.float()), a == b) is None
    assert labels_compared(torch.add, (a, b), a + b) is None


def test_the_line_of_the_user() -> None:
    assert place_of_user().path == __file__
