"""Verdicts against what gradient descent then does."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.theory import stability_margin


def quadratic() -> tuple[nn.Linear, torch.Tensor, torch.Tensor, float]:
    torch.manual_seed(0)
    X = torch.randn(30, 3, dtype=torch.float64)
    net = nn.Linear(3, 1, bias=False).double()
    return net, X, torch.randn(30, 1).double(), float(torch.linalg.eigvalsh(2 * X.mT @ X / 30)[-1])


@pytest.mark.parametrize(("share", "verdict"), [(0.5, "stable"), (0.98, "at the edge"), (1.3, "beyond")])
def test_the_verdict_is_what_descent_does(share: float, verdict: str) -> None:
    net, X, y, top = quadratic()
    sgd = torch.optim.SGD(net.parameters(), lr=share * 2 / top)
    margin = stability_margin(net, nn.MSELoss(), (X, y), sgd)
    assert margin is not None
    assert margin.verdict == verdict
    assert margin.product == pytest.approx(2 * share, rel=1e-6)
    assert margin.ratio == pytest.approx(share, rel=1e-6)
    assert margin.certificates[0].holds is (share <= 1)
    sizes = []
    for _ in range(200):
        sgd.zero_grad()
        value = nn.functional.mse_loss(net(X), y)
        value.backward()
        sgd.step()
        sizes.append(float(value.detach()))
    assert (sizes[-1] > sizes[0]) is (share > 1)


def test_momentum_and_adam_have_edges_of_their_own() -> None:
    net, X, y, top = quadratic()
    heavy = torch.optim.SGD(net.parameters(), lr=3 / top, momentum=0.9)
    margin = stability_margin(net, nn.MSELoss(), (X, y), heavy)
    assert margin is not None
    assert margin.limit.edge == pytest.approx(3.8)
    assert margin.verdict == "stable"
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    assert stability_margin(net, nn.MSELoss(), (X, y), adam) is None  # no moments yet
    nn.functional.mse_loss(net(X), y).backward()
    adam.step()
    found = stability_margin(net, nn.MSELoss(), (X, y), adam)
    assert found is not None
    assert found.limit.edge == pytest.approx(38)


def test_several_rates_are_an_assumption() -> None:
    net, X, y, _ = quadratic()
    other = nn.Parameter(torch.zeros(1).double())
    groups = [{"params": net.parameters(), "lr": 0.1}, {"params": [other], "lr": 0.2}]
    margin = stability_margin(net, nn.MSELoss(), (X, y), torch.optim.SGD(groups))
    assert margin is not None
    assert margin.rate == 0.2
    assert any("groups" in text for text in margin.certificates[0].assumptions)


def test_bad_arguments() -> None:
    net, X, y, _ = quadratic()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(ArgumentError, match="one batch"):
        stability_margin(net, nn.MSELoss(), [(X, y)], sgd)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="optimizer of the module"):
        stability_margin(net, nn.MSELoss(), (X, y), torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1))
