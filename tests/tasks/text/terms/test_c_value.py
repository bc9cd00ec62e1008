"""The C-value: the paper's own example, by hand, and its bounds."""

from math import log2

import numpy as np
import pytest

from fivefold.tasks.text.terms.c_value import c_values
from fivefold.tasks.text.terms.candidates import find_candidates

EYES = {
    "adenoid cystic basal cell carcinoma": 5,
    "cystic basal cell carcinoma": 11,
    "ulcerated basal cell carcinoma": 7,
    "recurrent basal cell carcinoma": 5,
    "circumscribed basal cell carcinoma": 3,
    "basal cell carcinoma": 984,
}


def test_the_example_of_the_paper():
    """Frantzi, Ananiadou and Mima 2000, section 2.3: nested once 11 - 5/1, nested in five 984 - 26/5."""
    scores = c_values({tuple(term.split()): count for term, count in EYES.items()})
    by_hand = {
        "adenoid cystic basal cell carcinoma": log2(5) * 5,
        "cystic basal cell carcinoma": 2 * (11 - 5 / 1),
        "ulcerated basal cell carcinoma": 2 * 7,
        "recurrent basal cell carcinoma": 2 * 5,
        "circumscribed basal cell carcinoma": 2 * 3,
        # 5 from the longest, 11 - 5 = 6, 7, 5 and 3 from the others, over 5 longer terms
        "basal cell carcinoma": log2(3) * (984 - (5 + 6 + 7 + 5 + 3) / 5),
    }
    assert {" ".join(key): value for key, value in scores.items()} == pytest.approx(by_hand, rel=1e-14)


def test_what_occurs_within_one_longer_term_alone_scores_nothing():
    assert c_values({("hot", "standby", "server"): 4, ("hot", "standby"): 4})[("hot", "standby")] == 0.0


def test_single_words_score_by_the_offset():
    counts = {("row",): 8}
    assert c_values(counts) == {("row",): 0.0}
    assert c_values(counts, extra=1.0) == {("row",): 8.0}


def test_a_word_repeated_within_a_term_counts_the_term_once():
    scores = c_values({("tick", "tick"): 3, ("tick",): 9}, extra=1.0)
    assert scores[("tick",)] == 9 - 3 / 1


def test_parts_of_hyphenated_words_are_no_occurrences():
    text = "pre-training data, " * 10 + "training data; " * 3
    found = find_candidates([text])
    assert (found.counts["pre", "training", "data"], found.counts["training", "data"]) == (10, 3)
    scores = c_values(found.counts, apart=found.apart)
    assert scores["training", "data"] == 3.0  # by keys alone 3 - 10
    assert scores["pre", "training", "data"] == log2(3) * 10
    mixed = find_candidates([text + "pre training data, " * 5])
    assert mixed.counts["training", "data"] == 8
    # of the 15 longer ones 5 hold it: 8 - 15 * 5 / 15
    assert c_values(mixed.counts, apart=mixed.apart)["training", "data"] == pytest.approx(3.0)


@pytest.mark.parametrize("seed", [13, 16, 37])
def test_scores_of_real_candidates_lie_between_nothing_and_those_without_nesting(seed):
    rng = np.random.default_rng(seed)
    words = np.array(["rows", "row", "indexed", "beds", "bed", "lenses", "lens", "len", "fully", "tick"])
    joins = np.array([" ", " ", " ", "-", ", ", " of "])
    pairs = zip(rng.choice(words, 400), rng.choice(joins, 400), strict=True)
    found = find_candidates(["".join(word + join for word, join in pairs)])
    assert found.apart
    scores = c_values(found.counts, 1.0, found.apart)
    for key, score in scores.items():
        assert -1e-9 <= score <= log2(len(key) + 1) * found.counts[key] + 1e-9


def test_scores_do_not_exceed_those_without_nesting():
    rng = np.random.default_rng(0)
    text = rng.integers(0, 4, 300).tolist()
    counts = {}
    for n in range(1, 5):
        for i in range(len(text) - n + 1):
            key = tuple(map(str, text[i : i + n]))
            counts[key] = counts.get(key, 0) + 1
    scores = c_values(counts, extra=1.0)
    for key, score in scores.items():
        assert score <= log2(len(key) + 1) * counts[key] + 1e-9
