"""Random search: the yardstick of every other one."""

from collections.abc import Callable, Sequence

from fivefold.core import Status, numpy_generator, require
from fivefold.tasks.images.design.evolution import Searched, draw_candidates
from fivefold.tasks.images.design.space import SearchSpace
from fivefold.tasks.images.design.trial import Trial
from fivefold.tasks.images.design.trials import Trials


def draw_at_random(
    trials: Trials,
    space: SearchSpace,
    *,
    population: int = 10,
    seed: int = 0,
    stop_share: float = 0.5,
    after_generation: Callable[[Sequence[Trial]], None] | None = None,
) -> Searched:
    """Draw genomes as for the first generation of an evolution, until the budget is spent.

    The same fitness, the same limits, the same early stopping and the same budget: what is left to differ is
    that nothing is learned from what was tried. Random search is hard to beat in small spaces (Li and
    Talwalkar, "Random search and reproducibility for neural architecture search", 2019).

    Args:
        trials: Tries candidates.
        space: What genomes are drawn from.
        population: Genomes that are drawn at once, and kept as the population; at least 1.
        seed: Of every decision.
        stop_share: See :func:`~fivefold.tasks.images.design.early_stopping.bars_from`.
        after_generation: Told the population after each round.

    Raises:
        ArgumentError: Fewer than 1 genome at once.
    """
    require(population >= 1, "at least 1 genome at once", population)
    members: list[Trial] = []
    generation = 0
    while True:
        rng = numpy_generator(seed, "design", "generation", generation)
        candidates = draw_candidates(trials, space, population, 0, rng)
        went_on = trials.judge(candidates, stop_share)
        judged = {each.key: each for each in trials.history if each.judged}
        members = sorted(judged.values(), key=lambda each: -each.accuracy)[:population]
        if after_generation is not None and not trials.replaying:
            after_generation(members)
        if not went_on:
            return Searched(tuple(members), generation, Status.OUT_OF_BUDGET, "the budget is spent")
        if not candidates:
            said = "no genome was left that was not tried"
            return Searched(tuple(members), generation, Status.STALLED, said)
        generation += 1
