"""Divisions of rows: complete, disjoint, proportional, never through a group, never back in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.core import DataError
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
    part = Splitter(3, np.arange(9), np.arange(9) * 2, np.arange(9) * 3.0).take(rows)
    assert (part.seed, part.strata.tolist(), part.groups.tolist()) == (3, [5, 2], [10, 4])
    assert part.times.tolist() == [15.0, 6.0]
