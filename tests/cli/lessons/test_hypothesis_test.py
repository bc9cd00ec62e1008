"""The lesson's p falls as the groups part, and its failures fool the test as it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats


def test_p_falls_with_the_effect_and_is_near_the_t_test_s(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    found = []
    for frame in frames("hypothesis-test"):
        (point,) = layers(frame, 1, "points")
        shift, p = point["x"][0], point["y"][0]
        # Two groups of twelve with standard deviation one: t = shift · √6 with 22 degrees of freedom.
        expected = 2 * stats.t.sf(shift * np.sqrt(6), 22)
        # Four standard errors of a share of 5,000 shuffles; and the values are not quite normal.
        assert p == pytest.approx(expected, rel=0.05, abs=4 * np.sqrt(expected / 5000))
        found.append(p)
    assert np.all(np.diff(found) < 0)


def test_many_tests_and_many_looks_find_something(lesson: Callable[[str], dict[str, Any]]) -> None:
    failures = lesson("hypothesis-test")["failures"]
    plain, corrected, _ = failures[0]["figures"][0]["panels"][0]["layers"]
    np.testing.assert_allclose(plain["y"], 1 - 0.95 ** np.array(plain["x"]), atol=0.045)
    np.testing.assert_allclose(corrected["y"], 0.05, atol=0.02)
    stopped, once = failures[1]["figures"][0]["panels"][0]["layers"]
    assert stopped["y"][-1] > 0.3
    np.testing.assert_allclose(once["y"], 0.05, atol=0.02)
    assert np.all(np.diff(stopped["y"]) >= 0)
