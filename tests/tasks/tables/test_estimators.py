"""The estimators against scikit-learn's own checks, data frames, and what the checks do not ask."""

import itertools
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_methods_subset_invariance,
    check_pipeline_consistency,
    parametrize_with_checks,
)

from fivefold.core import Budget, Clock
from fivefold.tasks.tables import estimators
from fivefold.tasks.tables.estimators import Classifier, Regressor
from fivefold.tasks.tables.model import load

_WEIGHTS = (
    "a row given twice is two rows: folds, the number of rows that decides which methods are tried, and the "
    "encoders' scales change with it, a weight changes none of them"
)
EXPECTED_FAILURES = {
    "Regressor": {"check_sample_weight_equivalence_on_dense_data": _WEIGHTS},
    "Classifier": {
        "check_sample_weight_equivalence_on_dense_data": _WEIGHTS,
    },
}


@pytest.fixture(autouse=True)
def _clock_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of a second passes with every look at the clock: no race depends on the machine."""

    def counting(limits: Budget) -> Clock:
        return Clock(limits, now=itertools.count(0.0, 0.05).__next__)

    monkeypatch.setattr(estimators, "Clock", counting)


@parametrize_with_checks(
    [Regressor(budget="1s"), Classifier(budget="1s")],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES[type(estimator).__name__],
    xfail_strict=True,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("check", "estimator"),
    [
        (check_methods_subset_invariance, Regressor(budget=None)),
        (check_pipeline_consistency, Regressor(budget=None)),
        (check_pipeline_consistency, Classifier(budget=None)),
    ],
    ids=["subset-Regressor", "pipeline-Regressor", "pipeline-Classifier"],
)
def test_checks_of_deterministic_estimators(check, estimator):
    """scikit-learn leaves these out for the tag ``non_deterministic``, which a budget in seconds sets."""
    check(type(estimator).__name__, estimator)


def test_seconds_make_an_estimator_non_deterministic():
    assert Regressor(budget="60s").__sklearn_tags__().non_deterministic
    assert not Regressor(budget=None).__sklearn_tags__().non_deterministic


@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_predictions_do_not_depend_on_the_rows_beside(kind):
    # scikit-learn's check asks for 1e-7; the design is float32, whose sums differ by 6e-8 times their terms.
    X, y = _line(60)
    fitted = kind(budget="1s").fit(X, y if kind is Regressor else y > 0)
    predict = fitted.predict if kind is Regressor else fitted.predict_proba
    ahead = predict(X)
    np.testing.assert_allclose(predict(X[::-1])[::-1], ahead, atol=2e-6)
    np.testing.assert_allclose(np.concatenate([predict(row[None]) for row in X]), ahead, atol=2e-6)


def _line(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, 3 * X[:, 0] - X[:, 1] + 0.5 * rng.normal(size=n)


def _mixed(n: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame of every kind of column, each with a gap, and a target that is made of them."""
    rng = np.random.default_rng(1)
    city, day = rng.choice(["Oslo", "Rome", "Lima"], n), rng.integers(0, 300, n)
    size, flag, rooms = rng.normal(size=n), rng.random(n) > 0.5, rng.integers(0, 50, n)
    y = 5.0 * (city == "Oslo") + 2 * size + 3.0 * flag + 0.02 * day + 0.3 * rng.normal(size=n)
    X = pd.DataFrame(
        {
            "city": pd.Categorical(city),
            "note": rng.choice(["a", "b"], n),
            "size": size,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"),
            "flag": pd.array(flag, dtype="boolean"),
            "rooms": pd.array(rooms, dtype="Int64"),
            "empty": np.nan,
            "always": 1,
        }
    )
    for row, name in enumerate(["city", "note", "size", "day", "flag", "rooms"]):
        X.loc[row, name] = None
    return X, y


@pytest.fixture(scope="module")
def mixed() -> tuple[pd.DataFrame, np.ndarray, Regressor]:
    X, y = _mixed()
    return X, y, Regressor(budget="1s").fit(X, y)


class Duck:
    """A data frame of no known library: names, columns by name, a shape."""

    def __init__(self, columns: dict[str, object]) -> None:
        self.columns, self._held = list(columns), columns
        self.shape = (len(next(iter(columns.values()))), len(columns))

    def __getitem__(self, name: str) -> object:
        return self._held[name]

    def __len__(self) -> int:
        return self.shape[0]


