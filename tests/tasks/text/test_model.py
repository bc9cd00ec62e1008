"""A saved model answers as the fitted one, and a forged one is refused."""

import json

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


def test_what_does_not_fit_is_refused(model, tmp_path, texts):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        model.answer(["a"], 1.5)
    with pytest.raises(DataError, match="at least one text"):
        model.answer([])
    with pytest.raises(ArgumentError, match="a seed of at least 0"):
        fit_texts(texts(60), seed=-1)
    place = save(tmp_path / "other", Bundle("fivefold.table", {}, {"w": np.zeros(1)}))
    with pytest.raises(ArtifactError, match=r"an artifact of kind fivefold\.texts"):
        from_bundle(load(place))
