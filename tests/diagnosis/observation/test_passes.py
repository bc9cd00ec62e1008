"""Passes are told apart: forward, backward, and what a backward pass computes again."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from fivefold.diagnosis.observation.layers import in_backward
from fivefold.diagnosis.observation.passes import Passes


def test_a_backward_pass_knows_of_itself() -> None:
    told: list[bool] = []
    x = torch.ones(2, requires_grad=True)
    x.register_hook(lambda g: told.append(in_backward()))
    assert not in_backward()
    (x * 2).sum().backward()
    assert told == [True]
    assert not in_backward()


def test_modules_that_are_run_again_know_of_it() -> None:
    told: list[bool] = []

    class Layer(nn.Module):
        def forward(self, x):
            told.append(in_backward())
            return x * 2

    x = torch.ones(2, requires_grad=True)
    checkpoint(Layer(), x, use_reentrant=False).sin().sum().backward()
    assert told[0] is False
    assert all(told[1:])


def test_passes_alone_see_no_updates() -> None:
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    seen = Passes({"": net}, [optimizer])
    with pytest.raises(TypeError, match="a Watcher"):
        seen._before_step(optimizer, (optimizer,), {})
    with pytest.raises(TypeError, match="a Watcher"):
        seen._after_step(optimizer, (optimizer,), {})
