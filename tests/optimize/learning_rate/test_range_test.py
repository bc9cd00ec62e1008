"""The range test: what it finds where the best rate is known, and that it leaves everything as it was."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivefold.core import ArgumentError, Kind, Status
from fivefold.optimize.learning_rate.range_test import range_test


def data(n=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 4, generator=generator)
    return X, X @ torch.tensor([1.0, -2.0, 0.5, 0.0]) + 0.1 * torch.randn(n, generator=generator)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))


def settings(**changes):
    return {"loss": "squared", "epochs": 2, "batch_size": 12, "rates": (1e-3, 1.0), "repeats": 1, **changes}


def test_on_a_quadratic_the_interval_holds_the_best_rate_and_the_limit_is_exact():
    """Gradient descent on 1/2 (l1 w1^2 + l2 w2^2): after many steps the best rate is 2 / (l1 + l2)."""
    net = nn.Linear(2, 1, bias=False).double()
    nn.init.ones_(net.weight)
    X = torch.diag(torch.tensor([4.0, 1.0], dtype=torch.float64))

    def loss(output, target):
        return 0.5 * output.square().sum()

    def descent(groups):
        return torch.optim.SGD(groups, lr=1.0)

    found = range_test(net, (X, torch.zeros(2)), loss=loss, optimizer=descent, epochs=30, batch_size=2)
    assert found.curvature_limit == pytest.approx(2 / 16, rel=1e-3)
    assert found.low <= 2 / 17 <= found.high
    assert found.high / found.low == pytest.approx(4.0)
    assert found.suggestion == pytest.approx((found.low * found.high) ** 0.5)
    assert found.status is Status.CONVERGED
    assert {each.kind for each in found.certificates} == {Kind.INDICATOR}
    assert found.certificates[0].holds is True


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "kfac"])
def test_everything_stays_as_it_was(optimizer):
    net = network()
    net[3].eval()  # a mode that somebody set by hand
    X, y = data()
    loader_generator = torch.Generator().manual_seed(5)
    loader = DataLoader(TensorDataset(X, y), batch_size=12, shuffle=True, generator=loader_generator)
    net[0].weight.grad = torch.full_like(net[0].weight, 3.0)
    gradient = net[0].weight.grad
    modes = [m.training for m in net.modules()]
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    loader_state = loader_generator.get_state()
    range_test(net, loader, optimizer=optimizer, **settings(batch_size=12))
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert net[0].weight.grad is gradient
    assert bool((gradient == 3).all())
    assert all(p.grad is None for name, p in net.named_parameters() if name != "0.weight")
    assert [m.training for m in net.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in net.modules())
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])
    assert torch.equal(loader_generator.get_state(), loader_state)


def test_everything_stays_as_it_was_after_an_error():
    net, before = network(), torch.get_rng_state()
    calls = []

    def loss(output, target):
        calls.append(torch.rand(1))
        if len(calls) == 20:
            raise ValueError("planted")
        return (output[:, 0] - target).square().mean()

    weights = [p.detach().clone() for p in net.parameters()]
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="planted"):
        range_test(net, data(), **settings(loss=loss))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(p, w) for p, w in zip(net.parameters(), weights, strict=True))


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_probes():
    one, two, other = (range_test(network(), data(), seed=s, **settings()) for s in (1, 1, 2))
    assert one.suggestion == two.suggestion
    assert torch.equal(one.history["loss"].nan_to_num(-1), two.history["loss"].nan_to_num(-1))
    assert not torch.equal(one.history["coarse_loss"], other.history["coarse_loss"])


def test_the_history_and_the_cost_say_what_was_run():
    found = range_test(network(), data(), **settings(epochs=4, repeats=2))
    assert found.history["rate"].shape == found.history["loss"].shape == found.history["half_loss"].shape
    assert bool((found.history["rate"].diff() > 0).all())
    assert found.history["loss"].isfinite().sum() <= 7
    # coarse probes of an eighth; then twice nine of a half, seven of the other half, and what was extended
    coarse = len(found.history["coarse_rate"]) / 8
    assert coarse < found.cost <= coarse + 2 * (8 + 6) + 1


def test_the_best_at_an_end_of_the_given_rates_is_said():
    found = range_test(network(), data(), optimizer="sgd", **settings(rates=(1e-6, 4e-6)))
    assert found.status is Status.STALLED
    assert found.certificates[0].holds is False


def test_a_loss_that_never_falls_is_said():
    def loss(output, target):
        return output.square().mean() * 0 + 1.0

    found = range_test(network(), data(), **settings(loss=loss, optimizer="sgd"))
    assert found.status is Status.DIVERGED


def test_an_optimizer_without_a_known_edge_has_no_limit():
    found = range_test(network(), data(), optimizer="rprop", **settings())
    assert found.curvature_limit is None
    assert found.certificates[1].holds is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "at least 1 epoch"),
        ({"batch_size": 0}, "a batch of at least 1 row"),
        ({"weight_decay": -1.0}, "a weight decay"),
        ({"share": 0.0}, "a share of the training"),
        ({"repeats": 0}, "at least 1 seed"),
        ({"rates": (1.0, 0.1)}, "0 < low < high"),
        ({"loss": "hinge"}, "a loss among"),
        ({"optimizer": "adm"}, "the nearest is 'adam'"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ArgumentError, match=message):
        range_test(network(), data(), **settings(**changes))


def test_a_module_without_trainable_parameters_is_refused():
    with pytest.raises(ArgumentError, match="trainable parameters"):
        range_test(nn.Linear(4, 1).requires_grad_(False), data(), **settings())
