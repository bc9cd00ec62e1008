"""A finding is plain data with a known confidence."""

import json

import pytest

from fivefold.core import ArgumentError
from fivefold.diagnosis import Finding, ranked


def finding(code, confidence="high"):
    return Finding(code, f"title of {code}", "evidence", confidence, "cause", "fix", ("x",))


def test_the_record_has_the_six_public_keys():
    record = finding("leak.copy").to_record()
    assert list(record) == ["code", "title", "evidence", "confidence", "cause", "fix"]
    assert json.loads(json.dumps(record)) == record


def test_an_unknown_confidence_is_refused():
    with pytest.raises(ArgumentError, match="high, medium or low"):
        finding("leak.copy", "certain")


def test_the_most_costly_comes_first_and_doubt_last():
    order = [
        finding("collinear.exact"),
        finding("leak.copy", "low"),
        finding("unheard.of"),
        finding("leak.gap"),
        finding("duplicates.rows", "medium"),
    ]
    codes = [f.code for f in ranked(order)]
    assert codes == ["leak.gap", "duplicates.rows", "collinear.exact", "unheard.of", "leak.copy"]
