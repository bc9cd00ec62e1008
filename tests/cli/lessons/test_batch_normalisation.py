"""The lesson's net steps down its own slope, and small or sorted batches do what the page says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons import batch_normalisation as page
from fivefold.cli.lessons.batch_normalisation import Net, answers, trained
from fivefold.concepts.batch_normalisation import backward

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("norm", [True, False])
def test_the_step_is_the_slope_by_differences(norm: bool) -> None:
    rows, h = np.arange(0, 800, 40), 1e-6

    def value(net: Net) -> float:
        return 0.5 * float(np.mean((net.predict(net.x[rows], batch=True)[0] - net.y[rows]) ** 2))

    before, after = Net(norm), Net(norm)
    after.step(rows)
    for layer, place in ((0, (1, 3)), (1, (5, 2))):
        pair = []
        for sign in (1.0, -1.0):
            other = Net(norm)
            other.W[layer][place] += sign * h
            pair.append(value(other))
        slope = (before.W[layer] - after.W[layer])[place] / page._RATE
        assert slope == pytest.approx((pair[0] - pair[1]) / (2 * h), rel=1e-4, abs=1e-8)


def test_in_a_batch_of_two_no_slope_comes_back_unless_the_rows_are_close() -> None:
    net, generator = Net(), np.random.default_rng(0)
    shares = []
    for rows in generator.integers(0, 800, size=(300, 2)):
        z, g = net.x[rows] @ net.W[0], generator.normal(size=(2, 16))
        scale = 1.0 / np.sqrt(z.var(axis=0) + 1e-5)
        found = np.abs(backward(z, g, np.ones(16))[0][0]) / scale
        shares.append(found / np.abs(g[0] - g[1]))
    assert np.median(shares) < 1e-3
    assert np.max(shares) > 0.1


def test_the_running_averages_are_those_of_all_rows() -> None:
    net = trained(32)
    z = net.x @ net.W[0]
    np.testing.assert_allclose(net.kept[0][0], z.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(net.kept[0][1], z.var(axis=0), rtol=0.5)


def test_small_and_sorted_batches_fail(lesson: Lesson) -> None:
    small, mixed, _ = lesson("batch-normalisation")["failures"]
    own, kept, plain = (layer["y"] for layer in small["figures"][0]["panels"][0]["layers"])
    assert kept[0] > 1.2 * plain[0]
    assert kept[-1] < plain[-1]
    assert all(a >= b for a, b in zip(own, kept, strict=True))
    bars = [layer for layer in mixed["figures"][0]["panels"][0]["layers"] if layer["kind"] == "bars"]
    normed, bare, normed_sorted, bare_sorted = (bar["height"][0] for bar in bars)
    assert normed_sorted > 2.0 * normed
    assert bare_sorted < 1.3 * bare


def test_the_spread_follows_its_first_term(frames: Frames, layers: Layers) -> None:
    assert set(np.round(answers(2), 3)) == {-1.0, 1.0}
    for n in (3, 6, 32):
        assert answers(n).max() <= np.sqrt(n - 1) + 1e-9
    curve = layers(frames("batch-normalisation")[0], 1, "line")[0]
    seen = layers(frames("batch-normalisation")[0], 1, "points")[0]
    for n, spread in zip(seen["x"], seen["y"], strict=True):
        first = np.interp(np.log(n), np.log(curve["x"]), curve["y"])
        assert spread == pytest.approx(first, rel=0.06 if n >= 16 else 0.3)
