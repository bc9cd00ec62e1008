"""Optimizers by name: every member learns and resumes; names and unsuitable modules are refused."""

import io

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.training.composite_optimizer import CompositeOptimizer
from fivefold.optimize.training.optimizers import OPTIMIZERS, make_optimizer, parameter_groups

CPU = torch.device("cpu")
RATES = {
    "sgd": 0.05,
    "sgd-momentum": 0.05,
    "sgd-plain": 0.3,
    "asgd": 0.1,
    "adadelta": 5.0,
    "adagrad": 0.3,
    "schedule-free-sgd": 0.3,
    "kfac": 0.05,
}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 1))


def data():
    X = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    return X, (X[:, :1] - 0.5 * X[:, 1:2]).tanh()


def run(net, optimizer, steps):
    X, y = data()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (net(X) - y).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


def make(name, net, rate=None, decay=0.0):
    groups = parameter_groups(net.named_parameters(), decay)
    return make_optimizer(name, groups, rate or RATES.get(name, 0.02), CPU, net)


NAMES = sorted(set(OPTIMIZERS) - {"sparse-adam"})


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_lowers_the_loss(name):
    net = network()
    first = run(network(), torch.optim.SGD(net.parameters(), lr=1e-12), 1)
    assert run(net, make(name, net), 150) < 0.3 * first


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_resumes_with_the_same_bits(name):
    whole, part = network(), network()
    run(whole, make(name, whole), 9)
    before = make(name, part)
    run(part, before, 5)
    buffer = io.BytesIO()
    torch.save(before.state_dict(), buffer)
    buffer.seek(0)
    for layer in part.modules():
        layer._forward_hooks.clear()
    after = make(name, part)
    after.load_state_dict(torch.load(buffer, weights_only=True))
    run(part, after, 4)
    assert all(torch.equal(a, b) for a, b in zip(part.parameters(), whole.parameters(), strict=True))


def test_weights_decay_and_biases_do_not():
    named = [("0.weight", torch.ones(2, 2)), ("0.bias", torch.ones(3, 2)), ("1.scale", torch.ones(2, 2)),
             ("norm.weight", torch.ones(2))]  # fmt: skip
    decays, free = parameter_groups(named, 0.1)
    assert (len(decays["params"]), decays["weight_decay"]) == (1, 0.1)
    assert (len(free["params"]), free["weight_decay"]) == (3, 0.0)
    assert len(parameter_groups(named[:1], 0.1)) == 1


def test_muon_takes_matrices_but_no_tables_and_adamw_the_rest():
    net = nn.ModuleDict({"table": nn.Embedding(5, 4), "map": nn.Linear(4, 3), "conv": nn.Conv2d(1, 2, 3)})
    made = make("muon", net, decay=0.01)
    assert isinstance(made, CompositeOptimizer)
    muon, adamw = made.parts
    assert [p is net["map"].weight for g in muon.param_groups for p in g["params"]] == [True]
    assert sum(len(g["params"]) for g in adamw.param_groups) == 4
    assert isinstance(make("muon", nn.LayerNorm(3)), torch.optim.AdamW)


def test_sparse_adam_takes_sparse_tables_and_adam_the_rest():
    net = nn.ModuleDict({"table": nn.Embedding(5, 4, sparse=True), "map": nn.Linear(4, 1)})
    made = make("sparse-adam", net)
    before = net["table"].weight.detach().clone()
    net["map"](net["table"](torch.tensor([1, 3]))).sum().backward()
    made.step()
    moved = (net["table"].weight != before).any(1).tolist()
    assert moved == [False, True, False, True, False]
    assert isinstance(make_optimizer("sparse-adam", [{"params": [before]}], 0.1, CPU), torch.optim.SparseAdam)


def test_kfac_takes_its_layers_and_adamw_the_rest():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    made = make("kfac", net)
    assert [type(part).__name__ for part in made.parts] == ["KFAC", "AdamW"]
    assert type(make("kfac", nn.Linear(2, 1))).__name__ == "KFAC"


def test_a_function_is_called_with_the_groups():
    net = network()
    made = make_optimizer(
        lambda groups: torch.optim.SGD(groups, lr=3.0), [{"params": net.parameters()}], 1.0, CPU
    )
    assert made.param_groups[0]["lr"] == 3.0


@pytest.mark.parametrize(
    ("name", "net", "decay", "message"),
    [
        ("adamv", nn.Linear(1, 1), 0.0, "the nearest is 'adam"),
        ("lbfgs", nn.Linear(1, 1), 0.0, r"use fivefold\.minimize"),
        ("rprop", nn.Linear(1, 1), 0.1, "weight_decay = 0 for Rprop"),
        ("sparse-adam", nn.Embedding(2, 2, sparse=True), 0.1, "weight_decay = 0 for SparseAdam"),
        ("sparse-adam", nn.Linear(1, 1), 0.0, "sparse=True"),
        ("kfac", nn.LayerNorm(2), 0.0, "linear or convolution layers for kfac"),
    ],
)
def test_what_does_not_suit_is_refused(name, net, decay, message):
    with pytest.raises(ArgumentError, match=message):
        make(name, net, decay=decay)


def test_kfac_without_its_module_is_refused():
    with pytest.raises(ArgumentError, match="the module for kfac"):
        make_optimizer("kfac", [{"params": [torch.ones(1, 1)]}], 0.1, CPU)
