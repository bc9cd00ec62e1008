"""Images and targets of which one is turned."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.image_targets import check_image_targets


def squares(count: int = 96) -> tuple[Tensor, Tensor]:
    """Images [n, 3, 12, 12] of noise with a bright rectangle, and its mask [n, 12, 12]."""
    generator = torch.Generator().manual_seed(0)
    x = 0.3 * torch.randn(count, 3, 12, 12, generator=generator)
    y = torch.zeros(count, 12, 12)
    for i, (top, left) in enumerate(torch.randint(6, (count, 2), generator=generator).tolist()):
        y[i, top : top + 3, left : left + 5] = 1.0
    return x + y[:, None], y


def found(watched, x: Tensor, y: Tensor, batch: int = 32) -> list[str]:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1), nn.Flatten(0, 1))
    told = check_image_targets(watched(model, x, y, loss=functional.mse_loss, steps=4, batch=batch))
    for f in told:
        shown = dict(zip(f.picture.names, (v for _, v in next(iter(f.picture.curves.values()))), strict=True))
        best = max(shown, key=lambda name: shown[name])
        assert best in f.title
        assert f"correlation of {shown['as given']:.2f} with those of their images" in f.evidence
        assert f"{shown[best]:.2f} {best}" in f.evidence
    return [f.code for f in told]


@pytest.mark.parametrize(
    ("turned", "codes"),
    [
        (lambda x: x, []),
        (lambda x: x.transpose(-1, -2), ["axis.images"]),
        (lambda x: x.flip(-1), ["axis.images"]),
        (lambda x: x.rot90(1, (-2, -1)), ["axis.images"]),
    ],
)
def test_a_turned_image(watched, turned, codes: list[str]) -> None:
    x, y = squares()
    assert found(watched, turned(x).contiguous(), y) == codes
    assert found(watched, x, turned(y).contiguous()) == codes


def test_targets_that_have_nothing_to_do_with_their_images(watched) -> None:
    x, y = squares()
    assert found(watched, x, y.roll(7, 0)) == []
    assert found(watched, torch.randn(96, 3, 12, 12), torch.randn(96, 12, 12)) == []


def test_what_all_images_share_tells_nothing(watched) -> None:
    """A frame around every image, and targets that are alike, lie crosswise."""
    x, y = torch.randn(96, 3, 12, 12), torch.randn(96, 12, 12)
    x[..., :2] += 20.0
    y[:, :2] += 20.0
    assert found(watched, x, y) == []


def test_images_that_are_mirrored_most_of_the_time(watched) -> None:
    """The mirrored ones fit better beyond chance, and not twice as well: an augmentation, no axis."""
    x, y = squares(500)
    mirrored = (torch.arange(500) % 25 < 17)[:, None, None, None]
    assert found(watched, torch.where(mirrored, x.flip(-1), x), y, batch=128) == []
