"""Pictures to prove an export with: some of the user's, or made-up ones where there are none."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fivefold.core import DataError, require
from fivefold.tasks.images.export.web_page import MOST_EXAMPLE, Example
from fivefold.tasks.images.image_set import ImageSet

_JUDGED, _CALIBRATION, _EXAMPLES = 2_000, 200, 6
_SEED = 0


@dataclass(frozen=True, eq=False)
class Evidence:
    """Pictures [n, C, H, W] of bytes, and what is known of them.

    Attributes:
        pictures: What answers are compared on, and accuracy is judged on.
        labels: Codes [n] into the model's classes; ``None`` where not wanted.
        calibration: Other pictures, for 8 bits; ``None`` where not wanted.
        names: Of the pictures.
        source: What they are, in words.
    """

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    calibration: npt.NDArray[np.uint8] | None
    names: tuple[str, ...]
    source: str


def made_up_pictures(shape: tuple[int, int, int], count: int = 32) -> Evidence:
    """Return smooth random pictures of all contrasts: enough to compare two forms of a network.

    Args:
        shape: Channels, height and width.
        count: How many, at least 1.

    >>> made_up_pictures((3, 8, 8), 4).pictures.shape
    (4, 3, 8, 8)
    """
    require(count >= 1, "at least 1 picture", count)
    rng = np.random.default_rng(_SEED)
    channels, height, width = shape
    y, x = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    waves = rng.uniform(0.5, 6.0, (count, channels, 4, 2))
    phases = rng.uniform(0, 2 * np.pi, (count, channels, 4))
    total = np.zeros((count, channels, height, width))
    for k in range(4):
        down, across = waves[:, :, k, :1, None], waves[:, :, k, 1:, None]
        total += np.sin(2 * np.pi * (down * y + across * x) + phases[:, :, k, None, None])
    contrast = rng.uniform(5.0, 60.0, (count, 1, 1, 1))
    noisy = 128 + contrast * total + rng.normal(0, 8, total.shape)
    pictures = np.clip(noisy, 0, 255).astype(np.uint8)
    return Evidence(pictures, None, None, tuple(f"made-up {i + 1}" for i in range(count)), "made-up pictures")


def evidence_of(
    images: ImageSet, shape: tuple[int, int, int], classes: tuple[str, ...], *, int8: bool
) -> Evidence:
    """Choose pictures at random, by a fixed seed and in random order: at most 2,000, and for 8 bits 200
    others to calibrate.

    Where the folder says which are for training and which for testing, answers are judged on those for
    testing and calibrated on those for training. Elsewhere all may have been trained on, which ``source``
    says then.

    Args:
        images: Read with labels where 8 bits are wanted.
        shape: Channels, height and width that the model takes.
        classes: Of the model.
        int8: Whether 8 bits are wanted.

    Raises:
        DataError: Classes that the model does not have, or too few pictures for 8 bits.
    """
    rng = np.random.default_rng(_SEED)
    rows = np.arange(len(images))
    channels, height, width = shape

    def loaded(chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        return images.load(chosen, height, width, colour=channels == 3)

    if not int8:
        held = np.flatnonzero(images.given == 1)
        chosen = rng.permutation(held if len(held) else rows)[:_JUDGED]
        names = tuple(images.names[i] for i in chosen)
        return Evidence(loaded(chosen), None, None, names, Path(images.source).name)
    unknown = sorted(set(images.classes) - set(classes))
    if unknown:
        raise DataError(
            f"pictures of the model's classes in {images.source}", f"others: {', '.join(unknown[:5])}"
        )
    labelled, source = rows[images.labels >= 0], Path(images.source).name
    train, test = labelled[images.given[labelled] == 0], labelled[images.given[labelled] == 1]
    if min(len(train), len(test)) == 0:
        mixed = rng.permutation(labelled)
        cut = min(_CALIBRATION, len(mixed) // 3)
        train, test = mixed[:cut], mixed[cut:]
        source += ", which may have trained the model: on new ones it is right less often"
    if len(train) < 10 or len(test) < 20:
        raise DataError(
            "at least 30 labelled pictures for 8 bits", f"{len(labelled)}", "name more with --pictures"
        )
    judged = rng.permutation(test)[:_JUDGED]
    code = np.array([classes.index(name) for name in images.classes])
    return Evidence(
        loaded(judged),
        code[images.labels[judged]],
        loaded(rng.permutation(train)[:_CALIBRATION]),
        tuple(images.names[i] for i in judged),
        source,
    )


def examples_of(evidence: Evidence, count: int = _EXAMPLES) -> list[Example]:
    r"""Return the first pictures as PNG, for a page to begin with, without those that are too large for it.

    Args:
        evidence: At least one picture.
        count: How many at most.

    >>> [e.data[:4] for e in examples_of(made_up_pictures((1, 8, 8)), 1)]
    [b'\x89PNG']
    """
    from PIL import Image

    found = []
    for name, picture in list(zip(evidence.names, evidence.pictures, strict=True))[:count]:
        file = io.BytesIO()
        pixels = picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0))
        Image.fromarray(pixels).save(file, "PNG")
        data = file.getvalue()
        if len(data) <= MOST_EXAMPLE:
            found.append(Example(name, data))
    return found
