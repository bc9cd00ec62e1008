"""Least expected cost of actions."""

import math

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.probability import least_cost


def test_threshold_of_two_classes():
    """Class 1 from C01 / (C01 + C10) on: 1 / 11 for a miss ten times as dear as an alarm."""
    p = np.linspace(0, 1, 1001)
    decision = least_cost(np.column_stack([1 - p, p]), [[0.0, 1.0], [10.0, 0.0]])
    assert p[decision.action == 1].min() == pytest.approx(1 / 11, abs=1e-3)
    np.testing.assert_allclose(decision.expected_cost, np.minimum(1 - p, 10 * p), atol=1e-12)


def test_equal_costs_name_the_most_probable_class():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    decision = least_cost(p, 1 - np.eye(4))
    assert (decision.action == p.argmax(1)).all()
    top = np.sort(p, axis=1)
    np.testing.assert_allclose(decision.regret, top[:, -1] - top[:, -2], atol=1e-12)


def test_an_action_may_be_to_ask_a_person():
    decision = least_cost([[0.5, 0.5], [0.99, 0.01]], [[0.0, 1.0, 0.2], [1.0, 0.0, 0.2]])
    assert decision.action.tolist() == [2, 0]
    assert math.isinf(least_cost([[0.5, 0.5]], [[1.0], [2.0]]).regret[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: least_cost([0.5, 0.5], np.eye(2)), ArgumentError, r"probabilities \[n, K\]"),
        (lambda: least_cost([[0.5, 0.5]], [1.0, 2.0]), ArgumentError, r"a cost matrix \[K, A\]"),
        (lambda: least_cost([[0.5, 0.5]], np.eye(3)), ArgumentError, "2 rows, one per class"),
        (lambda: least_cost([[1.5, -0.5]], np.eye(2)), DataError, "probabilities of at least 0"),
        (lambda: least_cost([[0.5, 0.4]], np.eye(2)), DataError, "0.9 in row 0"),
        (lambda: least_cost([[np.nan, 0.4]], np.eye(2)), DataError, "1 NaN or infinite"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
