"""The arithmetic of one update."""

import math

import pytest

from fivefold.diagnosis.observation.step import MULTIPLES, Line, ParameterStep, Step


def test_curvature_and_best_multiple_of_a_quadratic() -> None:
    # L(a) = 1 - 2 a + 3 a^2: slope -2, d.H d = 6, least at 1/3.
    line = Line(-2.0, (0.0, 1.0), (1.0, 2.0))
    assert line.curvature == pytest.approx(6.0)
    assert line.best_multiple == pytest.approx(1 / 3)
    assert Line(-2.0, (0.0, 1.0), (1.0, -1.5)).best_multiple == math.inf
    assert math.isnan(Line(-2.0, (0.0,), (1.0,)).best_multiple)


def test_a_line_is_cut_where_the_loss_still_fell_before_the_last_multiple() -> None:
    assert Line(-1.0, (0.0, 1.0), (1.0, 0.9)).cut
    assert not Line(-1.0, (0.0, 1.0), (1.0, 1.1)).cut  # it ended by itself
    assert not Line(-1.0, MULTIPLES, (1.0, 0.9, 0.8, 0.7, 0.6)).cut
    assert not Line(-1.0, (0.0, 1.0), (1.0, math.nan)).cut


def test_gradient_of_a_step() -> None:
    parts = [ParameterStep("a", 1.0, 3.0, 0.1, 4), ParameterStep("b", 1.0, 4.0, 0.1, 4)]
    assert Step(0, parameters=parts).gradient == 5.0
    assert math.isnan(Step(0).gradient)
    assert not ParameterStep("a", math.inf, None, 0.0, 1).finite
