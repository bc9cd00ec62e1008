"""A saved model answers as the fitted one, and a forged one is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fivefold.artifact import Bundle, load, save
from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.tasks.saved import load as load_any
from fivefold.tasks.text.fit import fit_texts
from fivefold.tasks.text.model import TextModel, from_bundle


def test_the_saved_form_answers_to_the_bit(model, tmp_path, texts):
    back = load_any(model.save(tmp_path / "model"))
    assert isinstance(back, TextModel)
    new = texts(40, seed=5)
    assert np.array_equal(back.predict_proba(new), model.predict_proba(new))
    assert (back.record, back.plan, back.share) == (model.record, model.plan, model.share)


def test_a_network_is_saved_and_read_and_a_forged_one_refused(model, tmp_path, texts):
    """Whatever the fit chose: a network mixed in by hand survives, and not where it was tampered with."""
    import torch

    from fivefold.tasks.text.choose import make
    from fivefold.tasks.text.model import Network
    from fivefold.tasks.text.tokens import Tokenizer

    tokenizer = Tokenizer.fit(texts().texts, 300)
    module = make("bigru", tokenizer.size, 3, 0).eval()
    mixed = replace(model, network=Network("bigru", module, tokenizer, 20, 1.5), share=0.5)
    bundle = load(mixed.save(tmp_path / "mixed"))
    state = torch.get_rng_state()
    back = from_bundle(bundle)
    assert torch.equal(torch.get_rng_state(), state)
    new = texts(20, seed=5)
    assert np.array_equal(back.predict_proba(new), mixed.predict_proba(new))
    assert not np.array_equal(back.predict_proba(new), model.predict_proba(new))
    config = json.loads(json.dumps(bundle.config))
    for change in ({"name": "os.system"}, {"name": "text_cnn"}, {"longest": 0}, {"tokenizer": {"kind": "x"}}):
        forged = config | {"network": config["network"] | change}
        with pytest.raises(ArtifactError):
            from_bundle(Bundle(bundle.kind, forged, bundle.tensors, bundle.files))
    assert all(torch.isfinite(p).all() for p in back.network.module.parameters())


def test_texts_in_chunks_have_the_scores_of_all_at_once(texts, monkeypatch):
    from fivefold.tasks.text import model as module
    from fivefold.tasks.text.choose import make
    from fivefold.tasks.text.tokens import Tokenizer

    tokenizer = Tokenizer.fit(texts().texts, 300)
    network = module.Network("text_cnn", make("text_cnn", tokenizer.size, 3, 0).eval(), tokenizer, 20, 1.5)
    at_once = network.scores(texts(50).texts)
    monkeypatch.setattr(module, "_CHUNK", 7)
    assert at_once.shape == (50, 3)
    np.testing.assert_allclose(network.scores(texts(50).texts), at_once, atol=1e-5)


def test_what_does_not_fit_is_refused(model, tmp_path, texts):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        model.answer(["a"], 1.5)
    with pytest.raises(DataError, match="at least one text"):
        model.answer([])
    with pytest.raises(ArgumentError, match="a seed: a whole number of at least 0"):
        fit_texts(texts(60), seed=-1)
    place = save(tmp_path / "other", Bundle("fivefold.table", {}, {"w": np.zeros(1)}))
    with pytest.raises(ArtifactError, match=r"an artifact of kind fivefold\.texts"):
        from_bundle(load(place))


def test_a_list_of_strings_is_texts_whatever_they_look_like(model, tmp_path, monkeypatch):
    (tmp_path / "chess").mkdir()
    monkeypatch.chdir(tmp_path)
    texts = ["chess", "~ 5 minutes in the pan", "butter and salt " * 300, ".", "the bishop\x00 guards"]
    found = model.answer(texts)
    assert found.names == tuple(f"text {i}" for i in range(1, 6))
    assert model.predict(["guard the bishop and the queen"]).tolist() == ["chess"]
    with pytest.raises(DataError, match=r"text 2 \(it is empty\) and 1 more; answer\(\) gives the rest"):
        model.predict(["guard the bishop and the queen", "", " \n"])
    some = model.answer(["", "stir the sauce"])
    assert (some.names, [each.name for each in some.rejected]) == (("text 2",), ["text 1"])
    assert some.notes == ()


def test_texts_in_a_list_are_cleaned_as_those_of_files(model, tmp_path):
    raw = ["stir the sau\x07ce\x0cuntil the onions", "butter cafe\u0301"]
    (tmp_path / "new.txt").write_text("\n\n".join(raw), encoding="utf-8")
    assert np.array_equal(model.predict_proba(raw), model.predict_proba(tmp_path / "new.txt"))
    found = model.answer(["x" * 1_000_001, "salt"])
    assert [each.reason for each in found.rejected] == ["it has 1,000,001 characters, more than 1,000,000"]


def test_paths_are_files_alone_and_in_a_list(model, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("stir the sauce\n\nguard the king\n")
    assert model.answer(str(tmp_path / "a.txt")).names == ("a.txt line 1", "a.txt line 3")
    assert model.answer([tmp_path / "a.txt", tmp_path / "b.txt"]).names == (
        "a.txt line 1", "a.txt line 3", "b.txt line 1", "b.txt line 3",
    )  # fmt: skip
    (tmp_path / "t.csv").write_text("text\nstir the sauce\n")
    assert model.answer([tmp_path / "t.csv"]).names == ("row 1",)
    for text in ("~ 5 minutes", "word " * 1000):
        with pytest.raises(DataError, match=r"a file|existing file"):
            model.answer(text)


def test_a_text_file_is_read_whole_where_each_file_was_a_text_of_the_fit(tmp_path, subjects):
    for label in ("chess", "sailing"):
        for i in range(30):
            words = subjects[label].split()
            path = tmp_path / "notes" / label / f"{i}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(" ".join(words[i % 7 :]) + "\n\n" + " ".join(words[: i % 7 + 2]))
    (tmp_path / "new.txt").write_text("guard the king\n\nattack the queen\n\nand the knight")
    fitted = fit_texts(tmp_path / "notes", budget="1s")
    assert fitted.plan["unit"] == "file"
    back = load_any(fitted.save(tmp_path / "model"))
    for model in (fitted, back):
        assert model.answer(tmp_path / "new.txt").names == ("new.txt",)
        assert model.answer([tmp_path / "new.txt"]).names == ("new.txt",)
        assert len(model.answer(tmp_path / "notes" / "chess").names) == 30
    older = replace(back, plan={**back.plan, "unit": ""})
    assert older.answer(tmp_path / "new.txt").names == tuple(f"new.txt line {i}" for i in (1, 3, 5))


def test_arrays_and_series_of_texts_are_answered_as_lists_are(model):
    texts = ["guard the king and the queen", "stir the sauce"]
    assert np.array_equal(model.predict_proba(np.array(texts)), model.predict_proba(texts))
    pandas = pytest.importorskip("pandas")
    assert model.predict(pandas.Series(texts)).tolist() == ["chess", "cooking"]
    with pytest.raises(DataError, match=r"text 2 \(it is empty\)"):
        model.predict(pandas.Series(["stir", None]))


def test_the_column_of_the_fit_is_read_where_it_is_there(model, tmp_path):
    fitted = replace(model, plan={**model.plan, "column": "note"})
    long = "guard the king and the queen with the bishop"
    (tmp_path / "t.csv").write_text(f"said,note\n{long},salt the sauce\n")
    assert model.predict(tmp_path / "t.csv").tolist() == ["chess"]
    assert fitted.predict(tmp_path / "t.csv").tolist() == ["cooking"]
    (tmp_path / "u.csv").write_text(f"said,other\n{long},salt\n")
    found = fitted.answer(tmp_path / "u.csv")
    assert "The column 'note', which held the texts of the fit, is not there." in found.notes
    assert "Texts are in the column 'said'." in found.notes
