"""Scales of inputs and targets."""

import pytest
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.scales import check_inputs, check_targets


@pytest.mark.parametrize(("factor", "found"), [(255.0, True), (1.0, False), (5.0, False)])
def test_inputs(watched, digits, network, factor: float, found: bool) -> None:
    x, y = digits
    seen = check_inputs(watched(network(64, 16, 10), factor * x, y, steps=4))
    assert bool(seen) == found


def test_inputs_that_the_model_normalises_itself(watched, digits, network) -> None:
    x, y = digits
    model = nn.Sequential(nn.BatchNorm1d(64), *network(64, 16, 10))
    assert check_inputs(watched(model, 255 * x, y, steps=4)) == []


@pytest.mark.parametrize(("factor", "found"), [(50.0, True), (1.0, False)])
def test_targets(watched, digits, network, factor: float, found: bool) -> None:
    x, y = digits
    target = factor * y.float()[:, None] / 9
    seen = check_targets(watched(network(64, 16, 1), x, target, loss=functional.mse_loss, steps=4))
    assert bool(seen) == found
