"""Trials as records."""

import json

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.trial import Ending, Trial

ONE = Trial(
    "D:4:1", "D:4:2", 3, ("D:4:1", "D:8:1"), "add", Ending.STOPPED, "below", 0.25, (0.25,), 1.5, 40, 0.5,
    1_234, 2**20, 1.25, 30.0, 4.5, 99.0,
)  # fmt: skip


def test_a_trial_comes_back_from_json():
    assert Trial.from_record(json.loads(json.dumps(ONE.to_record()))) == ONE
    assert ONE.genome.key == "D:4:1"


def test_only_what_was_trained_is_judged():
    judged = {ending: Trial("D:4:1", "", 0, (), "", ending, "", 0.0).judged for ending in Ending}
    assert [ending for ending, flag in judged.items() if flag] == [Ending.TRAINED, Ending.STOPPED]


@pytest.mark.parametrize(
    "change", [{"extra": 1}, {"ending": "lost"}, {"curve": 3}, {"parents": None}], ids=lambda c: next(iter(c))
)
def test_another_record_is_refused(change):
    with pytest.raises(ArgumentError):
        Trial.from_record({**ONE.to_record(), **change})
