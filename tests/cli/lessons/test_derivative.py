"""The lesson's chord gets better, and then worse."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_error_falls_and_rises(frames: Callable[[str], list[dict[str, Any]]]) -> None:
    errors = []
    for frame in frames("derivative"):
        found = re.search(r"Slope (-?[\d.]+), wrong by ([\de.+-]+)\. ", frame["caption"])
        assert found is not None
        errors.append(float(found[2]))
        assert abs(abs(float(found[1]) - np.cos(1.0)) - errors[-1]) < 0.06 * errors[-1] + 1e-10
    best = int(np.argmin(errors))
    assert frames("derivative")[best]["value"] == "h = 1e-08"
    assert errors[0] > 0.1
    assert errors[-1] > 0.1
    assert np.all(np.diff(errors[: best + 1]) < 0)
