"""Images whose colours were moved by a view."""

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

from fivefold.diagnosis.checks.channels import check_channels, roughness


@pytest.fixture(scope="module")
def crops() -> Tensor:
    """Crops of a photograph, [n, 16, 16, 3] in [0, 1]."""
    photo = torch.tensor(load_sample_image("china.jpg")).float() / 255
    return torch.stack([photo[i : i + 16, j : j + 16] for i in range(0, 400, 32) for j in range(0, 600, 48)])


def found(watched, x: Tensor) -> list[str]:
    """Codes of what is found; the picture shows the two numbers of the evidence."""
    model = nn.Sequential(nn.Conv2d(x.shape[1], 4, 3), nn.Flatten(), nn.LazyLinear(2))
    model(x[:1])
    told = check_channels(watched(model, x, torch.arange(len(x)) % 2, steps=2))
    for f in told:
        ((_, given), (_, other)) = next(iter(f.picture.curves.values()))
        assert f"by {given:.2f} of" in f.evidence
        assert f"by {other:.2f} where" in f.evidence
        assert other < f.picture.level[0] < given
    return [f.code for f in told]


def test_a_view_is_told_from_a_permutation(watched, crops) -> None:
    permuted = crops.permute(0, 3, 1, 2).contiguous()
    assert found(watched, crops.reshape(-1, 3, 16, 16)) == ["axis.channels"]
    assert found(watched, permuted) == []
    scaled = (permuted - permuted.mean((0, 2, 3), keepdim=True)) / permuted.std((0, 2, 3), keepdim=True)
    assert found(watched, scaled) == []
    assert roughness(permuted) < 0.7 * roughness(crops.reshape(-1, 3, 16, 16))


def test_noise_and_grey_images_tell_nothing(watched, crops) -> None:
    assert found(watched, torch.randn(64, 3, 16, 16)) == []
    assert found(watched, crops[..., :1].permute(0, 3, 1, 2).contiguous()) == []
