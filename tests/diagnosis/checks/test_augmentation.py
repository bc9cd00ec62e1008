"""Augmentation that makes what does not occur."""

import pytest
import torch
from torch import Tensor

from fivefold.diagnosis.checks.augmentation import check_augmentation
from fivefold.diagnosis.observation.record import Record


def seen(x: Tensor, others: Tensor | None, y: Tensor | None = None) -> Record:
    record = Record()
    for rows, images in ((record.training_rows, x), (record.evaluation_rows, others)):
        if images is not None:
            rows.inputs, rows.targets, rows.steps = [images], [None], [0]
    record.training_rows.targets = [y]
    return record


def turned(x: Tensor) -> Tensor:
    k = torch.randint(4, (len(x),), generator=torch.Generator().manual_seed(0))
    return torch.stack([torch.rot90(image, int(n), (1, 2)) for image, n in zip(x, k, strict=True)])


@pytest.mark.parametrize(
    ("name", "codes"), [("turned", ["data.preparation"]), ("mirrored", ["data.preparation"]), ("noisy", [])]
)
def test_images_that_no_evaluation_shows(digits, name: str, codes: list[str]) -> None:
    x = digits[0].reshape(-1, 1, 8, 8)
    half = torch.arange(600)[:, None, None, None] % 2 == 0
    changed = {
        "turned": turned(x[:600]),
        "mirrored": torch.where(half, x[:600].flip(3), x[:600]),
        "noisy": x[:600] + 0.1 * torch.randn(600, 1, 8, 8, generator=torch.Generator().manual_seed(0)),
    }
    found = check_augmentation(seen(changed[name], x[1000:1600]))
    assert [f.code for f in found] == codes
    for f in found:
        shares = [(a, b) for (_, a), (_, b) in zip(*f.picture.curves.values(), strict=True)]
        own, others = max(shares, key=lambda pair: pair[0] - pair[1])
        assert f.evidence.startswith(f"{own:.0%} of 600")
        assert f.evidence.endswith(f"of evaluation images {others:.0%}")


def test_where_evaluation_images_are_turned_too(digits) -> None:
    x = digits[0].reshape(-1, 1, 8, 8)
    assert check_augmentation(seen(turned(x[:600]), turned(x[1000:1600]))) == []


def test_target_pictures_that_are_not_turned(digits) -> None:
    x = digits[0].reshape(-1, 1, 8, 8)[:400]
    half = torch.arange(400)[:, None, None, None] % 2 == 0
    noisy = x + 0.2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert check_augmentation(seen(noisy, None, x)) == []
    found = check_augmentation(seen(torch.where(half, noisy.flip(2), noisy), None, x))
    assert [f.code for f in found] == ["labels.noise"]
    assert max(share for _, share in found[0].picture.curves["share"]) > found[0].picture.level[0]
    assert "top to bottom" in found[0].evidence
