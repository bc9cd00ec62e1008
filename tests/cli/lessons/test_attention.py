"""The lesson goes from the mean to one sale, and fails as it says without root, mask and places."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.attention import apart, focus, foretold, held_out, next_place, smoothed
from fivefold.cli.lessons.king_county import sales

Lesson = Callable[[str], dict[str, Any]]


def test_the_ends_are_the_mean_and_the_nearest_sale() -> None:
    found = sales()
    price, north = np.log(found["price"] / found["sqft_living"])[::4], found["lat"][::4]
    asked = np.array([47.3, 47.61])
    level, weights = smoothed(asked, 1e-9)
    np.testing.assert_allclose(level, price.mean(), rtol=1e-9)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)
    nearest = np.argmin(np.abs(asked[:, None] - north), axis=1)
    np.testing.assert_allclose(smoothed(asked, 1e12)[0], price[nearest], rtol=1e-6)


def test_it_is_a_gaussian_smoother() -> None:
    north = sales()["lat"][::4]
    weights = smoothed(np.array([47.55]), 400.0)[1][0]
    kernel = np.exp(-0.5 * 400.0 * ((north - 47.55) / 0.3) ** 2)
    # 1 − cos t = t²/2 up to t⁴/24: the tails differ, where there is no weight
    np.testing.assert_allclose(weights, kernel / kernel.sum(), atol=1e-4)


def test_the_best_lies_between() -> None:
    mean, between, one = (held_out(scale) for scale in (0.1, 250.0, 1e6))
    assert between < 0.6 < 0.9 < min(mean, one)


def test_the_root_keeps_the_slope() -> None:
    for d in (4, 256):
        assert focus(d, True)[1] == pytest.approx(0.81, abs=0.03)
    assert focus(1024, False)[1] < 0.1 < 0.6 < focus(4, False)[1]


def test_without_a_mask_noise_is_foretold() -> None:
    assert foretold(False) < 0.01
    # the mean of the t numbers before: 1 + 1/t, at t = 1, …, 5
    assert foretold(True) == pytest.approx(np.mean([1 + 1 / t for t in range(1, 6)]), abs=0.05)
    assert np.all(np.triu(next_place(6, True), 1) == 0.0)


def test_order_counts_only_with_places() -> None:
    assert apart(False) < 1e-12
    assert apart(True) > 0.2


def test_the_answer_lies_among_the_values(lesson: Lesson) -> None:
    weights, values = lesson("attention")["geometry"]["figures"][0]["panels"][1:]
    shares = [layer["height"][0] for layer in weights["layers"] if layer["kind"] == "bars"]
    dots = [layer for layer in values["layers"] if layer["kind"] == "points"]
    for axis in ("x", "y"):
        mean = sum(share * dot[axis][0] for share, dot in zip(shares, dots[:3], strict=True))
        assert dots[3][axis][0] == pytest.approx(mean, abs=1e-3)
