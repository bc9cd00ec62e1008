"""The record says what was measured."""

import json

from fivefold.report.page import render, render_text


def test_the_record_and_the_page_say_documents(model, subjects):
    record = model.record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert [s["role"] for s in record["test"]["scores"]] == ["chosen", "yardstick", "constant"]
    assert record["test"]["rows"] == 48
    assert [row["class"] for row in record["words"]] == list(subjects)
    assert set(" ".join(record["words"][0]["words"]).split()) <= set(" ".join(subjects.values()).split())
    assert sum(c["verdict"] == "chosen" for c in record["candidates"]) == 1
    page = render(record)
    assert "unseen documents" in page
    assert "Which words speak for which class?" in page
    assert "accuracy on unseen documents" in render_text(record)
