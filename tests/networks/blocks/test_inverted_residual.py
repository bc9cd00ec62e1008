"""Inverted residuals: widths that divide, sums where shapes agree."""

import pytest
import torch

from fivefold.networks.blocks.inverted_residual import InvertedResidual, divisible
from fivefold.networks.style import Style


@pytest.mark.parametrize("width", [3, 8, 11.9, 12, 18, 19.2, 33.6, 100.5, 1280])
def test_widths_are_multiples_near_what_was_asked(width):
    rounded = divisible(width)
    assert rounded % 8 == 0
    assert rounded >= max(8, 0.9 * width)
    assert rounded <= max(8, width + 8)


def test_a_branch_of_zeros_passes_the_input_where_shapes_agree_and_only_there():
    x = torch.randn(2, 4, 6, 6)
    for inputs, outputs, stride, adds in [(4, 4, 1, True), (4, 4, 2, False), (4, 8, 1, False)]:
        block = InvertedResidual(Style("relu6"), inputs, outputs, stride, 2).eval()
        torch.nn.init.zeros_(block.conv[-1].weight)
        y = block(x)
        assert torch.equal(y, x) if adds else not y.any()
