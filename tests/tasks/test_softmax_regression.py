"""Logistic regression is scikit-learn's at its optimum, however many classes share the rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from fivefold.core import ArgumentError
from fivefold.tasks import softmax_regression
from fivefold.tasks.softmax_regression import fit_softmax


def _rows(classes, n=400):
    generator = np.random.default_rng(0)
    labels = np.arange(n) % classes
    X = generator.normal(size=(n, 6)) + generator.normal(size=(classes, 6))[labels]
    return sparse.csr_array(X * (generator.random(X.shape) < 0.7)), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_the_optimum_is_scikit_learns(classes, monkeypatch):
    monkeypatch.setattr(softmax_regression, "_TOLERANCE", 1e-7)
    X, labels = _rows(classes)
    found = fit_softmax(X, labels, classes, 1e-2)
    own = LogisticRegression(C=1 / (1e-2 * len(labels)), tol=1e-9, max_iter=1000).fit(X, labels)
    weights = found.weights[:, 1:] if classes == 2 else found.weights
    np.testing.assert_allclose(weights, own.coef_.T, atol=1e-5)
    scores = X @ found.weights + found.bias
    np.testing.assert_allclose(scores[:, -1] - scores[:, 0], _gap(own, X), atol=1e-4)
    assert found.converged
    again = fit_softmax(X, labels, classes, 1e-2, start=(found.weights + 3.0, found.bias + 2.0))
    np.testing.assert_allclose(again.weights - again.weights.mean(), weights_of(found), atol=1e-4)


def weights_of(found):
    """Weights whose common part, which changes no probability but for the penalty, is taken away."""
    return found.weights - found.weights.mean()


def _gap(own, X):
    scores = own.decision_function(X)
    return scores if scores.ndim == 1 else scores[:, -1] - scores[:, 0]


def test_many_classes_are_learnt_as_few_are():
    """Of 400 classes each has a feature of its own: all rows are told, though every gradient is small."""
    labels = np.arange(1200) % 400
    X = sparse.csr_array((np.ones(1200), (np.arange(1200), labels)), shape=(1200, 400))
    found = fit_softmax(X, labels, 400, 1e-5)
    assert ((X @ found.weights + found.bias).argmax(1) == labels).all()
    p = np.exp(X @ found.weights + found.bias)
    assert (p[np.arange(1200), labels] / p.sum(1)).min() > 0.9


def test_a_clock_and_a_number_of_steps_end_it():
    X, labels = _rows(3)
    one = fit_softmax(X, labels, 3, 1e-5, stop=lambda: True)
    assert (one.iterations, one.converged) == (1, False)
    few = fit_softmax(X, labels, 3, 1e-5, iterations=2)
    assert (few.iterations, few.converged) == (2, False)


def test_what_cannot_be_fitted_is_refused():
    X, labels = _rows(2)
    for classes, penalty, said in (
        (3, 1e-3, "all 3 classes"),
        (2, 0.0, "positive"),
        (1, 1.0, "at least two"),
    ):
        with pytest.raises(ArgumentError, match=said):
            fit_softmax(X, labels, classes, penalty)
