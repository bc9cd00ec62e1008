"""Starting from a network that has seen other pictures: how much of it stays as it is.

Three depths are compared by trials: the *head alone* is trained, the rest frozen; the head and the *last
stage*; or *everything*. What is frozen keeps its statistics of batch normalisation, too. Yosinski, Clune,
Bengio and Lipson, "How transferable are features in deep neural networks?", 2014.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from fivefold.artifact import load as load_bundle
from fivefold.artifact.layout import MANIFEST
from fivefold.core import ArgumentError, ArtifactError, require, torch_generator
from fivefold.networks import layer_costs, load_weights
from fivefold.networks.stage_parts import HEAD, classifier_weights, layers_by_stage, stage_of_weights
from fivefold.tasks.images.candidate import Candidate, within_memory
from fivefold.tasks.images.model import from_bundle
from fivefold.tasks.images.raw_pictures import RawPictures
from fivefold.tasks.images.recipe import first_network
from fivefold.tasks.user_path import user_path

DEPTHS = ("head alone", "last stage", "everything")
_SOME = 10
"""Classes of a network that is made for its other weights."""
_KEPT_RATE = 0.1
"""Of the peak rate of a training from nothing, where trained weights move."""


@dataclass(frozen=True, eq=False)
class Start:
    """The weights of a trained network, and how it took its pictures.

    Attributes:
        source: What the user named.
        candidate: Its architecture, and the size of pictures that it was trained on where that is known.
        channels: Channels of its pictures.
        state: Its tensors by name, without those that depend on the number of classes.
        mean, deviation: By which its pictures were standardised.
        passed_over: Tensors of its file that served its training alone.
    """

    source: str
    candidate: Candidate
    channels: int
    state: dict[str, Tensor]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    passed_over: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What tells these weights from others: SHA-256 of tensors, names and standardisation."""
        found = hashlib.sha256(repr((self.candidate.architecture, self.mean, self.deviation)).encode())
        for name, value in sorted(self.state.items()):
            found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            found.update(value.detach().cpu().contiguous().view(-1).numpy().tobytes())
        return found.hexdigest()


def read_start(path: str | Path, architecture: str | None = None) -> Start:
    """Read a network to start from.

    Args:
        path: A folder that ``fivefold fit`` saved for pictures; or a checkpoint, safetensors or of
            ``torch.save``, of any classes, whose pictures had three channels, standardised as those of
            torchvision's published weights: as ImageNet's, for GoogLeNet to [-1, 1]. GoogLeNet's auxiliary
            classifiers are passed over.
        architecture: Of a checkpoint: a name that ``fivefold.networks.names()`` has.

    Raises:
        ArgumentError: A checkpoint without its architecture, a saved model with one, an architecture that
            answers for each pixel, or tensors that do not fit it.
        ArtifactError: Nothing that can be read.
    """
    place = user_path(path)
    if place.is_dir():
        if architecture is not None:
            raise ArgumentError("no architecture beside a saved model", architecture, "it names its own")
        if not (place / MANIFEST).is_file():
            raise ArtifactError(f"a saved model in {str(path)!a}", "another folder", "name its folder")
        model = from_bundle(load_bundle(place))
        return _start(
            path,
            model.candidate,
            model.network.channels,
            model.network.state_dict(),
            tuple(model.mean.tolist()),
            tuple(model.std.tolist()),
        )
    if not place.is_file():
        raise ArtifactError(f"a checkpoint or a saved model at {str(path)!a}", "nothing of that name")
    if architecture is None:
        raise ArgumentError(
            "the architecture of a checkpoint", "none", "name it: --architecture resnet18, for one"
        )
    candidate = Candidate(architecture, 224, 224)
    bare = candidate.make(_SOME, 3, device="meta")
    answer = layer_costs(bare, (1, 3, bare.smallest, bare.smallest))[0].outputs
    require(
        answer == (1, _SOME),
        "an architecture that names a class for each picture",
        f"{architecture}, which names one for each pixel",
        "take another checkpoint",
    )
    network = candidate.make(_SOME, 3, torch.Generator().manual_seed(0))
    loaded = load_weights(network, place, leave_out=_of_classes(candidate, 3))
    mean, deviation = network.published_moments
    passed_over = tuple(name for name in loaded.passed_over if name.startswith(network.auxiliary))
    start = _start(path, candidate, 3, network.state_dict(), mean, deviation)
    return replace(start, passed_over=passed_over)


