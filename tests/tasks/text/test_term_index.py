"""Terms are chosen and counted as a dictionary of strings would have it."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fivefold.tasks.text.cut_texts import CutTexts
from fivefold.tasks.text.term_index import TermIndex, choose_terms
from fivefold.tasks.text.tokens import split_words


def _texts(n=80, seed=0):
    generator = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in generator.zipf(1.6, 9) % 50) + "." for _ in range(n)] + [""]


def _terms_of(text):
    words = split_words(text.lower())
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]


@pytest.mark.parametrize(("n", "least"), [(80, 2), (20, 1)])
@pytest.mark.parametrize("most", [10**6, 30, 7])
def test_those_of_most_texts_are_chosen(n, least, most):
    texts = _texts(n)
    holding = Counter(term for text in texts for term in set(_terms_of(text)))
    often = sorted((t for t, count in holding.items() if count >= least), key=lambda t: (-holding[t], t))
    terms, counts = choose_terms(CutTexts.of(texts), most)
    assert terms == tuple(sorted(often[:most]))
    assert counts.tolist() == [holding[term] for term in terms]


def test_where_no_two_texts_share_a_word_each_counts():
    assert len(choose_terms(CutTexts.of([f"alone{i}" for i in range(60)]), 99)[0]) == 60
    assert choose_terms(CutTexts.of(["", " "]), 9)[0] == ()


def test_counts_are_those_of_strings():
    terms = choose_terms(CutTexts.of(_texts()), 10**6)[0]
    shuffled = np.random.default_rng(1).permutation(terms).tolist()
    new = [*_texts(30, seed=2), "w1 never seen w1 w1"]
    counts = TermIndex(shuffled).counts(CutTexts.of(new)).toarray()
    for row, text in zip(counts, new, strict=True):
        found = Counter(_terms_of(text))
        assert row.tolist() == [found[term] for term in shuffled]
    assert TermIndex([]).counts(CutTexts.of(new)).shape == (len(new), 0)
