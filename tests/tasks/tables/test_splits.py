"""Divisions of rows: complete, disjoint, proportional, never through a group, never back in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.core import ArgumentError, DataError, numpy_generator
from fivefold.tasks.tables.splits import Splitter


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 200), st.integers(0, 5))
def test_the_test_part_is_a_fifth_and_the_parts_are_complete(n, seed):
    train, test = Splitter(seed).test(n)
    assert np.array_equal(np.sort(np.r_[train, test]), np.arange(n))
    assert abs(len(test) - n / 5) < 1
    assert np.array_equal(train, np.sort(train))


def test_the_same_seed_divides_alike_and_another_does_not():
    first, second, other = (Splitter(seed).test(100)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=20, max_size=150), st.integers(0, 3))
def test_every_class_is_shared_out_in_proportion(codes, seed):
    strata = np.array(codes)
    assignment = Splitter(seed, strata).assign(len(strata), 5, "x")
    for code in np.unique(strata):
        counts = np.bincount(assignment[strata == code], minlength=5)
        assert counts.max() - counts.min() <= 1
    sizes = np.bincount(assignment, minlength=5)
    assert sizes.max() - sizes.min() <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=30, max_size=150), st.integers(0, 3))
def test_a_group_is_never_divided(codes, seed):
    groups = np.unique(codes, return_inverse=True)[1]
    splitter = Splitter(seed, groups=groups)
    if groups.max() < 4:
        return
    parts = [splitter.test(len(groups)), *splitter.folds(len(groups), 3, 0)]
    for train, test in parts:
        assert len(train) + len(test) == len(groups)
        assert not set(groups[train]) & set(groups[test])
        assert len(test)


def test_the_test_part_is_near_a_fifth_even_where_one_group_is_large():
    groups = np.repeat(np.arange(13), [60, *[10] * 12])
    for seed in range(5):
        _, test = Splitter(seed, groups=groups).test(len(groups))
        assert len(test) == pytest.approx(36, abs=6)
        assert 0 not in groups[test]


def test_few_groups_make_fewer_folds_and_one_makes_none():
    groups = np.repeat(np.arange(3), 20)
    train, test = Splitter(0, groups=groups).test(60)
    assert len(test) == 20
    rest = Splitter(0, groups=groups).take(train)
    assert len(list(rest.folds(40, 5, 0))) == 2
    with pytest.raises(DataError, match="at least 2 groups"):
        Splitter(0, groups=np.zeros(30, dtype=np.int64)).test(30)


def test_folds_judge_every_row_once_and_repetitions_differ():
    splitter = Splitter(0)
    judged = np.concatenate([held for _, held in splitter.folds(53, 5, 0)])
    assert np.array_equal(np.sort(judged), np.arange(53))
    assert not np.array_equal(splitter.assign(53, 5, "fold", 0), splitter.assign(53, 5, "fold", 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=30, max_size=120).filter(lambda v: len(set(v)) > 8))
def test_what_is_judged_is_later_than_what_trained(values):
    times = np.array(values, dtype=float)
    splitter = Splitter(0, times=times)
    try:
        train, test = splitter.test(len(times))
    except DataError:
        assert (times == times.max()).mean() > 0.2
        return
    assert times[train].max() < times[test].min()
    folds = list(splitter.folds(len(times), 4, 0))
    assert folds
    for before, now in folds:
        assert times[before].max() < times[now].min()


def test_distinct_times_give_folds_of_equal_size():
    times = np.random.default_rng(0).permutation(600).astype(float)
    folds = list(Splitter(0, times=times).folds(600, 5, 0))
    assert [len(now) for _, now in folds] == [100] * 5
    assert [len(before) for before, _ in folds] == [100, 200, 300, 400, 500]
    judged = np.concatenate([now for _, now in folds])
    assert len(np.unique(judged)) == 500


def test_times_that_do_not_differ_are_refused():
    with pytest.raises(DataError, match="times that differ"):
        Splitter(0, times=np.zeros(20)).test(20)
    late = Splitter(0, times=np.r_[np.zeros(90), np.ones(10)])
    train, test = late.test(100)
    assert len(test) == 10
    with pytest.raises(DataError, match="training rows at different times"):
        list(late.take(train).folds(90, 5, 0))


def test_the_splitter_of_some_rows_takes_all_its_parts():
    rows = np.array([5, 2])
    part = Splitter(3, np.arange(9), np.arange(9) * 2, twins=np.arange(9) * 4).take(rows)
    assert (part.seed, part.strata.tolist(), part.groups.tolist()) == (3, [5, 2], [10, 4])
    assert (part.times, part.twins.tolist(), part.strict) == (None, [20, 8], False)
    assert Splitter(3, twins=np.arange(9), strict=True).take(rows).strict
    assert Splitter(3, times=np.arange(9) * 3.0).take(rows).times.tolist() == [15.0, 6.0]


def test_groups_and_times_together_are_refused():
    with pytest.raises(ArgumentError, match=r"groups or times; got both.*--group where new groups"):
        Splitter(0, groups=np.arange(20) % 5, times=np.arange(20.0))


def _before(splitter, n, folds, *names):
    """Folds by dealing rows in turn, class after class."""
    order = numpy_generator(splitter.seed, "split", *names).permutation(n)
    strata = np.zeros(n) if splitter.strata is None else splitter.strata
    dealt = np.concatenate([order[strata[order] == code] for code in np.unique(strata)])
    out = np.empty(n, dtype=np.int64)
    out[dealt] = np.arange(n) % folds
    return out


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=12, max_size=80), st.integers(2, 6), st.booleans())
def test_different_rows_are_dealt_in_turn_whether_or_not_twins_are_looked_for(codes, folds, stratified):
    n = len(codes)
    strata = np.array(codes) if stratified else None
    twins = np.random.default_rng(n).permutation(n)
    dealt = _before(Splitter(3, strata), n, folds, "x")
    assert np.array_equal(Splitter(3, strata).assign(n, folds, "x"), dealt)
    assert np.array_equal(Splitter(3, strata, twins=twins).assign(n, folds, "x"), dealt)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_twins_share_a_fold_and_the_folds_stay_even(seed, stratified):
    generator = np.random.default_rng(seed)
    twins = generator.integers(0, 150, 200)
    strata = generator.integers(0, 3, 200)  # the targets of twins may differ
    splitter = Splitter(seed, strata if stratified else None, twins=twins)
    for rows, held in [splitter.test(200), *splitter.folds(200, 5, 0)]:
        assert not set(twins[rows]) & set(twins[held])
        assert len(held) == pytest.approx(40, abs=4)
        if stratified:
            counts = np.bincount(strata[held], minlength=3)
            np.testing.assert_allclose(counts, np.bincount(strata) / 5, atol=4)


def test_a_table_given_twice_is_not_judged_on_its_copies():
    twins = np.tile(np.arange(50), 2)
    folds = Splitter(0, twins=twins).assign(100, 5, "x")
    assert np.array_equal(folds[:50], folds[50:])
    assert np.bincount(folds).tolist() == [20] * 5


@pytest.mark.parametrize(
    "twins",
    [
        np.tile(np.arange(8), 20),
        np.repeat(np.arange(2), 10),
        np.zeros(12, dtype=int),
        np.tile(np.arange(5), 2),
    ],
    ids=["design", "two rows", "one row", "fewer than folds"],
)
def test_few_different_rows_are_divided_like_others_and_leave_no_fold_empty(twins):
    n = len(twins)
    assignment = Splitter(1, twins=twins).assign(n, 5, "x")
    assert np.array_equal(assignment, Splitter(1).assign(n, 5, "x"))
    assert np.bincount(assignment, minlength=5).min() >= n // 5


def test_a_set_of_twins_that_no_fold_can_hold_is_divided():
    twins = np.r_[np.zeros(60, dtype=int), np.arange(1, 41)]  # a row of defaults, and others
    sizes = np.bincount(Splitter(1, twins=twins).assign(100, 5, "x"))
    assert sizes.tolist() == [20] * 5


@pytest.mark.parametrize(
    "twins",
    [
        np.tile(np.arange(8), 20),
        np.repeat(np.arange(2), 10),
        np.tile(np.arange(5), 2),
        np.r_[np.zeros(60, dtype=int), np.arange(1, 41)],
    ],
    ids=["few different", "two", "fewer than folds", "more than a fold"],
)
def test_strict_twins_share_a_side_however_many_they_are(twins):
    strata = np.arange(len(twins)) % 2
    for seed in range(5):
        for share in (0.1, 0.2):
            train, test = Splitter(seed, strata, twins=twins, strict=True).test(len(twins), share)
            assert not set(twins[train]) & set(twins[test])
            assert 0 < len(test) <= len(twins) / 2
            assert np.array_equal(np.sort(np.r_[train, test]), np.arange(len(twins)))


def test_strict_twins_divide_different_rows_as_others():
    found = [Splitter(2, twins=np.arange(90), strict=strict).test(90) for strict in (True, False)]
    assert all(np.array_equal(*pair) for pair in zip(*found, strict=True))


def test_copies_of_one_row_alone_cannot_be_divided():
    with pytest.raises(DataError, match="rows that differ; got 12 copies of one"):
        Splitter(0, twins=np.zeros(12, dtype=int), strict=True).test(12)
