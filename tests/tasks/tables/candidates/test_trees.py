"""Trees as arrays predict what scikit-learn predicts: gaps, native categories, and all families."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from fivefold.core import NumericalError, child_seed
from fivefold.tasks.tables.candidates import trees
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.predictors import tree_inputs
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


def _table(n, levels=40, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    x[generator.random(n) < 0.2] = np.nan
    c = np.array([f"v{i}" for i in generator.integers(0, levels, n)], dtype=object)
    c[generator.random(n) < 0.1] = None
    return Table({"c": c, "x": x, "z": np.round(generator.normal(size=n), 1)})


SCHEMA = Schema(
    (ColumnType("c", Kind.CATEGORY, ""), ColumnType("x", Kind.NUMBER, ""), ColumnType("z", Kind.NUMBER, ""))
)


def _eta(table):
    x = np.nan_to_num(table.column("x"), nan=2.0)
    code = np.array([0 if v is None else int(v[1:]) for v in table.column("c")])
    return x * table.column("z") + np.sin(code)


def _problem(family, n=500, levels=40, weights=None, offset=None):
    generator = np.random.default_rng(1)
    table = _table(n, levels)
    eta = _eta(table)
    classes = {"bernoulli": ("n", "y"), "categorical": ("p", "q", "r"), "ordinal": ("p", "q", "r")}.get(
        family, ()
    )
    if family == "poisson":
        y = generator.poisson(np.exp(0.5 * eta) * (1 if offset is None else np.exp(offset))).astype(float)
    elif family == "bernoulli":
        y = (eta + generator.normal(size=n) > 0).astype(float)
    elif family == "gamma":
        y = generator.gamma(3.0, np.exp(9 + 0.5 * eta) / 3.0)
    elif family in {"categorical", "ordinal"}:
        y = np.digitize(eta + generator.normal(size=n), [-0.5, 0.5]).astype(float)
    else:
        y = eta + 0.1 * generator.normal(size=n)
    return Problem(table, SCHEMA, Target("y", family, classes), y, weights, offset, 4)


def _scikit(problem, x, native):
    settings = {"categorical_features": native, "random_state": child_seed(problem.seed, "trees") % 2**31}
    if problem.target.classifies:
        return HistGradientBoostingClassifier(**settings).fit(x, problem.y.astype(int), problem.weights)
    if problem.target.family == "poisson":
        rate = problem.y / np.exp(problem.offset)
        return HistGradientBoostingRegressor(loss="poisson", **settings).fit(x, rate, np.exp(problem.offset))
    if problem.target.family == "gamma":
        settings["loss"] = "gamma"
    return HistGradientBoostingRegressor(**settings).fit(x, problem.y, problem.weights)


@pytest.mark.parametrize("family", ["gaussian", "gamma", "bernoulli", "categorical", "ordinal", "poisson"])
def test_the_copy_predicts_as_scikit_learn_on_rows_that_it_has_not_seen(family):
    offset = np.log(np.random.default_rng(2).uniform(0.5, 3, 500)) if family == "poisson" else None
    weights = np.random.default_rng(3).uniform(0.5, 1.5, 500) if family == "gaussian" else None
    problem = _problem(family, weights=weights, offset=offset)
    predictor = TreesCandidate().fit(problem).predictor
    encoder = problem.encoded()[0]
    model = _scikit(problem, tree_inputs(encoder, problem.table), [3])
    new = _table(700, levels=44, seed=9)  # four unseen levels
    x = tree_inputs(encoder, new)
    assert np.isnan(x[:, 0]).any()
    assert np.isnan(x[:, 3]).any()
    mean = problem.target.mean(predictor.eta(new))
    if problem.target.classifies:
        np.testing.assert_allclose(mean, model.predict_proba(x), rtol=1e-6, atol=1e-9)
    else:
        np.testing.assert_allclose(mean, model.predict(x), rtol=1e-6, atol=1e-9)
    assert (predictor.category >= 0).any()


@pytest.mark.parametrize("present", [[0, 2], [1, 2], [0, 1, 3]])
def test_a_class_that_is_absent_gets_a_small_probability_and_the_others_keep_theirs(present):
    problem = _problem("categorical")
    target = Target("y", "categorical", ("p", "q", "r", "s"))
    y = np.array(present, dtype=float)[np.arange(500) % len(present)]
    y[_eta(problem.table) > 0.5] = present[-1]
    part = Problem(problem.table, SCHEMA, target, y, seed=4)
    p = target.mean(TreesCandidate().fit(part).predictor.eta(part.table))
    model = _scikit(part, tree_inputs(part.encoded()[0], part.table), [3])
    own = model.predict_proba(tree_inputs(part.encoded()[0], part.table))
    np.testing.assert_allclose(p[:, present] / p[:, present].sum(1, keepdims=True), own, rtol=1e-6, atol=1e-9)
    absent = np.delete(p, present, axis=1)
    assert absent.min() > 0
    assert absent.max() < 0.02


def test_rows_of_one_class_give_it_to_every_row():
    problem = _problem("bernoulli", n=50)
    found = TreesCandidate().fit(Problem(problem.table, SCHEMA, problem.target, np.ones(50)))
    p = problem.target.mean(found.predictor.eta(problem.table))
    np.testing.assert_allclose(p[:, 1], 50.5 / 51, rtol=1e-12)  # half a row of each class is added


@pytest.mark.parametrize("column", ["x", "c"])
def test_a_column_without_a_value_in_a_part_changes_nothing_there(column):
    """A fold may hold none of the few known values of a column; its trees split on the others."""
    problem = _problem("gaussian", n=300)
    nothing = np.full(300, None if column == "c" else np.nan, dtype=problem.table.column(column).dtype)
    gaps = Table({**problem.table.columns, column: nothing})
    found = TreesCandidate().fit(Problem(gaps, SCHEMA, problem.target, problem.y, seed=4)).predictor
    names = [name for name in problem.table.names if name != column]
    schema = Schema(tuple(c for c in SCHEMA.columns if c.name in names))
    without = TreesCandidate().fit(
        Problem(problem.table.select(names), schema, problem.target, problem.y, seed=4)
    )
    expected = without.predictor.eta(problem.table)
    np.testing.assert_allclose(found.eta(gaps), expected, rtol=1e-12)
    np.testing.assert_allclose(found.eta(problem.table), expected, rtol=1e-12)


def test_all_256_bits_of_a_split_on_a_category_are_read():
    problem = _problem("gaussian", n=3000, levels=250)
    predictor = TreesCandidate().fit(problem).predictor
    assert len(problem.encoded()[0].categories[0].levels) > 224
    x = tree_inputs(problem.encoded()[0], problem.table)
    model = _scikit(problem, x, [3])
    np.testing.assert_allclose(predictor.eta(problem.table)[:, 0], model.predict(x), rtol=1e-6, atol=1e-9)


def test_a_category_of_too_many_levels_enters_as_a_number():
    problem = _problem("gaussian", n=3000, levels=290)
    assert len(problem.encoded()[0].categories[0].levels) > 255
    predictor = TreesCandidate().fit(problem).predictor
    x = tree_inputs(problem.encoded()[0], problem.table)
    model = _scikit(problem, x, None)
    np.testing.assert_allclose(predictor.eta(problem.table)[:, 0], model.predict(x), rtol=1e-6, atol=1e-9)


def test_tables_without_categories_or_without_numbers():
    for names in (["x", "z"], ["c"]):
        problem = _problem("gaussian", n=200)
        part = Problem(problem.table.select(names), SCHEMA, problem.target, problem.y, seed=4)
        assert np.isfinite(TreesCandidate().fit(part).predictor.eta(part.table)).all()


def test_a_copy_that_predicts_otherwise_is_never_returned(monkeypatch):
    """Planted error: the children of every split change places."""
    right = trees._nodes

    def wrong(*args):
        predictor = right(*args)
        predictor.left[:], predictor.right[:] = predictor.right.copy(), predictor.left.copy()
        return predictor

    monkeypatch.setattr(trees, "_nodes", wrong)
    with pytest.raises(NumericalError, match="to predict as scikit-learn"):
        TreesCandidate().fit(_problem("gaussian", n=200))


def test_arrays_hold_finite_numbers_alone():
    predictor = TreesCandidate().fit(_problem("gaussian", n=200)).predictor
    for value in predictor.state().values():
        if isinstance(value, np.ndarray):
            assert np.isfinite(value).all()


def test_its_cost_grows_with_rows_and_classes():
    method = TreesCandidate()
    assert method.cost(200, 5, 1) == 2 * method.cost(100, 5, 1)  # more leaves
    assert method.cost(9000, 5, 1) - method.cost(8000, 5, 1) == 1000 * 5 * 3e4  # as many leaves, more rows
    assert method.cost(200, 5, 3) == 3 * method.cost(200, 5, 1)
