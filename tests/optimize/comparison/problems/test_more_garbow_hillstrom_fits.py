"""Values at the published starts, from another decoding of the same functions."""

import pytest

from fivefold.optimize.comparison.problems.more_garbow_hillstrom_fits import fit_problems

# sums of squares at the starts, by the CUTEst decoding (JENSMP, BARD, GAUSSIAN, MEYER3, GULF, OSBORNEA,
# BIGGS6); CUTEst starts Box and the second of Osborne elsewhere, and rounds the inputs of Kowalik and Osborne
AT_START = {
    "jennrich-sampson": (4171.306161960492, 1e-11),
    "bard": (41.68169586167801, 1e-11),
    "gaussian": (3.888106991166684e-06, 1e-11),
    "meyer": (1693607809.4361455, 1e-11),
    "gulf": (12.110705825569488, 1e-11),
    "box": (1031.15381, 1e-8),
    "kowalik-osborne": (0.005313615, 1e-3),
    "osborne-1": (0.8790262935446403, 1e-11),
    "biggs": (0.7790700756559702, 1e-11),
    "osborne-2": (2.09342, 1e-5),
}


@pytest.mark.parametrize("problem", fit_problems(), ids=lambda problem: problem.name)
def test_value_at_the_start(problem) -> None:
    value, tolerance = AT_START[problem.name]
    assert 2 * float(problem.make().value(problem.starts[0])) == pytest.approx(value, tolerance)
