"""The record says what was measured."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fivefold.report.page import render, render_text
from fivefold.tasks.text import fit
from fivefold.tasks.text.choose import Trial, make
from fivefold.tasks.text.fit import Reading
from fivefold.tasks.text.mixture import Mixture
from fivefold.tasks.text.record import _candidates, _unread, _untold


def test_the_record_and_the_page_say_documents(model, subjects):
    record = model.record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert [s["role"] for s in record["test"]["scores"]] == ["chosen", "yardstick", "constant"]
    assert record["test"]["rows"] == 48
    assert [row["class"] for row in record["words"]] == list(subjects)
    assert set(" ".join(record["words"][0]["words"]).split()) <= set(" ".join(subjects.values()).split())
    mixed = 0 < record["plan"]["share"] < 1
    assert sum(c["verdict"] == "chosen" for c in record["candidates"]) == 1 + mixed
    page = render(record)
    assert "unseen texts" in page
    assert "Which words speak for which class?" in page
    assert "accuracy on unseen texts" in render_text(record)


@pytest.mark.parametrize(
    ("share", "tried", "said", "chosen"),
    [
        (0.0, 0.0, "but no share of it", ["words"]),
        (0.0, 0.5, "but a share of 50% makes the loss of the words smaller by 0.1 alone", ["words"]),
        (0.5, 0.5, "mixed in with a share of 50%", ["words and bigru", "bigru"]),
        (1.0, 1.0, "smaller by 0.1 than that of the words, more than its standard error of 0.05", ["bigru"]),
    ],
)
def test_the_best_network_has_a_reason_whatever_its_share(share, tried, said, chosen):
    trials = [Trial("bigru", loss=0.5, epochs=3), Trial("text_cnn", loss=0.6, reason="a loss of 0.600")]
    model = SimpleNamespace(share=share, words=SimpleNamespace(terms=("a", "b")))
    outcome = SimpleNamespace(
        model=model,
        trials=trials,
        best=trials[0],
        mixture=Mixture(share, tried, np.array([0.4, 0.5]), np.array([0.25, 0.45])),
        penalties=SimpleNamespace(seconds=1.0),
    )
    rows = _candidates(outcome)
    assert [row["name"] for row in rows if row["verdict"] == "chosen"] == chosen
    best = next(row for row in rows if row["name"] == "bigru")
    assert said in best["reason"]
    assert next(row for row in rows if row["name"] == "text_cnn")["verdict"] == "rejected"


def test_words_that_tell_nothing_are_a_warning(model):
    nothing = replace(model.words, weights=np.zeros_like(model.words.weights))
    assert _untold(model.words) == []
    assert _untold(nothing) == ["The words tell nothing of the classes: all their weights are 0."]


@pytest.mark.parametrize(
    ("share", "cut", "warned", "said"),
    [
        (0.5, 0.371, True, "the first 256 tokens of a text; 37.1% of the training texts are longer: what"),
        (0.5, 0.371, True, "follows counts for the words alone"),
        (1.0, 0.371, True, "follows does not count"),
        (0.5, 0.019, False, "1.9%"),
        (0.0, 0.371, False, "37.1%"),
    ],
)
def test_what_the_networks_did_not_read_is_said(share, cut, warned, said):
    outcome = SimpleNamespace(
        model=SimpleNamespace(share=share), best=Trial("bigru"), reading=Reading(256, cut)
    )
    assert said in _unread(outcome, warned=warned)[0]
    assert _unread(outcome, warned=not warned) == []
    outcome.reading = Reading(256, 0.0)
    assert _unread(outcome, warned=warned) == []
    outcome.best, outcome.reading = None, Reading(256, cut)
    assert _unread(outcome, warned=warned) == []


def test_long_texts_are_counted_in_the_record(texts, monkeypatch):
    def untrained(tokens, labels, held, vocabulary, classes, *rest):
        trial = Trial("text_cnn", make("text_cnn", vocabulary, classes, 0), 1e-3, 1.0, 0.1, 1)
        return trial, [trial]

    monkeypatch.setattr(fit, "choose", untrained)
    found = texts(90)
    given = np.where(np.arange(90) < 30, 1, 0).astype(np.int8)
    many = tuple(text if i < 30 else " ".join([text] * 30) for i, text in enumerate(found.texts))
    record = fit.fit_texts(replace(found, texts=many, given=given), budget="1s").record
    said = [line for line in [*record["warnings"], *record["data"]["dropped"]] if "tokens" in line]
    assert len(said) == 1
    assert "the first 256 tokens of a text; 100.0% of the training texts are longer" in said[0]
