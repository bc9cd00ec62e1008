"""Evolution: a first generation at random, then children of tournament winners.

Sun, Xue, Zhang and Yen 2020 (AE-CNN), algorithm 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fivefold.core import Status, numpy_generator, require
from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.selection import survivors, tournament
from fivefold.tasks.images.design.space import SearchSpace
from fivefold.tasks.images.design.trial import Candidate, Trial
from fivefold.tasks.images.design.trials import Trials
from fivefold.tasks.images.design.variation import CROSSOVER, MUTATION, Child, breed, mutate

_AGAIN = 8
"""Mutations of a child that was tried before, until it is given up."""
_IDLE = 3
"""Generations without anything new after which a search ends."""


@dataclass(frozen=True, eq=False, slots=True)
class Searched:
    """Where a search stopped.

    Args:
        population: Trials of the last population, the best first.
        generations: Generations that were begun after the first.
        status: ``OUT_OF_BUDGET``, or ``STALLED`` where nothing new was found.
        reason: The same in words.
    """

    population: tuple[Trial, ...]
    generations: int
    status: Status
    reason: str


def evolve(
    trials: Trials,
    space: SearchSpace,
    *,
    population: int = 10,
    seed: int = 0,
    stop_share: float = 0.5,
    crossover: float = CROSSOVER,
    mutation: float = MUTATION,
    after_generation: Callable[[Sequence[Trial]], None] | None = None,
) -> Searched:
    """Evolve genomes until the budget of the trials is spent.

    Each generation draws parents by binary tournaments, breeds as many children as there are members, tries
    them, and goes on with the best of parents and children. What differs from the paper: the survivors
    (:func:`~fivefold.tasks.images.design.selection.survivors`), and a child that was tried before mutates
    until it is new, since a copy brings nothing.

    Args:
        trials: Tries candidates.
        space: What genomes are drawn from.
        population: Members, at least 2.
        seed: Of every decision.
        stop_share: See :func:`~fivefold.tasks.images.design.early_stopping.bars_from`.
        crossover: Probability in 0..1.
        mutation: Probability in 0..1.
        after_generation: Told the population after each one.

    Raises:
        ArgumentError: Fewer than 2 members.
    """
    require(population >= 2, "a population of at least 2", population)
    members: list[Trial] = []
    generation, idle = 0, 0
    while True:
        rng = numpy_generator(seed, "design", "generation", generation)
        before = len(trials.history)
        if len(members) < 2:
            candidates = draw_candidates(trials, space, population, generation, rng)
        else:
            candidates = _children(trials, space, members, population, generation, rng, crossover, mutation)
        went_on = trials.judge(candidates, stop_share)
        fresh = trials.history[before:]
        pool = list({each.key: each for each in (*members, *fresh) if each.judged}.values())
        if pool:
            members = [pool[i] for i in survivors([each.accuracy for each in pool], population)]
        if after_generation is not None and not trials.replaying:
            after_generation(members)
        if not went_on:
            return Searched(tuple(members), generation, Status.OUT_OF_BUDGET, "the budget is spent")
        idle = 0 if fresh else idle + 1
        if idle == _IDLE:
            said = "no genome was left that was not tried"
            return Searched(tuple(members), generation, Status.STALLED, said)
        generation += 1


def draw_candidates(
    trials: Trials, space: SearchSpace, count: int, generation: int, rng: np.random.Generator
) -> list[Candidate]:
    """Draw so many new genomes of the first generation's distribution; fewer where there are no more."""
    found: dict[str, Genome] = {}
    for _ in range(_AGAIN * count):
        genome = space.draw(rng)
        if genome.key not in trials.tried:
            found.setdefault(genome.key, genome)
        if len(found) == count:
            break
    return [Candidate(Child.orphan(genome), generation) for genome in found.values()]


def _children(
    trials: Trials,
    space: SearchSpace,
    members: Sequence[Trial],
    count: int,
    generation: int,
    rng: np.random.Generator,
    crossover: float,
    mutation: float,
) -> list[Candidate]:
    """Children that were not tried before, so many or, where the space has no more, fewer."""
    fitness = [each.accuracy for each in members]
    found: dict[str, Candidate] = {}
    for _ in range(_AGAIN * count):
        parents = members[tournament(fitness, rng)], members[tournament(fitness, rng)]
        keys = (parents[0].key, parents[1].key)
        genomes = (parents[0].genome, parents[1].genome)
        for child in breed(space, genomes, rng, crossover=crossover, mutation=mutation):
            for _ in range(_AGAIN):
                if child.genome.key not in trials.tried and child.genome.key not in found:
                    found[child.genome.key] = Candidate(child, generation, keys)
                    break
                child = mutate(space, child, rng)
            if len(found) == count:
                return list(found.values())
    return list(found.values())
