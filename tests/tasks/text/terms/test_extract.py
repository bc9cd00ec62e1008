"""Terms of a field end to end: planted terms come out, each evidence moves the ranking as it should."""

import json

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.text.terms.extract import extract_terms

FILLER = "people walk home and the weather stays mild while children play near trees. "


def field(n=30, seed=0):
    rng = np.random.default_rng(seed)
    sentences = ["A tensor sketch is cheap. ", "The spectral gap decides. ", "Their spectral gaps are wide. "]
    return [FILLER + sentences[int(rng.integers(3))] for _ in range(n)]


def test_planted_terms_come_first_against_other_texts_and_not_without_them():
    with_others = extract_terms(field(), reference=[FILLER * 30], most=20)
    first = [term.text for term in with_others.terms if term.score > 0]
    assert set(first[:4]) >= {"tensor sketch", "spectral gap"}
    assert not {"weather", "children", "people walk home"} & set(first)
    without = extract_terms(field(), most=3)
    assert "people walk home" in [term.text for term in without.terms]
    assert without.terms[0].log_ratio is None
    assert without.terms[0].likelihood_ratio is None


def test_scores_are_the_product_of_the_evidence():
    features = {
        "tensor": np.array([1.0, 0.0]),
        "gap": np.array([0.0, 1.0]),
        "weather": np.array([-1.0, -1.0]),
    }
    terms = extract_terms(field(), reference=[FILLER], features=features, most=1000)
    for term in terms.terms:
        expected = term.c_value * max(0.0, term.log_ratio) * (1 + term.similarity) / 2
        assert term.score == pytest.approx(expected, rel=1e-12)
    scores = [term.score for term in terms.terms]
    assert scores == sorted(scores, reverse=True)
    assert len(terms) == terms.candidates == len({term.text.lower() for term in terms.terms})


def test_features_move_a_term_up():
    texts = ["red fox. blue whale. red fox. blue whale. core core core core"]
    vectors = {
        "core": [1.0, 0.0],
        "red": [-1.0, 0.2],
        "fox": [-1.0, 0.1],
        "blue": [1.0, 0.1],
        "whale": [1.0, 0.2],
    }
    order = [term.text for term in extract_terms(texts, most=10).terms]
    features = {word: np.array(vector) for word, vector in vectors.items()}
    moved = [term.text for term in extract_terms(texts, features=features, most=10).terms]
    assert order.index("blue whale") < order.index("red fox")  # the alphabet decides: both twice
    features["blue"], features["whale"] = -features["blue"], -features["whale"]
    features["red"], features["fox"] = -features["red"], -features["fox"]
    turned = [term.text for term in extract_terms(texts, features=features, most=10).terms]
    assert moved.index("blue whale") < moved.index("red fox")
    assert turned.index("red fox") < turned.index("blue whale")


def test_terms_print_with_examples_and_go_to_json():
    terms = extract_terms(field(), reference=[FILLER], most=2)
    text = str(terms)
    assert text.splitlines()[0].startswith("2 of ")
    assert len(text.splitlines()) == 4
    for term in terms.terms:
        assert term.text in text
        assert term.text.lower() in term.example.lower()
        assert "\n" not in term.example
    assert json.loads(json.dumps(terms.to_record()))["terms"][0]["text"] == terms.terms[0].text


def test_bad_input_is_refused():
    with pytest.raises(ArgumentError, match="a sequence of texts; got one string"):
        extract_terms("one string")
    with pytest.raises(ArgumentError, match="a sequence of texts"):
        extract_terms(["text"], reference="one string")
    for odd in ({"texts": ["text", None]}, {"texts": ["text"], "reference": ["text", None]}):
        with pytest.raises(ArgumentError, match=r"strings; got None at place 1 \(from 0\)"):
            extract_terms(**odd)
    with pytest.raises(ArgumentError, match="at least 1 term"):
        extract_terms(["text text"], most=0)
    with pytest.raises(DataError, match="terms that occur 2 times; got none in 1 texts, 3 words; give more"):
        extract_terms(["once upon time"])
    with pytest.raises(DataError, match="other texts with words"):
        extract_terms(["row row"], reference=["..."])


def test_texts_may_come_one_by_one():
    once = extract_terms((text for text in field()), reference=(text for text in [FILLER * 30]), most=20)
    assert once.terms == extract_terms(field(), reference=[FILLER * 30], most=20).terms
