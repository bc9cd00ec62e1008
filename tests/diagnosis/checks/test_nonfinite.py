"""Where numbers stop being finite."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.nonfinite import check_nonfinite
from fivefold.diagnosis.checks.rates import check_rate_too_high
from fivefold.diagnosis.observation.record import Group, Nonfinite, ParameterStep, Record, Step


class Root(nn.Linear):
    def __init__(self, shift: float) -> None:
        super().__init__(64, 10)
        self.shift = shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.log(x.sum(1, keepdim=True) + self.shift) * x)


def test_the_operation_is_named(watched, digits) -> None:
    x, y = digits
    x = x.clone()
    x[::7] = 0.0
    found = check_nonfinite(watched(Root(0.0), x, y, steps=6))
    assert found[0].code == "nonfinite.operation"
    assert found[0].title.startswith("log gives")
    assert found[0].place.path == __file__
    assert found[0].picture is None  # the first update already
    assert check_nonfinite(watched(Root(1.0), x, y, steps=6)) == []


def test_the_loss_is_looked_at_too(watched, digits, network) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -(out.sigmoid().round()[torch.arange(len(y)), y].log() * out.mean(1)).mean()

    found = check_nonfinite(watched(network(64, 8, 10), *digits, loss=loss, steps=4))
    assert found[0].title.startswith("log gives")


def test_a_derivative(watched, digits, network) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (out - out.detach()).square().sum().sqrt() + functional.cross_entropy(out, y)

    found = check_nonfinite(watched(network(64, 8, 10), *digits, loss=loss, steps=3))
    assert found[0].title.startswith("the derivative of sqrt")


def test_missing_values(watched, digits, network) -> None:
    x, y = digits
    x = x.clone()
    x[3, 5] = math.nan
    found = check_nonfinite(watched(network(64, 8, 10), x, y, rows=lambda s: torch.arange(16) + s, steps=3))
    assert "1 of 16 examples" in found[0].evidence


def diverged(trace: Nonfinite, losses: list[float], weights: list[float] | None = None) -> Record:
    """A record of a training whose loss and weights went so."""
    steps = [
        Step(
            i,
            loss=value,
            parameters=[ParameterStep("w", w, 1.0, 0.1, 10)],
            groups=[Group("SGD", {"lr": 3.0}, ("w",))],
        )
        for i, (value, w) in enumerate(zip(losses, weights or [1.0] * len(losses), strict=True))
    ]
    return Record(steps=steps, first_nonfinite=len(losses), nonfinite=trace)


SPOILT = Nonfinite("weights", "update 3", "not finite: w", "the update", "lower the rate", None)
PRODUCT = Nonfinite("forward", "linear", "given", "an overflow", "look", None, "last", overflow=True)
ROOT = Nonfinite("backward", "the derivative of sqrt", "given", "a root", "add eps", None)


@pytest.mark.parametrize("trace", [SPOILT, PRODUCT])
def test_what_overflows_because_it_grew_is_a_rate(trace: Nonfinite) -> None:
    for record in (diverged(trace, [1.0, 50.0, 1e9]), diverged(trace, [1.0, 1.0], [1.0, 1e3])):
        found = check_nonfinite(record)
        assert [f.code for f in found] == ["rate.too-high"]
        assert "is not finite" in found[0].evidence
        assert "0.3" in found[0].fix
        shown = found[0].picture.curves
        assert shown["loss"][-1][1] == record.steps[-1].loss
        assert shown["norm of the weights"][-1][1] == record.steps[-1].parameters[0].weight


def test_what_has_no_value_is_an_operation_though_it_grew() -> None:
    found = check_nonfinite(diverged(ROOT, [1.0, 50.0, 1e9]))
    assert found[0].code == "nonfinite.operation"
    assert "before it the loss went from 1 to 1e+09" in found[0].evidence
    assert found[0].picture.curves["loss"] == ((0.0, 1.0), (1.0, 50.0), (2.0, 1e9))


def test_without_growth_the_update_or_the_product_is_named() -> None:
    assert (
        check_nonfinite(diverged(SPOILT, [1.0, 0.9]))[0].title == "update 3 makes weights that are not finite"
    )
    found = check_nonfinite(diverged(PRODUCT, [1.0, 0.9]))
    assert found[0].title == "linear in last gives numbers that are not finite"


def test_divergence_is_said_once(watched, network) -> None:
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    model = network(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e4)
    record = watched(model, x, x[:, :1], loss=functional.mse_loss, optimizer=optimizer, steps=60)
    found = [*check_nonfinite(record), *check_rate_too_high(record)]
    assert [f.code for f in found] == ["rate.too-high"]


def test_what_was_not_traced_and_what_cannot_be_named() -> None:
    (told,) = check_nonfinite(Record(first_nonfinite=3))
    assert told.code == "nonfinite.gradient"
    assert told.picture is None  # nothing was finite
    (told,) = check_nonfinite(Record(first_nonfinite=3, steps=[Step(0, loss=2.0), Step(2, loss=5.0)]))
    assert told.picture.curves == {"loss": ((0.0, 2.0), (2.0, 5.0))}
    unknown = Nonfinite("unknown", "an operation outside the model", "e", "c", "f", None)
    assert check_nonfinite(Record(first_nonfinite=3, nonfinite=unknown))[0].confidence == "medium"
    targets = Nonfinite("targets", "the targets", "e", "c", "f", None)
    assert check_nonfinite(Record(first_nonfinite=3, nonfinite=targets))[0].title.startswith(
        "the targets hold"
    )
