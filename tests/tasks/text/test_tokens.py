"""Tokens: words by Unicode, unknown letters, padding, the saved form."""

import json

import numpy as np
import pytest

from fivefold.core import ArgumentError, ArtifactError
from fivefold.tasks.text.tokens import Tokenizer, count_words, split_words

TEXTS = ["The cat sat on the mat.", "A cat is no dog; the dog barks at the cat!", "Don't panic, cats."] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "It's  well-known\n(e.g. 3.5)",
            ["It's", "well", "-", "known", "(", "e", ".", "g", ".", "3", ".", "5", ")"],
        ),
        ("Größe d’été", ["Größe", "d’été"]),
        ("हिन्दी में लिखा।", ["हिन्दी", "में", "लिखा", "।"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("世界 hello カタ", ["世", "界", "hello", "カ", "タ"]),
        ("ภาษาไทย", ["ภาษาไทย"]),
        ("", []),
        ("👍🏽 ok", ["👍", "🏽", "ok"]),
    ],
)
def test_words_by_unicode(text, words):
    assert split_words(text) == words


def test_tokens_spell_the_text():
    tokenizer = Tokenizer.fit(TEXTS, size=60)
    for text in [*TEXTS, "the cats sat, panic on"]:
        spelt = "".join(tokenizer.pieces(text))
        assert spelt == "".join("\u2581" + word for word in split_words(text.lower()))
    assert tokenizer.pieces("the cat") == ["\u2581the", "\u2581cat"]
    assert tokenizer.size <= 60
    assert tokenizer.size == len(tokenizer.names())


def test_unknown_letters_are_one_token_each_and_join_nothing():
    tokenizer = Tokenizer.fit(TEXTS, size=60)
    assert tokenizer.tokens("\u4e16")[-1:] == [1]
    assert 1 not in tokenizer.tokens("the cat sat")
    assert tokenizer.tokens("") == [1]
    assert tokenizer.tokens(" \n") == [1]
    few = Tokenizer.fit(["aaa aab b"], size=4)  # room for two letters alone
    assert len(few.alphabet) == 2
    assert few.size == 4
    assert 1 in few.tokens("aab")


def test_the_order_of_the_texts_does_not_matter_and_case_as_asked():
    one, two = Tokenizer.fit(TEXTS), Tokenizer.fit(TEXTS[::-1])
    assert one.alphabet == two.alphabet
    assert np.array_equal(one.merges, two.merges)
    assert one.tokens("The CAT") == one.tokens("the cat")
    cased = Tokenizer.fit(TEXTS, lower=False)
    assert cased.tokens("The") != cased.tokens("the")
    assert one.tokens("cafe\u0301") == one.tokens("caf\u00e9")


def test_padding_and_cutting():
    tokenizer = Tokenizer.fit(TEXTS)
    tokens, lengths = tokenizer.encode(["the cat sat on the mat", "cat", ""], longest=4)
    assert tokens.shape == (3, 4)
    assert lengths.tolist() == [4, 1, 1]
    assert tokens[1, 1:].tolist() == [0, 0, 0]
    assert tokens[0, 0] == tokenizer.tokens("the")[0]
    assert tokenizer.encode([])[0].shape == (0, 1)
    with pytest.raises(ArgumentError, match="at least 1 token"):
        tokenizer.encode(["a"], longest=0)


def test_the_state_goes_through_json_and_back():
    tokenizer = Tokenizer.fit(TEXTS, size=70)
    state = tokenizer.state()
    plain = json.loads(json.dumps({**state, "merges": state["merges"].tolist()}))
    back = Tokenizer.from_state(plain)
    assert back.state()["alphabet"] == state["alphabet"]
    assert np.array_equal(back.merges, tokenizer.merges)
    for text in TEXTS:
        assert back.tokens(text) == tokenizer.tokens(text)


def test_damaged_states_and_sizes_are_refused():
    state = Tokenizer.fit(TEXTS, size=70).state()
    with pytest.raises(ArtifactError, match="the state of a tokenizer"):
        Tokenizer.from_state({**state, "kind": "words"})
    for wrong in (1, 99):
        merges = state["merges"].copy()
        merges[0, 0] = wrong
        with pytest.raises(ArtifactError, match="joins of earlier pieces"):
            Tokenizer.from_state({**state, "merges": merges})
    with pytest.raises(ArgumentError, match="a size of at least 3"):
        Tokenizer.fit(TEXTS, size=2)


def test_huge_words_are_bounded():
    tokenizer = Tokenizer.fit(["a" * 100_000, "ab"])
    assert len(tokenizer.tokens("b" * 100_000)) == 100_000  # no pair of them was seen, and none is kept
    assert tokenizer._cache == {}
    assert tokenizer.encode(["b" * 100_000], longest=9)[0].shape == (1, 9)


def test_a_long_run_of_letters_is_cut_into_chunks_and_none_is_lost():
    run = "\u0e01\u0e02\u0e03" * 50
    tokenizer = Tokenizer.fit([run, "ab"])
    assert "".join(tokenizer.pieces(run)) == "\u2581" + run
    assert len(tokenizer.tokens(run)) < 20  # joined within the chunks
    assert tokenizer.tokens(run + "ab")[-1] == tokenizer.tokens("xb")[-1]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("it purrs, doesn't it?", 4),
        ("a - b", 2),
        ("photos/cat_1.png", 1),
        ("2024-01-02T10:11", 1),
        ("me@example.org", 1),
        ("\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b\u3002", 7),
        ("iPhone15\u5f88\u597d", 3),
        ("\u30ab\u30bf\u30ab\u30ca, ok", 5),
        ("\u0e09\u0e31\u0e19\u0e0a\u0e2d\u0e1a" * 4, 5),
        ("-" * 100_000, 0),
        ("", 0),
    ],
)  # fmt: skip
def test_words_are_counted_in_any_script(text, count):
    assert count_words(text) == count


def test_joins_are_bounded_and_letters_are_not():
    texts = ["".join(chr(0x4E00 + i) for i in range(k, k + 300)) + " low lower lowest" for k in range(4)]
    tokenizer = Tokenizer.fit(texts, 8000, joins=2)
    assert len(tokenizer.merges) == 2
    assert all(1 not in tokenizer.tokens(text) for text in texts)
    assert len(Tokenizer.fit(texts, 12, joins=99).alphabet) == 10
    with pytest.raises(ArgumentError, match="at least 0 joins"):
        Tokenizer.fit(texts, joins=-1)
