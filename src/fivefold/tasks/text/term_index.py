"""Terms, words and pairs of neighbouring words: which to take, and how often each stands in a text."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fivefold.tasks.text.cut_texts import CutTexts

Codes = npt.NDArray[np.int64]
_SEPARATOR = " "
_FEW_TEXTS = 50
"""Up to so many texts a term of one text counts."""


def choose_terms(cut: CutTexts, most: int) -> tuple[tuple[str, ...], Codes]:
    """Return the terms that at least two texts hold, sorted, and how many texts hold each.

    Those of one text, too, where there are 50 texts at most or no two share a word. Pairs are counted of
    words alone that are terms themselves: a pair is in no more texts than its words.

    Args:
        cut: Training texts.
        most: Terms at most: those of most texts, the first in the alphabet among equals.

    >>> choose_terms(CutTexts.of(["It purrs", "it"]), 9)
    (('it', 'it purrs', 'purrs'), array([2, 1, 1]))
    """
    V, rows, numbers = len(cut.words), cut.rows(), cut.numbers.astype(np.int64)
    words_in = _texts_of(numbers, rows, V)
    least = 2 if len(cut) > _FEW_TEXTS and words_in.max(initial=0) > 1 else 1
    often = words_in[numbers] >= least
    both = (rows[:-1] == rows[1:]) & often[:-1] & often[1:]
    codes, places = np.unique(numbers[:-1][both] * V + numbers[1:][both], return_inverse=True)
    pairs_in = _texts_of(places.reshape(-1), rows[:-1][both], len(codes))
    in_texts = np.concatenate([words_in, pairs_in])
    kept = in_texts >= least
    if kept.sum() > most:
        kept &= in_texts >= np.partition(in_texts, -most)[-most]
    found: list[tuple[int, str]] = []
    for at in np.flatnonzero(kept).tolist():
        if at < V:
            term = cut.words[at]
        else:
            first, second = divmod(int(codes[at - V]), V)
            term = cut.words[first] + _SEPARATOR + cut.words[second]
        found.append((-int(in_texts[at]), term))
    chosen = sorted((term, -count) for count, term in sorted(found)[:most])
    return tuple(term for term, _ in chosen), np.array([count for _, count in chosen], dtype=np.int64)


def _texts_of(codes: Codes, rows: Codes, size: int) -> Codes:
    """In how many texts each of ``size`` codes stands."""
    return np.bincount(np.unique(rows * size + codes) % size, minlength=size) if size else codes


class TermIndex:
    """Looks terms up in cut texts.

    Args:
        terms: Different words, and pairs of words with a space between.

    >>> index = TermIndex(["it", "purrs it", "purrs"])
    >>> index.counts(CutTexts.of(["it purrs it", "so"])).toarray().tolist()
    [[2.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self._words: dict[str, int] = {}
        pairs = np.empty((len(terms), 2), dtype=np.int64)
        for j, term in enumerate(terms):
            first, _, second = term.partition(_SEPARATOR)
            pairs[j, 0] = self._words.setdefault(first, len(self._words))
            pairs[j, 1] = self._words.setdefault(second, len(self._words)) if second else -1
        codes = self._code(pairs[:, 0], pairs[:, 1])
        self._columns = np.argsort(codes, kind="stable")
        self._codes = codes[self._columns]

    def _code(self, first: Codes, second: Codes) -> Codes:
        """Different for different terms; ``second`` is -1 of a word alone."""
        return first + len(self._words) * (second + 1)

    def counts(self, cut: CutTexts) -> sparse.csr_array:
        """Return how often each term stands in each text, ``[n, J]``."""
        shape = (len(cut), len(self._codes))
        if not shape[1]:
            return sparse.csr_array(shape)
        known = np.array([self._words.get(word, -1) for word in cut.words], dtype=np.int64)
        numbers, rows = known[cut.numbers], cut.rows()
        both = (rows[:-1] == rows[1:]) & (numbers[:-1] >= 0) & (numbers[1:] >= 0)
        single = numbers >= 0
        codes = np.concatenate([numbers[single], self._code(numbers[:-1][both], numbers[1:][both])])
        rows = np.concatenate([rows[single], rows[:-1][both]])
        at = np.minimum(np.searchsorted(self._codes, codes), shape[1] - 1)
        found = self._codes[at] == codes
        places = (rows[found], self._columns[at[found]])
        return sparse.coo_array((np.ones(len(places[0])), places), shape=shape).tocsr()
