"""Augmentation that makes images rougher, where roughness tells the labels."""

import torch
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.checks.roughness import check_roughness
from fivefold.diagnosis.observation.record import Record, Rows


def images(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noise that was smoothed (0) or not (1), at any scale and level."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 1, 10, 10, generator=generator)
    y = torch.randint(2, (n,), generator=generator)
    smooth = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    x = torch.where(y[:, None, None, None] == 1, x, smooth)
    return x * (0.5 + torch.rand(n, 1, 1, 1, generator=generator)) + torch.randn(
        n, 1, 1, 1, generator=generator
    ), y


def seen(x: Tensor, y: Tensor, held: Tensor) -> Record:
    rows = Rows(list(x.split(40)), list(y.split(40)), list(range(len(x) // 40)), [True] * (len(x) // 40))
    return Record(training_rows=rows, evaluation_rows=Rows([held], [None], [0], [True]))


def test_noise_where_smooth_and_rough_images_are_to_be_told_apart() -> None:
    torch.manual_seed(0)
    x, y = images(400, 0)
    held, _ = images(200, 1)
    found = check_roughness(seen(x + 0.5 * torch.randn_like(x), y, held))
    assert [(f.code, f.confidence) for f in found] == [("data.preparation", "medium")]
    assert "rougher" in found[0].title
    pooled = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    assert "smoother" in check_roughness(seen(pooled, y, held))[0].title


def test_mirrored_scaled_and_equal_images() -> None:
    x, y = images(400, 0)
    held, _ = images(200, 1)
    assert check_roughness(seen(x, y, held)) == []
    assert check_roughness(seen(3.0 * x.flip(3) + 1.0, y, held)) == []


def test_noise_where_roughness_tells_nothing() -> None:
    torch.manual_seed(0)
    x, y = images(400, 0)
    held, _ = images(200, 1)
    noisy = x + 0.5 * torch.randn_like(x)
    assert check_roughness(seen(noisy, y[torch.randperm(400)], held)) == []
    assert check_roughness(seen(noisy[:120], y[:120], held)) == []
    assert check_roughness(Record()) == []
