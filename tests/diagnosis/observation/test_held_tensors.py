"""Tensors inside what a module gives."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.distributions import Bernoulli, Categorical, Independent, Normal

from fivefold.diagnosis.observation.held_tensors import held_tensors


@dataclass
class Output:
    """What a model of somebody gives."""

    policy: Any
    value: torch.Tensor


def test_what_is_inside() -> None:
    a, b = torch.zeros(2, 3), torch.ones(2)
    assert [id(t) for t in held_tensors({"x": [a, (b, a)], "y": 3})] == [id(a), id(b)]
    found = held_tensors(Output(Categorical(logits=a), b))
    assert [list(t.shape) for t in found] == [[2, 3], [2]]
    assert found[-1] is b
    assert [list(t.shape) for t in held_tensors(Independent(Normal(a, a + 1), 1))] == [[2, 3], [2, 3]]
    assert len(held_tensors(Bernoulli(probs=b / 2))) == 1
    assert held_tensors(Output) == held_tensors(None) == []


def test_the_same_tensors_in_the_same_order_each_time() -> None:
    x = torch.randn(4, 3)
    shapes = [[tuple(t.shape) for t in held_tensors((Categorical(logits=x), x.sum(1)))] for _ in range(2)]
    assert shapes[0] == shapes[1] == [(4, 3), (4,)]
