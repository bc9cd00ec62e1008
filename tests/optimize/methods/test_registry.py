"""The closed list of methods."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import Objective
from fivefold.optimize import METHODS, minimize
from fivefold.optimize.methods.registry import find_method


def bowl():
    return Objective.from_function(lambda w: ((w - 3) ** 2).sum(), torch.ones(2).double())


@pytest.mark.parametrize(("typed", "meant"), [("newtown", "newton"), ("LBFGS", "lbfgs"), ("l-bfgs", "lbfgs")])
def test_an_unknown_method_is_told_the_nearest(typed, meant):
    with pytest.raises(ArgumentError, match=f"nearest is '{meant}'"):
        minimize(bowl(), typed)


def test_a_method_that_needs_more_says_what():
    with pytest.raises(ArgumentError, match="a data objective over Linear"):
        find_method("sampled-newton", bowl())


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.lacks(bowl())])
def test_every_method_that_suits_finds_the_bottom_of_a_bowl(name):
    end = minimize(bowl(), name, tolerance=1e-6)
    assert end.status.succeeded
    torch.testing.assert_close(end.w, torch.full((2,), 3.0).double(), rtol=0, atol=1e-5)
