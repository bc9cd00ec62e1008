"""While a perturbation looks at the module, nothing of it may remain there."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize import GradientSign
from fivefold.optimize.training.losses import squared_loss
from fivefold.optimize.training.perturbed_inputs import PerturbedInputs


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 1))
    net[0].bias.requires_grad_(False)
    return net.train()


def rows(n=12):
    X = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    return X, (X[:, 0].sin(),)


def inputs(perturb, net=None, loss=squared_loss):
    return PerturbedInputs(network() if net is None else net, loss, perturb, torch.Generator().manual_seed(2))


def test_statistics_modes_gradients_and_the_global_stream_stay():
    net = network()
    net[2].eval()  # a layer that its owner keeps in evaluation mode
    state = {name: value.clone() for name, value in net.state_dict().items()}
    modes, drawn = [layer.training for layer in net.modules()], torch.get_rng_state()
    X, targets = rows()
    moved = inputs(GradientSign(0.1, 3), net)(X, targets)
    assert not torch.equal(moved, X)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert [layer.training for layer in net.modules()] == modes
    assert [p.requires_grad for p in net.parameters()] == [True, False, True, True, True, True]
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(drawn, torch.get_rng_state())


def test_planted_the_same_attack_by_hand_in_training_mode_moves_the_statistics():
    net, (X, targets) = network(), rows()
    before = net[1].running_mean.clone()
    GradientSign(0.1)(net, squared_loss, X, targets, torch.Generator())
    assert not torch.equal(net[1].running_mean, before)


def test_a_backward_pass_inside_leaves_nothing():
    seen = []

    def careless(module, loss, X, targets, generator):
        seen.append(module.training)
        X = X.requires_grad_()
        loss(module(X), *targets).backward()
        return X + X.grad

    net, (X, targets) = network(), rows()
    net[0].weight.grad = torch.ones_like(net[0].weight)
    moved = inputs(careless, net)(X, targets)
    assert seen == [False]
    assert not moved.requires_grad
    assert not X.requires_grad
    assert bool((net[0].weight.grad == 1).all())
    assert net[4].weight.grad is None


def test_after_an_error_the_module_is_as_before():
    def failing(module, loss, X, targets, generator):
        raise KeyError("planted")

    net = network()
    with pytest.raises(KeyError, match="planted"):
        inputs(failing, net)(*rows())
    assert all(layer.training for layer in net.modules())
    assert net[0].weight.requires_grad


def test_the_loss_is_in_full_precision():
    seen = []

    def look(module, loss, X, targets, generator):
        seen.append(loss(torch.ones(2, 1, dtype=torch.bfloat16), torch.zeros(2)).dtype)
        return X

    inputs(look)(*rows())
    assert seen == [torch.float32]


@pytest.mark.parametrize(
    ("perturb", "message"),
    [
        (lambda m, loss, X, t, g: None, "inputs as a tensor from perturb; got NoneType"),
        (lambda m, loss, X, t, g: X[:1], r"inputs \(12, 3\) torch.float32 on cpu from perturb; got \(1, 3\)"),
        (lambda m, loss, X, t, g: X.double(), r"got \(12, 3\) torch.float64"),
        (lambda m, loss, X, t, g: X.to("meta"), "on meta"),
        (
            lambda m, loss, X, t, g: X.add_(1),
            "leaves as they are; got a change in place; return a new tensor",
        ),
    ],
)
def test_what_is_returned_is_looked_at(perturb, message):
    with pytest.raises(ArgumentError, match=message):
        inputs(perturb)(*rows())
