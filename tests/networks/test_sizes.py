"""Sizes and receptive fields, against torch's own layers and against gradients."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.sizes import ReceptiveField, Window, output_size, receptive_field


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_sizes_are_those_of_torchs_convolution(n, size, stride, padding, dilation):
    window = Window(size, stride, padding, dilation)
    layer = nn.Conv1d(1, 1, size, stride, padding, dilation, device="meta")
    try:
        expected = layer(torch.empty(1, 1, n, device="meta")).shape[-1]
    except RuntimeError:
        with pytest.raises(ArgumentError, match="at least"):
            output_size(n, window)
    else:
        assert output_size(n, window) == expected


@pytest.mark.parametrize("n", [2, 5, 6, 7, 13])
@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 3, 1), (2, 3, 0)]
)
@pytest.mark.parametrize("partial", [False, True])
def test_sizes_are_those_of_torchs_pooling(n, size, stride, padding, partial):
    layer = nn.MaxPool1d(size, stride, padding, ceil_mode=partial)
    if n + 2 * padding < size:
        return
    expected = layer(torch.zeros(1, 1, n)).shape[-1]
    assert output_size(n, Window(size, stride, padding, partial=partial)) == expected


@pytest.mark.parametrize("n", [1, 4, 7])
@pytest.mark.parametrize(
    ("size", "stride", "padding", "dilation", "extra"),
    [(2, 2, 0, 1, 0), (3, 2, 1, 1, 1), (4, 2, 1, 1, 0), (3, 1, 0, 2, 1), (5, 3, 2, 1, 2)],
)
def test_sizes_are_those_of_torchs_transposed_convolution(n, size, stride, padding, dilation, extra):
    layer = nn.ConvTranspose1d(1, 1, size, stride, padding, extra, dilation=dilation)
    expected = layer(torch.zeros(1, 1, n)).shape[-1]
    assert output_size(n, Window(size, stride, padding, dilation, True, extra)) == expected


def seen_by(layers: nn.Sequential, n: int, index: int) -> tuple[int, int]:
    """The first and the last pixel that one output depends on, by its gradient."""
    x = torch.zeros(1, 1, n, dtype=torch.float64, requires_grad=True)
    for layer in layers:
        nn.init.constant_(layer.weight, 1.0)
    layers.double()(x)[0, 0, index].backward()
    pixels = x.grad[0, 0].nonzero().flatten()
    return int(pixels[0]), int(pixels[-1])


@pytest.mark.parametrize(
    "windows",
    [
        [Window(3, 1, 1), Window(3, 2, 1), Window(5, 1, 2)],
        [Window(7, 2, 3), Window(3, 2, 1), Window(3, 1, 1), Window(3, 2, 1)],
        [Window(3, 1, 2, dilation=2), Window(2, 2), Window(3, 1, 4, dilation=4)],
    ],
)
def test_receptive_fields_are_those_of_the_gradient(windows):
    layers = nn.Sequential(
        *(nn.Conv1d(1, 1, w.size, w.stride, w.padding, w.dilation, bias=False) for w in windows)
    )
    field = receptive_field(windows)
    places, index = 400, 0
    for window in windows:
        places = output_size(places, window)
    index = places // 2
    first, last = seen_by(layers, 400, index)
    centre = field.start + index * field.jump
    assert last - first + 1 == field.size
    assert (first + last) / 2 == centre


def test_a_transposed_window_refines_the_jump_and_sees_what_the_gradient_says():
    down, up = Window(2, 2), Window(4, 2, 1, transposed=True)
    layers = nn.Sequential(nn.Conv1d(1, 1, 2, 2, bias=False), nn.ConvTranspose1d(1, 1, 4, 2, 1, bias=False))
    field = receptive_field([down, up])
    widths = [last - first + 1 for first, last in (seen_by(layers, 40, i) for i in range(10, 20))]
    assert field.jump == 1
    assert max(widths) == field.size == 4


def test_dilation_and_depth_cost_nothing_in_parameters_but_widen_the_field():
    assert ReceptiveField().through(Window(3, dilation=8)).size == 17
    assert receptive_field([]).size == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": 0}, "window of at least 1"),
        ({"size": 3, "stride": 0}, "stride"),
        ({"size": 3, "padding": -1}, "padding"),
        ({"size": 3, "dilation": 0}, "dilation"),
        ({"size": 3, "output_padding": 1}, "output padding"),
    ],
)
def test_a_window_out_of_range_is_refused(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        Window(**arguments)


def test_a_transposed_window_that_leaves_nothing_is_refused():
    with pytest.raises(ArgumentError, match="leaves something"):
        output_size(1, Window(2, 1, 1, transposed=True))
