"""Gradients through depth."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.gradient_flow import check_gradient_flow


def test_sigmoids_in_depth_lose_the_gradient_and_rectifiers_keep_it(watched, digits, network) -> None:
    found = check_gradient_flow(watched(network(64, *[32] * 7, 10, activation=nn.Sigmoid), *digits, steps=4))
    assert [(f.code, f.confidence) for f in found] == [("gradient.vanishes", "high")]
    deep = network(64, *[32] * 7, 10)
    for layer in deep:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    assert check_gradient_flow(watched(deep, *digits, steps=4)) == []


def test_large_weights_in_depth_blow_it_up(watched, digits, network) -> None:
    model = network(64, *[32] * 7, 10)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=1.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    found = check_gradient_flow(watched(model, *digits, optimizer=optimizer, steps=4))
    assert "gradient.explodes" in [f.code for f in found]
    assert max(
        s.gradient for s in watched(model, *digits, optimizer=optimizer, steps=1).steps
    ) == pytest.approx(
        max(s.gradient for s in watched(model, *digits, optimizer=optimizer, steps=1).steps), rel=0.5
    )


def test_a_steady_fall_is_read_from_the_first_layer(watched, digits, network) -> None:
    widths = (64, *[32] * 7, 10)
    record = watched(network(*widths, activation=nn.Sigmoid), *digits, steps=3)
    assert check_gradient_flow(record)[0].code == "gradient.vanishes"
    assert check_gradient_flow(watched(network(*widths, activation=nn.ReLU), *digits, steps=3)) == []
