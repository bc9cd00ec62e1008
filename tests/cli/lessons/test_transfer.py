"""The lesson's source helps older houses, harms the north, and frozen features keep what they lack."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.transfer import by_cosine, compared, fits, heads, houses, split

Frames = Callable[[str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_source_helps_where_rows_are_few() -> None:
    few, many = compared("yr_built", True, 4), compared("yr_built", True, 240)
    assert few["tuned"] < 0.6 * few["scratch"]
    assert many["tuned"] == pytest.approx(many["scratch"], rel=0.05)
    assert many["tuned"] < many["level"] < many["kept"]


def test_the_south_harms_the_north() -> None:
    few = compared("lat", False, 4)
    assert few["tuned"] > 1.5 * few["scratch"]


def test_source_and_target_are_apart() -> None:
    source, target = split("yr_built", True)
    assert len(source) + len(target) == 800
    assert not set(source) & set(target)


def test_a_new_level_changes_nothing_else() -> None:
    X, y = houses()
    np.testing.assert_allclose(X[:, 1:].mean(axis=0), 0.0, atol=1e-12)
    learn = split("yr_built", True)[1][:6]
    found = fits("yr_built", True, learn)
    np.testing.assert_array_equal(found["level"][1:], found["kept"][1:])
    assert np.mean(y[learn] - X[learn] @ found["level"]) == pytest.approx(0.0, abs=1e-10)


def test_the_gain_is_gone_at_a_half() -> None:
    tuned, scratch, seen = by_cosine(np.array([-1.0, 0.0, 0.5, 1.0]))
    assert tuned[2] == pytest.approx(scratch[2], rel=0.15)
    assert tuned[3] < 0.5 * scratch[3]
    assert tuned[1] > 1.5 * scratch[1]
    np.testing.assert_allclose(seen, tuned, rtol=0.15)


def test_frozen_features_stay_a_direction_short() -> None:
    within, short, free = heads(400)
    assert within < 0.001
    assert short == pytest.approx(1 / 3, abs=0.02)
    assert free < 0.01


def test_the_words_agree_with_the_errors(frames: Frames) -> None:
    for frame in frames("transfer"):
        count = int(frame["value"].removeprefix("n = "))
        errors = compared("yr_built", True, count)
        assert ("about as good" in frame["caption"]) == (errors["scratch"] <= 1.1 * errors["tuned"])
        assert f"fine-tuned {errors['tuned']:.2f}" in frame["caption"]
