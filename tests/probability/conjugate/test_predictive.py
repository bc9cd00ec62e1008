"""Quantiles and draws of a predictive distribution."""

import numpy as np
import pytest

from fivefold.probability import (
    NormalNormal,
)


def test_univariate_samples_and_prints():
    predictive = NormalNormal(0.0, 3.0, 4.0).predictive()
    assert repr(predictive) == "Normal(0, 5)"
    draws = predictive.sample(10_000, np.random.default_rng(0))
    assert draws.std() == pytest.approx(5.0, rel=0.03)
    assert predictive.quantile(0.5) == pytest.approx(0.0, abs=1e-12)
