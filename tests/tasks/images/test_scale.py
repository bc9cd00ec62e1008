"""White is what the arrays of a fit say together, and stays so for those that are answered later."""

import tracemalloc

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fivefold.core import DataError
from fivefold.tasks.images.scale import as_bytes, whites_of

X = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)


def _bytes(array, known=None):
    notes: list[str] = []
    whites = whites_of({"'x'": array}, notes, known)
    return as_bytes(array, "'x'", notes, whites), notes


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (X, ""),
        (X.astype(np.int64), ""),
        (X.astype(np.float32), ""),
        (X / 255, "Fractions up to 1 in 'x' are on a scale to 1."),
        (X.astype(np.uint16) * 257, "Numbers up to 65,535 in 'x' are on a scale to 65,535 (16 bits)."),
        (np.rint(X * (4095 / 255)).astype(np.uint16), "a scale to 4,095 (12 bits)."),
        (X * (1023 / 255), "a scale to 1,023 (10 bits)."),
        (X + 0.25 * (X < 255), "'x' holds fractions from 0.25 to 255: rounded."),
    ],
    ids=["bytes", "integers", "floats", "fractions", "16 bits", "12 bits", "10 bits", "broken"],
)
def test_numbers_become_bytes_and_it_is_said(array, words):
    found, notes = _bytes(array)
    assert np.array_equal(found, X)
    assert (len(notes) == 1 and notes[0].endswith(words)) if words else not notes


def test_few_levels_stay_apart():
    for levels in (2, 3, 5, 10, 16, 17):
        for kind in (np.uint8, np.int64, np.float64):
            found, notes = _bytes(np.arange(levels, dtype=kind).reshape(1, 1, levels))
            assert len(np.unique(found)) == levels
            assert found.max() > 127
            assert len(notes) == 1
    assert _bytes(np.array([False, True]))[0].tolist() == [0, 255]
    digits = load_digits().images
    assert np.array_equal(_bytes(digits)[0], np.rint(digits * 255 / 16))


def test_levels_of_twelve_bits_are_told_apart():
    assert len(np.unique(_bytes(np.arange(4096, dtype=np.uint16)[None])[0])) == 256


def test_dark_pictures_are_taken_on_the_scale_of_the_fit():
    found, notes = _bytes(np.array([[[0, 16]]], np.uint16), {"integers": 4095.0})
    assert found.tolist() == [[[0, 1]]]
    assert notes == ["Numbers up to 16 in 'x' are on a scale to 4,095 (12 bits), as those of the fit."]
    found, notes = _bytes(np.array([[[1, 0]]]), {"integers": 255.0})
    assert (found.tolist(), notes) == ([[[1, 0]]], [])
    found, notes = _bytes(np.array([[[1.0, 0.0]]]), {"floats": 255.0})
    assert found.tolist() == [[[1, 0]]]
    assert "as those of the fit" in notes[0]


@pytest.mark.parametrize(
    ("array", "known", "white"),
    [
        (np.array([0.0, 16.0]), {"integers": 16.0}, 16),
        (np.array([0, 12]), {"floats": 16.0}, 16),
        (np.array([0.0, 1.0]), {"integers": 255.0}, 1),
        (np.array([0, 200]), {"floats": 1.0}, 255),
        (np.array([0, 1]), {"floats": 1.0}, 1),
        (np.array([0, 3000]), {"floats": 1.0}, 4095),
        (np.array([0.0, 9.0]), {}, 255),
        (np.array([0, 9], np.uint8), {}, 255),
        (np.array([0.0, 0.5]), {}, 1),
    ],
)
def test_the_kind_that_a_fit_had_not_follows_the_other_or_the_usual_depths(array, known, white):
    assert list(whites_of({"'x'": array}, [], known).values()) == [white]


def test_another_scale_than_that_of_the_fit_is_refused():
    with pytest.raises(DataError, match=r"numbers up to 4,095, the white .*; got up to 65,535 in 'x'"):
        _bytes(np.array([0, 65_535], np.uint16), {"integers": 4095.0})
    with pytest.raises(DataError, match="up to 255 in 'x'"):
        _bytes(X.astype(np.float32), {"floats": 1.0})


def test_what_is_a_little_above_white_is_white():
    assert np.array_equal(_bytes(np.where(X == 255, 1.004, X / 255))[0], X)
    assert np.array_equal(_bytes(np.where(X == 255, 255.3, X))[0], X)
    assert _bytes(np.array([0.0, 1.5]))[0].tolist() == [0, 191]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (X.astype(float) - 9, "0 to 255 or of up to 16 bits; got -9 to 246"),
        (X.astype(np.int64) * 300, "got 0 to 76500"),
        (X * np.nan, "finite"),
        (X.astype("U3"), "numbers as pictures"),
    ],
)
def test_what_is_no_scale_is_refused(array, words):
    with pytest.raises(DataError, match=words):
        _bytes(array)


def test_deep_arrays_are_converted_in_chunks(monkeypatch):
    monkeypatch.setattr("fivefold.tasks.images.scale._CHUNK", 1 << 16)
    deep = np.zeros((200, 64, 64), np.uint16)
    deep[150] = 65_535
    tracemalloc.start()
    found, _ = _bytes(deep)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[150].min() == 255
    assert found.sum() == 64 * 64 * 255
    assert peak < found.nbytes + 2_000_000
