"""Residual blocks: the sum by hand, shortcuts, the stride's place."""

import torch
import torch.nn.functional as F

from fivefold.networks.blocks.conv_norm import ConvNorm
from fivefold.networks.blocks.residual import BasicBlock, Bottleneck, PadShortcut
from fivefold.networks.style import Style


def test_a_basic_block_is_its_formula():
    block = BasicBlock(Style("tanh", "none"), 3, 3).double()
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    inner = torch.tanh(F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1))
    expected = torch.tanh(x + F.conv2d(inner, block.conv2.weight, block.conv2.bias, padding=1))
    torch.testing.assert_close(block(x), expected)


def test_a_bottleneck_strides_in_its_middle():
    style = Style()
    block = Bottleneck(style, 64, 64, 2, ConvNorm(style, 64, 256, 1, 2, act=False), groups=32, group_width=4)
    assert (block.conv1.stride, block.conv2.stride) == ((1, 1), (2, 2))
    assert (block.conv2.in_channels, block.conv2.groups) == (128, 32)
    assert block(torch.zeros(1, 64, 9, 9)).shape == (1, 256, 5, 5)
    assert block.closing is block.bn3
    assert Bottleneck(Style(norm="none"), 256, 64).closing.kernel_size == (1, 1)


def test_the_shortcut_without_weights_keeps_values_and_adds_zeros():
    x = torch.randn(2, 4, 7, 6)
    y = PadShortcut(4, 9, 2)(x)
    assert y.shape == (2, 9, 4, 3)
    assert torch.equal(y[:, 2:6], x[:, :, ::2, ::2])
    assert not y[:, :2].any()
    assert not y[:, 6:].any()
