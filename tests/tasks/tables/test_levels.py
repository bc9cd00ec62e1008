"""Means of many levels: shrunken by their evidence, and never a row's own target."""

import json

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.levels import LevelMeans, shrinkage
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

SCHEMA = Schema((ColumnType("c", Kind.CATEGORY, ""), ColumnType("x", Kind.NUMBER, "")))


def _many(n=4000, levels=1500, effect=1.0, seed=0):
    generator = np.random.default_rng(seed)
    own = effect * generator.normal(size=levels)
    codes = generator.integers(0, levels, n)
    names = np.array([f"v{i}" for i in range(levels)], dtype=object)[codes]
    return names, own[codes] + 0.5 * generator.normal(size=n), own[codes]


def test_the_shrinkage_is_the_ratio_of_the_variances():
    """0.25 of noise to 1 between levels; the estimate's own spread over seeds is about 0.02."""
    found = []
    for seed in range(5):
        names, y, _ = _many(seed=seed)
        found.append(shrinkage(np.unique(names, return_inverse=True)[1], y - y.mean()))
    assert np.mean(found) == pytest.approx(0.25, abs=0.03)
    names, y, _ = _many(effect=0.0)
    assert shrinkage(np.unique(names, return_inverse=True)[1], y - y.mean()) > 10
    assert shrinkage(np.arange(5), np.arange(5.0)) == np.inf  # one row each tells nothing of the spread
    assert shrinkage(np.zeros(5, dtype=int), np.arange(5.0)) == np.inf


def test_the_means_are_the_shrunken_means_of_the_rows():
    names, y, _ = _many(600, 100)
    t = (y - y.mean())[:, None]
    means, crossed = LevelMeans.fit("c", names, t, 0)
    weight = shrinkage(means.codes(names), t[:, 0])
    reference = np.array(
        [t[names == level, 0].sum() / ((names == level).sum() + weight) for level in means.levels]
    )
    ratio = means.values[:, 0] / reference
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    np.testing.assert_allclose(crossed.std(0), 1.0, rtol=1e-12)
    coordinates, labels = means.transform(np.array(["v3", None, "never"], dtype=object))
    assert coordinates[:, 0].tolist() == [means.values[means.levels.index("v3"), 0], 0.0, 0.0]
    assert labels == ["c (mean of the level)"]


def test_no_row_sees_its_own_target():
    """Changing one row's target leaves its own coordinate as it was, but for the common scale."""
    names, y, _ = _many(600, 100)
    t = (y - y.mean())[:, None]
    row = 17
    other = t.copy()
    other[row] += 1.0
    first, second = (LevelMeans.fit("c", names, values, 0)[1][:, 0] for values in (t, other))
    mates = np.flatnonzero((names == names[row]) & (np.arange(600) != row))
    assert second[row] / first[row] == pytest.approx(1.0, abs=0.05)
    assert np.abs(second[mates] / first[mates] - 1.0).max() > 0.15


def test_levels_of_noise_give_no_coordinate_that_a_model_could_trust():
    names, y, _ = _many(effect=0.0)
    found = LevelMeans.fit("c", names, (y - y.mean())[:, None], 0)
    if found is not None:
        assert abs(np.corrcoef(found[1][:, 0], y)[0, 1]) < 0.05  # 3 standard errors of 4,000 rows
    assert LevelMeans.fit("c", np.arange(50).astype(str).astype(object), np.ones((50, 1)), 0) is None


def test_many_levels_keep_their_information_in_the_encoder_and_its_saved_form():
    names, y, own = _many()
    table = Table({"c": names, "x": np.arange(4000.0)})
    t = (y - y.mean())[:, None]
    encoder, rows = Encoder.learn(table, SCHEMA, t)
    at = rows.names.index("c (mean of the level)")
    assert np.corrcoef(rows.numbers[:, at], own)[0, 1] > 0.6  # cross-fitted, from about two rows
    again = encoder.transform(table)
    assert np.corrcoef(again.numbers[:, at], own)[0, 1] > 0.9
    np.testing.assert_array_equal(np.delete(again.numbers, at, 1), np.delete(rows.numbers, at, 1))
    state = encoder.state()
    for record in state["columns"]:
        json.dumps({k: v for k, v in record.items() if not isinstance(v, np.ndarray)})
    back = Encoder.from_state(state).transform(table)
    np.testing.assert_array_equal(back.numbers, again.numbers)
    assert back.names == again.names


def test_few_levels_are_left_to_their_own_effects():
    names, y, _ = _many(600, 100)
    table = Table({"c": names, "x": np.arange(600.0)})
    encoder, rows = Encoder.learn(table, SCHEMA, (y - y.mean())[:, None])
    assert rows.names == ("x",)
    np.testing.assert_array_equal(rows.numbers, encoder.transform(table).numbers)


def test_several_targets_give_several_coordinates():
    names, y, _ = _many()
    t = y - y.mean()
    means, crossed = LevelMeans.fit("c", names, np.column_stack([t, -t]), 0)
    assert means.names() == ["c (mean of the level) 1", "c (mean of the level) 2"]
    np.testing.assert_allclose(crossed[:, 0], -crossed[:, 1], rtol=1e-9)


def test_trees_are_trained_on_the_cross_fitted_means():
    """On noise, trees that saw their own targets in the means would explain it and fail on new rows."""
    names, y, own = _many()
    problem = Problem(Table({"c": names, "x": np.arange(4000.0)}), SCHEMA, Target("y", "gaussian"), y)
    problem.notes["encoded"] = Encoder.learn(problem.table, SCHEMA, problem.working_targets())
    found = TreesCandidate().fit(problem).predictor.eta(problem.table)[:, 0]
    assert np.mean((found - own) ** 2) < 0.35  # half the spread of a level's mean of two rows and a half
