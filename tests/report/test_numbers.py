"""Numbers as people read them; expected texts are written by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1234567.8, "1,230,000"),
        (0.00012345, "0.000123"),
        (0.00001234, "1.23 × 10⁻⁵"),
        (-2.5e15, "−2.5 × 10¹⁵"),
        (999.6, "1,000"),
        (np.float32(0.5), "0.5"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert numbers.number(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not measured"),
        (float("nan"), "not a number"),
        (float("inf"), "infinite"),
        (float("-inf"), "infinite"),
        ("12", "not a number"),
        (10**400, "too large"),
    ],
)
def test_a_missing_number_is_a_dash_with_a_reason(value: Any, reason: str) -> None:
    for write in (numbers.number, numbers.percent, numbers.count, numbers.seconds, numbers.level):
        assert write(value) == f"– ({reason})"


@given(st.floats(-1e11, 1e11), st.floats(1e-6, 1e9))
def test_the_digits_of_an_interval_resolve_its_width(value: float, half: float) -> None:
    texts = numbers.interval(value, value - half, value + half)
    if any("×" in text for text in texts) or value + half <= value - half:
        return
    read = [float(text.replace(",", "").replace("−", "-")) for text in texts]
    largest = max(abs(value - half), abs(value + half))
    # Rounded to two digits of the half-width or six of the largest number, whichever is coarser.
    assert abs(read[0] - value) <= max(0.05 * half, 1e-5 * largest) * 1.01
    assert len({len(text.partition(".")[2]) for text in texts}) == 1


def test_an_interval_without_width_falls_back() -> None:
    assert numbers.interval(3.0, 3.0, 3.0) == ("3", "3", "3")
    assert numbers.span(1, float("nan")) == ""


@given(st.floats(0, 1))
def test_a_share_reads_0_or_100_only_when_it_is(share: float) -> None:
    text = numbers.percent(share)
    assert (text == "0%") == (share == 0)
    assert (text == "100%") == (share == 1)
    assert text not in {"0.0%", "100.0%"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(-1, "0 s"), (0.9999, "1 s"), (59.99, "1 min 0 s"), (3599.9, "1 h 0 min"), (7260, "2 h 1 min")],
)
def test_durations(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


def test_counts_are_exact() -> None:
    assert numbers.count(1234567) == "1,234,567"
    assert numbers.plural(0, "row") == "0 rows"


def test_units() -> None:
    assert numbers.with_unit("– (infinite)", "$") == "– (infinite)"
    assert numbers.metric_unit("MAE", "km") == "km"
    assert numbers.metric_unit("accuracy", "km") == ""


def test_ticks_are_short() -> None:
    assert numbers.tick(math.nan) == ""
    assert numbers.tick(2015) == "2015"
    assert numbers.tick(2.5e9) == "2.5G"
    assert numbers.tick(-20000) == "−20k"
