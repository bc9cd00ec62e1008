"""Blur pooling: means kept, shifts nearly so."""

import pytest
import torch
import torch.nn.functional as F

from fivefold.core import ArgumentError
from fivefold.networks.blocks.blur_pool import BlurPool


def test_weights_are_pascals_and_sum_to_one():
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0])
    torch.testing.assert_close(BlurPool(5).kernel, row[:, None] * row / 256)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_sizes_are_rounded_up_and_constants_stay(size, stride):
    y = BlurPool(size, stride)(torch.full((2, 3, 11, 8), 4.0))
    assert y.shape == (2, 3, -(-11 // stride), -(-8 // stride))
    torch.testing.assert_close(y, torch.full_like(y, 4.0))


def test_a_shifted_picture_gives_a_steadier_answer_than_plain_striding():
    x = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    pool = BlurPool(5)
    moved = torch.roll(x, 1, dims=3)

    def change(f):
        one, two = f(x)[..., 4:-4, 4:-4], f(moved)[..., 4:-4, 4:-4]
        return ((one - two).norm() / one.norm()).item()

    assert change(pool) < 0.75 * change(lambda z: F.max_pool2d(z, 1, 2))


def test_gradients_are_those_of_finite_differences():
    x = torch.randn(1, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(BlurPool(3).double(), (x,))


@pytest.mark.parametrize("arguments", [(0, 2), (8, 2), (3, 0)])
def test_sizes_out_of_range_are_refused(arguments):
    with pytest.raises(ArgumentError):
        BlurPool(*arguments)
