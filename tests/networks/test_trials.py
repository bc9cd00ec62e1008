"""A rewrite is adopted where it computes the same and is faster for certain, and nowhere else."""

from copy import deepcopy
from types import MappingProxyType

import pytest
import torch
from torch import nn

from fivefold.networks import rewrites, trials
from fivefold.networks.guidelines import LayerReport
from fivefold.networks.paired_times import PairedTimes
from fivefold.networks.rewrites import RewriteKind
from fivefold.networks.trials import try_rewrites

X = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))


class Again(nn.Module):
    """relu(Wx), with relu applied so many times: the same function for every number of times."""

    def __init__(self, times):
        super().__init__()
        self.layer, self.times, self.shift = nn.Linear(64, 64), times, 0.0

    def forward(self, x):
        x = self.layer(x)
        for _ in range(self.times):
            x = torch.relu(x)
        return x + self.shift


def with_times(times, shift=0.0):
    def make(network, _):
        made = deepcopy(network)
        made.times, made.shift = times, shift
        return made

    return make


@pytest.fixture
def only(monkeypatch):
    def put(**kinds):
        for module in (rewrites, trials):
            monkeypatch.setattr(module, "REWRITES", MappingProxyType(kinds))

    return put


def kind(make, *, keeps=True, trains=False):
    return RewriteKind(make, "for a test", keeps=keeps, trains=trains)


def test_what_is_faster_and_the_same_is_adopted_in_both_scopes(only):
    only(less=kind(with_times(1), trains=True))
    found = try_rewrites(Again(300), X, [], 5.0, trains=True)
    assert [(t.scope, t.adopted, t.verdict) for t in found] == [
        ("forward pass", True, "faster"),
        ("training step", True, "faster"),
    ]
    assert all(t.difference == 0.0 and t.upper < 1 and t.ratio < 0.5 for t in found)
    assert all(t.after_ms < t.before_ms and t.lower <= t.ratio <= t.upper for t in found)


def test_what_is_faster_and_another_function_is_not_adopted(only):
    only(wrong=kind(with_times(1, shift=1e-6)))
    (trial,) = try_rewrites(Again(300), X, [], 1.0, trains=False)
    assert not trial.adopted
    assert trial.ratio is None
    assert trial.verdict.startswith("not the same function: differs by")


def test_what_says_that_it_changes_the_function_is_compared_by_time_only(only):
    only(other=kind(with_times(1, shift=1.0), keeps=False))
    (trial,) = try_rewrites(Again(300), X, [], 5.0, trains=False)
    assert (trial.adopted, trial.difference, trial.verdict) == (True, None, "faster, but another function")


def test_what_is_much_slower_is_given_up_after_a_run(only):
    only(more=kind(with_times(2_000)))
    (trial,) = try_rewrites(Again(1), X, [], 5.0, trains=False)
    assert trial.verdict.startswith("not tried further:")
    assert (trial.adopted, trial.pairs) == (False, 0)


def test_what_there_is_no_time_for_says_how_much_it_needs(only):
    only(less=kind(with_times(299)))
    (trial,) = try_rewrites(Again(300), X, [], 1e-9, trains=False)
    assert trial.verdict == "not tried: no time is left; give more seconds"
    only(less=kind(with_times(29_999)))
    (trial,) = try_rewrites(Again(30_000), X, [], 0.05, trains=False)
    assert trial.verdict.startswith("not tried: ")


@pytest.mark.parametrize(
    ("lower", "upper", "adopted", "verdict"),
    [
        (0.5, 0.99, True, "faster"),
        (0.5, 1.0, False, "no faster for certain"),
        (1.01, 2.0, False, "slower"),
    ],
)
def test_the_interval_decides(only, monkeypatch, lower, upper, adopted, verdict):
    levels = []

    def fake(before, after, seconds, level):
        levels.append(level)
        return PairedTimes(9, 1.0, 1.0, 0.9, lower, upper)

    monkeypatch.setattr(trials, "time_pairs", fake)
    only(one=kind(with_times(5)), two=kind(with_times(6)), three=kind(lambda n, _: None))
    found = try_rewrites(Again(5), X, [], 5.0, trains=False)
    assert [(t.adopted, t.verdict) for t in found[:2]] == [(adopted, verdict)] * 2
    assert len(found) == (3 if adopted else 2)
    if adopted:
        assert (found[2].rewrite, found[2].what) == ("one + two", "all adopted ones together")
    assert levels == [pytest.approx(1 - 0.05 / 3)] * len(found)  # two, and the two together


def test_single_layers_are_tried_beside_their_other_widths():
    network = nn.Sequential(nn.Conv2d(3, 20, 1), nn.Conv2d(20, 80, 1))
    shapes = ((2, 20, 16, 16), (2, 80, 16, 16))
    row = LayerReport("1", "Conv2d", *shapes, 1, 1, 0, 0, 0, 1.0, 0.0, None, "neither", 0.1)
    found = try_rewrites(network, torch.zeros(2, 3, 16, 16), [row], 2.0, trains=False)
    alone = {t.rewrite: t for t in found if t.scope == "layer alone"}
    assert set(alone) == {"width_multiple_of_8", "width_multiple_of_16", "equal_widths"}
    assert alone["equal_widths"].what == "1: 20 to 80 channels as 40 to 40, multiply-adds +0%"
    assert all(t.difference is None for t in alone.values())
    assert alone["equal_widths"].to_record()["scope"] == "layer alone"


def test_trying_leaves_the_network_and_the_generator_as_they_were():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    found = try_rewrites(network, torch.zeros(2, 3, 9, 9), [], 0.5, trains=True)
    assert {t.rewrite for t in found} >= {"channels_last", "fold_batch_norm", "in_place"}
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    assert not network[2].inplace
    assert all(p.grad is None for p in network.parameters())


def test_what_is_for_single_precision_alone_is_compared_in_it():
    network = nn.Sequential(nn.Conv2d(128, 128, 3), nn.BatchNorm2d(128), nn.ReLU()).eval()
    x = torch.randn(1, 128, 6, 6, generator=torch.Generator().manual_seed(0))
    found = {t.rewrite: t for t in try_rewrites(network, x, [], 20.0, trains=False)}
    packed = found["packed_weights"]
    assert packed.difference is not None
    assert packed.difference < 1e-4
    assert packed.pairs > 0
    assert found["fold_batch_norm"].difference < 1e-9


def test_a_wrong_rewrite_in_single_precision_is_seen(only):
    kind = RewriteKind(with_times(1, shift=1e-2), "", keeps=True, trains=False, dtype=torch.float32)
    only(wrong=kind)
    (found,) = try_rewrites(Again(1), X, [], 5.0, trains=False)
    assert found.verdict.startswith("not the same function")
