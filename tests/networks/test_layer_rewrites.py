"""Other widths for single layers: which are tried, and what they are."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.guidelines import LayerReport
from fivefold.networks.layer_rewrites import input_of, other_widths, with_widths


def row(name, inputs, outputs, ms):
    return LayerReport(name, "Conv2d", inputs, outputs, 1, 1, 0, 0, 0, ms, 0.0, None, "neither", 0.1)


def test_widths_are_rounded_up_and_the_networks_own_channels_stay():
    network = nn.Sequential(nn.Conv2d(3, 20, 3, padding=1), nn.Conv2d(20, 32, 3, padding=1))
    rows = [row("0", (2, 3, 8, 8), (2, 20, 8, 8), 1.0), row("1", (2, 20, 8, 8), (2, 32, 8, 8), 2.0)]
    found = {(each.name, each.layers): each for each in other_widths(network, rows, 3)}
    assert found["width_multiple_of_8", ("1",)].after == (24, 32)
    assert found["width_multiple_of_8", ("0",)].after == (3, 24)
    assert found["width_multiple_of_16", ("1",)].after == (32, 32)
    assert found["width_multiple_of_8", ("1",)].multiply_adds == pytest.approx(24 / 20 - 1)
    assert len(found) == 4


def test_unequal_widths_of_a_window_of_one_place_become_equal_at_equal_multiply_adds():
    network = nn.Sequential(nn.Conv2d(16, 64, 1), nn.Conv2d(64, 64, 1), nn.Conv2d(16, 64, 3, groups=2))
    rows = [
        row("0", (2, 16, 8, 8), (2, 64, 8, 8), 1.0),
        row("1", (2, 64, 8, 8), (2, 64, 8, 8), 1.0),
        row("2", (2, 16, 8, 8), (2, 64, 6, 6), 9.0),
    ]
    (each,) = other_widths(network, rows, 3)
    assert (each.name, each.layers, each.before, each.after) == ("equal_widths", ("0",), (16, 64), (32, 32))
    assert each.multiply_adds == 0.0


def test_layers_alike_are_tried_once_and_the_costliest_two_of_each_kind():
    widths = [17, 17, 19, 21, 23]
    network = nn.ModuleList(nn.Conv2d(w, w, 3) for w in widths)
    rows = [row(str(i), (1, w, 8, 8), (1, w, 6, 6), float(i + 1)) for i, w in enumerate(widths)]
    eight = [each.layers for each in other_widths(network, rows, 3) if each.name == "width_multiple_of_8"]
    assert eight == [("4",), ("3",)]
    two = [each.layers for each in other_widths(network, rows[:3], 3) if each.name == "width_multiple_of_8"]
    assert ("0", "1") in two


def test_the_other_layer_is_like_the_first_but_for_its_channels():
    layer = nn.Conv2d(3, 5, (3, 1), stride=2, padding=(1, 0), dilation=2, bias=False, dtype=torch.float64)
    other = with_widths(layer, 8, 16)
    assert other.weight.shape == (16, 8, 3, 1)
    assert (other.bias, other.weight.dtype) == (None, torch.float64)
    x = torch.ones(1, 3, 9, 9, dtype=torch.float64)
    (each, *_) = other_widths(nn.Sequential(layer), [row("0", (1, 3, 9, 9), (1, 5, 4, 5), 1.0)], 3)
    made = input_of(each, 8, x, torch.Generator().manual_seed(0))
    assert other(made).shape[2:] == layer(x).shape[2:]
    assert made.dtype == torch.float64
    with pytest.raises(ArgumentError, match="without groups"):
        with_widths(nn.Conv2d(4, 4, 1, groups=2), 8, 8)
