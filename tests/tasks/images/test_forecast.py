"""A power law is extrapolated exactly where it is one, and noise is held in bounds."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.forecast import USUAL_SLOPE, forecast_error


def test_errors_of_the_usual_slope_are_continued_exactly():
    def error(seen):
        return 0.8 * seen**-USUAL_SLOPE

    found = forecast_error((1e3, 4e3), (error(1e3), error(4e3)), 1e5)
    assert found.error == pytest.approx(error(1e5), rel=1e-12)
    assert found.low < found.error < found.high


def test_a_steeper_fall_lowers_the_forecast_and_is_held():
    flat, steep, wild = (forecast_error((1e3, 3e3), (e, 0.1), 1e4).error for e in (0.1, 0.13, 0.9))
    assert flat > steep > wild
    assert wild == pytest.approx(0.1 * (1e4 / 3e3) ** -(0.5 * 0.6 + 0.5 * USUAL_SLOPE))


def test_the_band_widens_with_the_distance():
    near, far = (forecast_error((1e3, 3e3), (0.2, 0.15), s) for s in (3e3, 3e5))
    assert far.high / far.low > near.high / near.low > 1
    assert forecast_error((10.0, 10.0), (0.5, 0.5), 10.0).error == pytest.approx(0.5)


@pytest.mark.parametrize(("seen", "errors", "wanted"), [
    ((0.0, 1.0), (0.1, 0.1), 1.0), ((1.0, 1.0), (0.1, 1.5), 1.0), ((1.0, 1.0), (0.1, 0.1), 0.0),
])  # fmt: skip
def test_numbers_out_of_range_are_refused(seen, errors, wanted):
    with pytest.raises(ArgumentError):
        forecast_error(seen, errors, wanted)
