"""Intervals from disjoint parts cover."""

import math

import numpy as np
import pytest

from fivefold.probability import (
    continuous_divergence,
    continuous_entropy,
    continuous_mutual_information,
)

NORMAL = 0.5 * math.log(2 * math.pi * math.e)


def pair(rho, n, seed=0):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, rho * x + math.sqrt(1 - rho * rho) * noise


CASES = {
    **{
        f"information, correlation {rho}": (
            lambda g, rho=rho: continuous_mutual_information(*pair(rho, 600, g)),
            -0.5 * math.log(1 - rho * rho),
        )
        for rho in (0.0, 0.3, 0.6, 0.9)
    },
    "entropy, 1 column": (lambda g: continuous_entropy(3 * pair(0, 600, g)[0]), NORMAL + math.log(3)),
    "entropy, 2 columns": (
        lambda g: continuous_entropy(np.column_stack(pair(0.9, 600, g))),
        2 * NORMAL + 0.5 * math.log(1 - 0.81),
    ),
    "divergence, shifted": (lambda g: continuous_divergence(pair(0, 600, g)[0], pair(0, 600, g)[1] + 1), 0.5),
    "divergence, wider": (
        lambda g: continuous_divergence(pair(0, 600, g)[0], 2 * pair(0, 600, g)[1]),
        math.log(2) + 1 / 8 - 0.5,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_intervals_cover_on_gaussians(case):
    """95% intervals of 60 samples: at least 0.95 less 3 standard errors of that rate, 0.866."""
    make, truth = CASES[case]
    inside, values = 0, []
    for seed in range(60):
        estimate = make(seed)
        low, high = estimate.interval()
        inside += low <= truth <= high
        values.append(estimate.value)
    assert inside / 60 >= 0.866
    assert np.mean(values) == pytest.approx(truth, abs=0.045)
