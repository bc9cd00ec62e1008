"""The lesson's slope is that of its curve, its shades are the good steps, and the failures fail."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.line_search import good_steps, phi, slope

Frames = Callable[[str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_slope_is_the_curve_s() -> None:
    for t in (0.0, 0.7, 2.3):
        assert slope(t) == pytest.approx((phi(t + 1e-6) - phi(t - 1e-6)) / 2e-6, rel=1e-6)


def test_the_learner_sees_all_three_and_the_words_agree(frames: Frames) -> None:
    seen = set()
    for frame in frames("line-search"):
        t, said = float(frame["value"].removeprefix("t = ")), frame["caption"].split(":")[0]
        seen.add(said)
        enough, flat = phi(t) <= phi(0.0) + 0.1 * t * slope(0.0), abs(slope(t)) <= 0.5 * abs(slope(0.0))
        assert (said == "Good") == (enough and flat)
        assert any(a <= t <= b for a, b in good_steps()) == (said == "Good")
        if "too little gain" in frame["caption"]:
            assert not enough
    assert seen == {"Too short", "Good", "Too long"}
    assert any("too little gain" in frame["caption"] for frame in frames("line-search"))


def test_both_walks_gain_at_every_step_and_stay_above_one(lesson: Lesson) -> None:
    panels = lesson("line-search")["failures"][0]["figures"][0]["panels"]
    ends = []
    for panel in panels:
        heights = np.array(panel["layers"][1]["y"])
        assert np.all(np.diff(heights) <= 0.0)
        ends.append(heights[-1])
    assert min(ends[:2]) > 1.0
    assert ends[2] < 1e-3
