"""Who has children and who survives: binary tournaments, and the best of parents and children."""

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


def survivors(fitness: Sequence[float], count: int) -> list[int]:
    """Return the best of parents and children together, the best first; of equals those that come first.

    AE-CNN draws all but the best by a roulette over whole populations of 20 and 20 generations. A search of
    minutes has a few generations, in each of which a roulette loses good members.

    Source: the (mu + lambda) selection of evolution strategies; Beyer and Schwefel, "Evolution strategies: a
    comprehensive introduction", 2002.

    Args:
        fitness: One finite number for each member, larger is better.
        count: How many survive, at least 1; all where there are no more.

    Returns:
        Indices.

    Raises:
        ArgumentError: Nobody survives, or a fitness is not finite.

    >>> survivors([0.1, 0.9, 0.5, 0.9], 3)
    [1, 3, 2]
    """
    require(count >= 1, "at least 1 survivor", count)
    values = np.asarray(fitness, dtype=np.float64)
    require(bool(np.isfinite(values).all()), "finite fitness", fitness)
    return [int(i) for i in np.argsort(-values, kind="stable")[:count]]
