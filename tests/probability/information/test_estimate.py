"""The interval of an estimate."""

import math

import pytest

from fivefold.probability import (
    InformationEstimate,
)


def test_estimate_intervals():
    estimate = InformationEstimate("divergence", 0.01, 0.02, math.inf, 10, "known", 0.0)
    assert estimate.interval(0.95) == pytest.approx((0.0, 0.01 + 1.959964 * 0.02), rel=1e-6)
    wide = InformationEstimate("entropy", 0.01, 0.02, 4.0, 10, "known")
    assert wide.interval(0.95)[0] == pytest.approx(0.01 - 2.776445 * 0.02, rel=1e-6)
