"""Presets: the space grows with the budget and shrinks with the pictures."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.presets import published, scaled


def test_more_seconds_give_wider_networks():
    widths = [scaled(28, 28, pictures=5000, seconds=s).widths[0] for s in (0.1, 10.0, 60.0, 300.0, 3600.0)]
    assert widths == sorted(widths)
    assert widths[0] == 8
    assert widths[-1] == 64


def test_the_rule_is_that_of_the_formula():
    """At exactly 3 n s^2 36 w^2 / 5e9 seconds the width w is taken, just below it is not."""
    seconds = 3 * 1000 * 32 * 32 * 36 * 16**2 / 5e9
    assert scaled(32, 32, pictures=1000, seconds=seconds).stem == 16
    assert scaled(32, 32, pictures=1000, seconds=0.999 * seconds).stem == 8
    assert scaled(32, 32, pictures=1000, seconds=seconds / 4, threads=4).stem == 16


def test_large_pictures_are_reduced_by_the_stem():
    assert [scaled(s, s, pictures=10, seconds=1.0).reduction for s in (28, 40, 41, 64, 96, 224)] == [
        1, 1, 2, 2, 4, 8,
    ]  # fmt: skip
    assert scaled(224, 32, pictures=10, seconds=1.0).reduction == 1


def test_the_published_space_has_all_poolings_in_its_first_generation(rng):
    assert {published(32).draw(rng).pools for _ in range(50)} == {4}


@pytest.mark.parametrize(
    "change", [{"height": 0}, {"pictures": 0}, {"seconds": 0.0}, {"seconds": float("inf")}, {"threads": 0}]
)
def test_numbers_out_of_range_are_refused(change):
    with pytest.raises(ArgumentError):
        scaled(**{"height": 28, "width": 28, "pictures": 10, "seconds": 1.0, **change})
