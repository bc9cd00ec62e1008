"""The first operation that is not finite, forwards and backwards."""

import math

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.nonfinite import FirstNonfinite, finite, trace_nonfinite
from fivefold.diagnosis.observation.watcher import Watcher


def test_the_first_of_several() -> None:
    seen = FirstNonfinite()
    with seen:
        x = torch.tensor([1.0, 0.0])
        y = (x + 1.0).log() + x.log()
        y = y / y
    assert seen.found[0] == "log"
    assert "from 0 to 1" in seen.found[1]
    assert seen.found[2].path == __file__


def test_what_is_given_not_finite_is_not_blamed() -> None:
    seen = FirstNonfinite()
    with seen:
        torch.tensor([math.nan]) * 2
    assert seen.found is None or seen.found[0] == "tensor"


@pytest.mark.parametrize(
    ("loss_of", "where", "operation"),
    [
        (lambda out: (out - out.detach()).abs().sum().sqrt(), "backward", "the derivative of sqrt"),
        (lambda out: (out * 1e30).exp().mean(), "forward", "exp"),
        (lambda out: torch.linalg.norm(out - out.detach()), "unknown", "an operation outside the model"),
    ],
)
def test_by_place(loss_of, where: str, operation: str) -> None:
    """The derivative of a norm at zero is defined as zero by torch, so that nothing is found there."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    loss_of(model(torch.randn(8, 3))).backward()
    optimizer.step()
    watcher.detach()
    if where == "unknown":
        assert watcher.record.nonfinite is None
        return
    found = watcher.record.nonfinite
    assert (found.where, found.operation) == (where, operation)
    assert found.place.path == __file__


def test_weights_come_first() -> None:
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight[0, 0] = math.inf
    found = trace_nonfinite(list(model.named_parameters()), None, None, own=False)
    assert found.where == "weights"
    assert "weight" in found.evidence
    assert not finite(model.weight)
    model = nn.Linear(2, 2)
    assert trace_nonfinite(list(model.named_parameters()), None, None, own=False).where == "unknown"


def test_a_model_without_a_tape_is_run_again() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Softmax(1))
    nn.init.constant_(model[0].weight, 2.0)
    x = torch.full((4, 3), 3e38)
    found = trace_nonfinite(list(model.named_parameters()), (model, (x,), {}), None, own=False)
    assert found.where == "forward"
    assert found.operation == "linear"
