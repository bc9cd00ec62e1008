"""Bytes become standardised channels, and the moments are those of NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.tasks.images.raw_pictures import RawPictures, channel_moments


def test_moments_and_standardised_channels_are_numpys():
    pictures = torch.randint(
        256, (50, 3, 7, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    mean, deviation = channel_moments(pictures)
    reference = pictures.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean, reference.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(deviation, reference.std((0, 2, 3)), rtol=1e-10)
    found = RawPictures(nn.Identity(), mean, deviation)(pictures).double().numpy()
    expected = (reference - reference.mean((0, 2, 3))[:, None, None]) / reference.std((0, 2, 3))[
        :, None, None
    ]
    np.testing.assert_allclose(found, expected, atol=2e-6)  # float32


def test_floats_of_the_same_values_give_the_same():
    raw = RawPictures(nn.Identity(), [0.4], [0.2])
    pictures = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(raw(pictures), raw(pictures.float()))


def test_a_channel_that_never_varies_has_a_deviation():
    mean, deviation = channel_moments(torch.full((2, 1, 3, 3), 51, dtype=torch.uint8))
    assert (mean, deviation) == ([pytest.approx(0.2)], [1 / 255])


@pytest.mark.parametrize("deviation", [[0.0], [-1.0]])
def test_deviations_are_positive(deviation):
    with pytest.raises(ArgumentError, match="positive deviations"):
        RawPictures(nn.Identity(), [0.5], deviation)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="a mean and a deviation a channel"):
        RawPictures(nn.Identity(), [0.5], [0.1, 0.1])
    for wrong in (torch.zeros(1, 1, 2, 2), torch.zeros((0, 1, 2, 2), dtype=torch.uint8)):
        with pytest.raises(ArgumentError, match="pictures of bytes"):
            channel_moments(wrong)
