"""Counting neighbours, and what the unit of measurement may change."""

import math

import numpy as np
import pytest

from fivefold.probability import (
    continuous_entropy,
    continuous_mutual_information,
)
from fivefold.probability.information.neighbours import count_within


def pair(rho, n, seed=0):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, rho * x + math.sqrt(1 - rho * rho) * noise


def test_invariant_to_the_unit():
    x, y = pair(0.6, 300)
    plain = continuous_mutual_information(x, y)
    moved = continuous_mutual_information(1e6 * x + 7, -0.01 * y)
    assert moved.value == pytest.approx(plain.value, abs=1e-9)
    gain = continuous_entropy(10 * x + 5).value - continuous_entropy(x).value
    assert gain == pytest.approx(math.log(10), abs=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_counts_are_strict_at_the_radius(offset):
    """A radius that is the distance to a neighbour leaves that neighbour out, whatever sums round to."""
    x = offset + np.random.default_rng(0).normal(size=400)
    distances = np.abs(x[:, None] - x[None])
    for rank in (1, 5, 40):
        radius = np.sort(distances, axis=1)[:, rank]
        assert (count_within(x[:, None], radius) == rank - 1).all()
        assert (count_within(np.column_stack([x, 0 * x]), radius) == rank - 1).all()
