"""Texts are cut once, and taken apart as they were put together."""

import numpy as np

from fivefold.tasks.text.cut_texts import CutTexts
from fivefold.tasks.text.tokens import split_words

TEXTS = ["The cat sat.", "", "A cat!", "Don't sit, cat \u4e16\u754c"]


def _back(cut):
    parts = np.split(cut.numbers, cut.starts[1:-1])
    return [[cut.words[number] for number in part.tolist()] for part in parts]


def test_every_text_is_its_words_in_order():
    cut = CutTexts.of(TEXTS)
    assert len(cut) == 4
    assert len(set(cut.words)) == len(cut.words)
    assert _back(cut) == [split_words(text.lower()) for text in TEXTS]
    assert np.array_equal(np.bincount(cut.rows(), minlength=4), np.diff(cut.starts))


def test_some_of_them_in_any_order():
    rows = np.array([3, 1, 0])
    some = CutTexts.of(TEXTS).take(rows)
    assert _back(some) == [split_words(TEXTS[row].lower()) for row in rows.tolist()]
    assert len(CutTexts.of([])) == len(CutTexts.of(TEXTS).take(np.array([], dtype=np.int64))) == 0
