"""Styles: what each name makes."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.blocks.channel_norm import ChannelNorm
from fivefold.networks.style import ACTIVATIONS, NORMS, Style


def test_each_name_makes_its_layer():
    made = {norm: type(Style(norm=norm).norm_of(64)) for norm in NORMS}
    assert made == {
        "batch": nn.BatchNorm2d,
        "group": nn.GroupNorm,
        "instance": nn.InstanceNorm2d,
        "layer": ChannelNorm,
        "none": nn.Identity,
    }
    assert Style(norm="none").bias
    assert not Style().bias


@pytest.mark.parametrize("channels", [1, 3, 8, 24, 64, 116, 1024])
def test_groups_divide_the_channels_and_hold_eight_where_they_can(channels):
    norm = Style(norm="group").norm_of(channels)
    assert channels % norm.num_groups == 0
    assert norm.num_groups <= 32
    assert norm.num_groups == 1 or channels // norm.num_groups >= 8


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_new_each_time_and_finite(name):
    style = Style(name)
    assert style.act() is not style.act()
    assert torch.isfinite(style.act()(torch.linspace(-50, 50, 11))).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nothing_is_overwritten_unless_it_is_asked_for(name):
    x = torch.linspace(-3, 3, 7)
    before = x.clone()
    Style(name).act(in_place=False)(x)
    assert torch.equal(x, before)


def test_constants_reach_the_layers():
    norm = Style(epsilon=1e-3, momentum=0.4).norm_of(4)
    assert (norm.eps, norm.momentum) == (1e-3, 0.4)


def test_unknown_names_are_refused():
    with pytest.raises(ArgumentError, match="an activation among relu, relu6"):
        Style("swish")
    with pytest.raises(ArgumentError, match="a normalisation among batch, group"):
        Style(norm="weight")
