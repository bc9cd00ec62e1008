"""A fit to texts names new texts rightly, and divides them fairly."""

from dataclasses import replace

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks import softmax_regression
from fivefold.tasks.evaluate import wilson
from fivefold.tasks.fit import fit
from fivefold.tasks.text import fit as text_fit
from fivefold.tasks.text.bag_of_words import Design
from fivefold.tasks.text.cut_texts import CutTexts
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


def test_the_words_learn_from_the_texts_that_judged(texts, monkeypatch):
    monkeypatch.setattr(softmax_regression, "_TOLERANCE", 1e-5)
    found = texts(90)
    model, parts = fit_texts(found, budget="3s", seed=3), divide(found, 3)
    rows = np.concatenate([parts.train, parts.judge])
    design = Design.of(CutTexts.of(parts.of(rows)), found.labels[rows], 3)
    assert model.words.terms == design.terms
    assert np.array_equal(model.words.idf, design.idf)
    own, expected = model.words, design.fit(model.words.penalty)[0]
    near = np.linalg.norm(own.weights - expected.weights) / np.linalg.norm(expected.weights)
    assert near < 1e-2  # two starts, each ended by its gradient


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


def _rare(texts, counts, given=None):
    """Texts of three subjects, and of further classes so many different ones each."""
    found = texts(90)
    rare = [f"subject {k} in words {i} of its own" for k, n in enumerate(counts) for i in range(n)]
    labels = np.concatenate([found.labels, np.repeat(3 + np.arange(len(counts)), counts)])
    names = tuple(map(str, range(len(labels))))
    classes = (*found.classes, *(f"rare{k}" for k in range(len(counts))))
    known = np.full(len(labels), -1, dtype=np.int8)
    if given is not None:
        known[:] = 0
        known[given] = 1
    return TextSet("x", found.texts + tuple(rare), names, classes, labels, known)


@pytest.mark.parametrize("given", [None, np.arange(30)])
def test_rare_classes_stay_in_training(texts, given):
    found = _rare(texts, [1, 2, 3, 1, 2, 3], given)
    kept = 0
    for seed in range(12):
        parts = divide(found, seed)
        assert set(found.labels[parts.train].tolist()) == set(range(9))
        rows = [parts.train, parts.judge, parts.calibrate, parts.test]
        assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(found)))
        assert given is None or np.array_equal(parts.test, given)
        assert parts.shared() == 0
        kept += parts.kept
    assert kept > 0


def test_texts_that_stay_in_training_are_counted(texts):
    found = _rare(texts, [1] * 9)
    seed = next(seed for seed in range(20) if divide(found, seed).kept > 1)
    said = " ".join(fit_texts(found, budget="1s", seed=seed).record["data"]["dropped"])
    assert f"{divide(found, seed).kept} texts stay in training: a class would have none there without" in said


def test_where_every_class_has_one_text_nothing_can_judge(texts):
    found = texts(3)
    with pytest.raises(DataError, match="so few texts that all 3 train"):
        divide(found, 0)


def test_a_class_of_nothing_but_copies_of_test_texts_is_named(texts):
    found = texts(90)
    copies = tuple(text.upper() for text, label in zip(found.texts, found.labels, strict=True) if label == 2)
    given = np.r_[found.labels == 2, np.zeros(len(copies))].astype(np.int8)
    labels = np.r_[found.labels, np.full(len(copies), 2)]
    names = tuple(map(str, range(len(labels))))
    both = TextSet("x", found.texts + copies, names, found.classes, labels, given)
    with pytest.raises(DataError, match="none of chess; those of chess are all copies of test texts"):
        divide(both, 0)


def test_of_copies_one_judges_and_calibrates(texts):
    found = texts(120)
    parts = divide(found, 0)
    model = fit_texts(found, budget="1s")
    many = np.r_[parts.judge[:1], parts.calibrate[:1]].repeat(30)
    doubled = TextSet(
        "twice",
        found.texts + tuple(f"{found.texts[row].upper()} " for row in many.tolist()),
        tuple(map(str, range(180))),
        found.classes,
        np.r_[found.labels, found.labels[many]],
        np.full(180, -1, dtype=np.int8),
    )
    parts.texts = doubled
    parts.judge, parts.calibrate = (np.r_[parts.judge, 120:150], np.r_[parts.calibrate, 150:180])
    assert np.array_equal(parts.distinct(parts.calibrate), parts.calibrate[:-30])
    again = text_fit._calibrated(model, parts)
    parts.calibrate = parts.calibrate[:-30]
    once = text_fit._calibrated(model, parts)
    assert again.temperature == once.temperature
    assert np.array_equal(again.sets.scores, once.sets.scores)


def test_the_words_alone_are_calibrated_as_the_answer_is(texts):
    record = fit_texts(texts(90), budget=0.01).record
    own, beside = record["test"]["scores"][:2]
    assert record["plan"]["share"] == 0
    assert own["metrics"] == beside["metrics"]


def test_a_spent_budget_is_said(texts):
    model = fit_texts(texts(90), budget=1e-3)
    assert model.plan["penalties_not_tried"] == [1e-4, 3e-5, 1e-5, 3e-6]
    said = " ".join(model.record["data"]["dropped"])
    assert (
        "The budget ended the search for the penalty of the words; 0.0001, 3e-05, 1e-05, 3e-06 not tried."
        in said
    )
    assert (
        model.predict(texts(60, seed=4)) == np.array(model.classes)[texts(60, seed=4).labels]
    ).mean() > 0.5


def test_the_alphabet_has_room_before_the_joins(texts):
    """A thousand letters of Han in 60 texts: none of them is unknown."""
    letters = [chr(0x4E00 + i) for i in range(1000)]
    found = texts(60)
    chinese = tuple("".join(letters[(17 * i + j) % 1000] for j in range(40)) for i in range(60))
    seen = []

    def watch(tokens, *rest):
        seen.append(tokens)
        return None, []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_fit, "choose", watch)
        fit_texts(replace(found, texts=chinese), budget="1s")
    assert not (seen[0] == 1).any()
