"""The lowest score's weights are kept, and survive being written."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks import EnsembleDense
from fivefold.optimize.training.best_weights import BestWeights


def test_only_an_improvement_is_kept_and_nan_is_none():
    net = nn.Linear(2, 1)
    best = BestWeights.start(net, torch.tensor(2.0))
    first = net.weight.detach().clone()
    for score, kept in ((torch.nan, False), (2.5, False), (2.0, False), (1.0, True)):
        with torch.no_grad():
            net.weight.add_(1.0)
        assert best.update(net, torch.tensor(score), 3) is kept
    with torch.no_grad():
        net.weight.zero_()
    best.restore(net)
    torch.testing.assert_close(net.weight.detach(), first + 4)
    assert best.epochs == (3,)


def test_a_score_that_is_nan_at_the_start_is_the_worst():
    best = BestWeights.start(nn.Linear(1, 1), torch.tensor(torch.nan))
    assert best.score == torch.inf


def test_members_are_kept_one_by_one():
    net = EnsembleDense(2, 1, 1, (), generator=torch.Generator().manual_seed(0))
    best = BestWeights.start(net, torch.tensor([1.0, 1.0]))
    old = net.weights[0].detach().clone()
    with torch.no_grad():
        net.weights[0].add_(1.0)
    best.update(net, torch.tensor([0.5, 2.0]), 1)
    best.restore(net)
    torch.testing.assert_close(net.weights[0].detach(), old + torch.tensor([1.0, 0.0])[:, None, None])
    assert best.epochs == (1, 0)


def test_a_module_without_members_first_is_refused():
    with pytest.raises(ArgumentError, match="members first"):
        BestWeights.start(nn.Linear(2, 1), torch.ones(3))


def test_what_a_checkpoint_keeps_comes_back():
    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    best = BestWeights.start(net, torch.tensor(2.0))
    again = BestWeights.from_state(best.state_dict(), torch.device("cpu"))
    assert torch.equal(again.score, best.score)
    assert again.epochs == best.epochs
    assert all(torch.equal(again.weights[name], value) for name, value in net.state_dict().items())


def test_extra_state_that_is_no_tensor_is_kept_as_it_is():
    class Counting(nn.Linear):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    net = Counting(1, 1)
    best = BestWeights.start(net, torch.tensor(2.0))
    net.count = 4
    best.update(net, torch.tensor(1.0), 1)
    net.count = 9
    best.restore(net)
    assert net.count == 4
