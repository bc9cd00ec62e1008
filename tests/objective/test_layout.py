"""Names and one vector."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import Layout
from fivefold.probability import Gaussian

SHAPES = {"a": (2, 3), "scalar": (), "b": (4,)}


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
def test_round_trip(batch):
    layout = Layout(SHAPES)
    w = torch.arange(11.0).expand(*batch, 11)
    named = layout.unravel(w)
    assert {name: tuple(t.shape) for name, t in named.items()} == {k: (*batch, *s) for k, s in SHAPES.items()}
    assert torch.equal(layout.ravel(named), w)


def test_views_share_memory():
    w = torch.zeros(11)
    Layout(SHAPES).unravel(w)["a"][1, 2] = 7.0
    assert w[5] == 7.0


def test_ravel_refuses(small):
    F, _ = small.both(Gaussian(), "plain")
    named = F.unravel(F.initial)
    with pytest.raises(ArgumentError, match="the likelihood's parameters"):
        F.ravel({"weight": named["weight"], "bias": named["bias"]})
    with pytest.raises(ArgumentError, match=r"tensors named \['weight', 'bias'\]"):
        F.ravel({"weight": named["weight"], "likelihood": named["likelihood"]})
    with pytest.raises(ArgumentError, match="weight of shape"):
        F.ravel(named | {"weight": torch.ones(5)})
    with pytest.raises(ArgumentError, match="one set of leading dimensions"):
        F.ravel(named | {"weight": torch.ones(3, 4)})


@pytest.mark.parametrize("w", [torch.ones(3), torch.tensor(1.0)])
def test_unravel_refuses(w):
    with pytest.raises(ArgumentError, match=r"w of shape \[\.\.\., 2\]"):
        Layout({"a": (2,)}).unravel(w)
