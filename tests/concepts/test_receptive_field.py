"""Receptive field: as ours has it; torch's gradients are zero outside it and the concept's within it."""

import numpy as np
import pytest
import torch

from fivefold import networks
from fivefold.concepts.receptive_field import Window, expected_deviation, field, slopes

STACKS = [
    [Window(3, 1, 1)] * 3,
    [Window(3, 2, 1), Window(3, 1, 2, 2), Window(2, 2)],
    [Window(5, 1, 2), Window(3, 3, 0), Window(2, 1, 1, 2)],
]


def random_windows(stack: list[Window], channels: tuple[int, ...], seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [
        generator.normal(1.0, 2.0, size=(out, into, layer.size, layer.size))
        for layer, into, out in zip(stack, channels, channels[1:], strict=False)
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_fast_path(stack: list[Window]) -> None:
    windows = random_windows(stack, (2, 3, 4, 2), seed=0)
    n = 60
    x = torch.from_numpy(np.random.default_rng(1).normal(1.0, 2.0, size=(2, n, n))).requires_grad_()
    y = x
    for layer, K in zip(stack, windows, strict=True):
        y = torch.nn.functional.conv2d(
            y, torch.from_numpy(K), stride=layer.stride, padding=layer.padding, dilation=layer.dilation
        )
    size, jump, first = field(stack)
    row, column = 2, y.shape[2] // 2  # two places, far enough from the rim for one of them to be whole
    (slope,) = torch.autograd.grad(y[0, row, column], x)
    expected = np.zeros((2, n + 2 * size, n + 2 * size))
    top, left = first + row * jump + size, first + column * jump + size
    expected[:, top : top + size, left : left + size] = slopes(stack, windows)
    inside = expected[:, size:-size, size:-size]
    # A sum over the paths in another order: errors of about 1e-16 times the largest terms.
    np.testing.assert_allclose(slope.numpy(), inside, rtol=1e-11, atol=1e-11 * np.abs(inside).max())
    ours = networks.receptive_field([networks.Window(*layer) for layer in stack])
    assert (ours.size, ours.jump, ours.start - (ours.size - 1) / 2) == (size, jump, first)
    seen = np.flatnonzero(np.any(slope.numpy() != 0.0, axis=(0, 1)))
    assert (seen[0], seen[-1]) == (first + column * jump, first + column * jump + size - 1)


def _alexnet() -> list[Window]:
    pool, three = Window(3, 2), Window(3, 1, 1)
    return [Window(11, 4), pool, Window(5, 1, 2), pool, three, three, three, pool]


def _vgg16() -> list[Window]:
    layers: list[Window] = []
    for convolutions in (2, 2, 3, 3, 3):
        layers += [Window(3, 1, 1)] * convolutions + [Window(2, 2)]
    return layers


def test_published_sizes() -> None:
    # Araujo, Norris and Sim (2019), table of receptive fields: size, stride and padding.
    assert field(_alexnet()) == (195, 32, -64)
    assert field(_vgg16()) == (212, 32, -90)


def test_a_stack_of_three_sees_what_one_window_of_seven_sees() -> None:
    assert field([Window(3, 1, 1)] * 3) == field([Window(7, 1, 3)]) == (7, 1, -3)
    assert field([Window(3, dilation=2**k) for k in range(5)])[0] == 2**6 - 1


@pytest.mark.parametrize("stack", STACKS)
def test_the_deviation_is_that_of_the_squared_slopes(stack: list[Window]) -> None:
    total = np.zeros(field(stack)[0])
    for seed in range(150):
        windows = [K - 1.0 for K in random_windows(stack, (1, 2, 2, 2), seed)]  # mean zero
        total += np.sum(slopes(stack, windows) ** 2, axis=(0, 1))
    total /= total.sum()
    place = np.arange(len(total))
    deviation = np.sqrt(total @ place**2 - (total @ place) ** 2)
    assert deviation == pytest.approx(expected_deviation(stack), rel=0.05)


def test_equal_weights_give_counts_of_paths() -> None:
    stack = [Window(3)] * 4
    counts = slopes(stack, [np.ones((1, 1, 3, 3))] * 4)[0]
    row = np.array([1, 4, 10, 16, 19, 16, 10, 4, 1])  # trinomial coefficients
    np.testing.assert_array_equal(counts, np.outer(row, row))
