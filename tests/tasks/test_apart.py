"""Data and target apart: arrays, frames, series, texts, paths and pictures."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import fivefold as ff
from fivefold.core import ArgumentError, DataError
from fivefold.tasks.apart import joined
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.tables.table import Table
from fivefold.tasks.text.text_set import TextSet

X = np.arange(12.0).reshape(6, 2)
Y = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])


@pytest.mark.parametrize("data", [X, torch.from_numpy(X), np.ma.masked_array(X), pd.DataFrame(X)])
@pytest.mark.parametrize("target", [Y, Y.tolist(), tuple(Y), Y[:, None], torch.from_numpy(Y), pd.Series(Y)])
def test_rows_of_any_kind_and_values_of_any_kind_make_the_same_table(data, target):
    table, name = joined(data, target)
    assert isinstance(table, Table)
    assert name == "target"
    assert np.array_equal(table.column("target"), Y)
    assert np.array_equal(np.stack([table.column(each) for each in table.names[:2]], 1), X)


def test_masked_numbers_stay_missing():
    hidden = np.ma.masked_array(X, X == 0.0)
    table, _ = joined(hidden, np.ma.masked_array(Y, Y == 4.0))
    assert np.array_equal(table.column("x0"), [np.nan, *X[1:, 0]], equal_nan=True)
    assert np.isnan(table.column("target")).tolist() == [False, False, True, False, False, False]


def test_a_target_keeps_its_own_name_and_its_gaps():
    frame = pd.DataFrame({"x": ["a", "b", None]})
    for target in (pd.Series([1.0, None, 3.0], name="price"), pd.DataFrame({"price": [1.0, None, 3.0]})):
        table, name = joined(frame, target)
        assert (table.names, name) == (("x", "price"), "price")
        assert np.array_equal(table.column("price"), [1.0, np.nan, 3.0], equal_nan=True)


def test_a_target_that_is_still_among_the_columns_is_refused():
    frame = pd.DataFrame({"x": [1.0, 2.0], "price": [3.0, 4.0]})
    with pytest.raises(DataError, match=r"the column 'price' in both; .* give target='price'"):
        joined(frame, frame["price"])


@pytest.mark.parametrize(
    ("data", "target", "words"),
    [
        ("houses.csv", [1.0, 2.0], "the name of a column as the target of a file"),
        (X, Y[:5], "a target for each of 6 rows; got 5 values"),
        (X, pd.DataFrame(X), "one target; got 2 columns"),
        (Y, Y, r"an array \[rows, columns\]"),
        (["it is", "it was"], ["a"], "a label for each of 2 texts; got 1"),
        (np.zeros((3, 4, 4)), ["a", "b"], "a label for each of 3 pictures; got 2"),
        ([1.0, 2.0], [1.0, 2.0], "a data frame, a mapping of columns"),
    ],
)
def test_what_does_not_fit_is_named(data, target, words):
    with pytest.raises(ArgumentError, match=words):
        joined(data, target)


def test_strings_are_texts_even_short_ones():
    for data in (["Anna", "Bo"], ("Anna", "Bo"), np.array(["Anna", "Bo"]), pd.Series(["Anna", "Bo"])):
        found, name = joined(data, np.array([1, 0]))
        assert isinstance(found, TextSet)
        assert name is None
        assert (found.texts, found.classes, found.labels.tolist()) == (("Anna", "Bo"), ("0", "1"), [1, 0])


def test_strings_that_name_pictures_are_pictures(tmp_path):
    paths = []
    for i, grey in enumerate((5, 9, 200, 220)):
        Image.new("L", (6, 5), grey).save(tmp_path / f"{i}.png")
        paths.append(str(tmp_path / f"{i}.png"))
    found, _ = joined(paths, ["night", "night", "day", "day"])
    assert isinstance(found, ImageSet)
    assert (found.classes, found.labels.tolist()) == (("day", "night"), [1, 1, 0, 0])


def test_fit_takes_them_and_predict_answers_the_same_kinds():
    generator = np.random.default_rng(0)
    pictures = generator.integers(100, size=(120, 12, 12), dtype=np.uint8)
    labels = np.arange(120) % 2
    pictures[labels == 0, :6] += 120
    pictures[labels == 1, 6:] += 120
    model = ff.fit(pictures, labels, budget="2s")
    assert (model.predict(torch.from_numpy(pictures[:20])) == labels[:20].astype(str)).all()

    texts = [f"{'a cat purrs' if label else 'the dog barks'} at {i}" for i, label in enumerate(labels)]
    assert ff.fit(texts, labels, budget="1s").predict(["one cat purrs"]).tolist() == ["1"]

    x = generator.normal(size=(200, 2))
    line = ff.fit(x, x @ [2.0, -1.0], budget="2s")
    assert line.predict(np.array([[1.0, 1.0]])) == pytest.approx([1.0], abs=0.05)
    assert line.record["command"].startswith("fivefold.fit(data, 'target'")


def test_sets_that_are_read_already_go_to_their_rooms():
    from fivefold.tasks.recognise import kind_of

    pictures, _ = joined(np.zeros((4, 5, 5)), ["a", "a", "b", "b"])
    texts, _ = joined(["it purrs", "it barks"], ["cat", "dog"])
    assert (kind_of(pictures, None), kind_of(texts, None)) == ("pictures", "texts")


@pytest.mark.parametrize("odd", [None, float("nan"), 3, b"raw", ["it was"]])
def test_a_list_with_something_else_among_its_strings_says_where(odd):
    with pytest.raises(ArgumentError, match=r"a list of strings; got .* at place 1 \(from 0\)"):
        joined(["it is", odd], ["a", "b"])
