"""How many rows are drawn, and which: uniform, whole groups, and weights that undo an uneven draw."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.sampling import (
    LEAST_DRAWN,
    LEAST_FRESH,
    WORKING_BYTES,
    Size,
    class_weights,
    draw_groups,
    draw_rows,
    fresh_rows,
    parse_rows,
    planned_rows,
)


@pytest.mark.parametrize("rows", [0, -5, 99, "0", "-100", "1e5", "many", "", 2.5, True, "NaN", "٣٠٠٠"])
def test_a_number_of_rows_that_is_none_is_refused(rows):
    with pytest.raises(ArgumentError, match="at least 100, or all"):
        parse_rows(rows)


@pytest.mark.parametrize(
    ("rows", "found"), [(None, None), ("ALL", "all"), (100, 100), (" 5_000 ", 5000), (np.int64(7000), 7000)]
)
def test_numbers_of_rows(rows, found):
    assert parse_rows(rows) == found


def test_the_draw_holds_what_the_limit_allows():
    size = Size(2_000_000, 100, 1)
    count = planned_rows(size, None)
    assert count * size.per_row <= WORKING_BYTES < (count + 1) * size.per_row
    assert planned_rows(size, "all") is None
    assert planned_rows(size, 5000) == 5000
    assert planned_rows(size, 2_000_000) is None
    assert planned_rows(Size(count, 100, 1), None) is None
    assert planned_rows(size, None, limit=1) == LEAST_DRAWN  # a table of any width keeps that many
    assert planned_rows(Size(LEAST_DRAWN, 20_000, 0), None) is None
    assert size.working == size.rows * size.per_row
    assert size.typed < size.working
    assert size.columns == 101


def test_fresh_rows_are_at_most_half_of_the_rest():
    assert fresh_rows(10**9, 20_000) == 10_000
    assert fresh_rows(26_000, 20_000) == 3000
    assert fresh_rows(20_000 + 2 * LEAST_FRESH - 2, 20_000) == 0


def test_rows_are_drawn_once_in_order_and_by_the_seed_alone():
    chosen, fresh = draw_rows(5000, 700, 300, seed=4)
    assert (np.diff(chosen) > 0).all()
    assert (np.diff(fresh) > 0).all()
    assert len(np.union1d(chosen, fresh)) == 1000
    assert chosen[0] >= 0
    assert max(chosen[-1], fresh[-1]) < 5000
    again = draw_rows(5000, 700, 300, seed=4)
    assert np.array_equal(chosen, again[0])
    assert np.array_equal(fresh, again[1])
    assert not np.array_equal(chosen, draw_rows(5000, 700, 300, seed=5)[0])


def test_every_row_has_the_same_chance():
    """400 draws of 30 of 60 rows: each row's count is binomial with mean 200 and spread 10."""
    counts = np.zeros(60)
    for seed in range(400):
        counts[draw_rows(60, 30, 10, seed)[0]] += 1
    assert np.abs(counts - 200).max() < 45
    assert np.sum((counts - 200) ** 2 / 100) < 100  # chi-square with 59 degrees of freedom


def test_groups_are_drawn_whole_within_the_number_of_rows():
    sizes = np.random.default_rng(0).integers(1, 50, 300)
    groups, besides = draw_groups(sizes, 2000, 500, seed=1)
    assert 1900 < sizes[groups].sum() <= 2000
    assert 400 < sizes[besides].sum() <= 500
    assert not set(groups) & set(besides)
    assert len(draw_groups(sizes, 2000, 0, seed=1)[1]) == 0
    assert np.array_equal(groups, draw_groups(sizes, 2000, 500, seed=1)[0])


def test_a_group_that_does_not_fit_is_passed_over():
    sizes = np.array([10_000] + [10] * 40)
    for seed in range(5):
        groups, _ = draw_groups(sizes, 200, 0, seed)
        assert 0 not in groups
        assert sizes[groups].sum() >= 100


def test_too_few_groups_are_refused():
    with pytest.raises(DataError, match="the largest group having 1,000 rows"):
        draw_groups(np.full(30, 1000), 2500, 0, seed=0)


def test_weights_restore_the_shares_of_the_classes():
    whole, drawn = {"a": 9000, "b": 990, "c": 10}, {"a": 900, "b": 99, "c": 10}
    weights = class_weights(whole, drawn)
    total = sum(weights[k] * n for k, n in drawn.items())
    assert total == pytest.approx(1009)
    for label, count in whole.items():
        assert weights[label] * drawn[label] / total == pytest.approx(count / 10_000)
    assert class_weights({"a": 90, "b": 10}, {"a": 9, "b": 1}) is None
