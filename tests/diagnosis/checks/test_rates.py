"""Rates and momentum, on digits and on a quadratic whose best rate is known."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.rates import (
    check_momentum,
    check_rate_too_high,
    check_rate_too_low,
    check_sum,
    peak_rate,
)
from fivefold.diagnosis.observation.record import Record


def quadratic(rate: float, watched) -> Record:
    """Least squares on whole data: descent converges below 2 / (largest eigenvalue of 2 X'X / n)."""
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    model = nn.Linear(3, 1, bias=False)
    sharpness = 2 * torch.linalg.eigvalsh(x.T @ x / 64)[-1]
    optimizer = torch.optim.SGD(model.parameters(), lr=rate * float(2 / sharpness))
    whole = torch.arange(64)
    y = x.sum(1, keepdim=True)
    return watched(
        model, x, y, loss=functional.mse_loss, optimizer=optimizer, steps=16, rows=lambda step: whole
    )


def test_the_edge_of_stability_of_a_quadratic(watched) -> None:
    found = check_rate_too_high(quadratic(1.3, watched))
    assert [(f.code, f.confidence) for f in found] == [("rate.too-high", "high")]
    assert check_rate_too_high(quadratic(0.7, watched)) == []
    line = quadratic(1.3, watched).steps[-1].line
    # Once the steepest direction rules, the loss is least at 1 / 1.3 of half the update.
    assert line.best_multiple == pytest.approx(0.5 / 1.3, rel=0.02)


def test_a_rate_too_low_and_a_sound_one(watched, digits, network) -> None:
    def at(rate: float) -> Record:
        model = network(64, 32, 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        return watched(model, *digits, optimizer=optimizer, steps=30)

    found = check_rate_too_low(at(1e-6))
    assert [(f.code, f.confidence) for f in found] == [("rate.too-low", "high")]
    assert check_rate_too_low(at(3e-3)) == []
    assert check_rate_too_high(at(3e-3)) == []
    assert check_rate_too_high(at(1.0))[0].code == "rate.too-high"


def test_a_sum_is_named_as_the_cause(watched, digits, network) -> None:
    x, y = digits

    def summed(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(a, b, reduction="sum")

    def with_rate(rate: float, kind: type[torch.optim.Optimizer] = torch.optim.SGD) -> Record:
        model = network(64, 32, 10)
        optimizer = kind(model.parameters(), lr=rate)
        return watched(model, x, y, loss=summed, optimizer=optimizer, steps=8)

    for rate, confidence in ((0.5, "high"), (0.1, "medium")):
        record = with_rate(rate)
        assert [(f.code, f.confidence) for f in check_sum(record)] == [("loss.sum", confidence)]
        assert check_rate_too_high(record) == []  # said once
    assert check_sum(with_rate(0.01)) == []
    assert check_sum(with_rate(0.5, torch.optim.Adam)) == []
    # An overshoot of an adaptive optimizer is laid to the sum as well.
    assert [f.code for f in check_rate_too_high(with_rate(1.0, torch.optim.Adam))] == ["loss.sum"]


def test_momentum(watched, digits, network) -> None:
    def with_momentum(momentum: float) -> Record:
        model = network(64, 32, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
        return watched(model, *digits, optimizer=optimizer, steps=20)

    assert check_momentum(with_momentum(0.99))[0].code == "rate.momentum"
    assert check_momentum(with_momentum(0.9)) == []
    assert peak_rate(with_momentum(0.9).steps[0]) == 0.1
