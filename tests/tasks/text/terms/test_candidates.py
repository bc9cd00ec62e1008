"""Candidates for terms: what bounds them, which forms are one, and their counts against a plain count."""

from collections import Counter

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.text.terms.candidates import find_candidates, runs, singular
from fivefold.tasks.text.terms.stop_words import STOP_WORDS


def words(text):
    return [[word for word, _ in run] for run in runs(text, STOP_WORDS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hot standby, query plan", [["hot", "standby"], ["query", "plan"]]),
        ("query plan of the planner", [["query", "plan"], ["planner"]]),
        ("hot\nstandby", [["hot", "standby"]]),
        ("hot\n\nstandby", [["hot"], ["standby"]]),
        ("write-ahead log", [["write-ahead", "log"]]),
        ("log - index -- heap \u2014 page table", [["log"], ["index"], ["heap"], ["table"]]),
        ("the planner's cost, it's cheap", [["planner", "cost"], ["cheap"]]),
        ("version 15 server", [["version"], ["server"]]),
        ("utf8 text", [["utf8", "text"]]),
        ("max_connections setting", [["max"], ["connections", "setting"]]),
        ("(index) [heap] \u201cTOAST\u201d", [["index"], ["heap"], ["TOAST"]]),
        ("", []),
    ],
)
def test_runs_end_at_punctuation_stop_words_numbers_and_empty_lines(text, expected):
    assert words(text) == expected


def test_places_are_those_of_the_first_letters():
    text = "The write-ahead log;\nhot  standby"
    for run in runs(text, STOP_WORDS):
        for word, place in run:
            assert text[place : place + len(word)] == word


def test_plurals_fold_only_onto_words_that_are_there():
    known = {"query", "class", "alias", "index", "process", "datum", "bus", "key", "serie"}
    for plural, alone in (
        ("queries", "query"),
        ("classes", "class"),
        ("aliases", "alias"),
        ("indexes", "index"),
        ("keys", "key"),
    ):
        assert singular(plural, known) == alone
    for same in ("class", "process", "bus", "analysis", "series2", "statistics", "gas"):
        assert singular(same, known) == same


def test_forms_of_one_term_are_counted_together_and_shown_in_the_singular():
    texts = ["Query plans differ.", "query plans; Query-plan; query plan.", "The query\nplan's cost"]
    found = find_candidates(texts)
    assert found.counts["query", "plan"] == 5
    assert found.documents["query", "plan"] == 3
    assert found.surface["query", "plan"] == "query plan"
    assert found.where["query", "plan"] == (0, 0)
    assert found.texts == 3
    assert ("query", "plan", "cost") not in found.counts  # once alone


def test_counts_are_those_of_all_windows_over_plain_text():
    text = "alpha beta gamma delta alpha beta gamma epsilon zeta alpha beta"
    found = find_candidates([text], longest=3, least=1)
    plain = text.split()
    expected = Counter(tuple(plain[i : i + n]) for n in (1, 2, 3) for i in range(len(plain) - n + 1))
    assert found.counts == dict(expected)
    assert found.words == len(plain)
    assert set(find_candidates([text], longest=3, least=2).counts) == {
        k for k, n in expected.items() if n > 1
    }


def test_endings_of_adverbs_and_participles_and_letters_bound_terms():
    found = find_candidates(["fully indexed column fully indexed x axis"], least=1)
    assert ("indexed", "column") in found.counts
    assert ("fully", "indexed") not in found.counts  # ends in -ed, begins in -ly
    assert ("column", "fully") not in found.counts
    assert not any("x" in key for key in found.counts)


def test_a_second_collection_folds_as_the_first():
    assert find_candidates(["rows"], least=1, known={"row"}).counts == {("row",): 1}
    assert find_candidates(["rows"], least=1).counts == {("rows",): 1}


def test_bounds_below_one_are_refused():
    for wrong in ({"longest": 0}, {"least": 0}):
        with pytest.raises(ArgumentError, match="longest and least of at least 1"):
            find_candidates(["a"], **wrong)


def test_words_are_counted_between_the_bounds_that_candidates_have():
    found = find_candidates(["row_row index_7 column"], least=1)
    assert found.counts[("row",)] == 2
    assert found.words == 4  # row, row, index, column
    assert find_candidates(["the row of rows"], least=1).words == 4


def test_where_parts_of_hyphenated_words_stand_apart_is_known():
    found = find_candidates(["write-ahead log, ahead log, write-ahead logs"], least=1)
    assert found.apart == {
        (("write", "ahead"), ("ahead",)): 2,
        (("write", "ahead", "log"), ("ahead",)): 2,
        (("write", "ahead", "log"), ("ahead", "log")): 2,
    }
    assert find_candidates(["write ahead log, ahead log"], least=1).apart == {}
    # no participle ends a term, though it has the form of a plural folded
    assert find_candidates(["hot beds, hot bed room"], least=1).apart == {
        (("hot", "bed", "room"), ("hot", "bed")): 1
    }
