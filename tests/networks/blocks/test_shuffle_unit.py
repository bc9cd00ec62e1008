"""The unit of ShuffleNet V2: what passes, passes; shuffling is a permutation."""

import torch

from fivefold.networks.blocks.shuffle_unit import ShuffleUnit, shuffle
from fivefold.networks.style import Style


def test_shuffling_by_the_other_factor_undoes_it():
    x = torch.randn(2, 12, 3, 4)
    assert torch.equal(shuffle(shuffle(x, 3), 4), x)


def test_half_of_the_channels_pass_untouched_to_the_even_places():
    x = torch.randn(2, 8, 5, 5)
    y = ShuffleUnit(Style(), 8, 8, 1)(x)
    assert torch.equal(y[:, ::2], x[:, :4])


def test_a_unit_that_strides_changes_both_halves():
    unit = ShuffleUnit(Style(), 6, 10, 2)
    assert unit(torch.zeros(1, 6, 9, 9)).shape == (1, 10, 5, 5)
    assert len(unit.branch1) > 0
