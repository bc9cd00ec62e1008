"""Probabilities for logits, and the reverse."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.loss_inputs import check_loss_inputs


def codes(record) -> list[str]:
    return [f.code for f in check_loss_inputs(record)]


@pytest.mark.parametrize(
    ("last", "loss", "expected"),
    [
        (nn.Softmax(1), functional.cross_entropy, ["loss.probabilities"]),
        (nn.Identity(), functional.cross_entropy, []),
        (nn.LogSoftmax(1), functional.cross_entropy, []),  # harmless: applied twice it is the same
        (nn.LogSoftmax(1), functional.nll_loss, []),
        (nn.Identity(), functional.nll_loss, ["loss.not-log-probabilities"]),
        (nn.Softmax(1), functional.nll_loss, ["loss.not-log-probabilities"]),
    ],
)
def test_of_classes(watched, digits, network, last: nn.Module, loss, expected: list[str]) -> None:
    model = nn.Sequential(*network(64, 32, 10), last)
    found = check_loss_inputs(watched(model, *digits, loss=loss, steps=4))
    assert [f.code for f in found] == expected
    for picture in (f.picture for f in found):
        if loss is functional.cross_entropy:
            assert all(y < picture.level[0] for _, y in picture.curves["distance"])
            assert len(picture.curves["distance"]) == 4
        else:
            most = max(y for _, y in picture.curves["highest"])
            assert f"values up to {most:.3g}" in found[0].evidence


@pytest.mark.parametrize(("last", "expected"), [(nn.Sigmoid(), ["loss.probabilities"]), (nn.Identity(), [])])
def test_of_two_classes(watched, digits, network, last: nn.Module, expected: list[str]) -> None:
    x, y = digits
    model = nn.Sequential(*network(64, 32, 1), last)
    even = (y % 2 == 0).float()[:, None]
    record = watched(model, x, even, loss=functional.binary_cross_entropy_with_logits, steps=8)
    assert codes(record) == expected
    if expected:
        (told,) = check_loss_inputs(record)
        assert told.place is not None
        ends = [y for curve in told.picture.curves.values() for _, y in curve]
        assert len(ends) == 16
        assert 0.0 <= min(ends) < max(ends) <= told.picture.level[0]


def test_logits_that_happen_to_sum_to_one_once_are_no_fault(watched, digits) -> None:
    class Once(nn.Linear):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Once.calls += 1
            out = super().forward(x)
            return out.softmax(1) if Once.calls == 1 else out

    assert codes(watched(Once(64, 10), *digits, steps=4)) == []
