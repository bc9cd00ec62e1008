"""A fitted network for pictures: calibrated probabilities and prediction sets, from an artifact."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.artifact import Bundle
from fivefold.artifact import save as save_bundle
from fivefold.core import ArtifactError, DataError, require
from fivefold.linalg.memory import require_memory
from fivefold.networks import memory_plan
from fivefold.networks.image_network import ImageNetwork
from fivefold.tasks.class_model import ClassModel, ClassPrediction
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.raw_pictures import RawPictures
from fivefold.tasks.images.read import read_images
from fivefold.tasks.images.recipe import outputs
from fivefold.tasks.images.scale import FLOATS, INTEGERS
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.saved_parts import assembled, files_of

KIND = "fivefold.images"
Floats = npt.NDArray[np.float64]
_MOST_NUMBERS = 1 << 29
"""Weights that a saved network may have: 2 GiB."""
_PAGE = 2_000


@dataclass(frozen=True, eq=False)
class ImageModel(ClassModel):
    """What ``fit`` returns for pictures, and an artifact holds.

    Attributes:
        candidate: The architecture, with its height and width.
        module: The trained network, taking raw pictures [N, C, H, W].
        classes: Labels in the order of the probabilities.
        temperature: Divides the network's outputs.
        flip: Whether outputs are averaged over each picture and its mirror image.
        sets: Held-out scores behind the prediction sets.
        record: The record behind the report.
        plan: The plan, for a replay.
        whites: Which numbers were white in the arrays that it was fitted to, by kind.
    """

    candidate: Candidate
    module: RawPictures
    classes: tuple[str, ...]
    temperature: float
    flip: bool
    sets: Sets
    record: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    whites: Mapping[str, float] = field(default_factory=dict)

    @property
    def things(self) -> tuple[str, str]:
        """What is predicted."""
        return "picture", "pictures"

    @property
    def network(self) -> ImageNetwork:
        """The architecture with its trained weights; it takes standardised pictures."""
        network = self.module.network
        assert isinstance(network, ImageNetwork)
        return network

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the pictures that the network takes."""
        return self.network.channels, self.candidate.height, self.candidate.width

    @property
    def mean(self) -> Floats:
        """Mean ``[C]`` that is subtracted from the channels, for values in 0..1."""
        return (-self.module.shift / 255.0).reshape(-1).double().numpy()

    @property
    def std(self) -> Floats:
        """Standard deviation ``[C]`` by which channels are divided, for values in 0..1."""
        return (1 / (self.module.factor * 255.0)).reshape(-1).double().numpy()

    def probabilities_of(self, pictures: npt.NDArray[np.uint8]) -> Floats:
        """Return calibrated probabilities ``[n, K]`` of pictures of the model's size.

        Args:
            pictures: Bytes ``[n, C, H, W]``.

        Raises:
            ArgumentError: Another shape.
        """
        require(
            pictures.ndim == 4 and pictures.shape[1:] == self.shape and pictures.dtype == np.uint8,
            f"pictures of bytes [n, {', '.join(map(str, self.shape))}]",
            (pictures.dtype, pictures.shape),
        )
        if len(pictures) == 0:
            return np.zeros((0, len(self.classes)))
        scores = outputs(self.module, torch.from_numpy(pictures), flip=self.flip) / self.temperature
        return np.asarray(scores.softmax(1).numpy())

    def answer(self, data: Any, level: float = 0.9) -> ClassPrediction:
        """Predict pictures with sets.

        Args:
            data: A folder, a file, several, an array file, as ``read_images`` takes them; labels that are
                there are not looked at.
            level: Coverage of the sets, in (0, 1).

        Raises:
            ArgumentError: ``level`` outside (0, 1).
            DataError: Nothing that can be read as a picture.
        """
        require(0 < level < 1, "a level between 0 and 1", level, "for example 0.9")
        images = data if isinstance(data, ImageSet) else read_images(data, labelled=False, whites=self.whites)
        if len(images) == 0:
            raise DataError("at least one picture to predict", "none that can be read")
        channels, height, width = self.shape
        found = []
        for start in range(0, len(images), _PAGE):
            rows = np.arange(start, min(start + _PAGE, len(images)))
            found.append(self.probabilities_of(images.load(rows, height, width, colour=channels == 3)))
        probabilities = np.concatenate(found)
        notes = list(images.notes)
        if images.colour and channels == 1:
            notes.append("the pictures have colour, those of the fit had none: it is left out")
        members = self.sets.members(probabilities, level)
        return ClassPrediction(images.names, probabilities, members, images.rejected, tuple(notes))

    def save(self, directory: str | Path, overwrite: bool = False) -> Path:
        """Write the artifact: a directory with weights, report, plan and hashes, all or nothing.

        Raises:
            ArtifactError: The directory exists and ``overwrite`` is false, or cannot be written.
        """
        config = {
            "candidate": self.candidate.to_record(),
            "channels": self.network.channels,
            "classes": list(self.classes),
            "temperature": self.temperature,
            "flip": self.flip,
            "whites": dict(self.whites),
        }
        tensors = {name: value.numpy() for name, value in self.module.state_dict().items()}
        tensors["scores"] = np.asarray(self.sets.scores)
        files = files_of(self.record, self.plan)
        return save_bundle(directory, Bundle(KIND, config, tensors, files), overwrite=overwrite)


def from_bundle(bundle: Bundle) -> ImageModel:
    """Make the model of an artifact; the architecture is looked up in the closed registry of networks.

    Raises:
        ArtifactError: Parts that do not fit each other.
    """
    return assembled(
        bundle,
        KIND,
        "an image model",
        lambda record, plan: replace(_made(bundle), record=record, plan=plan),
    )


def _made(bundle: Bundle) -> ImageModel:
    config, tensors = bundle.config, dict(bundle.tensors)
    scores = np.asarray(tensors.pop("scores"), dtype=np.float64)
    candidate = Candidate.from_record(config["candidate"])
    classes = tuple(str(c) for c in config["classes"])
    channels = int(config["channels"])
    # Without memory first: what a forged description asks for is compared with what is there.
    bare = candidate.make(len(classes), channels, device="meta")
    module = RawPictures(bare, [0.5] * channels, [0.5] * channels)
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if expected != found or sum(p.numel() for p in bare.parameters()) > _MOST_NUMBERS:
        raise ArtifactError(f"the weights of {candidate.architecture}", "others", "fit anew")
    require_memory(
        memory_plan(bare, (channels, candidate.height, candidate.width), 2, "sgd-plain").total,
        f"an answer to a picture of {candidate.height} x {candidate.width}",
        "close other programs, or fit to smaller pictures",
    )
    state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}
    module.load_state_dict(state, strict=True, assign=True)
    for weight in module.parameters():
        weight.requires_grad_(False)
    model = ImageModel(
        candidate,
        module.eval(),
        classes,
        float(config["temperature"]),
        bool(config["flip"]),
        Sets(scores),
        whites={kind: float(white) for kind, white in config.get("whites", {}).items()},
    )
    require(
        model.whites.keys() <= {INTEGERS, FLOATS} and all(0 < w < math.inf for w in model.whites.values()),
        "positive numbers as white",
        model.whites,
    )
    tried = model.probabilities_of(np.zeros((1, *model.shape), dtype=np.uint8))
    if not (np.isfinite(tried).all() and model.temperature > 0):
        raise ArtifactError("finite predictions", "a model that gives none", "fit anew")
    return model
