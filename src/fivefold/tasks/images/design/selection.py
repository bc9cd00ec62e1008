"""Who has children and who survives: binary tournaments, and a roulette that keeps the best."""

from collections.abc import Sequence

import numpy as np

from fivefold.core import require


def tournament(fitness: Sequence[float], generator: np.random.Generator) -> int:
    """Draw two distinct members uniformly and return the index of the better one.

    Equally good, the first drawn wins. In a port of AE-CNN the two are drawn and one of them is compared with
    itself, so that parents are random; :func:`tournament_probability` is what the right one is held to.

    Source: Goldberg and Deb, "A comparative analysis of selection schemes used in genetic algorithms", 1991.

    Args:
        fitness: One number for each member, larger is better, at least 1.
        generator: Source of randomness.

    Raises:
        ArgumentError: No member.

    >>> tournament([0.2, 0.9], np.random.default_rng(0))
    1
    """
    require(len(fitness) >= 1, "at least 1 member", 0)
    if len(fitness) == 1:
        return 0
    first, second = (int(i) for i in generator.choice(len(fitness), 2, replace=False))
    return second if fitness[second] > fitness[first] else first


def tournament_probability(members: int, rank: int) -> float:
    r"""Probability that a binary tournament among distinct members returns the one of a rank.

    Of the :math:`\binom{n}{2}` pairs, the one of rank r wins the n - r in which the other is worse:

    .. math:: P(r) = \frac{2 (n - r)}{n (n - 1)}, \qquad E[r] = \frac{n + 1}{3}

    Args:
        members: n, at least 2, with fitness that differs.
        rank: r, 1 is the best and n the worst.

    Raises:
        ArgumentError: A number out of its range.

    >>> [round(tournament_probability(3, r), 3) for r in (1, 2, 3)]
    [0.667, 0.333, 0.0]
    """
    require(members >= 2, "at least 2 members", members)
    require(1 <= rank <= members, f"a rank in 1..{members}", rank)
    return 2 * (members - rank) / (members * (members - 1))


def survivors(fitness: Sequence[float], count: int, generator: np.random.Generator) -> list[int]:
    """Keep the best, and draw the others without replacement by a roulette.

    The share of a member on the wheel is its fitness above that of the worst, plus a tenth of the range (so
    that the worst can survive); with fitness as it is, networks of 80% and 90% would be nearly alike. Where
    all are equally fit, so are their shares.

    Source: elitism after De Jong 1975; the wheel from the worst is Goldberg's "windowing", 1989.

    Args:
        fitness: One finite number for each member, larger is better.
        count: How many survive, at least 1; all where there are no more.
        generator: Source of randomness.

    Returns:
        Indices, the best first.

    Raises:
        ArgumentError: Nobody survives, or a fitness is not finite.

    >>> survivors([0.1, 0.9, 0.5], 1, np.random.default_rng(0))
    [1]
    """
    require(count >= 1, "at least 1 survivor", count)
    values = np.asarray(fitness, dtype=np.float64)
    require(bool(np.isfinite(values).all()), "finite fitness", fitness)
    best = int(values.argmax())
    others = [i for i in range(len(values)) if i != best]
    if count > len(others):
        return [best, *others]
    if count == 1:
        return [best]
    low, high = values.min(), values.max()
    shares = values[others] - low + 0.1 * (high - low)
    total = shares.sum()
    wheel = shares / total if total > 0 else np.full(len(others), 1 / len(others))
    drawn = generator.choice(len(others), count - 1, replace=False, p=wheel)
    return [best, *(others[int(i)] for i in drawn)]
