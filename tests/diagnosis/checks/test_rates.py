"""Rates and momentum, on digits and on a quadratic whose best rate is known."""

import math

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
    risen,
)
from fivefold.diagnosis.observation.deep_step import DeepStep
from fivefold.diagnosis.observation.record import Group, Line, LossCall, ParameterStep, Record, Step
from fivefold.diagnosis.observation.summary import Summary
from fivefold.optimize import StabilityLimit
from fivefold.theory.stability import margin_of


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


def test_looks_in_depth_stand_beside_it(watched) -> None:
    """By the closed form rate times sharpness is 1.3 times the edge of plain descent, which is 2."""
    record = quadratic(1.3, watched)
    assert "in depth" not in check_rate_too_high(record)[0].evidence
    limit = StabilityLimit(2.0 / 2.6, 2.6, 2.0, 0.0, True)
    weights = [torch.zeros(1, requires_grad=True)]
    for rate in (1.0, 0.5):
        margin = margin_of(limit, torch.optim.SGD(weights, lr=rate))
        record.deep.append(DeepStep(0, 64, -1.0, 1.0, 1.0, margin, None, 0.1, ()))
    (found,) = check_rate_too_high(record)
    assert found.evidence.endswith(
        "; rate times sharpness is at most 2.6, the edge of stability 2: beyond it in 1 of 2 looks in depth"
    )
    record.deep[:] = [DeepStep(0, 64, -1.0, 1.0, 1.0, None, None, 0.1, ())]
    assert "in depth" not in check_rate_too_high(record)[0].evidence


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
        (told,) = check_sum(record)
        assert (told.code, told.confidence) == ("loss.sum", confidence)
        assert [y for _, y in told.picture.curves["rate"]] == [rate, 32 * rate, 32 * rate]
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


@pytest.mark.parametrize(
    ("losses", "confidence"),
    [
        ([1.5, 2.0, *[40.0] * 8, *[2.0] * 10], "high"),
        ([1.5, 2.0, *[9.0] * 8, *[1.0] * 10], "medium"),
        ([1.5, 2.5, 2.0, *[1.0] * 10], None),
        ([1.5, 90.0, *[1.0] * 12], None),  # one batch is none
    ],
)
def test_a_loss_that_rises_manyfold(losses: list[float], confidence: str | None) -> None:
    line = Line(-1.0, (0.0, 1.0), (2.0, 1.0))  # each update lowers the loss of its own batch
    steps = [Step(i, loss=v, line=line) for i, v in enumerate(losses)]
    found = check_rate_too_high(Record(steps=steps, count=len(steps), optimizers=["Adam"]))
    assert [(f.code, f.confidence) for f in found] == ([("rate.too-high", confidence)] if confidence else [])
    steps[-1].loss = -1.0  # a policy's, whose level means nothing
    assert math.isnan(risen(Record(steps=steps, optimizers=["Adam"])))


def test_a_loss_of_more_terms_or_of_larger_targets_has_not_risen() -> None:
    def call(value: float, std: float) -> LossCall:
        seen = Summary((4,), "float32", 0.0, std, -std, std, 1.0, 0.0)
        return LossCall("mse_loss", {}, value, seen, seen, math.nan, math.nan, (), None)

    def record(values: list[float], spread: float = 1.0) -> Record:
        steps = [Step(i, loss=1.0 if i < 2 else 40.0) for i in range(12)]
        for i, step in enumerate(steps):
            step.losses = [call(values[i], spread if i >= 2 else 1.0)]
        return Record(steps=steps, count=12, optimizers=["Adam"])

    assert risen(record([1.0] * 2 + [40.0] * 10)) == pytest.approx(40.0)
    assert risen(record([1.0] * 12)) == pytest.approx(1.0)  # the rest is a term that came later
    assert math.isnan(risen(record([1.0] * 2 + [40.0] * 10, spread=6.0)))


def test_units_that_a_high_rate_kills(watched, digits, network) -> None:
    model = network(64, 32, 10)

    def throw(step: int) -> None:
        if step == 3:
            nn.init.constant_(model[0].bias, -20.0)

    (found,) = check_rate_too_high(watched(model, *digits, steps=16, each=throw))
    assert (found.code, found.confidence) == ("rate.too-high", "high")
    assert "to 100% of the units" in found.evidence
    assert found.figures == {"rate": 1e-3, "to": 1e-4}
    assert check_rate_too_high(watched(network(64, 32, 10), *digits, steps=16)) == []


def test_biases_that_begin_at_zero_have_no_size() -> None:
    """Plain tensors, whose biases begin at zero and change by all their size: the matrices tell."""
    loss = tuple(1.0 - 1e-3 * m for m in (0.0, 1.0, 4.0, 16.0, 64.0))
    line = Line(-1e-3, (0.0, 1.0, 4.0, 16.0, 64.0), loss)
    level = Line(-1e-3, line.multiples, (*loss[:4], loss[3]))

    def seen(change: float, flat: int = 0) -> Record:
        """The first lines, ``flat`` of eight, do not fall from 16 times the update on."""
        steps = [
            Step(
                i,
                loss=0.9,
                line=level if i < flat else line,
                groups=[Group("Adam", {"lr": 1e-4}, ("w", "b", "c"))],
                parameters=[
                    ParameterStep("w", 1.0, 0.1, change, 100),
                    ParameterStep("b", i * 1e-3, 0.1, 1e-3, 10),
                    ParameterStep("c", i * 1e-3, 0.1, 1e-3, 10),
                ],
            )
            for i in range(8)
        ]
        return Record(steps=steps, count=8, optimizers=["Adam"])

    assert [(f.code, f.figures["rate"]) for f in check_rate_too_low(seen(5e-4))] == [("rate.too-low", 1e-4)]
    assert check_rate_too_low(seen(5e-3)) == []
    # Noise takes from the share of lines that fall to the end: most are enough, with a smaller change.
    assert [f.confidence for f in check_rate_too_low(seen(3e-4, flat=3))] == ["medium"]
    assert check_rate_too_low(seen(3e-4, flat=4)) == []
    warm = seen(5e-4)
    warm.rates = [(0, 1e-4), (20, 1e-2)]  # what was watched is the warm-up
    assert check_rate_too_low(warm) == []


def test_an_update_that_leads_uphill_from_the_start_does_not_overshoot() -> None:
    """With L(1) = 1.1 from 1: by the slope alone, or by the curvature at a slope of 0.01 or below."""

    def seen(slope: float) -> Record:
        line = Line(slope, (0.0, 1.0), (1.0, 1.1))
        return Record(steps=[Step(i, loss=1.0, line=line) for i in range(8)], count=8)

    assert check_rate_too_high(seen(0.1)) == []
    for slope in (0.01, -0.1):
        assert [f.code for f in check_rate_too_high(seen(slope))] == ["rate.too-high"]


def test_an_early_throw_after_which_updates_are_too_short_is_no_high_rate() -> None:
    """The first update doubles the loss of its batch; along the others the loss is least at 0.5 or at 2."""

    def seen(least: float) -> Record:
        thrown = Line(-0.1, (0.0, 1.0), (2.0, 4.0))
        rest = Line(-0.2, (0.0, 1.0), (2.0, 1.8 + 0.1 / least))  # 2 - 0.2 a + 0.1 a^2 / least
        assert rest.best_multiple == pytest.approx(least)
        return Record(steps=[Step(i, loss=2.0, line=rest if i else thrown) for i in range(12)], count=12)

    assert [f.confidence for f in check_rate_too_high(seen(0.5))] == ["high"]
    assert check_rate_too_high(seen(2.0)) == []
