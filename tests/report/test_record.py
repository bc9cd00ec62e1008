"""Records are read with care: any part may be missing, of another type or not a number."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from fivefold.report.record import entries, finite, first, mapping, sequence, whole


@pytest.mark.parametrize("value", [None, 3, "text", [1], float("nan")])
def test_what_is_no_mapping_is_empty(value: Any) -> None:
    assert mapping(value) == {}
    assert entries(value) == []


def test_keys_become_texts() -> None:
    assert mapping({1: "a"}) == {"1": "a"}


def test_a_text_is_no_sequence() -> None:
    assert sequence("abc") == []
    assert sequence((1, 2)) == [1, 2]


@pytest.mark.parametrize(
    "value", [None, True, "3", float("nan"), float("inf"), 10**400, complex(1), Decimal("1"), [1]]
)
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert finite(value) is None
    assert whole(value) is None


def test_numbers_of_numpy_are_numbers() -> None:
    assert finite(np.float32(0.5)) == 0.5
    assert whole(np.int64(7)) == 7


def test_first_counts_what_it_leaves_out() -> None:
    assert first(range(5), 2) == ([0, 1], 3)
    assert first([], 2) == ([], 0)
