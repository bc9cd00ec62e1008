"""A power law is extrapolated exactly where it is one, and noise is held in bounds."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.forecast import USUAL_SLOPE, forecast_error

MANY = 10**9


def test_errors_of_the_usual_slope_are_continued_exactly():
    def error(seen):
        return 0.8 * seen**-USUAL_SLOPE

    found = forecast_error((1e3, 4e3), (error(1e3), error(4e3)), 1e5, MANY)
    assert found.error == pytest.approx(error(1e5), rel=1e-6)
    assert found.low < found.error < found.high


def test_a_steeper_fall_lowers_the_forecast_and_is_held():
    flat, steep, wild = (forecast_error((1e3, 3e3), (e, 0.1), 1e4, MANY).error for e in (0.1, 0.13, 0.9))
    assert flat > steep > wild
    assert wild == pytest.approx(0.1 * (1e4 / 3e3) ** -(0.5 * 0.6 + 0.5 * USUAL_SLOPE), rel=1e-6)


def test_the_band_widens_with_the_distance():
    near, far = (forecast_error((1e3, 3e3), (0.2, 0.15), s, MANY) for s in (3e3, 3e5))
    assert far.high / far.low > near.high / near.low > 1
    assert forecast_error((10.0, 10.0), (0.5, 0.5), 10.0, 10).error == pytest.approx(0.5)


def test_fewer_pictures_than_were_seen_are_not_extrapolated():
    back, same = (forecast_error((1e3, 3e3), (0.2, 0.15), s, 100) for s in (10.0, 3e3))
    assert back == same


@pytest.mark.parametrize("judged", [21, 200, 2000])
def test_the_band_holds_what_few_judged_pictures_cannot_exclude(judged):
    """Of an error as large as the upper end, so few wrong ones are seen once in twenty times, about."""
    found = forecast_error((1e3, 1e3), (0.0, 0.0), 1e3, judged)
    assert found.low < found.error < found.high
    assert 0.005 < (1 - found.high) ** judged < 0.25
    some = forecast_error((1e3, 1e3), (0.1, 0.1), 1e3, judged)
    assert some.high / some.low < found.high / found.low


@pytest.mark.parametrize(("seen", "errors", "wanted"), [
    ((0.0, 1.0), (0.1, 0.1), 1.0), ((1.0, 1.0), (0.1, 1.5), 1.0), ((1.0, 1.0), (0.1, 0.1), 0.0),
])  # fmt: skip
def test_numbers_out_of_range_are_refused(seen, errors, wanted):
    with pytest.raises(ArgumentError):
        forecast_error(seen, errors, wanted, 10)
    with pytest.raises(ArgumentError):
        forecast_error((1.0, 2.0), (0.1, 0.1), 3.0, 0)
