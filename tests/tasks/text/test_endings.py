"""Stems and endings of names, as people write them."""

import pytest

from fivefold.tasks.text.endings import ENDINGS, has_text_ending, stem_and_ending


@pytest.mark.parametrize(
    ("name", "stem", "ending"),
    [
        ("cats.txt", "cats", ".txt"),
        ("cats.TXT", "cats", ".txt"),
        ("cats.txt.gz", "cats", ".txt"),
        ("Cats.Md.GZ", "Cats", ".md"),
        ("cats", "cats", ""),
        ("cats.gz", "cats", ""),
        ("comp.os.txt", "comp.os", ".txt"),
        ("17.1234", "17.1234", ""),
        (".txt", ".txt", ""),
        ("a.png", "a", ".png"),
    ],
)
def test_names_are_cut_at_their_ending(name, stem, ending):
    assert stem_and_ending(name) == (stem, ending)
    assert has_text_ending(name) == (ending in ENDINGS)
