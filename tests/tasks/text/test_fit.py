"""A fit to texts names new texts rightly, and divides them fairly."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.evaluate import wilson
from fivefold.tasks.fit import fit
from fivefold.tasks.text.bag_of_words import fit_bag_of_words
from fivefold.tasks.text.fit import divide, fit_texts
from fivefold.tasks.text.model import TextModel
from fivefold.tasks.text.text_set import TextSet


def test_it_names_texts_that_it_has_not_seen(model, texts):
    new = texts(150, seed=9)
    found = model.answer(new)
    assert (found.probabilities.argmax(1) == new.labels).mean() > 0.85
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0)
    assert found.sets[np.arange(150), new.labels].mean() > 0.7
    assert model.predict(["butter and flour in the pan"])[0] == "cooking"
    assert model.predict_set(["the bishop guards the queen"])[0] == ("chess",)


def test_the_words_learn_from_the_texts_that_judged(texts):
    found = texts(90)
    model, parts = fit_texts(found, budget="1s", seed=3), divide(found, 3)
    rows = np.concatenate([parts.train, parts.judge])
    expected = fit_bag_of_words(parts.of(rows), found.labels[rows], None, 3, model.words.penalty)
    assert model.words.terms == expected.terms
    np.testing.assert_allclose(model.words.weights, expected.weights)


def test_equal_texts_stay_on_one_side(texts):
    found = texts(90)
    doubled = TextSet(
        "twice",
        found.texts + tuple(f" {text}" for text in found.texts),
        tuple(map(str, range(180))),
        found.classes,
        np.concatenate([found.labels] * 2),
        np.full(180, -1, dtype=np.int8),
    )
    parts = divide(doubled, 0)
    rows = [parts.train, parts.judge, parts.calibrate, parts.test]
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(180))
    for part in rows:
        assert np.array_equal(np.sort(part % 90)[::2], np.sort(part % 90)[1::2])


def test_the_sources_test_texts_are_the_test(texts):
    found = texts(90)
    given = np.where(np.arange(90) < 30, 1, 0).astype(np.int8)
    parts = divide(TextSet("x", found.texts, found.names, found.classes, found.labels, given), 0)
    assert np.array_equal(parts.test, np.arange(30))
    assert parts.left_out == parts.shared() == 0
    lone = np.where(np.arange(90) == 0, 2, found.labels % 2)
    with pytest.raises(DataError, match="none of chess"):
        divide(TextSet("x", found.texts, found.names, found.classes, lone, given), 0)


def test_a_folder_and_a_table_of_texts_are_fitted(tmp_path, texts):
    found = texts(90)
    for label, name in enumerate(found.classes):
        lines = [t for t, k in zip(found.texts, found.labels.tolist(), strict=True) if k == label]
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / "notes" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    assert isinstance(fit(tmp_path / "notes", budget="1s"), TextModel)
    rows = [f'"{t}",{found.classes[k]}' for t, k in zip(found.texts, found.labels.tolist(), strict=True)]
    (tmp_path / "notes.csv").write_text("text,subject\n" + "\n".join(rows) + "\n")
    assert isinstance(fit(tmp_path / "notes.csv", "subject", budget="1s"), TextModel)
    with pytest.raises(ArgumentError, match="options of a fit to texts; got group"):
        fit(tmp_path / "notes", group="x")
    assert not isinstance(
        fit(tmp_path / "notes.csv", "subject", budget="1s", types={"text": "text"}), TextModel
    )


def test_copies_of_test_texts_are_not_learnt_from(texts):
    found = texts(90)
    copies = tuple(text.upper().replace(" ", "  ") for text in found.texts[:10])
    given = np.concatenate([np.where(np.arange(90) < 30, 1, -1), np.zeros(10)]).astype(np.int8)
    labels = np.concatenate([found.labels, found.labels[:10]])
    names = tuple(map(str, range(100)))
    both = TextSet("x", found.texts + copies, names, found.classes, labels, given)
    parts = divide(both, 0)
    assert (parts.left_out, parts.shared()) == (10, 0)
    learnt = np.concatenate([parts.train, parts.judge, parts.calibrate])
    assert np.array_equal(np.sort(learnt), np.arange(30, 90))
    record = fit_texts(both, budget="1s").record
    said = record["data"]["dropped"][-1]
    assert "10 training texts are test texts too and were left out." in said
    assert "No text stands in two of these parts" in said
    nothing = np.where(np.arange(100) < 90, 1, 0).astype(np.int8)
    with pytest.raises(DataError, match="none but copies of the test texts"):
        divide(TextSet("x", found.texts + copies, names, found.classes, labels, nothing), 0)


def test_texts_in_two_parts_are_counted(texts):
    found = texts(90)
    parts = divide(found, 0)
    parts.judge = np.concatenate([parts.judge, parts.train[:2]])
    parts.test = np.concatenate([parts.test, parts.train[:1]])
    assert parts.shared() == 2


def test_the_column_of_the_texts_is_in_the_plan(tmp_path, texts):
    found = texts(60)
    rows = [f"{text},{found.classes[k]}" for text, k in zip(found.texts, found.labels.tolist(), strict=True)]
    (tmp_path / "t.csv").write_text("said,subject\n" + "\n".join(rows) + "\n")
    model = fit_texts(tmp_path / "t.csv", target="subject", budget="1s")
    assert (model.plan["column"], model.plan["unit"]) == ("said", "")


def test_few_texts_that_come_often_stay_on_one_side(texts):
    found = texts(30)
    often = TextSet(
        "often",
        found.texts * 10,
        tuple(map(str, range(300))),
        found.classes,
        np.concatenate([found.labels] * 10),
        np.full(300, -1, dtype=np.int8),
    )
    parts = divide(often, 0)
    rows = [set((part % 30).tolist()) for part in (parts.train, parts.judge, parts.calibrate, parts.test)]
    assert sum(map(len, rows)) == 30


def test_copies_of_test_texts_are_no_new_evidence(texts):
    found = texts(90)
    given = np.r_[np.zeros(90), np.ones(90)].astype(np.int8)
    doubled = TextSet(
        "twice",
        texts(90, seed=3).texts + found.texts[:45] * 2,
        tuple(map(str, range(180))),
        found.classes,
        np.r_[found.labels, found.labels[:45], found.labels[:45]],
        given,
    )
    own = fit_texts(doubled, budget="1s").record["test"]["scores"][0]["metrics"]["accuracy"]
    assert own == pytest.approx(wilson(own["value"] * 45, 45))
