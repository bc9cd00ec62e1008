import math

import pytest
from scipy import stats

from fivefold.core import ArgumentError, Kind, Status
from fivefold.linalg import Estimate
from fivefold.linalg.stochastic_estimate import Goal, covering, exact, reserve, stopped, t_quantile


def test_quantiles_and_intervals():
    assert t_quantile(0.975, 9) == pytest.approx(stats.t.ppf(0.975, 9), rel=1e-12)
    assert t_quantile(0.9, math.inf) == pytest.approx(stats.norm.ppf(0.9), rel=1e-12)
    low, high = Estimate(5.0, 2.0, degrees=4, bias=0.5).interval(0.9)
    half = 2 * stats.t.ppf(0.95, 4) + 0.5
    assert (low, high) == pytest.approx((5 - half, 5 + half), rel=1e-12)
    with pytest.raises(ArgumentError, match="level"):
        Estimate(5.0, 2.0, degrees=4).interval(1.5)


def test_goals_say_whether_they_are_reached():
    goal = Goal(0.1, 0.0, 10, offset=100.0)
    assert goal.target(-90.0) == pytest.approx(1.0)
    assert goal.certificate(-90.0, 0.9, Kind.STATISTICAL).holds
    assert goal.certificate(-90.0, 1.1, Kind.STATISTICAL).holds is False
    assert "budget" in stopped(Status.OUT_OF_BUDGET)
    for bad in ((-0.1, 0.0, 10), (0.1, math.inf, 10), (0.1, 0.0, 3)):
        with pytest.raises(ArgumentError, match="expected"):
            Goal(*bad)
    with pytest.raises(ArgumentError, match="at least 4"):
        reserve(3, 10, 10)
    assert reserve(10, 10, 10) == (0, True)


def test_few_probes_are_not_certified():
    assert covering(1.0, 0.1, 3, 0.0, "").holds is None
    assert covering(1.0, 0.1, 9, 0.0, "").holds
    assert exact(1.0, "known").certificates[0].kind is Kind.PROOF
