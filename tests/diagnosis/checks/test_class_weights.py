"""Weights of the ones that go beyond balance."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.class_weights import check_beyond_balance, weights_of


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (12.0, [("imbalance.weights", "high")]),
        (5.0, [("imbalance.weights", "medium")]),
        (1.0, []),
        (None, []),
    ],
)
def test_the_weight_of_rare_ones(watched, digits, network, times: float | None, found) -> None:
    x, y = digits
    rare = (y < 2).float()
    balanced = (1 - rare).sum() / rare.sum()
    weight = None if times is None else times * balanced

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        # A label for each of two tokens, as one that says the same twice.
        return nn.BCEWithLogitsLoss(pos_weight=weight)(out, target[:, None].expand(out.shape))

    record = watched(network(64, 16, 2), x, rare, loss=loss, batch=64)
    told = check_beyond_balance(record)
    assert [(f.code, f.confidence) for f in told] == found
    if told:
        shown = dict(told[0].picture.curves["ratio"])
        assert shown[0.0] == pytest.approx(times, rel=0.2)
    weights = weights_of(record.tapes[-1])
    assert weights is None if weight is None else weights.tolist() == pytest.approx([1.0, float(weight)])


def test_common_ones_are_another_matter(watched, digits, network) -> None:
    x, y = digits

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))(out, target[:, None].expand(out.shape))

    assert check_beyond_balance(watched(network(64, 16, 2), x, (y > 2).float(), loss=loss)) == []
