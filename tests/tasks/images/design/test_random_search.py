"""Random search draws what the first generation of an evolution draws, and learns nothing."""

from fivefold.core import Budget
from fivefold.tasks.images.design.evolution import evolve
from fivefold.tasks.images.design.journal import Journal
from fivefold.tasks.images.design.presets import scaled
from fivefold.tasks.images.design.random_search import draw_at_random
from fivefold.tasks.images.design.trials import Trials

SPACE = scaled(28, 28, pictures=5000, seconds=60.0)


def tried(run, steps, fitness, stop_share=0.5):
    book = Trials(fitness, Journal(None, {}), Budget(steps=steps))
    return book, run(book, SPACE, population=10, seed=7, stop_share=stop_share)


def test_the_first_round_is_that_of_the_evolution(Landscape):
    one, other = tried(draw_at_random, 10, Landscape())[0], tried(evolve, 10, Landscape())[0]
    assert [each.key for each in one.history] == [each.key for each in other.history]


def test_later_rounds_come_from_the_same_distribution_and_have_no_parents(Landscape):
    book, end = tried(draw_at_random, 300, Landscape())
    assert not any(each.parents for each in book.history)
    units = [len(each.genome.units) for each in book.history]
    early, late = units[:150], units[150:]
    # 1..3 residual, 0..2 dense and 1..4 pooling units, uniformly: mean 5.5, spread 1.6
    assert abs(sum(early) / 150 - 5.5) < 0.5
    assert abs(sum(late) / 150 - 5.5) < 0.5
    assert [each.accuracy for each in end.population] == sorted(
        (each.accuracy for each in book.history), reverse=True
    )[:10]


def test_it_stops_hopeless_ones_as_evolution_does(Landscape):
    stopped = []
    for share in (0.0, 0.5):
        book = tried(draw_at_random, 200, Landscape(), share)[0]
        stopped.append(sum(each.ending == "stopped" for each in book.history))
    assert stopped[0] == 0
    # of the 192 after the first eight about a third are below the bar of the first rung
    assert 40 < stopped[1] < 90
