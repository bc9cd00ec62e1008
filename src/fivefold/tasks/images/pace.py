"""How long a network takes on this machine: seconds a picture, in training and in answering."""

import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fivefold.core import fork_global
from fivefold.networks.stopwatch import call_seconds
from fivefold.optimize.training.step_choices import as_layout, choose_step, set_layout
from fivefold.tasks.images.at_once import pictures_at_once
from fivefold.tasks.images.raw_pictures import RawPictures
from fivefold.tasks.images.recipe import Recipe, SmoothedCrossEntropy, augmentation

_WORTH = 10**6
"""Updates that are to follow, in words for :func:`choose_step`: so many that measuring pays."""


def training_layout(module: RawPictures, recipe: Recipe, pictures: Tensor, labels: Tensor, seed: int) -> str:
    """Return how pictures should lie in memory while the network is trained: what is faster here.

    It is measured on a copy, once for all trainings of a network: short ones leave no time for it, and at
    another layout than the last one's they would tell nothing of its pace.

    Args:
        module: The network.
        recipe: Its batch and its loss.
        pictures: Bytes; the first batch is used.
        labels: Their codes.
        seed: For dropout.
    """
    batch = pictures[: recipe.batch], labels[: recipe.batch]
    loss = SmoothedCrossEntropy(recipe.smoothing)
    return choose_step(module, loss, batch, planned=_WORTH, seed=seed).layout


def training_pace(
    module: RawPictures, recipe: Recipe, pictures: Tensor, labels: Tensor, seed: int, layout: str
) -> float:
    """Return the seconds that a training takes a picture: change, forward, backward and update.

    The median of three to nine updates after two that are not counted, of a copy; the module stays as it was.

    Args:
        module: The network.
        recipe: Its batch, its augmentation and its loss.
        pictures: Bytes; the first batch is used.
        labels: Their codes.
        seed: Of the augmentation; the global generators are left as they were.
        layout: How pictures lie in memory.
    """
    rehearsal = set_layout(copy.deepcopy(module), layout).train()
    weights = [p for p in rehearsal.parameters() if p.requires_grad]
    mover = torch.optim.SGD(weights, 1e-6, momentum=0.9, nesterov=True, weight_decay=recipe.decay)
    change, loss = augmentation(recipe), SmoothedCrossEntropy(recipe.smoothing)
    X, y = pictures[: recipe.batch], labels[: recipe.batch]
    generator = torch.Generator().manual_seed(seed)

    def update() -> None:
        mover.zero_grad(set_to_none=True)
        batch = X if change is None else change(X, generator)
        loss(rehearsal(as_layout(batch, layout)), y).backward()  # type: ignore[no-untyped-call]
        mover.step()

    with fork_global(seed, "pace"):
        return _of_the_wall(update) / len(X)


@torch.no_grad()
def answering_pace(module: nn.Module, pictures: Tensor) -> float:
    """Return the seconds that an answer takes a picture, in evaluation mode, up to 256 at once."""
    module.eval()
    channels, height, width = pictures.shape[1:]
    X = pictures[: pictures_at_once(module, (channels, height, width), min(256, len(pictures)))]
    return _of_the_wall(lambda: module(X)) / len(X)


def _of_the_wall(work: Callable[[], object]) -> float:
    """Median seconds, of the wall's clock, which a budget is counted by."""
    return call_seconds(work, uncounted=2, least=3, most=9, enough=1.0, clock=time.perf_counter)
