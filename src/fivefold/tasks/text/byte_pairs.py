"""Byte-pair encoding: learn which neighbouring pieces of words to join, and join them."""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]


def learn_merges(words: Mapping[tuple[int, ...], int], first: int, most: int) -> list[Pair]:
    """Learn the joins of byte-pair encoding.

    Again and again the most frequent pair of neighbours becomes a piece of its own; the m-th join makes the
    piece ``first + m``. Ties go to the smaller pair, so that the order of the texts does not matter. A pair
    seen once is not joined.

    Source: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units" (2016).
    Where we differ: pairs are counted once and then kept up to date, which gives the same joins.

    Args:
        words: Pieces of each different word, and how often it occurs.
        first: The number of the first new piece; all pieces of ``words`` are below it.
        most: Most joins.

    Returns:
        The joined pairs, in order.

    >>> learn_merges({(0, 1, 2): 5, (0, 1): 2, (1, 2): 1}, first=3, most=9)
    [(0, 1), (3, 2)]
    """
    pieces = [list(word) for word in words]
    weights = list(words.values())
    counts: defaultdict[Pair, int] = defaultdict(int)
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, word in enumerate(pieces):
        for pair in pairwise(word):
            counts[pair] += weights[i]
            places[pair].add(i)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < most:
        count, pair = heapq.heappop(heap)
        if -count != counts[pair]:  # counted anew since it was laid on the heap
            if counts[pair] > 1:
                heapq.heappush(heap, (-counts[pair], pair))
            continue
        if -count < 2:
            break
        new = first + len(merges)
        merges.append(pair)
        grown = set()
        for i in places.pop(pair):
            old = pieces[i]
            joined = join(old, pair, new)
            for each in pairwise(old):
                counts[each] -= weights[i]
            for each in pairwise(joined):
                counts[each] += weights[i]
                if new in each:
                    places[each].add(i)
                    grown.add(each)
            pieces[i] = joined
        counts[pair] = 0
        for each in sorted(grown):
            heapq.heappush(heap, (-counts[each], each))
    return merges


def join(word: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Replace each occurrence of a pair by a new piece, from the left.

    >>> join([7, 7, 7, 2], (7, 7), 9)
    [9, 7, 2]
    """
    joined: list[int] = []
    i, last = 0, len(word) - 1
    while i <= last:
        if i < last and word[i] == pair[0] and word[i + 1] == pair[1]:
            joined.append(new)
            i += 2
        else:
            joined.append(word[i])
            i += 1
    return joined


def apply_merges(word: Sequence[int], ranks: Mapping[Pair, int], first: int) -> list[int]:
    """Join the pieces of one word as learnt: the earliest join first.

    Args:
        word: Pieces below ``first``.
        ranks: The order m of each joined pair.
        first: The number of the piece that join 0 makes.

    >>> apply_merges([0, 1, 2], {(0, 1): 0, (3, 2): 1}, first=3)
    [4]
    """
    pieces = list(word)
    while len(pieces) > 1:
        pairs = pairwise(pieces)
        rank, pair = min((ranks.get(pair, len(ranks)), pair) for pair in pairs)
        if rank == len(ranks):
            break
        pieces = join(pieces, pair, first + rank)
    return pieces
