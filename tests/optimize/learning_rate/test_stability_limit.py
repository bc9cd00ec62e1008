"""Edges against the linear iteration's own behaviour; curvature against the dense Hessian."""

import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.linalg import Diagonal
from fivefold.optimize.learning_rate import stability_limit as room
from fivefold.optimize.learning_rate.stability_limit import limit_of_hessian, stability_edge, stability_limit
from fivefold.optimize.training.losses import squared_loss

KINDS = {
    "plain": lambda w, lr: torch.optim.SGD(w, lr=lr),
    "heavy ball": lambda w, lr: torch.optim.SGD(w, lr=lr, momentum=0.9),
    "nesterov": lambda w, lr: torch.optim.SGD(w, lr=lr, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("curvature", [1.0, 7.0])
def test_just_below_the_edge_it_shrinks_and_just_above_it_grows(kind, curvature):
    ends = []
    for share in (0.98, 1.02):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        edge = stability_edge(KINDS[kind]([w], 1.0))
        optimizer = KINDS[kind]([w], share * edge / curvature)
        for _ in range(2000):
            w.grad = curvature * w.detach()
            optimizer.step()
        ends.append(abs(w.item()))
    assert ends[0] < 1e-6
    assert ends[1] > 1e6


def test_adams_edge_with_its_preconditioner_held_fixed():
    """m <- b m + (1 - b) g; w <- w - rate m / p: grows just above 2 (1 + b) / (1 - b)."""
    edge = stability_edge(torch.optim.Adam([torch.zeros(1, requires_grad=True)]))
    for share, grows in ((0.98, False), (1.02, True)):
        w, m, p, curvature = 1.0, 0.0, 0.5, 3.0
        for _ in range(2000):
            m = 0.9 * m + 0.1 * curvature * w
            w -= share * edge * p / curvature * m / p
        assert (abs(w) > 1e6) is grows


def dense(net, X, y):
    named = dict(net.named_parameters())
    shapes = {name: p.shape for name, p in named.items()}

    def value(w):
        pieces = torch.split(w, [s.numel() for s in shapes.values()])
        given = {n: piece.reshape(s) for (n, s), piece in zip(shapes.items(), pieces, strict=True)}
        return squared_loss(torch.func.functional_call(net, given, (X,)), y)

    w = torch.cat([p.detach().reshape(-1) for p in named.values()])
    return torch.autograd.functional.hessian(value, w)


@pytest.mark.parametrize("kind", ["sgd", "adam", "amsgrad", "rmsprop"])
@pytest.mark.parametrize("norm", [False, True])
def test_the_curvature_is_that_of_the_dense_preconditioned_hessian(kind, norm):
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(6)] if norm else []
    net = nn.Sequential(nn.Linear(3, 6), *middle, nn.Tanh(), nn.Linear(6, 1)).double()
    X, y = torch.randn(12, 3, dtype=torch.float64), torch.randn(12, dtype=torch.float64)
    optimizer = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "amsgrad": lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    }[kind](net.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        squared_loss(net(X), y).backward()
        optimizer.step()
    buffers = [b.clone() for b in net.buffers()]
    limit = stability_limit(net, squared_loss, (X, y), optimizer)
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), buffers, strict=True))
    scales = []
    for p in net.parameters():
        state = optimizer.state[p]
        if kind == "sgd":
            scale = torch.ones_like(p)
        elif kind == "rmsprop":
            scale = state["square_avg"].sqrt() + 1e-8
        else:
            moment = state["max_exp_avg_sq"] if kind == "amsgrad" else state["exp_avg_sq"]
            scale = (moment / (1 - 0.999**3)).sqrt() + 1e-8
        scales.append(scale.reshape(-1))
    P = torch.cat(scales).sqrt()
    top = torch.linalg.eigvalsh(dense(net, X, y) / P / P[:, None])[-1].item()
    assert limit.curvature == pytest.approx(top, rel=2e-2)  # Lanczos to a residual of 1 %
    assert limit.rate == pytest.approx(limit.edge / limit.curvature)
    assert limit.converged


def test_unknown_edges_missing_moments_and_bad_points_have_no_limit():
    net = nn.Linear(1, 1)
    X = torch.ones(2, 1)
    weights = list(net.parameters())
    for optimizer in (
        torch.optim.Rprop(weights), torch.optim.SGD(weights, momentum=0.9, dampening=0.5),
        torch.optim.Adam(weights), torch.optim.RMSprop(weights, centered=True), torch.optim.RMSprop(weights),
    ):  # fmt: skip
        assert stability_limit(net, squared_loss, (X, X), optimizer) is None
    nn.init.constant_(net.weight, float("nan"))
    assert stability_limit(net, lambda o, y: o.exp().mean(), (X, X), torch.optim.SGD(weights)) is None


def test_without_upward_curvature_every_rate_is_stable():
    net, X = nn.Linear(1, 1, bias=False), torch.ones(1, 1)
    limit = stability_limit(net, lambda o, y: -o.square().mean(), (X, X), torch.optim.SGD(net.parameters()))
    assert limit.curvature == pytest.approx(-2.0)
    assert limit.rate == math.inf


def test_an_optimizer_of_other_parameters_is_refused():
    X = torch.ones(1, 1)
    with pytest.raises(ArgumentError, match="an optimizer of the module's parameters"):
        stability_limit(nn.Linear(1, 1), squared_loss, (X, X), torch.optim.SGD(nn.Linear(1, 1).parameters()))


def test_a_hessian_that_is_there_already(monkeypatch):
    values = torch.linspace(-1.0, 5.0, 60, dtype=torch.float64)
    w = [torch.zeros(40, dtype=torch.float64, requires_grad=True), torch.zeros(20, dtype=torch.float64)]
    sgd = torch.optim.SGD(w, lr=0.1)
    with_basis = limit_of_hessian(Diagonal(values), w, sgd, tolerance=1e-6)
    assert with_basis.curvature == pytest.approx(5.0, rel=1e-8)
    # Where a basis would take too much memory, a few vectors do it.
    monkeypatch.setattr(room, "_BYTES", 1)
    assert limit_of_hessian(Diagonal(values), w, sgd, tolerance=1e-6).curvature == pytest.approx(
        5.0, rel=1e-6
    )
    assert limit_of_hessian(Diagonal(values), w, torch.optim.Adam(w)) is None  # no moments yet
