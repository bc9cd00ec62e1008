"""A fit to texts: right answers, an honest record, a saved form that answers alike."""

import json

import numpy as np
import pytest

from fivefold.artifact import Bundle, load, save
from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.report.page import render, render_text
from fivefold.tasks.fit import fit
from fivefold.tasks.saved import load as load_any
from fivefold.tasks.text.fit import divide, fit_texts
from fivefold.tasks.text.model import TextModel, from_bundle
from fivefold.tasks.text.text_set import TextSet

SUBJECTS = {
    "cooking": "stir the sauce until the onions are soft then add salt butter and flour to the pan",
    "sailing": "trim the sail when the wind turns and keep the boat near the harbour until the tide is high",
    "chess": "move the bishop before the knight and guard the king because the queen attacks the open file",
}


def texts(count=240, seed=0):
    """Texts of three subjects: words of the subject in any order, a third of them of another one."""
    generator = np.random.default_rng(seed)
    names = list(SUBJECTS)
    words = {name: np.array(text.split()) for name, text in SUBJECTS.items()}
    found, labels = [], []
    for i in range(count):
        label = i % 3
        other = names[int(generator.integers(3))]
        chosen = [*generator.choice(words[names[label]], 8), *generator.choice(words[other], 4)]
        found.append(" ".join(generator.permutation(chosen).tolist()))
        labels.append(label)
    given = np.full(count, -1, dtype=np.int8)
    return TextSet(
        "memory", tuple(found), tuple(map(str, range(count))), tuple(names), np.array(labels), given
    )


@pytest.fixture(scope="module")
def model():
    return fit_texts(texts(), budget="6s", seed=1)


def test_it_names_texts_that_it_has_not_seen(model):
    new = texts(150, seed=9)
    found = model.predict_texts(new)
    assert (found.probabilities.argmax(1) == new.labels).mean() > 0.85
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0)
    assert found.sets[np.arange(150), new.labels].mean() > 0.7
    assert model.predict(["butter and flour in the pan"])[0] == "cooking"
    assert model.predict_set(["the bishop guards the queen"])[0] == ("chess",)


def test_the_record_and_the_page_say_documents(model):
    record = model.record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert [s["role"] for s in record["test"]["scores"]] == ["chosen", "yardstick", "constant"]
    assert record["test"]["rows"] == 48
    assert [row["class"] for row in record["words"]] == list(SUBJECTS)
    assert set(" ".join(record["words"][0]["words"]).split()) <= set(" ".join(SUBJECTS.values()).split())
    assert sum(c["verdict"] == "chosen" for c in record["candidates"]) == 1
    page = render(record)
    assert "unseen documents" in page
    assert "Which words speak for which class?" in page
    assert "accuracy on unseen documents" in render_text(record)


def test_the_saved_form_answers_to_the_bit(model, tmp_path):
    back = load_any(model.save(tmp_path / "model"))
    assert isinstance(back, TextModel)
    new = texts(40, seed=5)
    assert np.array_equal(back.predict_proba(new), model.predict_proba(new))
    assert (back.record, back.plan, back.share) == (model.record, model.plan, model.share)


def test_a_network_is_saved_and_read_and_a_forged_one_refused(model, tmp_path):
    """Whatever the fit chose: a network mixed in by hand survives, and not where it was tampered with."""
    from dataclasses import replace

    import torch

    from fivefold.tasks.text.choose import make
    from fivefold.tasks.text.model import Network
    from fivefold.tasks.text.tokens import Tokenizer

    tokenizer = Tokenizer.fit(texts().texts, 300)
    module = make("bigru", tokenizer.size, 3, 0).eval()
    mixed = replace(model, network=Network("bigru", module, tokenizer, 20, 1.5), share=0.5)
    bundle = load(mixed.save(tmp_path / "mixed"))
    back = from_bundle(bundle)
    new = texts(20, seed=5)
    assert np.array_equal(back.predict_proba(new), mixed.predict_proba(new))
    assert not np.array_equal(back.predict_proba(new), model.predict_proba(new))
    config = json.loads(json.dumps(bundle.config))
    for change in ({"name": "os.system"}, {"name": "text_cnn"}, {"longest": 0}, {"tokenizer": {"kind": "x"}}):
        forged = config | {"network": config["network"] | change}
        with pytest.raises(ArtifactError):
            from_bundle(Bundle(bundle.kind, forged, bundle.tensors, bundle.files))
    assert all(torch.isfinite(p).all() for p in back.network.module.parameters())


def test_equal_texts_stay_on_one_side():
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


def test_the_sources_test_texts_are_the_test():
    found = texts(90)
    given = np.where(np.arange(90) < 30, 1, 0).astype(np.int8)
    parts = divide(TextSet("x", found.texts, found.names, found.classes, found.labels, given), 0)
    assert np.array_equal(parts.test, np.arange(30))
    lone = np.where(np.arange(90) == 0, 2, found.labels % 2)
    with pytest.raises(DataError, match="none of chess"):
        divide(TextSet("x", found.texts, found.names, found.classes, lone, given), 0)


def test_a_folder_and_a_table_of_texts_are_fitted(tmp_path):
    found = texts(90)
    for label, name in enumerate(found.classes):
        lines = [t for t, k in zip(found.texts, found.labels.tolist(), strict=True) if k == label]
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / "notes" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    assert isinstance(fit(tmp_path / "notes", budget="1s"), TextModel)
    rows = [f'"{t}",{found.classes[k]}' for t, k in zip(found.texts, found.labels.tolist(), strict=True)]
    (tmp_path / "notes.csv").write_text("text,subject\n" + "\n".join(rows) + "\n")
    assert isinstance(fit(tmp_path / "notes.csv", "subject", budget="1s"), TextModel)
    with pytest.raises(ArgumentError, match="texts without options of tables; got group"):
        fit(tmp_path / "notes.csv", "subject", group="x")


def test_what_does_not_fit_is_refused(model, tmp_path):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        model.predict_texts(["a"], 1.5)
    with pytest.raises(DataError, match="at least one text"):
        model.predict_texts([])
    with pytest.raises(ArgumentError, match="a seed of at least 0"):
        fit_texts(texts(60), seed=-1)
    place = save(tmp_path / "other", Bundle("fivefold.table", {}, {"w": np.zeros(1)}))
    with pytest.raises(ArtifactError, match=r"an artifact of kind fivefold\.texts"):
        from_bundle(load(place))
