"""The look at the gradients at every update."""

import math

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.look import SMALL, Look


def parameters() -> list[nn.Parameter]:
    found = [nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(100, 60)), nn.Parameter(torch.ones(2))]
    for p in found:
        p.grad = torch.ones_like(p)
    return found


def test_finite() -> None:
    assert Look([]).finite(wait=True)
    assert Look(parameters()).finite(wait=True)
    held = parameters()
    held[1].grad = None
    assert Look(held).finite(wait=True)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_any_of_them(which: int) -> None:
    held = parameters()
    assert held[1].numel() > SMALL
    held[which].grad.view(-1)[0] = math.nan
    assert not Look(held).finite(wait=True)


def test_the_middle_is_looked_at_as_often_as_time_allows() -> None:
    held = parameters()
    look = Look(held, share=1e-9, always=0)
    assert look.finite(wait=True)  # the first look costs nothing yet, and is whole
    held[1].grad.fill_(math.nan)
    assert look.finite(wait=True)
    held[0].grad.fill_(math.nan)
    assert not look.finite(wait=True)
    generous = Look(held, share=1.0, always=0)
    assert not generous.finite(wait=True)


def test_a_sum_that_overflows_is_no_fault() -> None:
    held = parameters()
    held[0].grad = torch.full((3,), 3e38)
    assert Look(held).finite(wait=True)


def test_the_bias_stands_for_a_large_first_weight() -> None:
    layer, last = nn.Linear(784, 16), nn.Parameter(torch.ones(2))
    held = [layer.weight, layer.bias, nn.Parameter(torch.ones(3)), last]
    look = Look(held, share=1e-9, always=0)
    for p in held:
        p.grad = torch.ones_like(p)
    assert look.finite(wait=True)  # whole, and the credit is spent
    rows = torch.zeros(4, 16, requires_grad=True)
    layer(torch.ones(4, 784)).add(rows).sqrt().sum().backward()  # square roots of numbers below zero
    assert not layer.weight.grad.isfinite().all()
    assert not look.finite(wait=True)


def test_parameters_without_numbers_yet() -> None:
    layer = nn.LazyLinear(3)
    assert Look([layer.weight, layer.bias]).finite(wait=True)
