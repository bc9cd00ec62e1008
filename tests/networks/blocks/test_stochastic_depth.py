"""Stochastic depth: its mean is the branch, whole examples at a time."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks.blocks.stochastic_depth import StochasticDepth


def test_whole_examples_are_dropped_and_the_mean_is_kept():
    torch.manual_seed(0)
    y = StochasticDepth(0.3)(torch.ones(20_000, 2, 3))
    kept = y[:, 0, 0] != 0
    assert torch.equal(y, kept[:, None, None] / 0.7 * torch.ones_like(y))
    # the standard error of the mean is sqrt(0.3 / 0.7 / 20,000) = 0.0046; five of them
    assert y.mean().item() == pytest.approx(1.0, abs=0.023)


def test_nothing_is_dropped_at_evaluation_or_at_probability_nought():
    x = torch.randn(5, 2)
    assert StochasticDepth(0.9).eval()(x) is x
    assert StochasticDepth(0.0)(x) is x


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_probabilities_out_of_range_are_refused(p):
    with pytest.raises(ArgumentError, match=r"\[0, 1\)"):
        StochasticDepth(p)
