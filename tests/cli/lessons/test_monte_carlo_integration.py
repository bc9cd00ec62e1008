"""The lesson's stated errors are honest where it says so, and are not where it says so."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np


def test_errors_shrink_with_the_root_and_hold_the_truth(
    frames: Callable[[str], list[dict[str, Any]]],
) -> None:
    errors, sizes = [], []
    for frame in frames("monte-carlo-integration"):
        mean, error = map(float, re.search(r"π ≈ ([\d.]+) ± ([\d.]+)", frame["caption"]).groups())
        assert abs(mean - np.pi) < 3 * error
        errors.append(error)
        sizes.append(int(frame["value"].removeprefix("n = ").replace(",", "")))
    # s is near 1.64, the standard deviation of four times a coin of π/4; ten points know it badly.
    np.testing.assert_allclose((np.array(errors) * np.sqrt(sizes))[2:], 1.642, rtol=0.08)


def test_heavy_tails_break_the_interval(lesson: Callable[[str], dict[str, Any]]) -> None:
    tame, heavy, worst, _ = lesson("monte-carlo-integration")["failures"][0]["figures"][0]["panels"][0][
        "layers"
    ]
    assert tame["y"][-1] > 0.92
    assert max(heavy["y"]) < 0.9
    assert max(worst["y"]) < 0.5


def test_weights_find_the_rare_event(lesson: Callable[[str], dict[str, Any]]) -> None:
    _, weighed, plain, _ = lesson("monte-carlo-integration")["failures"][1]["figures"][0]["panels"][0][
        "layers"
    ]
    assert set(plain["y"]) == {0.0}
    assert abs(weighed["y"][-1] - 1.0) < 0.1


def test_weights_collapse_with_the_dimension(lesson: Callable[[str], dict[str, Any]]) -> None:
    narrow, wide = lesson("monte-carlo-integration")["failures"][2]["figures"][0]["panels"][0]["layers"]
    assert narrow["y"][0] > 7000
    assert narrow["y"][-1] < 200
    assert wide["y"][-1] < wide["y"][0]
