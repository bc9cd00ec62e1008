"""Which operation made a number that is not finite, as seen below autograd."""

import math

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.first_operation import FirstOperation, Leaf, Made, broken


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([1.0], 0),
        ([math.nan], 1),
        ([math.inf], 2),
        ([-math.inf], 4),
        ([math.nan, math.inf, -math.inf], 7),
        ([], 0),
    ],
)
def test_kinds(values: list[float], kinds: int) -> None:
    assert broken(torch.tensor(values)) == kinds
    assert broken(torch.tensor(values, dtype=torch.complex64)) == kinds
    assert broken(torch.zeros(2, dtype=torch.int64)) == 0


def test_the_first_of_several() -> None:
    seen = FirstOperation()
    x = torch.tensor([1.0, 0.0])
    with seen:
        y = (x + 1.0).log() + x.log()
        z = (y / y).sum()
    origin = seen.origin(z)
    assert isinstance(origin, Made)
    assert origin.name == "log"
    assert origin.index == 2
    assert origin.given is not None
    assert origin.given[0][0].equal(x)
    assert seen.origin(x) is None


def test_what_comes_in_is_a_leaf() -> None:
    seen = FirstOperation()
    x = torch.tensor([math.nan])
    with seen:
        y = x * 2 + 1
    origin = seen.origin(y)
    assert isinstance(origin, Leaf)
    assert origin.tensor is x
    assert not origin.placed
    assert Leaf(torch.tensor([0.0, -math.inf]), 4).placed
    assert not Leaf(torch.tensor([1.0, -math.inf]), 4).placed


def test_views_and_places_that_are_written_again() -> None:
    seen = FirstOperation()
    x = torch.zeros(4)
    with seen:
        y = torch.empty(4).copy_(x).log_()
        half = y.view(2, 2)[0]
        clean = y.clone().fill_(1.0)
    assert seen.origin(half).name == "log"
    assert seen.origin(clean) is None


def test_an_infinity_that_is_put_there_is_no_fault_until_something_is_made_of_it() -> None:
    seen = FirstOperation()
    x = torch.zeros(2, 2)
    with seen:
        masked = x.masked_fill(torch.tensor([[True, True], [True, False]]), -math.inf)
        out = masked.softmax(1)
    assert seen.origin(masked).placed
    assert seen.origin(out).name == "softmax"


def test_an_infinity_that_was_computed_is_the_fault_of_what_computed_it() -> None:
    seen = FirstOperation()
    with seen:
        big = torch.tensor([100.0]).exp()
        out = big / big
    assert seen.origin(out).name == "exp"


def test_backwards_the_operation_is_that_of_the_forward_pass() -> None:
    seen = FirstOperation(names={})
    x = torch.zeros(2, requires_grad=True)
    with seen:
        with seen.names_known():
            y = x.sqrt().sum()
        seen.backward = True
        (gradient,) = torch.autograd.grad(y, x)
    origin = seen.origin(gradient)
    assert isinstance(origin, Made)
    assert origin.backward
    assert not origin.custom
    assert origin.function == "sqrt"
    assert origin.place.path == __file__
    assert seen.forwards[origin.node].name == "sqrt"


def test_modules_are_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Softplus())
    nn.init.constant_(model[0].weight, 2.0)
    seen = FirstOperation(names={id(m): n for n, m in model.named_modules()})
    with seen, seen.names_known():
        out = model(torch.full((1, 2), 3e38))
    origin = seen.origin(out)
    assert isinstance(origin, Made)
    assert origin.module == "0"
    assert origin.function == "linear"


def test_arguments_that_are_wanted_are_kept() -> None:
    seen = FirstOperation(wanted=1)
    with seen:
        torch.ones(3).mul(2.0)
    assert seen.found is not None
    assert seen.found.given[0][1] == 2.0
