"""Pictures of promises against what happened."""

import re

import pytest

from fivefold.report import calibration_figures as pictures


def test_coverage_marks_the_promise_and_each_part() -> None:
    drawn = pictures.coverage("k", [("<b>", 0.95, 0.9, 1.0), ("x", 0.85, None, None)], 0.9)
    assert re.search(r">promised<.*>90%<", drawn)
    assert "&lt;b&gt;: 95.0%" in drawn
    heights = [
        float(y)
        for y in re.findall(r'<use href="[^"]*" x="[\d.]+" y="([\d.]+)" style="fill: var\(--blue', drawn)
    ]
    line = re.search(r'<path d="M [\d.]+ ([\d.]+) L[^"]*"[^>]*stroke: var\(--orange\)', drawn)
    assert line is not None
    # The promise lies halfway between the two shares.
    assert float(line[1]) == pytest.approx(sum(heights) / 2, abs=0.05)
    assert pictures.coverage("k", [], 0.9) == ""


def test_the_funnel_leaves_out_empty_groups() -> None:
    drawn = pictures.funnel("k", [(10, 0.9), (10, 1.0), (0, 0.5), (float("nan"), 0.9)], 0.9)
    assert "2 groups" in drawn
    assert pictures.funnel("k", [(0, 1.0)], 0.9) == ""


def test_reliability_draws_every_bin() -> None:
    drawn = pictures.reliability("k", [(0.1, 0.2, 0.0, 0.4, 10), (0.9, 0.8, None, None, None)])
    assert "predicted 10%, observed 20%; predicted 90%, observed 80%" in drawn
    assert len(re.findall(r"<use [^>]*fill: var\(--blue", drawn)) == 2
    assert pictures.reliability("k", []) == ""
