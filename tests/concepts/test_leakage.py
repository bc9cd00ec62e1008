"""Leakage: scikit-learn's pipelines, honest and not, and the accuracy on noise that a leak gives."""

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline

from fivefold.concepts.leakage import chosen, cross_validated, leaked_accuracy, nearest_mean

Y = np.repeat([1.0, -1.0], 20)
FOLDS = np.tile(np.arange(5), 8)


@pytest.mark.parametrize("seed", range(3))
def test_fast_path(seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(40, 300))
    split = PredefinedSplit(FOLDS)
    honest = cross_val_score(make_pipeline(SelectKBest(f_classif, k=10), NearestCentroid()), X, Y, cv=split)
    np.testing.assert_array_equal(chosen(X, Y, 10), np.flatnonzero(SelectKBest(k=10).fit(X, Y).get_support()))
    leaky = cross_val_score(NearestCentroid(), SelectKBest(f_classif, k=10).fit_transform(X, Y), Y, cv=split)
    assert cross_validated(X, Y, 10, FOLDS, leak=False) == pytest.approx(honest.mean(), abs=1e-12)
    assert cross_validated(X, Y, 10, FOLDS, leak=True) == pytest.approx(leaky.mean(), abs=1e-12)
    assert leaky.mean() > honest.mean() + 0.15


@pytest.mark.parametrize(("columns", "k"), [(20, 20), (60, 10), (1000, 10), (1000, 40)])
def test_the_accuracy_on_noise(columns: int, k: int) -> None:
    generator = np.random.default_rng(columns + k)
    leaky, honest = [], []
    for _ in range(120):
        X = generator.normal(size=(40, columns))
        leaky.append(cross_validated(X, Y, k, FOLDS, leak=True))
        honest.append(cross_validated(X, Y, k, FOLDS, leak=False))
    # The formula takes every weight to be of its mean size: it is off by two hundredths at most here.
    error = 4 * np.std(leaky) / np.sqrt(120)
    assert np.mean(leaky) == pytest.approx(leaked_accuracy(40, columns, k, 0.2), abs=0.02 + error)
    # Rows are independent, so that an honest fold is right half the time, exactly.
    assert np.mean(honest) == pytest.approx(0.5, abs=4 * np.std(honest) / np.sqrt(120))


def test_nothing_leaks_where_nothing_was_chosen() -> None:
    assert leaked_accuracy(40, 30, 30, 0.2) == pytest.approx(0.5, abs=1e-12)
    assert leaked_accuracy(40, 10**6, 30, 0.2) > 0.99


def test_the_nearest_mean_is_the_best_rule_for_its_classes() -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(4000, 2)) + np.repeat([1.0, -1.0], 2000)[:, None] * np.array([0.6, 0.8])
    new = generator.normal(size=(500, 2))
    found = nearest_mean(X, np.repeat([1.0, -1.0], 2000), new)
    assert np.mean(found == np.sign(new @ np.array([0.6, 0.8]))) > 0.95
