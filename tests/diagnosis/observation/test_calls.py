"""Calls of torch's functions are described as they were made."""

import math

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from fivefold.diagnosis.observation.calls import (
    along,
    attention,
    dropping,
    labels_compared,
    loss_call,
    place_of_user,
    push,
    remove,
    saturation,
)


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


def test_saturation_of_a_softmax_inside_the_model() -> None:
    scores = torch.zeros(2, 6, 6)
    scores[0, :, 0] = 50.0
    found = along(functional.softmax, (scores,), {"dim": -1}, "model", scores.softmax(-1))
    assert found.value == 0.5
    assert math.isnan(along(functional.softmax, (scores,), {"dim": -1}, "", scores.softmax(-1)).value)
    # Rows that are masked down to fewer than four entries have no choice.
    masked = torch.zeros(6, 6).masked_fill(torch.ones(6, 6).triu(1).bool(), -math.inf)
    assert saturation(masked, masked.softmax(-1)) == 0.0
    assert math.isnan(saturation(masked[:3], masked[:3].softmax(-1)))


def test_fused_attention_is_looked_at_as_the_written_one() -> None:
    q = torch.randn(2, 3, 8, 4, generator=torch.Generator().manual_seed(0))
    for causal in (False, True):
        scores = 30 * q @ q.transpose(-2, -1)
        if causal:
            scores = scores.masked_fill(torch.ones(8, 8).triu(1).bool(), -math.inf)
        found = attention((q, q, q), {"scale": 30.0, "is_causal": causal})
        assert found.value == pytest.approx(saturation(scores, scores.softmax(-1)))
    mask = torch.ones(8, 8).tril().bool()
    assert attention((q, q, q, mask), {"scale": 30.0}).value == found.value
    assert attention((q[0, 0], q[0, 0], q), {}) is None


def test_dropout_that_is_on() -> None:
    x = torch.ones(4, 3)
    assert dropping(functional.dropout, (x,), {"p": 0.3, "training": True}).value == 0.3
    assert dropping(functional.dropout, (x, 0.3, False), {}) is None
    assert dropping(functional.dropout, (x, 0.0), {}) is None


class Mode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def test_our_mode_is_below_those_of_the_user_and_above_the_default_device() -> None:
    ours, theirs = Mode(), Mode()
    with torch.device("cpu"), theirs:
        push(ours)
        # A mode of the user's takes the topmost off: it must be its own.
        assert torch._C._get_function_stack_at(torch._C._len_torch_function_stack() - 1) is theirs
        assert torch._C._get_function_stack_at(1) is ours
        remove(ours)
        assert torch._C._len_torch_function_stack() == 2
    assert torch._C._len_torch_function_stack() == 0


def test_a_mode_that_ends_leaves_ours_in_place() -> None:
    ours = Mode()
    with Mode():
        push(ours)
    assert torch._C._len_torch_function_stack() == 1
    remove(ours)
    assert torch._C._len_torch_function_stack() == 0
