"""The error on whole groups: which column, which rows, and that nothing of them was seen."""

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.choose import Entry
from fivefold.tasks.tables.groups import group_error, place_column
from fivefold.tasks.tables.prepare import prepare


def _prepared(n=600, levels=20, strength=2.0, seed=0):
    generator = np.random.default_rng(seed)
    code = np.arange(n) % levels
    effect = strength * generator.normal(size=levels)
    x = generator.normal(size=n)
    data = {
        "x": x,
        "place": np.array([f"p{c:02d}" for c in code], dtype=object),
        "other": np.array([f"o{c:02d}" for c in generator.integers(0, 15, n)], dtype=object),
        "few": np.array([f"f{c}" for c in code % 3], dtype=object),
        "y": x + effect[code] + 0.3 * generator.normal(size=n),
    }
    prepared = prepare(data, "y", types={"place": "category", "other": "category", "few": "category"})
    from fivefold.tasks.tables.target import Target

    return prepared, Problem(
        prepared.typed, prepared.schema, Target("y", "gaussian"), prepared.target, seed=1
    )


def _entries(*methods, n=600):
    return {m.name: Entry(m, np.zeros(n), np.zeros(n), np.zeros((n, 1))) for m in methods}


def test_the_column_that_tells_most_and_has_enough_levels():
    assert place_column(_prepared()[1]) == "place"
    assert place_column(_prepared(strength=0.0)[1]) in {None, "place", "other"}
    assert place_column(_prepared(levels=200, n=600)[1]) != "place"  # three rows a level are too few


def test_the_share_of_variance_between_levels_is_corrected_for_their_number():
    """By the adjusted R squared of the means, computed here by loops; a category of noise has none."""
    prepared, problem = _prepared(strength=0.15)
    shares = {}
    for name in ("place", "other"):
        values, y = prepared.typed.column(name), prepared.target
        means = {v: y[values == v].mean() for v in set(values)}
        rest = sum((y[i] - means[values[i]]) ** 2 for i in range(len(y)))
        count = len(means)
        shares[name] = 1 - rest / ((y - y.mean()) ** 2).sum() * (len(y) - 1) / (len(y) - count - 1)
    best = max(shares, key=lambda k: shares[k])
    assert place_column(problem) == (best if shares[best] > 0 else None)


class _Spy:
    """Remembers which levels it was trained on."""

    name = "spy"
    least_rows = 1
    description = ""

    def __init__(self):
        self.seen = []

    def cost(self, rows, columns, outputs):
        return 1.0

    def fit(self, problem):
        self.seen.append(set(problem.table.column("place")) if "place" in problem.table.names else None)
        return Fitted(Constant().fit(problem).predictor, Constant().fit(problem).status)


def test_a_fifth_of_the_levels_is_left_out_whole():
    prepared, problem = _prepared()
    spy = _Spy()
    found = group_error(prepared, problem, spy, _entries(spy, Constant()), seed=3)
    assert (found.column, found.levels) == ("place", (4, 20))
    out = set(prepared.typed.column("place")[found.rows])
    assert len(out) == 4
    assert not out & spy.seen[0]
    assert len(spy.seen[0]) == 16
    every = np.flatnonzero(np.isin(prepared.typed.column("place"), list(out)))
    np.testing.assert_array_equal(found.rows, every)
    assert len(np.unique(found.clusters)) == 4
    assert set(found.eta) == {"spy", "constant"}


def test_the_error_on_new_levels_holds_their_effect():
    """An unseen level's effect (standard deviation 2) is unknown: the error is far above the noise of 0.3."""
    prepared, problem = _prepared()
    ridge = LinearCandidate("plain")
    found = group_error(prepared, problem, ridge, _entries(ridge, TreesCandidate(), Constant()), seed=3)
    residual = prepared.target[found.rows] - found.eta["ridge"][:, 0]
    levels = prepared.typed.column("place")[found.rows]
    effects = [residual[levels == v].mean() for v in np.unique(levels)]
    assert np.sqrt(np.mean(residual**2)) > 1.0
    assert np.sqrt(np.mean(residual**2)) == pytest.approx(
        np.sqrt(np.mean(np.square(effects)) + 0.09), rel=0.1
    )
    assert "boosted trees" in found.eta


def test_no_column_no_error_on_groups():
    prepared, problem = _prepared()
    part = problem.without("place").without("other")
    assert group_error(prepared, part, Constant(), {}, seed=0) is None
