"""Modules and functions as functions of one vector."""

import pytest
import torch

from fivefold.calculus import Network
from fivefold.core import ArgumentError


def test_the_outputs_are_the_modules(case, network_name):
    model, X, _ = case.module_case(network_name)
    network = Network(model)
    torch.testing.assert_close(network(network.w, X), model(X), rtol=1e-12, atol=1e-12)
    named = network.unravel(network.w)
    torch.testing.assert_close(network.ravel(named), network.w)
    assert {name: p.shape for name, p in model.named_parameters()} == {n: t.shape for n, t in named.items()}


def test_evaluation_mode_only_inside():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.9))
    network, X = Network(model, evaluation=True), torch.ones(3, 2)
    torch.testing.assert_close(network(network.w, X), network(network.w, X))
    assert model.training
    assert model[1].training


def test_the_parameters_are_copied():
    model = torch.nn.Linear(2, 1)
    network = Network(model)
    before = network.w.clone()
    with torch.no_grad():
        model.weight.add_(1)
    torch.testing.assert_close(network.w, before, rtol=0, atol=0)


def test_refuses():
    model = torch.nn.Linear(2, 1)
    with pytest.raises(ArgumentError, match="a module, or a function"):
        Network(3)
    with pytest.raises(ArgumentError, match="parameters, a dict of tensors"):
        Network(lambda p, x: x)
    with pytest.raises(ArgumentError, match=r"parameters among \['weight', 'bias'\]"):
        Network(model, {"wait": torch.ones(1, 2)})
    with pytest.raises(ArgumentError, match="in the shapes that the module has"):
        Network(model, {"weight": torch.ones(2, 2)})
    with pytest.raises(ArgumentError, match=r"at least one parameter.*requires_grad"):
        Network(torch.nn.ReLU())
    with pytest.raises(ArgumentError, match="all float32 or all float64"):
        Network(lambda p, x: x, {"a": torch.ones(1), "b": torch.ones(1).double()})
    with pytest.raises(ArgumentError, match="all float32 or all float64"):
        Network(lambda p, x: x, {"a": torch.ones(1, dtype=torch.cfloat)})
    with pytest.raises(ArgumentError, match=r"finite parameters.*'a'"):
        Network(lambda p, x: x, {"a": torch.tensor([float("inf")])})
    network = Network(model)
    with pytest.raises(ArgumentError, match=r"w of shape \(3,\)"):
        network(torch.ones(4), torch.ones(1, 2))
    with pytest.raises(ArgumentError, match="tensors"):
        network.ravel({"weight": torch.ones(1, 2)})
