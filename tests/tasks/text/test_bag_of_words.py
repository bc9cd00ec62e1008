"""Words are counted, weighted and learnt from as scikit-learn does it."""

import json
from itertools import pairwise

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.tasks import softmax_regression
from fivefold.tasks.text.bag_of_words import BagOfWords, Design
from fivefold.tasks.text.cut_texts import CutTexts
from fivefold.tasks.text.tokens import split_words

TEXTS = [
    "The cat sat on the mat.",
    "A dog barked; the cat ran, the cat hid!",
    "Dogs don't purr at all.",
    "",
    "?",
]


def _texts(classes=3, n=120):
    generator = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(40)])
    labels = np.arange(n) % classes
    texts = [
        " ".join(words[(generator.integers(0, 12, 15) + 10 * label) % 40].tolist())
        for label in labels.tolist()
    ]
    return texts, labels


def _fitted(classes=3):
    texts, labels = _texts(classes)
    bag, _ = Design.of(CutTexts.of(texts[40:]), labels[40:], classes).fit(1e-5)
    return bag, texts, labels


def _terms_of(text):
    words = split_words(text.lower())
    return [*words, *(" ".join(pair) for pair in pairwise(words))]


def test_features_are_scikit_learns():
    vectorizer = TfidfVectorizer(analyzer=_terms_of, sublinear_tf=True, smooth_idf=True, norm="l2")
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
        Design.of(CutTexts.of(["a b", "b c"]), np.array([0, 1]), 3)
    with pytest.raises(DataError, match="training texts with words"):
        Design.of(CutTexts.of(["", " "]), np.array([0, 1]), 2)


def test_another_bag_is_a_start_whatever_terms_it_has(monkeypatch):
    monkeypatch.setattr(softmax_regression, "_TOLERANCE", 1e-5)
    bag, texts, labels = _fitted()
    design = Design.of(CutTexts.of(texts), labels, 3)
    assert design.terms != bag.terms
    cold, _ = design.fit(1e-5)
    warm, _ = design.fit(1e-5, start=bag)
    np.testing.assert_allclose(warm.scores(texts), cold.scores(texts), atol=0.1)
    one, _ = design.fit(1e-5, start=bag, iterations=1)
    near = np.linalg.norm(one.weights - cold.weights) / np.linalg.norm(cold.weights)
    assert near < 0.5
    known = design._weights_of(bag)
    for j, term in enumerate(design.terms):
        expected = bag.weights[bag.terms.index(term)] if term in bag.terms else np.zeros(3)
        assert np.array_equal(known[j], expected)
    assert design._weights_of(cold) is cold.weights


def test_many_classes_take_fewer_terms(monkeypatch):
    from fivefold.tasks.text import bag_of_words

    monkeypatch.setattr(bag_of_words, "_MOST_WEIGHTS", 60)
    monkeypatch.setattr(bag_of_words, "FEWEST_TERMS", 5)
    texts, labels = _texts()
    cut = CutTexts.of(texts)
    for classes, terms in ((2, 30), (3, 20)):
        assert len(Design.of(cut, labels % classes, classes).terms) == terms
    assert len(Design.of(cut, labels, 3, most=9).terms) == 9
    monkeypatch.setattr(bag_of_words, "_MOST_WEIGHTS", 1)
    assert len(Design.of(cut, labels, 3).terms) == 5


def test_hundreds_of_classes_are_learnt():
    """The gradient of the mean loss shrinks with the number of classes, what is learnt does not."""
    texts = [f"word{k} and other{k} {i}" for i in range(3) for k in range(300)]
    bag, _ = Design.of(CutTexts.of(texts), np.tile(np.arange(300), 3), 300).fit(1e-5)
    assert (bag.scores(texts).argmax(1) == np.tile(np.arange(300), 3)).all()


def test_words_that_speak_against_a_class_do_not_lead_it():
    weights = np.array([[1.0, 0.0, -1.0], [0.5, 0.25, -0.75]])
    bag = BagOfWords(("one", "two"), np.ones(2), weights, np.zeros(3), 1e-5)
    assert bag.leading() == [["one", "two"], ["two"], []]


def test_a_fit_that_the_memory_cannot_hold_is_refused(monkeypatch):
    texts = [f"w{i} w{i // 2}" for i in range(2_400)]
    design = Design.of(CutTexts.of(texts), np.arange(2_400) // 2, 1_200)
    monkeypatch.setattr("fivefold.linalg.memory.available_bytes", lambda device: 1 << 26)
    with pytest.raises(
        ArgumentError, match=r"a fit of 2,400 texts in 1,200 classes that fits .* rare classes"
    ):
        design.fit(1e-4)
