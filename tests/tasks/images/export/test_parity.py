"""Parity: the largest difference of log-probabilities, and who agrees."""

import math

import numpy as np
import pytest

from fivefold.core import ArgumentError, NumericalError
from fivefold.tasks.images.export.parity import LEAST, measure_parity


def test_by_hand():
    p = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    q = np.array([[0.5, 0.5], [0.4, 0.6], [0.2, 0.8]])
    found = measure_parity(p, q)
    assert found.pictures == 3
    assert found.agreement == pytest.approx(2 / 3)
    assert found.difference == pytest.approx(math.log(0.6 / 0.1))
    assert found.to_record()["difference"] == found.difference


def test_a_tie_that_rounding_turns_is_no_disagreement():
    p, q = np.array([[0.5 + 1e-8, 0.5 - 1e-8]]), np.array([[0.5 - 1e-8, 0.5 + 1e-8]])
    assert measure_parity(p, q).agreement == 1.0
    assert measure_parity(np.array([[0.6, 0.4]]), q).agreement == 0.0


def test_nothing_is_compared_below_the_least_probability():
    found = measure_parity(np.array([[1.0, 0.0]]), np.array([[1.0, LEAST / 2]]))
    assert found.difference == 0.0


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (np.ones((1, 2)) / 2, np.ones((2, 2)) / 2),
        (np.ones((0, 2)), np.ones((0, 2))),
        (np.array([[np.nan, 1.0]]), np.array([[0.5, 0.5]])),
        (np.array([[0.5, 0.5]]), np.array([[-0.5, 1.5]])),
    ],
)
def test_what_are_no_probabilities(p, q):
    with pytest.raises(ArgumentError):
        measure_parity(p, q)


def test_numbers_that_are_none_are_an_error_of_numbers():
    with pytest.raises(NumericalError, match="NaN or infinity"):
        measure_parity(np.array([[0.5, 0.5]]), np.array([[np.nan, 0.5]]))