def _of_classes(candidate: Candidate, channels: int) -> tuple[str, ...]:
    """The weights whose shape depends on the number of classes."""
    return classifier_weights(*(candidate.make(k, channels, device="meta") for k in (_SOME, _SOME + 1)))


def _start(
    path: str | Path,
    candidate: Candidate,
    channels: int,
    state: Mapping[str, Tensor],
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
) -> Start:
    """A start without the weights that depend on the classes: the new ones are others."""
    left = _of_classes(candidate, channels)
    kept = {name: value.clone() for name, value in state.items() if name not in left}
    return Start(str(path), candidate, channels, kept, mean, deviation)


def transferred(start: Start, candidate: Candidate, depth: str, classes: int, seed: int) -> RawPictures:
    """Return the network of a start for other classes, with what the depth freezes frozen.

    Args:
        start: The trained network.
        candidate: Its architecture at the size of the new pictures.
        depth: One of :data:`DEPTHS`.
        classes: Outputs.
        seed: Of the weights that are new.

    Raises:
        ArgumentError: An unknown depth.
    """
    if depth not in DEPTHS:
        raise ArgumentError(f"a depth among {', '.join(DEPTHS)}", depth)
    network = candidate.make(classes, start.channels, torch_generator(seed, "weights", candidate.name))
    network.load_state_dict({**network.state_dict(), **start.state})
    raw = RawPictures(network, start.mean, start.deviation)
    if depth == "everything":
        return raw
    layers = layers_by_stage(network, candidate.height, candidate.width)
    stages = [stage for stage, names in layers.items() if names and stage != HEAD]
    free = {HEAD, *stages[-1:]} if depth == "last stage" else {HEAD}
    of = stage_of_weights(network, candidate.height, candidate.width)
    for name, weight in network.named_parameters():
        weight.requires_grad_(weight.requires_grad and of[name] in free)
    frozen = [name for stage, names in layers.items() if stage not in free for name in names]
    raw.still = tuple(frozen)
    return raw.train()


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a training begins: at a start, to a depth.

    Attributes:
        start: The trained network.
        depth: One of :data:`DEPTHS`.
    """

    start: Start
    depth: str

    @property
    def factor(self) -> float:
        """What the peak rate of a training from nothing is multiplied by."""
        return 1.0 if self.depth == DEPTHS[0] else _KEPT_RATE


def begin(
    candidate: Candidate, pictures: Tensor, classes: int, seed: int, origin: Origin | None
) -> RawPictures:
    """Return the network before its training: with first weights, or with those of its origin.

    Args:
        candidate: What to make.
        pictures: Training pictures, bytes [N, C, H, W].
        classes: Outputs.
        seed: Of the weights that are drawn.
        origin: Where it begins; from nothing where ``None``.
    """
    if origin is None:
        return first_network(candidate, pictures, classes, seed)
    return transferred(origin.start, candidate, origin.depth, classes, seed)


def candidate_for(
    start: Start,
    offered: list[tuple[int, int]],
    affordable: float,
    passes: float,
    *,
    classes: int,
    batch: int,
) -> Candidate:
    """Return the architecture of a start at the size whose cost allows about so many passes.

    Args:
        start: The trained network.
        offered: Heights and widths that suit the new pictures.
        affordable: Multiply-adds a picture that the budget allows in one pass.
        passes: Wanted.
        classes: Outputs.
        batch: Pictures an update.

    Raises:
        ArgumentError: No size that the architecture can take, or none at which a training step fits into the
            free memory.
    """
    found: list[tuple[Candidate, int]] = []
    for height, width in offered:
        candidate = replace(start.candidate, height=height, width=width)
        try:
            found.append((candidate, candidate.multiply_adds(2, start.channels)))
        except ArgumentError:
            continue  # too small a picture for it
    if not found:
        raise ArgumentError(
            f"pictures that {start.candidate.architecture} can take", "smaller ones", "take another start"
        )
    fitting = within_memory(found, classes, start.channels, batch)
    return min(fitting, key=lambda pair: abs(math.log(affordable / pair[1] / passes)))[0]
