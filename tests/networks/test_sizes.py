"""Sizes and receptive fields, against torch's own layers and against gradients."""

import random
from math import prod

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.sizes import Window, output_size, pixels_seen, receptive_field


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


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 13])
@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 3, 1), (2, 3, 0)]
)
@pytest.mark.parametrize("partial", [False, True])
def test_sizes_are_those_of_torchs_pooling(n, size, stride, padding, partial):
    layer = nn.MaxPool1d(size, stride, padding, ceil_mode=partial)
    window = Window(size, stride, padding, ceil_mode=partial)
    try:
        expected = layer(torch.zeros(1, 1, n)).shape[-1]
    except RuntimeError:
        with pytest.raises(ArgumentError, match="at least"):
            output_size(n, window)
    else:
        assert output_size(n, window) == expected


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


STACKS_THAT_GROW = [
    [Window(2, 2), Window(4, 2, 1, transposed=True)],
    [Window(2, 2, transposed=True), Window(2)],
    [Window(2, 2, transposed=True), Window(3)],
    [Window(2, 2, transposed=True), Window(4)],
    [Window(5, 3, 1, transposed=True), Window(3, 2, 1), Window(2, 2, transposed=True), Window(3, 1, 1)],
    [Window(3, 1, 2, 2, transposed=True), Window(3, 2)],
    [Window(3, 3, 1, 2, transposed=True)],
    [Window(4, 3, 0, 5, transposed=True), Window(3, 1, 1)],
    [Window(2, 2, 0, 3, transposed=True)],
    [Window(2, 3, 0, 2, transposed=True), Window(3)],  # one output of three is a gap
    [Window(2, 2, transposed=True), Window(3, 2, 2, 3, transposed=True)],
]