def test_frame_keeps_the_kinds_of_its_columns(mixed):
    X, y, fitted = mixed
    assert fitted.score(X, y) > 0.95  # the noise is a hundredth of the variance
    kinds = {c.name: str(c.kind) for c in fitted.model_.schema.used}
    assert kinds == {
        "city": "category",
        "note": "category",
        "size": "number",
        "day": "date",
        "flag": "boolean",
        "rooms": "number",
    }
    assert fitted.feature_names_in_.tolist() == list(X.columns)
    assert fitted.n_features_in_ == 8


def test_frame_with_levels_that_training_has_not_seen(mixed):
    X, _, fitted = mixed
    other = X.assign(city="Kyiv")
    assert np.isfinite(fitted.predict(other)).all()


def test_frame_of_any_library(mixed):
    X, _, fitted = mixed
    duck = Duck({name: X[name].tolist() for name in X.columns})
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = fitted.predict(duck)
    np.testing.assert_array_equal(found, fitted.predict(X))


def test_columns_in_another_order_are_refused(mixed):
    X, _, fitted = mixed
    with pytest.raises(ValueError, match="same order"):
        fitted.predict(X[X.columns[::-1]])


def test_number_of_columns_is_checked(mixed):
    X, _, fitted = mixed
    duck = Duck({"city": X["city"].tolist()})
    with (
        pytest.raises(ValueError, match="X has 1 features, but Regressor is expecting 8"),
        pytest.warns(UserWarning, match="feature names"),
    ):
        fitted.predict(duck)


def test_array_and_frame_are_matched_by_position():
    X, y = _line(40)
    frame = pd.DataFrame(X, columns=["a", "b"])
    by_array, by_frame = (Regressor(budget="1s").fit(rows, y) for rows in (X, frame))
    with pytest.warns(UserWarning, match="X has feature names"):
        np.testing.assert_array_equal(by_array.predict(frame), by_array.predict(X))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        np.testing.assert_array_equal(by_frame.predict(X), by_frame.predict(frame))


def test_column_named_as_the_target_is_a_feature():
    X, y = _line(40)
    fitted = Regressor(budget="1s").fit(pd.DataFrame({"target": y, "other": X[:, 0]}), y)
    assert fitted.score(pd.DataFrame({"target": y, "other": X[:, 0]}), y) > 0.99


def test_array_holds_numbers_whatever_they_look_like():
    # in a frame the first would be a row number, and under a name for dates the second a date
    rows = np.arange(40.0)
    X = np.column_stack([rows, 20200101 + rows % 28, np.full(40, np.nan), np.ones(40)])
    fitted = Regressor(budget="1s").fit(X, 2 * rows)
    assert fitted.score(X, 2 * rows) > 0.99
    assert [str(c.kind) for c in fitted.model_.schema.columns] == ["number"] * 4
    assert [c.used for c in fitted.model_.schema.columns] == [True, True, False, False]


def test_missing_numbers_of_an_array():
    X, y = _line(60)
    X[::7, 0] = np.nan
    fitted = Regressor(budget="1s").fit(X, y)
    assert np.isfinite(fitted.predict(np.full((1, 2), np.nan))).all()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([9, 10, 100]),  # as texts in another order
        np.array(["b", "a", "c"]),
        np.array(["b", "a", "c"], dtype=object),
        np.array([True, False]),
        np.array([-1.0, 0.0, 1.0]),
    ],
    ids=["int", "str", "object", "bool", "float"],
)
def test_labels_of_any_type(labels):
    rng = np.random.default_rng(0)
    codes = np.arange(60) % len(labels)
    X, y = codes[:, None] + 0.1 * rng.normal(size=(60, 1)), labels[codes]
    fitted = Classifier(budget="1s").fit(X, y)
    np.testing.assert_array_equal(fitted.classes_, np.sort(labels))
    np.testing.assert_array_equal(fitted.predict(X), y)
    assert fitted.predict(X).dtype == labels.dtype
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(1)], y)
    sets = fitted.predict_set(X, level=0.8)
    assert sets.shape == probabilities.shape
    assert sets[np.arange(60), np.searchsorted(fitted.classes_, y)].mean() > 0.8
    assert set(fitted.model_.classes) == {str(label) for label in labels}


