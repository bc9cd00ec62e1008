"""Images that are turned in training, before backgrounds that hide it from neighbours."""

import pytest
import torch
from torch import Tensor

from fivefold.diagnosis.checks.augmentation import check_augmentation
from fivefold.diagnosis.checks.turned_means import turned_means
from fivefold.diagnosis.observation.record import Record

TRAINING = 1200


def scene(
    digits: tuple[Tensor, Tensor], change: str, *, labels: bool = True, held_too: bool = False
) -> Record:
    """Digits before noise of their own strength; what is done to training, and to evaluation."""
    g = torch.Generator().manual_seed(3)
    x, y = digits[0].reshape(-1, 1, 8, 8), digits[1]
    some = torch.rand(len(x), 1, 1, 1, generator=g) < 0.5
    rolled = torch.stack(
        [torch.roll(image, tuple((torch.randint(3, (2,), generator=g) - 1).tolist()), (1, 2)) for image in x]
    )
    changed = {
        "mirrored": torch.where(some, x.flip(3), x),
        "turned": torch.where(some, x.flip(2, 3), x),
        "shifted": rolled,
        "brighter": x * (0.6 + 0.8 * torch.rand(len(x), 1, 1, 1, generator=g)),
        "as it is": x,
    }[change]
    noise = 0.8 * torch.rand(x.shape, generator=g)
    x = (changed if held_too else x) + noise
    record = Record()
    for rows, images, told in (
        (record.training_rows, (changed + noise)[:TRAINING], y[:TRAINING]),
        (record.evaluation_rows, x[TRAINING:], y[TRAINING:]),
    ):
        rows.inputs, rows.targets, rows.steps = [images], [told if labels else None], [0]
    return record


@pytest.mark.parametrize("change", ["mirrored", "turned"])
def test_images_that_are_turned_in_training(digits, change: str) -> None:
    (found,) = turned_means(scene(digits, change))
    assert (found.code, found.confidence) == ("data.preparation", "high")
    way = {"mirrored": "mirrored left to right", "turned": "turned by 180 degrees"}[change]
    assert f"of them were {way}" in found.evidence
    least, most = (
        dict(zip(found.picture.names, side, strict=True)) for side in found.picture.curves.values()
    )
    assert least[way][1] < 0.3
    assert most[way][1] < 0.6
    assert most["transposed"][1] > 0.6
    assert [f.code for f in check_augmentation(scene(digits, change))] == ["data.preparation"]


@pytest.mark.parametrize("change", ["shifted", "brighter", "as it is"])
@pytest.mark.parametrize("labels", [False, True])
def test_other_augmentation(digits, change: str, labels: bool) -> None:
    assert turned_means(scene(digits, change, labels=labels)) == []


def test_without_labels_it_is_less_sure(digits) -> None:
    found = turned_means(scene(digits, "turned", labels=False))
    assert [f.confidence for f in found] in ([], ["medium"])


def test_where_evaluation_images_are_turned_too(digits) -> None:
    assert turned_means(scene(digits, "mirrored", held_too=True)) == []
