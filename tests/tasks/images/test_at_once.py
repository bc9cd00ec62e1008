"""As many pictures at once as half of the memory holds, halved from what is wanted."""

import pytest
import torch

from fivefold.networks import create
from fivefold.tasks.images.at_once import MOST, pictures_at_once
from fivefold.tasks.images.raw_pictures import RawPictures

WHERE = "fivefold.tasks.images.at_once.free_main_memory"


@pytest.fixture(scope="module")
def network():
    return create("resnet18", classes=10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("free", "expected"), [(None, 500), (1 << 40, 500), (4 << 30, 125), (1 << 30, 31), (1 << 20, 1)]
)
def test_the_number_is_halved_until_it_fits(network, monkeypatch, free, expected):
    """The stem of ResNet-18 reads and writes 2 x 64 x 112 x 112 floats in its normalisation: 6.4 MB."""
    monkeypatch.setattr(WHERE, lambda: free)
    assert pictures_at_once(network, (3, 224, 224)) == expected


def test_stages_that_are_kept_take_more_and_few_pictures_are_not_asked_about(network, monkeypatch):
    monkeypatch.setattr(WHERE, lambda: 8 << 30)
    kept = pictures_at_once(network, (3, 224, 224), every_stage=True)
    assert 1 <= kept < pictures_at_once(network, (3, 224, 224)) < MOST
    monkeypatch.setattr(WHERE, lambda: 1)
    assert pictures_at_once(network, (3, 224, 224), most=8) == 8
    raw = RawPictures(network, [0.5] * 3, [0.5] * 3)
    assert pictures_at_once(raw, (3, 64, 64)) == 1
    assert network.training  # as it was


def test_frozen_weights_change_nothing(network, monkeypatch):
    monkeypatch.setattr(WHERE, lambda: 4 << 30)
    for weight in network.parameters():
        weight.requires_grad_(False)
    assert pictures_at_once(network, (3, 224, 224)) == 125
