"""What follows from a look in depth."""

import math

import pytest

from fivefold.diagnosis.observation.deep_step import DeepStep
from fivefold.diagnosis.observation.depth import deep_curves


def test_curvature_along_the_step_and_its_best_multiple() -> None:
    # L(a) = 1 - 2 a + 3 a^2 along a step of length 2: slope -2, d.H d = 6.
    look = DeepStep(4, 8, -2.0, 6.0, 2.0, None, None, 0.1, ())
    assert look.along == 1.5
    assert look.best_multiple == pytest.approx(1 / 3)


def test_steps_of_no_length_and_without_curvature() -> None:
    still = DeepStep(0, 8, 0.0, 0.0, 0.0, None, None, 0.1, ())
    assert math.isnan(still.along)
    assert still.best_multiple == math.inf
    unknown = DeepStep(0, 8, math.nan, math.nan, 1.0, None, None, 0.1, ())
    assert math.isnan(unknown.best_multiple)
    assert deep_curves([unknown])["along"] == []
