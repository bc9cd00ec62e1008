"""The linter's rows add up to the network's, its text says what was found, and nothing is left behind."""

import json

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks import linter
from fivefold.networks.costs import layer_costs
from fivefold.networks.linter import Lint, lint
from fivefold.networks.registry import create
from fivefold.networks.training_memory import largest_batch
from fivefold.networks.trials import Trial


class Odd(nn.Module):
    """A shared module, a nested container, work between modules and a layer that never runs."""

    def __init__(self):
        super().__init__()
        shared = nn.Conv2d(4, 4, 1)
        self.body = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), shared, nn.Tanh(), shared)
        self.idle, self.drop = nn.Linear(7, 7), nn.Dropout(0.5)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        y = self.body(x)
        return self.head(self.drop(torch.cat([y, y + 1]).mean((2, 3))))


def test_rows_are_leaves_and_what_stands_between_them():
    network = Odd()
    found = lint(network, (2, 3, 10, 10), seconds=0.05, rewrites=False)
    rows = {row.name: row for row in found.layers}
    assert set(rows) == {"in the network", "body.0.0", "body.0.1", "body.1", "body.2", "head"}
    assert (rows["body.1"].calls, rows["body.1"].parameters) == (2, 20)
    assert rows["body.1"].multiply_adds == 2 * 2 * 4 * 4 * 64
    assert rows["in the network"].operations == 3
    costs = layer_costs(network, (2, 3, 10, 10))
    for column in ("multiply_adds", "bytes"):
        assert sum(getattr(row, column) for row in found.layers) == sum(getattr(c, column) for c in costs)
    assert found.idle == ("idle",)
    assert found.trials == ()
    assert all(row.forward_ms > 0 and row.step_ms >= 0 for row in found.layers)
    assert sum(row.forward_ms for row in found.layers) > 0


def test_everything_is_left_as_it_was():
    network = Odd()
    network.body[0].eval()
    calls = []
    handle = network.head.register_forward_hook(lambda *_: calls.append(1))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes, state = [m.training for m in network.modules()], torch.get_rng_state()
    hooks = [list(m._forward_hooks.values()) for m in network.modules()]
    lint(network, (2, 3, 10, 10), seconds=0.3)
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in network.modules()] == modes
    assert [list(m._forward_hooks.values()) for m in network.modules()] == hooks
    assert not any(m._forward_pre_hooks for m in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(p.grad is None and p.is_contiguous() for p in network.parameters())
    handle.remove()


def test_the_text_has_findings_rewrites_and_layers_and_the_record_is_plain():
    network = create("shufflenet_v2_x0_5", classes=3, generator=torch.Generator().manual_seed(0))
    found = lint(network, (1, 3, 32, 32), seconds=0.5)
    text = str(found)
    assert [each.name for each in found.guidelines if each.name in text] == ["G2", "G3", "G4"]
    assert "channels_last, forward pass" in text
    assert "more," in text.splitlines()[-1]
    # a single place in the last stage: batch norm has no variance there
    assert not found.training_mode
    assert "in evaluation mode" in text
    record = json.loads(json.dumps(found.to_record()))
    assert len(record["layers"]) == len(found.layers)
    assert record["adopted"] == list(found.adopted)
    assert set(found.adopted) <= {"channels_last", "fold_batch_norm", "in_place"}


def test_a_network_without_parameters_has_times_and_no_step():
    found = lint(nn.Sequential(nn.ReLU(), nn.AvgPool2d(2)), (1, 3, 8, 8), seconds=0.05)
    assert found.step_ms is None
    assert [row.step_ms for row in found.layers] == [None, None]
    assert {each.name for each in found.guidelines} >= {"G4"}


def test_frozen_networks_have_no_step_and_double_ones_are_taken_as_they_are():
    network = nn.Linear(4, 4).double().requires_grad_(False)
    found = lint(network, (2, 4), seconds=0.05, rewrites=False)
    assert found.step_ms is None
    assert found.layers[0].bytes == 8 * (8 + 16 + 4 + 8)


def test_what_does_not_fit_is_refused_with_the_batch_that_does(monkeypatch):
    network = create("resnet20", classes=10)
    free = 300 << 20
    monkeypatch.setattr(linter, "free_main_memory", lambda: free)
    own = 2 * sum(p.nbytes for p in network.parameters())
    batch = largest_batch(network, (3, 32, 32), free - own, "sgd-plain")
    with pytest.raises(
        ArgumentError, match=f"300.0 MiB of free memory are enough; .* a batch of {batch} fits"
    ):
        lint(network, (4096, 3, 32, 32))
    monkeypatch.setattr(linter, "free_main_memory", lambda: 1 << 20)
    with pytest.raises(ArgumentError, match="not one input fits"):
        lint(network, (2, 3, 32, 32))


def test_bad_input_is_refused():
    layer = nn.Linear(4, 4)
    with pytest.raises(ArgumentError, match=r"a shape that the network takes; got \[2, 5\]"):
        lint(layer, (2, 5))
    with pytest.raises(ArgumentError, match="pictures of shape"):
        lint(create("resnet20"), (2, 4, 32, 32))
    with pytest.raises(ArgumentError, match="whole numbers of at least 1"):
        lint(layer, (0, 4))
    with pytest.raises(ArgumentError, match="a network on the CPU; got meta; make it on the CPU"):
        lint(nn.Linear(4, 4, device="meta"), (2, 4))
    for seconds in (0.0, float("inf"), float("nan")):
        with pytest.raises(ArgumentError, match="positive, finite seconds"):
            lint(layer, (2, 4), seconds=seconds)
    layer.derived = layer.weight * 2
    with pytest.raises(ArgumentError, match="a network that can be copied"):
        lint(layer, (2, 4))


def _trial(name, adopted, upper, scope="forward pass", difference=0.0):
    return Trial(name, "", scope, adopted, upper - 0.1, upper - 0.2, upper, 9, 1.0, 0.9, difference, "")


@pytest.mark.parametrize(
    ("together", "adopted"),
    [(None, ("b",)), (_trial("a + b", False, 1.1), ("b",)), (_trial("a + b", True, 0.9), ("a", "b"))],
)
def test_rewrites_are_adopted_together_only_where_they_were_tried_together(together, adopted):
    others = [
        _trial("c", False, 0.4),
        _trial("d", True, 0.3, "training step"),
        _trial("e", True, 0.3, difference=None),
    ]
    trials = [_trial("a", True, 0.8), _trial("b", True, 0.7), *others]
    trials += [] if together is None else [together]
    found = Lint((1, 4), (), (), 1.0, None, 5, False, None, (), tuple(trials))
    assert found.adopted == adopted
    assert Lint((1, 4), (), (), 1.0, None, 5, False, None, (), tuple(others)).adopted == ()