@pytest.mark.parametrize("windows", STACKS_THAT_GROW)
def test_fields_through_transposed_windows_are_those_of_the_gradient(windows):
    layers = nn.Sequential(
        *(
            nn.ConvTranspose1d(
                1, 1, w.size, w.stride, w.padding, w.output_padding, 1, bias=False, dilation=w.dilation
            )
            if w.transposed
            else nn.Conv1d(1, 1, w.size, w.stride, w.padding, w.dilation, bias=False)
            for w in windows
        )
    )
    places = 60
    for window in windows:
        places = output_size(places, window)
    middle = range(places // 2, places // 2 + 12)
    seen = [seen_by(layers, 60, i) for i in middle]
    assert seen == [pixels_seen(windows, i) for i in middle]
    field = receptive_field(windows)
    assert max(last - first + 1 for first, last in seen) == field.size
    centres = [(first + last) / 2 - i * field.jump for i, (first, last) in zip(middle, seen, strict=True)]
    assert sum(centres) / 12 == pytest.approx(field.start)


def random_stack(draw):
    """One to four windows that stride, dilate, paint or average, and layers of theirs with weights of one."""
    windows, layers = [], []
    for _ in range(draw.randint(1, 4)):
        size, stride, dilation = draw.randint(1, 4), draw.randint(1, 3), draw.randint(1, 4)
        kind = draw.choice(["reads", "reads", "paints", "paints", "pools"])
        if kind == "pools":
            windows.append(Window(size, stride, draw.randint(0, size // 2)))
            layers.append(nn.AvgPool1d(size, stride, windows[-1].padding))
            continue
        extra = draw.randrange(max(stride, dilation)) if kind == "paints" else 0
        padding = draw.randint(0, 2)
        windows.append(Window(size, stride, padding, dilation, kind == "paints", extra))
        if kind == "paints":
            layers.append(
                nn.ConvTranspose1d(1, 1, size, stride, padding, extra, bias=False, dilation=dilation)
            )
        else:
            layers.append(nn.Conv1d(1, 1, size, stride, padding, dilation, bias=False))
        nn.init.ones_(layers[-1].weight)
    return windows, nn.Sequential(*layers).double()


@pytest.mark.parametrize("seed", range(120))
def test_fields_of_random_stacks_are_the_support_of_the_gradient(seed):
    """Weights of one cancel nothing: a pixel is seen just where its slope is not 0."""
    windows, layers = random_stack(random.Random(seed))
    n = 500
    x = torch.zeros(1, 1, n, dtype=torch.float64, requires_grad=True)
    y = layers(x)[0, 0]
    period = prod(window.stride for window in windows if window.transposed)  # or a part of it
    middle = range(len(y) // 2, len(y) // 2 + min(period, 40))
    ends = []
    for i in middle:
        (slope,) = torch.autograd.grad(y[i], x, retain_graph=True)
        pixels = slope[0, 0].nonzero().flatten().tolist()
        if not pixels:
            ends.append(None)
            with pytest.raises(ArgumentError, match="leave no gaps"):
                pixels_seen(windows, i)
            continue
        ends.append((pixels[0], pixels[-1]))
        assert 100 < pixels[0] <= pixels[-1] < n - 100  # far from the ends of the row
        assert pixels_seen(windows, i) == ends[-1]
    if None in ends:
        with pytest.raises(ArgumentError, match="leave no gaps"):
            receptive_field(windows)
    elif len(middle) == period:
        field = receptive_field(windows)
        assert field.size == max(last - first + 1 for first, last in ends)
        centres = [(first + last) / 2 - i * field.jump for i, (first, last) in zip(middle, ends, strict=True)]
        # float64 means of at most 40 numbers below 500
        assert field.start == pytest.approx(sum(centres) / period, abs=1e-9)


def test_a_dilated_window_skips_the_gaps_that_a_transposed_one_leaves():
    painted = Window(1, 3, transposed=True)
    assert [pixels_seen([painted, Window(4, dilation=4)], i) for i in range(3)] == [(0, 4), (3, 3), (2, 2)]
    assert receptive_field([painted, Window(2, 3)]).size == 1  # reads 3 i and 3 i + 1, of which one is a gap
    with pytest.raises(ArgumentError, match="2 of 3 outputs that see nothing"):
        receptive_field([painted, Window(2, dilation=3)])


def test_the_period_is_that_of_the_outputs():
    # a stride takes the turns away again: of a million and more strides together none are left
    assert receptive_field([Window(2, 1000, transposed=True), Window(1000, 1000)] * 3).jump == 1.0
    with pytest.raises(ArgumentError, match="at most a million together"):
        receptive_field([Window(1000, 1000, transposed=True), Window(1001, 1001, transposed=True)])
    with pytest.raises(ArgumentError, match="whole number"):
        pixels_seen([Window(3)], 1.5)


def test_dilation_and_depth_cost_nothing_in_parameters_but_widen_the_field():
    assert receptive_field([Window(3, dilation=8)]).size == 17
    assert receptive_field([]).size == 1


def test_a_transposed_window_with_gaps_sees_nothing_in_them():
    with pytest.raises(ArgumentError, match="leave no gaps"):
        receptive_field([Window(1, 2, transposed=True)])
    for stride, dilation in ((2, 2), (4, 2), (3, 2)):
        with pytest.raises(ArgumentError, match="leave no gaps"):
            receptive_field([Window(2, stride, 0, dilation, transposed=True)])
    seen = pixels_seen([Window(2, 2, 0, 2, transposed=True)], 4)
    assert seen == seen_by(nn.Sequential(nn.ConvTranspose1d(1, 1, 2, 2, bias=False, dilation=2)), 9, 4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": 0}, "window of at least 1"),
        ({"size": 3, "stride": 0}, "stride"),
        ({"size": 3, "padding": -1}, "padding"),
        ({"size": 3, "dilation": 0}, "dilation"),
        ({"size": 3, "output_padding": 1}, "output padding"),
        ({"size": 2.5}, "whole numbers"),
        ({"size": 3, "transposed": True, "ceil_mode": True}, "ceil_mode"),
    ],
)
def test_a_window_out_of_range_is_refused(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        Window(**arguments)


def test_a_transposed_window_that_leaves_nothing_is_refused():
    with pytest.raises(ArgumentError, match="leaves something"):
        output_size(1, Window(2, 1, 1, transposed=True))