@pytest.mark.parametrize("series", ["category", "str", "Int64", "boolean"])
def test_labels_of_a_series(series):
    X, y = _line(40)
    labels = pd.Series(np.where(y > 0, "1", "0")).astype("int" if series in {"Int64", "boolean"} else "str")
    fitted = Classifier(budget="1s").fit(X, labels.astype(series))
    assert fitted.classes_.astype(float).tolist() == [0.0, 1.0]


def test_intervals_and_sets_cover_new_rows():
    # 400 new rows: three standard errors are 0.06 for the level, the calibration on 200 rows adds 0.03
    X, y = _line(200)
    new, truth = _line(400, seed=1)
    low, high = Regressor(budget="1s").fit(X, y).predict_interval(new, level=0.8)
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.8, abs=0.09)
    noisy = Classifier(budget="1s").fit(X, y > 1)
    sets = noisy.predict_set(new, level=0.8)
    assert sets[np.arange(400), (truth > 1).astype(int)].mean() > 0.8 - 0.09
    assert (noisy.predict_set(new, level=0.95) >= sets).all()


@pytest.mark.parametrize("level", [0.0, 1.0, -1, 90])
def test_level_outside_its_range(level):
    X, y = _line(20)
    with pytest.raises(ValueError, match="level between 0 and 1"):
        Regressor(budget="1s").fit(X, y).predict_interval(X, level)
    with pytest.raises(ValueError, match="level between 0 and 1"):
        Classifier(budget="1s").fit(X, y > 0).predict_set(X, level)


@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_weight_of_zero_leaves_a_row_out(kind):
    X, y = _line(60)
    y = y if kind is Regressor else y > 0
    weights = np.ones(60)
    weights[:20] = 0
    y[:20] = 0  # wrong on purpose
    weighted, without = (
        kind(budget="1s").fit(X, y, sample_weight=weights),
        kind(budget="1s").fit(X[20:], y[20:]),
    )
    np.testing.assert_allclose(weighted._predict(X).mean, without._predict(X).mean, rtol=1e-9)


@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_weights_count_by_their_ratios(kind):
    X, y = _line(60)
    weights = np.random.default_rng(0).uniform(0.5, 2, 60)
    target = y if kind is Regressor else y > 0
    once, sevenfold = (kind(budget="1s").fit(X, target, sample_weight=w) for w in (weights, 7 * weights))
    method = "predict" if kind is Regressor else "predict_proba"
    np.testing.assert_allclose(getattr(once, method)(X), getattr(sevenfold, method)(X), rtol=1e-6, atol=1e-12)


def test_heavy_rows_decide():
    # slope 1 in one half of the rows, 3 in the other: 2 without weights, 1.002 with a thousand to one
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 1))
    first = np.arange(80) < 40
    y = np.where(first, 1.0, 3.0) * X[:, 0] + 0.05 * rng.normal(size=80)
    heavy = Regressor(budget="1s").fit(X, y, sample_weight=np.where(first, 1000.0, 1.0))
    even = Regressor(budget="1s").fit(X, y)
    assert heavy.predict([[1.0]])[0] == pytest.approx(1.0, abs=0.15)
    assert even.predict([[1.0]])[0] == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(19), r"shape \(20,\)"),
        (np.ones((20, 1)), r"shape \(20,\)"),
        (np.full(20, -1.0), "at least zero"),
        (np.full(20, np.nan), "at least zero"),
        (np.zeros(20), "above zero; got zero"),
    ],
)
def test_weights_that_are_none(weights, message):
    X, y = _line(20)
    with pytest.raises(ValueError, match=message):
        Regressor(budget="1s").fit(X, y, sample_weight=weights)


def test_random_state():
    X, y = _line(20)

    def seed(state):
        return Regressor(budget="1s", random_state=state).fit(X, y).plan_["seed"]

    assert seed(7) == seed(np.int64(7)) == 7
    assert seed(np.random.RandomState(7)) == seed(np.random.RandomState(7)) != 7
    drawn = seed(None)
    assert drawn != seed(None)
    np.random.seed(0)
    assert seed(None) == drawn  # the fixture of all tests has seeded with 0, too
    with pytest.raises(ValueError, match="cannot be used to seed"):
        seed("seven")


