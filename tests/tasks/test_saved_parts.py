"""A bundle becomes a model, or is refused whatever goes wrong."""

import json

import pytest

from fivefold.artifact import Bundle
from fivefold.core import ArtifactError
from fivefold.tasks.saved_parts import assembled, files_of


def _bundle(**files):
    return Bundle("demo", {}, {}, files)


def test_record_and_plan_come_back():
    files = files_of({"headline": "x"}, {"seed": 3})
    assert files["report.html"].startswith(b"<!doctype html>")
    found = assembled(Bundle("demo", {}, {}, files), "demo", "a model", lambda record, plan: (record, plan))
    assert found == ({"headline": "x"}, {"seed": 3})
    assert assembled(_bundle(), "demo", "a model", lambda record, plan: (record, plan)) == ({}, {})


@pytest.mark.parametrize("error", [ValueError, KeyError, MemoryError, RecursionError, OverflowError])
def test_whatever_breaks_is_refused_with_its_name(error):
    def broken(record, plan):
        raise error("inside")

    with pytest.raises(ArtifactError, match=f"parts of a model that fit each other; got {error.__name__}"):
        assembled(_bundle(), "demo", "a model", broken)


def test_a_refusal_of_its_own_stays_and_broken_files_are_refused():
    def refused(record, plan):
        raise ArtifactError("a good one", "a bad one")

    with pytest.raises(ArtifactError, match="a good one"):
        assembled(_bundle(), "demo", "a model", refused)
    with pytest.raises(ArtifactError, match="parts of a model"):
        assembled(_bundle(**{"plan.json": b"{"}), "demo", "a model", lambda record, plan: json)
    with pytest.raises(ArtifactError, match="an artifact of kind other"):
        assembled(_bundle(), "other", "a model", lambda record, plan: json)
