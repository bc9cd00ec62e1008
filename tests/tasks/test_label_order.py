"""Numbers come before words, by value."""

import pytest

from fivefold.tasks.label_order import label_order, number


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["b", "a", "B"], ["B", "a", "b"]),
        (["2", "--1", "1e3"], ["2", "1e3", "--1"]),
        (["nan", "inf", "0"], ["0", "inf", "nan"]),
    ],
)
def test_the_order(labels, expected):
    assert sorted(labels, key=label_order) == expected


def test_numbers():
    assert number("007") == 7.0
    assert number("٣") == 3.0  # as Python reads digits of other scripts
    assert number("") is None
