"""Times of layers on a clock that the layers move themselves, so that every millisecond is known."""

import pytest
import torch
from torch import nn

from fivefold.networks import layer_times
from fivefold.networks.layer_times import run_step, time_layers
from fivefold.networks.registry import create


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Takes(torch.autograd.Function):
    """Moves the clock by so many seconds forward, and by three times as many backward."""

    @staticmethod
    def forward(ctx, x, clock, seconds):
        ctx.clock, ctx.seconds = clock, seconds
        clock.now += seconds
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        ctx.clock.now += 3 * ctx.seconds
        return gradient * 1, None, None


class Layer(nn.Module):
    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds = clock, seconds
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return Takes.apply(x * self.weight, self.clock, self.seconds)


class Block(nn.Module):
    """Two layers, the first twice, work of its own between them, and a layer that never runs."""

    def __init__(self, clock):
        super().__init__()
        self.first, self.second, self.idle = Layer(clock, 0.002), Layer(clock, 0.004), Layer(clock, 9.0)
        self.clock = clock

    def forward(self, x):
        x = self.first(self.first(x))
        x = Takes.apply(x, self.clock, 0.001)
        return self.second(x) + x


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(layer_times, "stopwatch", lambda: made)
    return made


def test_each_module_has_its_own_time_and_no_time_counts_twice(clock):
    network = nn.Sequential(Block(clock), nn.Identity())
    times = time_layers(network, torch.ones(3), 0.0)
    found = {name: (layer.calls, round(layer.forward_ms, 9)) for name, layer in times.layers.items()}
    assert found == {"": (1, 0), "0": (1, 1.0), "0.first": (2, 4.0), "0.second": (1, 4.0), "1": (1, 0)}
    assert times.forward_ms == pytest.approx(9.0)
    assert times.rounds == 5


def test_the_backward_pass_goes_to_the_module_that_made_the_node(clock):
    times = time_layers(nn.Sequential(Block(clock)), torch.ones(3), 0.0)
    found = {name: round(layer.step_ms, 9) for name, layer in times.layers.items()}
    assert found == {"": 0, "0": 4.0, "0.first": 16.0, "0.second": 16.0}
    assert times.step_ms == pytest.approx(36.0)


def test_operations_that_are_no_views_are_counted_by_module():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.ReLU()

        def forward(self, x):
            return torch.cat([self.part(x), x.view(-1).view_as(x)]) + 1

    times = time_layers(Two(), torch.ones(2, 3), 0.0)
    assert {name: layer.operations for name, layer in times.layers.items()} == {"": 2, "part": 1}
    assert times.step_ms is None


def test_the_gradients_of_a_step_are_autograds_and_parameters_keep_theirs():
    layer, unused = nn.Linear(3, 2), nn.Linear(2, 2)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    by_weight, by_bias = run_step(nn.Sequential(layer), x)
    assert torch.allclose(by_weight, x.sum(0).expand(2, 3))
    assert torch.equal(by_bias, torch.full((2,), 4.0))
    assert layer.weight.grad is None

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = layer, unused

        def forward(self, x):
            return self.used(x), "a word"

    assert all(torch.equal(g, torch.zeros_like(g)) for g in run_step(Both(), x)[2:])


def test_batch_norm_of_a_single_place_is_timed_in_evaluation_mode():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert not time_layers(network, torch.ones(1, 3), 0.0).training_mode
    assert time_layers(network, torch.ones(2, 3), 0.0).training_mode


def test_a_real_network_is_covered_and_no_hook_stays():
    network = create("resnet20", classes=5, generator=torch.Generator().manual_seed(0))
    times = time_layers(network, torch.zeros(2, 3, 16, 16), 0.0)
    assert set(times.layers) == {name for name, _ in network.named_modules()}
    assert times.step_ms > times.forward_ms > 0
    assert all(layer.forward_ms > 0 for name, layer in times.layers.items() if not name.endswith("shortcut"))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert all(p.grad is None for p in network.parameters())
