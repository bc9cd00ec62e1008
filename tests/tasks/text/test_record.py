"""The record says what was measured."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fivefold.report.page import render, render_text
from fivefold.tasks.text.choose import Trial
from fivefold.tasks.text.record import _candidates


def test_the_record_and_the_page_say_documents(model, subjects):
    record = model.record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert [s["role"] for s in record["test"]["scores"]] == ["chosen", "yardstick", "constant"]
    assert record["test"]["rows"] == 48
    assert [row["class"] for row in record["words"]] == list(subjects)
    assert set(" ".join(record["words"][0]["words"]).split()) <= set(" ".join(subjects.values()).split())
    assert sum(c["verdict"] == "chosen" for c in record["candidates"]) == 1
    page = render(record)
    assert "unseen texts" in page
    assert "Which words speak for which class?" in page
    assert "accuracy on unseen texts" in render_text(record)


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "but no share of it"), (0.5, "mixed in with a share of 50%"), (1.0, "smallest loss")],
)
def test_the_best_network_has_a_reason_whatever_its_share(share, said):
    trials = [Trial("bigru", loss=0.5, epochs=3), Trial("text_cnn", loss=0.6, reason="a loss of 0.600")]
    model = SimpleNamespace(share=share, words=SimpleNamespace(terms=("a", "b")))
    outcome = SimpleNamespace(
        model=model,
        trials=trials,
        best=trials[0],
        words_loss=np.array([0.4, 0.5]),
        words_seconds=1.0,
        losses={share: 0.45},
    )
    rows = {row["name"]: row for row in _candidates(outcome)}
    assert said in rows["bigru"]["reason"]
    assert "0%" not in rows["bigru"]["reason"] or share == 0.5
    assert sum(row["verdict"] == "chosen" for row in rows.values()) == 1
