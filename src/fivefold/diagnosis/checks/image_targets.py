"""Images whose targets, images themselves, are turned against them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_IMAGES = 32
MOST_IMAGES = 512
LEAST_SIDE = 8
STANDARD_ERRORS = 6.0
LEAST_FIT = 0.1

WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "as given": lambda y: y,
    "transposed": lambda y: y.transpose(-1, -2),
    "mirrored across": lambda y: y.flip(-1),
    "mirrored down": lambda y: y.flip(-2),
    "turned by 180 degrees": lambda y: y.flip(-1, -2),
    "turned by 90 degrees": lambda y: y.rot90(1, (-2, -1)),
    "turned by 270 degrees": lambda y: y.rot90(3, (-2, -1)),
    "transposed along the other diagonal": lambda y: y.transpose(-1, -2).flip(-1, -2),
}


def edges(images: Tensor) -> Tensor:
    """Return how much neighbouring pixels differ, sqrt(across^2 + down^2), each image centred, of length 1.

    Args:
        images: [n, channels, height, width].

    Returns:
        [n, (height - 1) * (width - 1)].

    >>> found = edges(torch.eye(3)[None, None])
    >>> found.shape, round(float(found.norm()), 6)
    (torch.Size([1, 4]), 1.0)
    """
    x = images.double()
    corner = x[..., :-1, :-1]
    squared = (x[..., 1:, :-1] - corner).square() + (x[..., :-1, 1:] - corner).square()
    found = squared.sum(1).sqrt().flatten(1)
    centred = found - found.mean(1, keepdim=True)
    length: Tensor = centred.norm(dim=1, keepdim=True)
    return centred / length.clamp_min(1e-12)


def fits(images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Return for each way to turn targets how well their edges fit those of their images, [n] each.

    The correlation of the two, less its mean over the images of others: what all images share counts nothing.

    Args:
        images: [n, channels, side, side].
        targets: [n, channels, side, side].

    >>> x = torch.zeros(2, 1, 8, 8)
    >>> x[0, 0, 1, 5], x[1, 0, 2, 6] = 1.0, 1.0
    >>> found = fits(x, x.transpose(-1, -2))
    >>> bool((found["transposed"] > found["as given"] + 0.5).all())
    True
    """
    own = edges(images)
    out = {}
    for name, turned in WAYS.items():
        other = edges(turned(targets))
        paired = (own * other).sum(1)
        out[name] = paired - (own @ other.sum(0) - paired) / (len(own) - 1)
    return out


def check_image_targets(record: Record) -> list[Finding]:
    """Find images and targets of the same size, masks or other images, of which one is transposed or turned.

    Statistic: :func:`fits` of the targets as given, and turned in each of the seven other ways, example by
    example. Null: what is in a target lies where it is in its image, or bears no relation to it, so that no
    other way fits better. Found where one does by 6 standard errors of the difference, over 32 images or
    more (by chance once in 10^8 trainings, seven ways asked), has a correlation of 0.1 or more, and twice
    that of the targets as given. False alarms: models that are to turn their images.

    Args:
        record: What was seen.
    """
    held = _images_and_targets(record)
    if held is None:
        return []
    found = fits(*held)
    means = {name: float(fit.mean()) for name, fit in found.items()}
    best = max(means, key=lambda name: means[name])
    given = means["as given"]
    if best == "as given" or means[best] < max(LEAST_FIT, 2.0 * given):
        return []
    apart = (found[best] - found["as given"]).numpy()
    n = len(apart)
    if float(apart.mean()) < STANDARD_ERRORS * float(apart.std()) / np.sqrt(n):
        return []
    return [
        Finding(
            "axis.images",
            f"targets fit their images {best}, not as they are given",
            f"edges of the targets have a correlation of {given:.2f} with those of their images, and of "
            f"{means[best]:.2f} {best}; {n} images",
            "high",
            "height and width change places, or an axis runs the other way, in the images and not in the "
            "targets, or in these alone",
            "prepare both by the same steps: [n, height, width, channels] becomes [n, channels, height, "
            "width] by permute(0, 3, 1, 2), and what turns an image turns its target",
            picture=of_numbers(
                "Correlation of the edges of images and targets: largest as given where nothing is wrong",
                "correlation, less that with other images",
                means,
                (LEAST_FIT, "least that counts"),
            ),
        )
    ]


def _images_and_targets(record: Record) -> tuple[Tensor, Tensor] | None:
    """Kept square images and targets of their size, [n, channels, side, side] both; ``None`` where none."""
    images: list[Tensor] = []
    targets: list[Tensor] = []
    rows = record.training_rows
    for x, y in zip(rows.inputs, rows.targets, strict=True):
        if x.ndim != 4 or not x.is_floating_point() or y is None or x.shape[-1] != x.shape[-2]:
            continue
        side = x.shape[-1]
        if side < LEAST_SIDE or y.ndim not in (3, 4) or y.shape[-2:] != (side, side) or len(y) != len(x):
            continue
        y = y.double().reshape(len(y), -1, side, side)
        fit = not images or (x.shape[1:] == images[0].shape[1:] and y.shape[1:] == targets[0].shape[1:])
        if fit and bool(torch.isfinite(x).all()) and bool(torch.isfinite(y).all()):
            images.append(x)
            targets.append(y)
        if sum(map(len, images)) >= MOST_IMAGES:
            break
    if sum(map(len, images)) < LEAST_IMAGES:
        return None
    return torch.cat(images)[:MOST_IMAGES], torch.cat(targets)[:MOST_IMAGES]
