"""Selection selects: frequencies are held against the probabilities that follow from the rule."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chisquare

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.selection import survivors, tournament, tournament_probability


def test_the_probability_is_that_of_all_pairs():
    """Count the pairs that each rank wins, one by one."""
    for n in (2, 3, 7, 20):
        pairs = list(combinations(range(1, n + 1), 2))
        for rank in range(1, n + 1):
            won = sum(min(pair) == rank for pair in pairs)
            assert tournament_probability(n, rank) == pytest.approx(won / len(pairs), abs=1e-15)
        assert sum(r * tournament_probability(n, r) for r in range(1, n + 1)) == pytest.approx((n + 1) / 3)


def test_the_better_of_two_wins_as_often_as_computed(rng):
    """Among 20 members, 20,000 draws: a chi-squared test over ranks 1..19; the worst never wins.

    Random parents, as in the port whose comparison is of one member with itself, have a mean rank of 10.5
    instead of 7 and fail by far.
    """
    fitness = np.random.default_rng(0).permutation(20) / 20
    ranks = (-fitness).argsort().argsort() + 1
    drawn = np.array([ranks[tournament(fitness, rng)] for _ in range(20_000)])
    counts = np.bincount(drawn, minlength=21)[1:]
    assert counts[-1] == 0
    expected = [20_000 * tournament_probability(20, r) for r in range(1, 20)]
    assert chisquare(counts[:-1], expected).pvalue > 1e-3
    # the standard error of the mean rank is 4.7 / sqrt(20,000) = 0.033
    assert drawn.mean() == pytest.approx(7.0, abs=0.15)


def test_parents_are_fitter_than_the_population(rng):
    fitness = rng.random(20)
    parents = [fitness[tournament(fitness, rng)] for _ in range(2_000)]
    # in rank units the gain is 3.5 of 20; random parents would have none
    assert np.mean(parents) > fitness.mean() + 0.1


def test_equal_members_win_equally_often(rng):
    counts = np.bincount([tournament([1.0] * 5, rng) for _ in range(5_000)], minlength=5)
    assert chisquare(counts).pvalue > 1e-3


def test_one_member_is_its_own_winner(rng):
    assert tournament([0.3], rng) == 0


def test_the_best_survive_and_nobody_twice(rng):
    for _ in range(100):
        fitness = rng.random(12)
        assert survivors(fitness, 5) == sorted(range(12), key=lambda i: -fitness[i])[:5]


def test_of_equals_the_earlier_survive():
    """Parents come before their children: one that is not better does not replace them."""
    assert survivors([0.5, 0.7, 0.5, 0.7], 3) == [1, 3, 0]
    assert survivors([0.2, 0.4], 5) == [1, 0]


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: tournament([], rng),
        lambda rng: survivors([0.1], 0),
        lambda rng: survivors([0.1, float("nan")], 1),
        lambda rng: tournament_probability(1, 1),
        lambda rng: tournament_probability(3, 4),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, rng):
    with pytest.raises(ArgumentError):
        call(rng)
