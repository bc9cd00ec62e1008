"""Shares and their intervals, against the exact definition: the roots of the score test."""

import math

import pytest

from fivefold.diagnosis.calibration import (
    ACCUSED,
    HEALTHY,
    RIGHT_OF_SAID,
    SCRIPTS,
    SILENT,
    Z,
    calibration,
    wilson,
)


@pytest.mark.parametrize(("right", "said"), [(0, 2), (5, 7), (81, 89), (40, 40)])
def test_bounds_are_where_the_score_test_turns(right: int, said: int) -> None:
    share = right / said
    for bound in wilson(right, said):
        assert 0.0 <= bound <= 1.0
        # At the bound p the share is z standard errors of p away; at the ends of [0, 1] both vanish. 1e-12:
        # roundoff.
        distance = abs(share - bound) - Z * math.sqrt(bound * (1 - bound) / said)
        assert abs(distance) < 1e-12
    low, high = wilson(right, said)
    assert low <= share <= high


def test_the_table_is_consistent() -> None:
    made = calibration()
    for row in made["rows"]:
        assert 0 <= row["right"] <= row["said"]
        assert row["low"] <= row["right"] / row["said"] <= row["high"]
    assert sum(said for _, said in RIGHT_OF_SAID.values()) + SILENT == SCRIPTS
    assert 0 <= ACCUSED <= HEALTHY
    assert all(sentence.endswith(".") for sentence in made["sentences"])
