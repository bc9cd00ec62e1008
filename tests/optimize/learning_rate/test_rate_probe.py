"""Probes: equal to a training in one go, on a copy, and honest about blowing up."""

import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.learning_rate.rate_probe import RateProbe, copy_module
from fivefold.optimize.training.data import open_rows
from fivefold.optimize.training.losses import squared_loss


def rows():
    X = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    return open_rows((X, X.sum(1)), 5, torch.device("cpu"))


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))


def test_in_pieces_it_is_the_same_as_in_one_go():
    start = net()
    whole = RateProbe(start, rows(), squared_loss, "adamw", 0.01, seed=3)
    parts = RateProbe(start, rows(), squared_loss, "adamw", 0.01, seed=3)
    whole.advance(11)
    for steps in (3, 5, 3):
        parts.advance(steps)
    assert whole.losses == parts.losses
    assert torch.equal(start[0].weight, net()[0].weight)


def test_a_functions_rate_is_replaced_and_equal_seeds_meet_the_same_batches():
    made = [
        RateProbe(net(), rows(), squared_loss, lambda g: torch.optim.SGD(g, lr=9.0), rate, seed=1)
        for rate in (1e-9, 2e-9)
    ]
    for probe in made:
        probe.advance(8)
    assert [probe.optimizer.param_groups[0]["lr"] for probe in made] == [1e-9, 2e-9]
    torch.testing.assert_close(torch.tensor(made[0].losses), torch.tensor(made[1].losses))


def test_a_probe_that_blew_up_costs_nothing_more():
    probe = RateProbe(net(), rows(), squared_loss, "sgd", 1e4)
    probe.advance(12)
    assert probe.failed
    assert len(probe.losses) == 12
    assert probe.losses[-1] == math.inf


def test_a_module_that_cannot_be_copied_is_refused():
    module = net()
    module.cache = module[0](torch.ones(1, 2))
    with pytest.raises(ArgumentError, match=r"copy\.deepcopy can copy"):
        copy_module(module)
