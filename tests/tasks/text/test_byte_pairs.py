"""Byte pairs against counting everything anew at each join."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fivefold.tasks.text.byte_pairs import apply_merges, join, learn_merges


def by_counting(words, first, most):
    """The algorithm of Sennrich, Haddow and Birch as they print it."""
    merges = []
    while len(merges) < most:
        pairs = Counter()
        for word, weight in words.items():
            for pair in pairwise(word):
                pairs[pair] += weight
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            break
        new, merged = first + len(merges), Counter()
        for word, weight in words.items():
            merged[tuple(join(word, best, new))] += weight
        words = merged
        merges.append(best)
    return merges


@pytest.mark.parametrize("letters", [2, 3, 8])  # few letters give repeated pairs such as aaa, and many ties
def test_joins_are_those_of_counting_anew(letters):
    rng = np.random.default_rng(letters)
    words = Counter()
    for _ in range(60):
        word = tuple(rng.integers(0, letters, rng.integers(1, 9)).tolist())
        words[word] += int(rng.integers(1, 6))
    merges = learn_merges(words, letters, 50)
    assert merges == by_counting(words, letters, 50)
    shuffled = list(words.items())
    shuffled = [shuffled[i] for i in rng.permutation(len(shuffled))]
    assert learn_merges(dict(shuffled), letters, 50) == merges


def test_the_example_of_the_paper():
    """Their figure 1: of low, lower, newest and widest, "est." and "low" are joined first."""
    letters = {letter: i for i, letter in enumerate("lowernstid.")}
    counts = {"low.": 5, "lower.": 2, "newest.": 6, "widest.": 3}
    merges = learn_merges({tuple(letters[c] for c in w): n for w, n in counts.items()}, 11, 5)
    names = list(letters)
    for a, b in merges:
        names.append(names[a] + names[b])
    assert "est." in names
    assert "low" in names


def test_joins_are_applied_in_the_order_learnt():
    # "ab" is learnt before "bc": a b c is ab c, although b c may be joined too
    assert apply_merges([0, 1, 2], {(0, 1): 0, (1, 2): 1}, 3) == [3, 2]
    assert apply_merges([0, 1, 2], {(1, 2): 0, (0, 1): 1}, 3) == [0, 3]
    assert apply_merges([0], {(0, 1): 0}, 3) == [0]
    assert apply_merges([], {(0, 1): 0}, 3) == []


def test_what_is_learnt_is_what_is_applied():
    words = {(0, 1, 2, 0, 1): 4, (1, 2, 0): 3, (2, 0, 1, 1): 2}
    merges = learn_merges(words, 3, 20)
    ranks = {pair: i for i, pair in enumerate(merges)}
    for word in words:
        pieces = list(word)
        for m, pair in enumerate(merges):
            pieces = join(pieces, pair, 3 + m)
        assert apply_merges(word, ranks, 3) == pieces
