"""What a search for an architecture returns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from fivefold.core import Status, torch_generator
from fivefold.tasks.images.design.phenotype import build
from fivefold.tasks.images.design.space import SearchSpace
from fivefold.tasks.images.design.trial import Ending, Trial


@dataclass(frozen=True, eq=False, slots=True)
class DesignResult:
    """What a search found.

    Args:
        best: The trial with the highest accuracy on the validation pictures, of those that were trained
            longer where some were. It is the largest of several noisy numbers, hence too high: test pictures
            that the search never saw tell more.
        network: Its network with the weights of its trial, in evaluation mode; it takes pictures that are
            scaled to 0..1 and normalised by ``mean`` and ``std``.
        population: The last population, the best first.
        front: Trained networks than which none is both more accurate and faster, the fastest first.
        history: Every trial of the search in order, with its reason.
        finals: The longer trainings of the best few at the end.
        status: ``OUT_OF_BUDGET``, or ``STALLED`` where nothing new was left to try.
        reason: The same in words.
        generations: Generations that were begun after the first.
        seconds: Spent, over all runs of a journal.
        space: What was searched.
        mean: [C], of the training pictures scaled to 0..1.
        std: [C], likewise.
        classes: Number of classes.
    """

    best: Trial
    network: nn.Module
    population: tuple[Trial, ...]
    front: tuple[Trial, ...]
    history: tuple[Trial, ...]
    finals: tuple[Trial, ...]
    status: Status
    reason: str
    generations: int
    seconds: float
    space: SearchSpace
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    classes: int

    def fresh_network(self, trial: Trial, *, seed: int = 0) -> nn.Module:
        """Build the network of a trial with first weights, to be trained for as long as it deserves."""
        generator = torch_generator(seed, "design", "fresh")
        channels = len(self.mean)
        return build(trial.genome, self.space, classes=self.classes, channels=channels, generator=generator)


def pareto_front(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Trained networks than which none is at least as accurate and faster, the fastest first.

    >>> made = [Trial(f"D:4:{i}", "", 0, (), "", Ending.TRAINED, "", a, latency_ms=ms)
    ...     for i, (a, ms) in enumerate([(0.8, 2.0), (0.7, 3.0), (0.6, 1.0)], start=1)]
    >>> [each.latency_ms for each in pareto_front(made)]
    [1.0, 2.0]
    """
    timed = [(each.latency_ms, each) for each in trials if each.ending is Ending.TRAINED]
    front: list[Trial] = []
    for _, each in sorted(
        ((ms, each) for ms, each in timed if ms is not None), key=lambda pair: (pair[0], -pair[1].accuracy)
    ):
        if not front or each.accuracy > front[-1].accuracy:
            front.append(each)
    return tuple(front)
