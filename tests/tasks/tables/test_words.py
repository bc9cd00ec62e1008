"""Texts as coordinates of their word counts, against a dense singular value decomposition."""

import json
from itertools import pairwise

import numpy as np

from fivefold.tasks.tables import words as room
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.tables.words import WordEncoder

TEXTS = [
    "red apple",
    "green apple tree",
    "red tree",
    "blue sky",
    "blue sky and red sky",
    None,
    "rare word",
] * 4


def _reference_counts(texts, vocabulary):
    """log(1 + f) log(n / d), rows of length one, by plain loops over words and pairs of neighbours."""
    tokens = []
    for text in texts:
        words = (text or "").split()
        tokens.append(words + [f"{a} {b}" for a, b in pairwise(words)])
    out = np.zeros((len(texts), len(vocabulary)))
    for j, word in enumerate(vocabulary):
        documents = sum(word in t for t in tokens)
        for i, t in enumerate(tokens):
            out[i, j] = np.log(1 + t.count(word)) * np.log(len(texts) / documents)
    norm = np.linalg.norm(out, axis=1, keepdims=True)
    return out / np.where(norm > 0, norm, 1)


def test_coordinates_are_the_singular_vectors_of_the_weighted_counts():
    texts = np.array(TEXTS, dtype=object)
    encoder = WordEncoder.fit("t", texts)
    counts = _reference_counts(TEXTS, encoder.vocabulary)
    u, s, _ = np.linalg.svd(counts, full_matrices=False)
    reference = (u * s)[:, s > 1e-4 * s[0]]
    z, names = encoder.transform(texts)
    assert names[:2] == ["t (length)", "t (words 1)"]
    assert z.shape[1] == 1 + reference.shape[1]
    # Standardised, up to the sign of each direction; the inverse document frequency is raised by 1e-6.
    # Directions with nearly equal singular values may turn in their plane: the projector on all is compared.
    scaled = z[:, 1:]
    np.testing.assert_allclose(scaled.std(0), 1.0, atol=1e-6)
    np.testing.assert_allclose(scaled.mean(0), 0.0, atol=1e-9)
    first = reference[:, 0] - reference[:, 0].mean()
    correlation = abs(first @ scaled[:, 0]) / np.linalg.norm(first) / np.linalg.norm(scaled[:, 0])
    assert correlation > 1 - 1e-6

    def projector(a):
        q = np.linalg.qr(a - a.mean(0))[0]
        return q @ q.T

    np.testing.assert_allclose(projector(reference), projector(scaled), atol=1e-4)


def test_only_words_of_two_texts_are_kept_and_the_case_is_folded():
    encoder = WordEncoder.fit("t", np.array(["Red", "red", "once"], dtype=object))
    assert encoder.vocabulary == ("red",)


def test_lengths_are_standardised_logarithms():
    texts = np.array(["a", "a b", "a b c", "a b c d", None], dtype=object)
    z, _ = WordEncoder.fit("t", texts).transform(texts)
    counts = np.array([1, 3, 5, 7, 0])  # words and pairs of neighbours
    logs = np.log1p(counts)
    np.testing.assert_allclose(z[:, 0], (logs - logs.mean()) / logs.std(), rtol=1e-12)


def test_texts_that_are_all_alike_or_all_missing_give_zeros():
    for value in ("the same words", None, ""):
        texts = np.array([value] * 30, dtype=object)
        z, _ = WordEncoder.fit("t", texts).transform(texts)
        np.testing.assert_allclose(z, 0.0, atol=1e-6)


def test_unknown_words_of_new_rows_are_passed_over_and_nothing_runs_away():
    encoder = WordEncoder.fit("t", np.array(TEXTS, dtype=object))
    z, _ = encoder.transform(np.array(["never seen here", "red " * 5000, None], dtype=object))
    assert np.isfinite(z).all()
    assert np.abs(z).max() <= 6.0
    np.testing.assert_allclose(z[0, 1:], np.clip(-encoder.means, -6, 6))


def test_the_saved_form_encodes_to_the_same_bits():
    texts = np.array(TEXTS, dtype=object)
    encoder = WordEncoder.fit("t", texts)
    config, tensors = flatten(encoder.state())
    back = WordEncoder.from_state(unflatten(json.loads(json.dumps(config)), tensors))
    assert np.array_equal(back.transform(texts)[0], encoder.transform(texts)[0])


def test_texts_in_chunks_give_what_all_at_once_give(monkeypatch):
    texts = np.array(TEXTS, dtype=object)
    encoder = WordEncoder.fit("t", texts)
    whole, _ = encoder.transform(texts)
    monkeypatch.setattr(room, "_CHUNK", 5)
    np.testing.assert_array_equal(encoder.transform(texts)[0], whole)
    np.testing.assert_allclose(
        np.abs(WordEncoder.fit("t", texts).transform(texts)[0]), np.abs(whole), atol=1e-7
    )


def test_many_texts_never_stand_in_memory_as_counts(monkeypatch):
    """400 texts of a vocabulary of 150: the counts alone would be 480 kB, a chunk of 16 is 19 kB."""
    monkeypatch.setattr(room, "_CHUNK", 16)
    generator = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(150)]
    texts = np.array([" ".join(generator.choice(vocabulary, 8)) for _ in range(400)], dtype=object)
    seen = []
    counts = WordEncoder._counts
    monkeypatch.setattr(
        WordEncoder, "_counts", lambda self, part: seen.append(len(part)) or counts(self, part)
    )
    WordEncoder.fit("t", texts).transform(texts)
    assert max(seen) == 16


def test_words_are_learned_from_a_bounded_number_of_texts_and_of_words(monkeypatch):
    texts = np.array([f"every text {i}" for i in range(3000)], dtype=object)
    monkeypatch.setattr(room, "_MOST_TEXTS", 100)
    monkeypatch.setattr(room, "_MOST_WORDS", 50)
    counted = []
    words = room._words
    monkeypatch.setattr(room, "_words", lambda text: counted.append(text) or words(text))
    encoder = WordEncoder.fit("t", texts)
    assert len(set(counted)) == 100
    assert {texts[0], texts[-1]} <= set(counted)
    assert encoder.vocabulary == ("every", "every text", "text")
    assert encoder.transform(texts)[0].shape[0] == 3000
