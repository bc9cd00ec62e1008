"""One optimizer out of several: the same path as its parts alone, one state, one list of groups."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.training.composite_optimizer import CompositeOptimizer
from fivefold.optimize.training.kfac import KFAC


def test_it_moves_as_its_parts_alone():
    ends = []
    for joined in (False, True):
        a, b = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(3))
        parts = [torch.optim.Muon([a], lr=0.1), torch.optim.Adam([b], lr=0.2)]
        steppers = [CompositeOptimizer(parts)] if joined else parts
        for _ in range(4):
            a.grad, b.grad = a.detach() + 0.1, 2 * b.detach()
            for each in steppers:
                each.step()
        ends.append((a.detach(), b.detach()))
    assert torch.equal(ends[0][0], ends[1][0])
    assert torch.equal(ends[0][1], ends[1][1])


def test_a_rate_that_is_set_reaches_the_part_also_after_loading():
    w = nn.Parameter(torch.zeros(1))
    made = CompositeOptimizer([torch.optim.SGD([w], lr=1.0)])
    made.load_state_dict(made.state_dict())
    made.param_groups[0]["lr"] = 0.25

    def closure():
        w.grad = torch.ones(1)
        return torch.tensor(7.0)

    assert made.step(closure).item() == 7.0
    assert w.item() == -0.25


def test_hooks_of_a_part_are_taken_away():
    net = nn.Linear(2, 1)
    made = CompositeOptimizer([KFAC(net, [net.weight]), torch.optim.SGD([net.bias], lr=1.0)])
    assert net._forward_hooks
    made.remove()
    assert not net._forward_hooks


def test_no_parts_are_refused():
    with pytest.raises(ArgumentError, match="at least one optimizer"):
        CompositeOptimizer([])
