"""Other tensors stand in every place of their own ones, and the module stays as it was."""

import pytest
import torch
from torch import nn

from fivefold.calculus.network import Network
from fivefold.core import ArgumentError, call_with
from fivefold.objective.module import ModuleModel


class Twice(nn.Module):
    """One part under two names, and one tensor in two parts."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = self.first
        self.third = nn.Linear(3, 3)
        self.third.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x):
        return self.norm(self.third(torch.tanh(self.second(torch.tanh(self.first(x))))))


@pytest.fixture
def twice():
    torch.manual_seed(0)
    return Twice().eval()


def state(module):
    return {id(part): {**part._parameters, **part._buffers} for part in module.modules()}


def same(before, after):
    return all(after[part][name] is value for part, own in before.items() for name, value in own.items())


@pytest.mark.parametrize("name", ["first.weight", "second.weight", "third.weight"])
def test_every_place_gets_the_tensor_whatever_its_name(twice, name):
    x, other, before = torch.randn(4, 3), torch.randn(3, 3), state(twice)
    found = call_with(twice, {name: other}, x)
    assert same(before, state(twice))
    with torch.no_grad():
        twice.first.weight.copy_(other)
    assert torch.equal(found, twice(x))


def test_buffers_are_replaced_too(twice):
    x = torch.randn(4, 3)
    moved = call_with(twice, {"norm.running_mean": torch.ones(3)}, x)
    torch.testing.assert_close(moved, twice(x) - 1 / (1 + twice.norm.eps) ** 0.5)
    assert torch.equal(twice.norm.running_mean, torch.zeros(3))


def test_derivatives_add_up_over_the_places(twice):
    x, own = torch.randn(4, 3), dict(twice.named_parameters())
    found = torch.func.grad(lambda tensors: call_with(twice, tensors, x).square().sum())(
        {name: p.detach() for name, p in own.items()}
    )
    twice(x).square().sum().backward()
    for name, p in own.items():
        torch.testing.assert_close(found[name], p.grad)


def test_a_name_that_nothing_has_is_refused(twice):
    with pytest.raises(ArgumentError, match="names of parameters or buffers among"):
        call_with(twice, {"fourth.weight": torch.zeros(3, 3)}, torch.zeros(1, 3))


@pytest.mark.parametrize("kind", [ModuleModel, Network])
def test_what_calls_modules_leaves_parts_with_two_names_whole(twice, kind):
    x, before = torch.randn(4, 3), state(twice)
    expected = twice(x)
    if kind is Network:
        network = Network(twice)
        found, other = network(network.w, x), network(2 * network.w, x)
    else:
        model = ModuleModel(twice)
        found, other = model.predictor(model.at(x), x), model.predictor(2 * model.at(x), x)
    assert same(before, state(twice))
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(other, expected)
