"""Words are counted, weighted and learnt from as scikit-learn does it."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.tasks.text.bag_of_words import BagOfWords, fit_bag_of_words, terms_of

TEXTS = [
    "The cat sat on the mat.",
    "A dog barked; the cat ran, the cat hid!",
    "Dogs don't purr at all.",
    "",
    "?",
]


def _fitted(classes=3, n=120):
    generator = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(40)])
    labels = np.arange(n) % classes
    texts = [
        " ".join(words[(generator.integers(0, 12, 15) + 10 * label) % 40].tolist())
        for label in labels.tolist()
    ]
    return fit_bag_of_words(texts[40:], labels[40:], (texts[:40], labels[:40]), classes), texts, labels


def test_features_are_scikit_learns():
    vectorizer = TfidfVectorizer(
        analyzer=lambda text: list(terms_of(text)), sublinear_tf=True, smooth_idf=True, norm="l2"
    )
    expected = vectorizer.fit_transform(TEXTS)
    terms = tuple(vectorizer.get_feature_names_out().tolist())
    bag = BagOfWords(terms, vectorizer.idf_, np.zeros((len(terms), 2)), np.zeros(2), 0.0)
    np.testing.assert_allclose(bag.features(TEXTS).toarray(), expected.toarray(), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_which_words_stand_where(classes):
    bag, texts, labels = _fitted(classes)
    assert (bag.scores(texts[:40]).argmax(1) == labels[:40]).mean() > 0.9
    assert bag.scores(["nothing known"]).shape == (1, classes)
    for label, leading in enumerate(bag.leading(3)):
        numbers = [int(word[1:]) for term in leading for word in term.split()]
        assert all((number - 10 * label) % 40 < 12 for number in numbers)


def test_the_saved_form_gives_the_same_scores():
    bag, texts, _ = _fitted()
    state = bag.state()
    back = BagOfWords.from_state(state | {"terms": json.loads(json.dumps(state["terms"]))})
    assert np.array_equal(back.scores(texts), bag.scores(texts))
    for broken in (
        {"idf": bag.idf[:-1]},
        {"bias": bag.bias[:-1]},
        {"terms": [bag.terms[0]] * len(bag.terms)},
    ):
        with pytest.raises(ArtifactError, match="terms and weights"):
            BagOfWords.from_state(state | broken)


def test_a_class_without_a_text_is_refused():
    with pytest.raises(ArgumentError, match="texts of all 3 classes"):
        fit_bag_of_words(["a b", "b c"], np.array([0, 1]), (["a"], np.array([2])), 3)


def test_a_known_penalty_asks_for_no_held_out_texts():
    bag, texts, labels = _fitted()
    again = fit_bag_of_words(texts[40:], labels[40:], None, 3, bag.penalty)
    assert np.array_equal(again.weights, bag.weights)
    assert again.penalty == bag.penalty
    for held, penalty in ((None, None), ((texts[:40], labels[:40]), bag.penalty)):
        with pytest.raises(ArgumentError, match="held-out texts or a penalty"):
            fit_bag_of_words(texts[40:], labels[40:], held, 3, penalty)


def test_where_no_two_texts_share_a_term_each_counts():
    texts, labels = [f"alone{i}" for i in range(60)], np.arange(60) % 2
    bag = fit_bag_of_words(texts, labels, (texts[:4], labels[:4]), 2)
    assert set(bag.terms) == set(texts)
    with pytest.raises(DataError, match="training texts with words"):
        fit_bag_of_words(["", " "], np.array([0, 1]), (["a"], np.array([0])), 2)


def test_many_classes_take_fewer_terms(monkeypatch):
    from fivefold.tasks.text import bag_of_words

    monkeypatch.setattr(bag_of_words, "_MOST_WEIGHTS", 60)
    monkeypatch.setattr(bag_of_words, "_FEWEST_TERMS", 5)
    _, texts, labels = _fitted()
    for classes, terms in ((2, 30), (3, 20)):
        known = labels % classes
        assert len(fit_bag_of_words(texts, known, (texts[:9], known[:9]), classes).terms) == terms
    monkeypatch.setattr(bag_of_words, "_MOST_WEIGHTS", 1)
    assert len(fit_bag_of_words(texts, labels, (texts[:9], labels[:9]), 3).terms) == 5


def test_words_that_speak_against_a_class_do_not_lead_it():
    weights = np.array([[1.0, 0.0, -1.0], [0.5, 0.25, -0.75]])
    bag = BagOfWords(("one", "two"), np.ones(2), weights, np.zeros(3), 1e-5)
    assert bag.leading() == [["one", "two"], ["two"], []]
