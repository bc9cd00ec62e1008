"""Passes are told apart: forward, backward, and what a backward pass computes again."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from fivefold.diagnosis.observation.layers import in_backward
from fivefold.diagnosis.observation.passes import Passes
from fivefold.diagnosis.observation.watcher import Watcher


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


class Teacher(nn.Module):
    """Calls a part of itself without gradients, within its own pass."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(2, 2)

    def target(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            wanted = self.target(x)
        return self.encoder(x) - wanted


def calls_of_updates(updates: int, backward_twice: bool = False) -> Passes:
    net, x = Teacher(), torch.ones(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    seen = Watcher({"": net}, [optimizer], every=1000)
    seen.attach()
    for _ in range(updates):
        optimizer.zero_grad()
        checkpoint(net, x, use_reentrant=False).square().sum().backward()
        if backward_twice:
            net(x).square().sum().backward()
        optimizer.step()
    return seen


def test_a_pass_without_gradients_within_another_is_no_evaluation() -> None:
    seen = calls_of_updates(5)
    assert (seen._depth, seen.record.evaluations, seen._evaluation) == (0, [], None)
    with torch.no_grad():
        seen.record.model[""](torch.ones(3, 2))
    assert seen._evaluation is not None
    assert not seen._calm
    seen.record.model[""](torch.ones(4, 2))
    assert (len(seen.record.evaluations), seen._calm) == (1, True)
    assert seen._batch is not None
    assert seen._batch[1][0].shape == (4, 2)


def test_a_pass_that_fails_is_over() -> None:
    seen = calls_of_updates(2)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            seen.record.model[""](torch.ones(3, 7))
    assert seen._depth == 0


def test_what_each_pass_of_an_update_costs_is_entered() -> None:
    one, two = calls_of_updates(40), calls_of_updates(40, backward_twice=True)
    assert one._calm
    assert one._passes < two._passes
    assert one._counted == one._passes
    assert one.account.always > 0.0