def test_same_rows_and_seed_give_the_same_bits():
    X, y = _line(40)
    first, second = (Regressor(budget="1s", random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert first.plan_ == second.plan_


def test_inside_scikit_learn():
    X, y = _line(60)
    pipeline = make_pipeline(StandardScaler(), Regressor(budget="1s"))
    folds = KFold(2, shuffle=True, random_state=0)
    assert cross_val_score(pipeline, X, y, cv=folds).min() > 0.9
    search = GridSearchCV(Classifier(budget="1s"), {"allow_trees": [False, True]}, cv=2, error_score="raise")
    assert search.fit(X, np.where(y > 0, "up", "down")).best_score_ > 0.8
    copy = clone(search.best_estimator_)
    assert copy.get_params() == search.best_estimator_.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)


@pytest.mark.parametrize("allow_trees", [False, True])
def test_model_is_pickled_and_saved(tmp_path, allow_trees):
    X, y = _line(100)
    fitted = Regressor(budget="1s", allow_trees=allow_trees).fit(X, np.sin(2 * y) + y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(again.predict_interval(X), fitted.predict_interval(X))
    fitted.model_.save(tmp_path / "model")
    saved = load(tmp_path / "model")
    np.testing.assert_allclose(saved.predict(X), fitted.predict(X), rtol=1e-12)
    assert saved.plan == json.loads(json.dumps(fitted.plan_))


def test_not_fitted():
    X, _ = _line(5)
    for method in (Regressor().predict, Regressor().predict_interval):
        with pytest.raises(NotFittedError):
            method(X)
    for method in (Classifier().predict, Classifier().predict_proba, Classifier().predict_set):
        with pytest.raises(NotFittedError):
            method(X)


@pytest.mark.parametrize("kind", [Regressor, Classifier])
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (np.array([1.0, np.nan] * 10), "Input y contains NaN: 10 missing"),
        (np.array([1.0, np.inf] * 10), "Input y contains infinity"),
        (np.array([1, None] * 10, dtype=object), "Input y contains NaN: 10 missing"),
        (pd.Series([1, pd.NA] * 10, dtype="Int64"), "Input y contains NaN: 10 missing"),
        (pd.Series(["a", None] * 10), "Input y contains NaN: 10 missing"),
        (np.ones((20, 2)), "should be a 1d array"),
        (np.arange(19) % 2, "inconsistent numbers of samples"),
        (np.ones(20, dtype=int), "(at least two classes; got the one class 1)|(varies; got the one value 1)"),
    ],
)
def test_targets_that_are_none(kind, y, message):
    with pytest.raises(ValueError, match=message):
        kind(budget="1s").fit(_line(20)[0], y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array(["a", "b"] * 10), "expected numbers in y; got an array of <U1; a Classifier takes labels"),
        (np.array(["a", "b"] * 10, dtype=object), "could not convert string to float: 'a'; a Classifier"),
        (np.array([1.0, float("inf")] * 10, dtype=object), "Input y contains infinity"),
        (np.array(["2020-01-01", "2021-01-01"] * 10, dtype="datetime64[D]"), "an array of datetime64"),
    ],
)
def test_numbers_that_are_none(y, message):
    with pytest.raises(ValueError, match=message):
        Regressor(budget="1s").fit(_line(20)[0], y)


@pytest.mark.parametrize("others", [["common", "usual"], ["common"]])
def test_a_class_of_one_row_is_learned_with_a_small_probability(others):
    X, _ = _line(41)
    y = np.array(["rare", *np.array(others)[np.arange(40) % len(others)]])
    fitted = Classifier(budget="1s").fit(X, y)
    rare = fitted.predict_proba(X)[:, fitted.classes_.tolist().index("rare")]
    assert rare.min() > 0
    assert rare.mean() < 0.1  # its share is 1 / 41
    assert fitted.predict_set(X, level=0.9).shape == (41, len(others) + 1)


def test_column_vector_as_target_warns():
    X, y = _line(20)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        Regressor(budget="1s").fit(X, y[:, None])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((20, 1)), "at least one column to predict from; got none of use"),
        (pd.DataFrame({"empty": [None] * 20}), "at least one column to predict from; got none of use"),
        (pd.DataFrame({"x": [1.0]}), "n_samples = 1"),
        (np.array([["a"]] * 20), "could not convert string to float"),
        (np.full((20, 1), np.inf), "infinity"),
        (pd.DataFrame({"x": [np.inf, *range(19)]}), "infinit"),
    ],
)
def test_rows_that_are_none(X, message):
    with pytest.raises(ValueError, match=message):
        Regressor(budget="1s").fit(X, np.arange(float(len(X))))


def test_budget_that_is_none():
    with pytest.raises(ValueError, match="a duration such as 60s"):
        Regressor(budget="soon").fit(*_line(20))
