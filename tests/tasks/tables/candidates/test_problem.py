"""Training rows as candidates get them."""

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


def _problem(family="gaussian", y=None, offset=None):
    generator = np.random.default_rng(0)
    table = Table({"x": generator.normal(size=30), "c": np.array(["a", "b", "a"] * 10, dtype=object)})
    schema = Schema((ColumnType("x", Kind.NUMBER, ""), ColumnType("c", Kind.CATEGORY, "")))
    classes = {"bernoulli": ("n", "y"), "categorical": ("p", "q", "r")}.get(family, ())
    y = generator.normal(3, 2, 30) if y is None else y
    return Problem(table, schema, Target("y", family, classes), y, np.linspace(0.5, 1.5, 30), offset, 5)


def test_the_encoding_is_learned_once_and_shared():
    problem = _problem()
    assert problem.encoded()[0] is problem.encoded()[0]
    assert problem.encoded()[1].rows == problem.rows == 30


def test_some_rows_are_a_problem_that_learns_its_own_encoding():
    problem = _problem(offset=np.arange(30.0))
    problem.encoded()
    rows = np.array([4, 1, 7, 9, 11])
    part = problem.take(rows, 8)
    assert (part.rows, part.seed) == (5, 8)
    for name in ("y", "weights", "offset"):
        np.testing.assert_array_equal(getattr(part, name), getattr(problem, name)[rows])
    np.testing.assert_allclose(part.encoded()[1].numbers.mean(0), 0, atol=1e-12)


def test_a_column_can_be_done_without():
    problem = _problem().without("c")
    assert problem.table.names == ("x",)
    assert problem.encoded()[1].levels == {}


def _logit(share):
    return np.log(share / (1 - share))[:, None]


@pytest.mark.parametrize(
    ("family", "y", "expected"),
    [
        ("gaussian", np.arange(30.0), np.arange(30.0)[:, None]),
        ("bernoulli", np.arange(30.0) % 2, (np.arange(30.0) % 2)[:, None]),
        ("categorical", np.arange(30.0) % 3, np.eye(3)[np.arange(30) % 3]),
        ("poisson", np.arange(30.0), np.log(np.arange(30.0) + 0.5)[:, None]),
        ("gamma", np.arange(1.0, 31.0), np.log(np.arange(1.0, 31.0))[:, None]),
        # 12 of the lowest level, 12, and 6: the middles of their ranks are 0.2, 0.6 and 0.9
        ("ordinal", np.tile([0.0, 0.0, 1.0, 1.0, 2.0], 6), _logit(np.tile([0.2, 0.2, 0.6, 0.6, 0.9], 6))),
    ],
)
def test_working_targets_are_standardised(family, y, expected):
    working = _problem(family, y).working_targets()
    np.testing.assert_allclose(working, (expected - expected.mean(0)) / expected.std(0), rtol=1e-12)


def test_the_working_target_of_a_count_is_a_rate():
    y = np.arange(30.0)
    exposure = np.linspace(1, 4, 30)
    rate = np.log((y + 0.5) / exposure)
    working = _problem("poisson", y, np.log(exposure)).working_targets()[:, 0]
    np.testing.assert_allclose(working, (rate - rate.mean()) / rate.std())
    assert (_problem("gaussian", np.ones(30)).working_targets() == 0).all()
