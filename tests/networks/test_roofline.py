"""Which limit a layer is at, by hand, and the limits of this machine against each other."""

import pytest

from fivefold.core import ArgumentError
from fivefold.networks.roofline import Limits, measure_limits

LIMITS = Limits(100.0, ((10, 5.0), (1000, 2.0)), 0.1, 1)


def test_least_seconds_by_hand():
    assert LIMITS.seconds(300, 10) == (3.0, 2.0)
    assert LIMITS.seconds(0, 11) == (0.0, 5.5)  # beyond the first size: the slower rate
    assert LIMITS.seconds(0, 4000) == (0.0, 2000.0)  # beyond all: the last


@pytest.mark.parametrize(
    ("work", "moved", "seconds", "expected"),
    [
        (300, 10, 4.0, ("arithmetic", 0.75)),
        (300, 10, 7.0, ("neither", 3 / 7)),
        (100, 40, 25.0, ("memory", 0.8)),
        (0, 0, 1.0, ("neither", 0.0)),
    ],
)
def test_bounds_by_hand(work, moved, seconds, expected):
    bound, share = LIMITS.bound(work, moved, seconds)
    assert (bound, pytest.approx(share)) == expected


def test_no_time_and_no_seconds_are_refused():
    with pytest.raises(ArgumentError, match="positive seconds"):
        LIMITS.bound(1, 1, 0.0)
    with pytest.raises(ArgumentError, match="positive seconds"):
        measure_limits(0.0)


def test_the_machine_has_limits_of_a_possible_size():
    limits = measure_limits(0.1)
    assert 1e7 < limits.multiply_adds < 1e15
    assert all(1e7 < rate < 1e14 for _, rate in limits.copies)
    assert 1e-8 < limits.call < 1e-2
    record = limits.to_record()
    assert record["copies"] == [list(pair) for pair in limits.copies]
    assert record["threads"] == limits.threads
