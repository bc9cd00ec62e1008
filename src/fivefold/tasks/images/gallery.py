"""Pictures for the report: the surest mistakes, the least sure answers, and what each stage responds to."""

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from fivefold.tasks.images.at_once import pictures_at_once
from fivefold.tasks.images.model import ImageModel

if TYPE_CHECKING:
    from fivefold.tasks.images.fit import Outcome

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
_SHOWN, _LOOKED_AT, _CHANNELS, _PATCHES, _FILTERS, _SIDE = 12, 512, 6, 4, 24, 96


def gallery(outcome: "Outcome", probability: Floats, truth: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return what the report shows of pictures.

    Args:
        outcome: The fit.
        probability: ``[n, K]`` of the test pictures.
        truth: ``[n]`` codes of their classes.
    """
    model, material = outcome.model, outcome.material
    _, _, test = material.pictures(model.candidate.height, model.candidate.width)
    pictures: Bytes = test.numpy()
    found, sure = probability.argmax(1), probability.max(1)
    wrong = np.flatnonzero(found != truth)
    labels, names = model.classes, material.images.names
    surest = _surest(probability, truth)
    more = f" Shown are the first {_SHOWN} of {len(surest):,} classes." if len(surest) > _SHOWN else ""

    def shown(rows: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
        return [
            {
                "image": data_uri(pictures[row]),
                "name": names[material.test[row]],
                "true": labels[truth[row]],
                "found": labels[found[row]],
                "probability": float(sure[row]),
            }
            for row in rows[:_SHOWN].tolist()
        ]

    return {
        "groups": [
            {
                "title": "The surest mistakes",
                "caption": "Unseen pictures whose wrong answer had the highest probability: errors of the "
                "network, or of the labels.",
                "pictures": shown(wrong[np.argsort(-sure[wrong], kind="stable")]),
            },
            {
                "title": "The least sure answers",
                "caption": "Unseen pictures whose most probable class had the lowest probability.",
                "pictures": shown(np.argsort(sure, kind="stable")),
            },
            {
                "title": "The surest answers",
                "caption": "Of each class the unseen picture that was named rightly with the highest "
                f"probability.{more}",
                "pictures": shown(surest),
            },
        ],
        "filters": [data_uri(f) for f in first_filters(model.network)],
        "stages": stages(model, pictures),
    }


def _surest(probability: Floats, truth: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    best = []
    for label in range(probability.shape[1]):
        rows = np.flatnonzero((truth == label) & (probability.argmax(1) == label))
        if len(rows):
            best.append(rows[probability[rows, label].argmax()])
    return np.array(best, dtype=np.int64)


def data_uri(picture: Bytes) -> str:
    """Return a picture ``[C, H, W]`` of one or three channels as a PNG in a data URI, at most 96 pixels wide.

    >>> data_uri(np.zeros((1, 2, 2), dtype=np.uint8))[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    image = Image.fromarray(picture[0] if len(picture) == 1 else np.moveaxis(picture, 0, 2))
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def first_filters(network: nn.Module) -> list[Bytes]:
    """Return the filters of the first convolution as pictures, each stretched to its own range.

    Args:
        network: Any; without a convolution over one or three channels there is nothing to show.
    """
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None or first.weight.shape[1] not in {1, 3}:
        return []
    found = []
    for weight in first.weight.detach()[:_FILTERS]:
        low, high = weight.min(), weight.max()
        scaled = (weight - low) / (high - low).clamp_min(1e-12) * 255
        found.append(scaled.round().to(torch.uint8).numpy())
    return found


def stages(model: ImageModel, pictures: Bytes) -> list[dict[str, Any]]:
    """Return for each stage its size, what one of its outputs sees, and the patches it responds to most.

    The channels shown are those that vary most from picture to picture. What an output sees is measured: the
    pixels that change an output in the middle, over random pictures.

    Args:
        model: The fitted network.
        pictures: Bytes ``[n, C, H, W]``; the first 512 are looked at.
    """
    found = []
    for name, (values, places, answer) in _peaks(model, torch.from_numpy(pictures[:_LOOKED_AT])).items():
        seen = _field(model, name)
        strength = values.std(0) if len(values) > 1 else values[0]
        channels = torch.argsort(strength, descending=True)[:_CHANNELS].tolist()
        found.append(
            {
                "name": name,
                "channels": answer.shape[1],
                "height": answer.shape[2],
                "width": answer.shape[3],
                "sees": seen,
                "examples": [
                    [data_uri(p) for p in _patches(pictures, values, places, c, answer, seen)]
                    for c in channels
                ],
            }
        )
    return found


@torch.no_grad()
def _peaks(model: ImageModel, looked: Tensor) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """The largest answer ``[n, channels]`` of each stage, its place, and the answer to one picture."""
    count = pictures_at_once(model.network, model.shape, len(looked), every_stage=True)
    parts: dict[str, list[tuple[Tensor, Tensor]]] = {}
    one: dict[str, Tensor] = {}
    for part in torch.split(looked, count):
        for name, answer in model.network.intermediate(model.module.standardise(part)).items():
            if answer.ndim == 4:
                peaks = answer.flatten(2).max(2)
                parts.setdefault(name, []).append((peaks.values, peaks.indices))
                one[name] = answer[:1].clone()
    return {
        name: (torch.cat([v for v, _ in found]), torch.cat([p for _, p in found]), one[name])
        for name, found in parts.items()
    }


def _patches(
    pictures: Bytes,
    values: Tensor,
    places: Tensor,
    channel: int,
    answer: Tensor,
    seen: tuple[int, int],
) -> list[Bytes]:
    """The parts of pictures behind the largest answers of a channel."""
    height, width = pictures.shape[2:]
    size = min(seen[0], height), min(seen[1], width)
    found = []
    for row in torch.argsort(values[:, channel], descending=True)[:_PATCHES].tolist():
        at = divmod(int(places[row, channel]), answer.shape[3])
        start = [
            min(max(round((i + 0.5) * n / m - k / 2), 0), n - k)
            for i, m, n, k in zip(at, answer.shape[2:], (height, width), size, strict=True)
        ]
        found.append(pictures[row][:, start[0] : start[0] + size[0], start[1] : start[1] + size[1]])
    return found


def _field(model: ImageModel, stage: str) -> tuple[int, int]:
    """Height and width of the pixels that change the middle output of a stage."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((8, *model.shape), generator=generator).requires_grad_()
    y = model.network.intermediate(x, stage)[stage]
    (slope,) = torch.autograd.grad(y[:, :, y.shape[2] // 2, y.shape[3] // 2].sum(), x)
    touched = (slope != 0).any(0).any(0)
    rows, columns = touched.any(1).nonzero(), touched.any(0).nonzero()
    if len(rows) == 0:
        return 1, 1
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
