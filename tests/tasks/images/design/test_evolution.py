"""Evolution climbs a landscape whose optimum is known, faster than draws at random."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from fivefold.core import ArgumentError, Budget, Status
from fivefold.tasks.images.design.evolution import evolve
from fivefold.tasks.images.design.journal import Journal
from fivefold.tasks.images.design.presets import scaled
from fivefold.tasks.images.design.random_search import draw_at_random
from fivefold.tasks.images.design.space import DenseRange, SearchSpace
from fivefold.tasks.images.design.trial import Ending
from fivefold.tasks.images.design.trials import Trials

SPACE = scaled(28, 28, pictures=5000, seconds=60.0)


def trials(fitness, steps=120):
    return Trials(fitness, Journal(None, {}), Budget(steps=steps))


def best(run, seed, fitness):
    book = trials(fitness)
    run(book, SPACE, population=12, seed=seed)
    return max(each.accuracy for each in book.history)


def test_evolution_beats_random_search_with_the_same_budget(Landscape):
    """120 trials each, 14 seeds, paired; early stopping in both."""
    ours = [best(evolve, seed, Landscape()) for seed in range(14)]
    theirs = [best(draw_at_random, seed, Landscape()) for seed in range(14)]
    assert wilcoxon(ours, theirs, alternative="greater").pvalue < 0.02
    assert np.mean(ours) > np.mean(theirs) + 0.02


def test_the_best_is_never_lost(Landscape):
    book = trials(Landscape(), 120)
    seen = []

    def look(members):
        highest = max(each.accuracy for each in book.history)
        assert members[0].accuracy == highest
        seen.append(highest)

    evolve(book, SPACE, population=10, seed=1, after_generation=look)
    assert seen == sorted(seen)
    assert len(seen) >= 10


def test_nothing_is_tried_twice_and_the_budget_holds(Landscape):
    fitness = Landscape()
    book = trials(fitness, 97)
    end = evolve(book, SPACE, population=10, seed=2)
    assert end.status is Status.OUT_OF_BUDGET
    assert len(fitness.asked) == len(set(fitness.asked)) == len(book.history) == 97


def test_children_name_their_parents_and_parents_were_tried(Landscape):
    book = trials(Landscape())
    evolve(book, SPACE, population=10, seed=3)
    children = [each for each in book.history if each.generation > 0]
    assert len(children) == 110
    assert all(len(each.parents) == 2 and set(each.parents) <= book.tried.keys() for each in children)


def test_what_was_refused_has_no_children(Landscape):
    book = trials(Landscape(refused="bottleneck"))
    end = evolve(book, SPACE, population=10, seed=4)
    refused = {each.key for each in book.history if each.ending is Ending.REFUSED}
    assert refused
    assert not refused & {key for each in book.history for key in each.parents}
    assert not refused & {each.key for each in end.population}


def test_a_first_generation_without_a_survivor_is_drawn_anew(Landscape):
    book = trials(Landscape(refused=":"), 30)
    end = evolve(book, SPACE, population=10, seed=5)
    assert end.population == ()
    assert {each.generation for each in book.history} == {0, 1, 2}
    assert not any(each.parents for each in book.history)


@pytest.mark.parametrize("run", [evolve, draw_at_random])
def test_a_space_that_is_used_up_ends_the_search(run, Landscape):
    space = SearchSpace(
        2, 4, 1, ("basic",), (8,), (1, 1), (DenseRange(4, 8, (1, 1)),), (1, 1), (0, 0), 0, 1, 2
    )
    book = trials(Landscape(), 500)
    end = run(book, space, population=2, seed=0)
    assert end.status is Status.STALLED
    assert "no genome was left" in end.reason


def test_the_optimum_is_of_the_space(Landscape):
    assert SPACE.faults(Landscape.optimum.units) == ""


@pytest.mark.parametrize(("run", "count"), [(evolve, 1), (draw_at_random, 0)])
def test_too_small_a_population_is_refused(run, count, Landscape):
    with pytest.raises(ArgumentError, match="at least"):
        run(trials(Landscape()), SPACE, population=count)
