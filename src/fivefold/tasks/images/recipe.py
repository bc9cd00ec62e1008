"""How a network for pictures is trained: the recipe, one for all sizes."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from fivefold.core import fork_global, require, torch_generator
from fivefold.networks.architectures.speedrun import SpeedrunNet
from fivefold.networks.population_statistics import measure_statistics_
from fivefold.optimize import train
from fivefold.optimize.training.augmentation import Chain, Flip, Shift
from fivefold.optimize.training.verb import Training
from fivefold.tasks.images.at_once import MOST, pictures_at_once
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.raw_pictures import RawPictures, channel_moments

_SMOOTHING = 0.1
MOST_EPOCHS = 150
_MEASURED, _AT_ONCE, _SHARE = 5_000, 250, 0.125
"""Pictures that measure statistics: at most, at once, and as a share of those that the training saw."""
_WHITENED = 5_000
"""Pictures whose patches the first filters of the speed-run net whiten."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of a training.

    Attributes:
        epochs: Passes over the pictures.
        pictures: How many of the training pictures are used.
        batch: Pictures an update.
        rate: Peak learning rate of stochastic gradients with Nesterov's momentum 0.9.
        decay: Weight decay.
        shift: Pixels by which a picture is moved at most, 0 for none.
        flip: Whether pictures are mirrored left to right at random.
        smoothing: Share of a label that goes to all classes alike (Szegedy et al., "Rethinking the Inception
            architecture", 2016).
    """

    epochs: int
    pictures: int
    batch: int
    rate: float
    decay: float = 5e-4
    shift: int = 0
    flip: bool = False
    smoothing: float = _SMOOTHING

    def to_record(self) -> dict[str, Any]:
        """Return plain values.

        >>> Recipe(1, 100, 10, 0.1) == Recipe(**Recipe(1, 100, 10, 0.1).to_record())
        True
        """
        return asdict(self)


def batch_for(pictures: int) -> int:
    """Return the batch size for so many training pictures: 256, or what leaves 40 updates an epoch, from 16.

    >>> batch_for(60_000), batch_for(2_000), batch_for(100)
    (256, 32, 16)
    """
    size = 256
    while size > 16 and pictures < 40 * size:
        size //= 2
    return size


def recipe_for(
    candidate: Candidate,
    pictures: int,
    seen: float,
    *,
    shift: bool = False,
    flip: bool = False,
    epochs: int | None = None,
    factor: float = 1.0,
) -> Recipe:
    """Return the recipe by which a candidate sees so many pictures in all.

    Fewer pictures than there are make one epoch over a part of them; up to five epochs, part of the pictures
    is left out so that the whole number of epochs sees as many as wanted; beyond, whole epochs, 150 at most.

    Args:
        candidate: What is trained.
        pictures: Training pictures there are.
        seen: Pictures that the training may see in all, repeats counted.
        shift: Whether to move pictures, by up to a fourteenth of their side.
        flip: Whether to mirror them.
        epochs: Passes over as many pictures as fit, instead.
        factor: Of the peak rate.

    >>> recipe = recipe_for(Candidate("speedrun", 28, 28), 1000, 2500.0, flip=True)
    >>> recipe.epochs, recipe.pictures, recipe.shift
    (3, 833, 0)
    """
    require(pictures >= 1, "at least 1 training picture", pictures)
    passes = max(seen / pictures, 1e-9)
    if epochs is not None or passes <= 5:
        epochs = epochs or max(1, math.ceil(passes))
        used = max(1, min(pictures, round(seen / epochs)))
    else:
        epochs, used = min(MOST_EPOCHS, int(passes)), pictures
    batch = batch_for(used)
    moved = round(min(candidate.height, candidate.width) / 14) if shift else 0
    return Recipe(epochs, used, batch, factor * peak_rate(candidate, batch), shift=moved, flip=flip)


def peak_rate(candidate: Candidate, batch: int) -> float:
    """Return the peak learning rate: that of 256 pictures a batch, times (batch / 256) to the power 3/4.

    Between the root, which keeps the noise of an update, and proportion, which keeps that of a pass: at the
    root's rate short trainings in batches of 16 did not get off the ground.

    >>> peak_rate(Candidate("resnet20", 28, 28), 16)
    0.125
    """
    base = 2.0 if candidate.architecture == "speedrun" else 1.0
    return base * float((batch / 256) ** 0.75)


def augmentation(recipe: Recipe) -> "InFloats | None":
    """Return the random changes of a batch, or ``None`` where the recipe asks for none."""
    steps: list[Shift | Flip] = []
    if recipe.shift:
        steps.append(Shift(recipe.shift))
    if recipe.flip:
        steps.append(Flip())
    return InFloats(Chain(*steps)) if steps else None


@dataclass(frozen=True)
class InFloats:
    """Change a batch of bytes as floats of the same values."""

    change: Chain

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        """Return the changed batch [b, c, h, w] in float32."""
        return self.change(X.float(), generator)


@dataclass(frozen=True)
class SmoothedCrossEntropy:
    """Cross-entropy against labels of which a share is spread over all classes."""

    smoothing: float

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over rows."""
        return nn.functional.cross_entropy(outputs, labels, label_smoothing=self.smoothing)


def first_network(candidate: Candidate, pictures: Tensor, classes: int, seed: int) -> RawPictures:
    """Return an untrained network for raw pictures, its statistics taken from the training pictures.

    Args:
        candidate: What to make.
        pictures: Training pictures, bytes [N, C, H, W].
        classes: Outputs.
        seed: Of the first weights.
    """
    mean, deviation = channel_moments(pictures)
    network = candidate.make(classes, pictures.shape[1], torch_generator(seed, "weights", candidate.name))
    raw = RawPictures(network, mean, deviation)
    if isinstance(network, SpeedrunNet):
        network.whiten_(raw.standardise(pictures[:_WHITENED]))
    return raw


def train_network(
    module: RawPictures,
    recipe: Recipe,
    pictures: Tensor,
    labels: Tensor,
    seed: int,
    layout: str = "auto",
) -> Training:
    """Train a network in place, and measure the statistics of its batch normalisation at its end.

    Args:
        module: From :func:`first_network`.
        recipe: The numbers.
        pictures: Bytes [recipe.pictures, C, H, W], in random order.
        labels: Codes [recipe.pictures].
        seed: Of order and augmentation.
        layout: How pictures lie in memory, which the bits depend on; measured where ``"auto"``.
    """
    training = train(
        module,
        (pictures, labels),
        loss=SmoothedCrossEntropy(recipe.smoothing),
        optimizer="sgd",
        epochs=recipe.epochs,
        batch_size=recipe.batch,
        learning_rate=recipe.rate,
        weight_decay=recipe.decay,
        schedule="warm-up+linear",
        augment=augmentation(recipe),
        layout=layout,
        seed=seed,
    )
    channels, height, width = pictures.shape[1:]
    size = pictures_at_once(module, (channels, height, width), _AT_ONCE)
    measured = pictures[: pictures_measured(recipe.epochs * len(pictures), len(pictures))]
    # parts of about one size, which count alike: two pictures left at the end would count as much as 250
    parts = [part for part in torch.tensor_split(measured, -(-len(measured) // size)) if len(part) > 1]
    with fork_global(seed, "statistics"):
        measure_statistics_(module, parts)
    return training


def pictures_measured(seen: float, pictures: int) -> int:
    """Return how many pictures measure the statistics of normalisation at the end of a training.

    Args:
        seen: Pictures that it saw, repeats counted.
        pictures: That there are.

    >>> pictures_measured(1000, 500), pictures_measured(8000, 4000), pictures_measured(1e6, 50_000)
    (250, 1000, 5000)
    """
    return min(pictures, _MEASURED, max(_AT_ONCE, int(_SHARE * seen)))


@torch.no_grad()
def outputs(module: nn.Module, pictures: Tensor, *, flip: bool = False, batch: int | None = None) -> Tensor:
    """Return the outputs [N, K] of a network in evaluation mode, in float64.

    Args:
        module: What takes raw pictures.
        pictures: Bytes [N, C, H, W].
        flip: Average the outputs of each picture and of its mirror image (test-time augmentation).
        batch: Pictures at once; up to 500, as many as fit in memory, where ``None``.
    """
    module.eval()
    found = []
    channels, height, width = pictures.shape[1:]
    batch = batch or pictures_at_once(module, (channels, height, width), min(MOST, max(1, len(pictures))))
    for part in torch.split(pictures, batch):
        y = module(part)
        found.append((y + module(part.flip(3))) / 2 if flip else y)
    return torch.cat(found).double()
