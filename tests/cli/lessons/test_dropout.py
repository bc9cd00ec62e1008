"""The lesson's masked copies lead to the penalty's answer; left on, the error is what the formula says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.dropout import errors, handed_on, left_on, masked_fit, places, spread, table
from fivefold.concepts.dropout import ridge_of_dropout

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_masked_copies_are_the_penalty(p: float) -> None:
    X, y, _, _ = table()
    # 400 masks: about 5% of the answer's length
    w = ridge_of_dropout(X, y, p)
    assert np.linalg.norm(masked_fit(p) - w) < 0.1 * np.linalg.norm(w)


def test_the_rows_are_apart_and_between() -> None:
    X, y, other, truth = table()
    assert X.shape == (40, 12)
    assert len(other) == len(truth) == int(np.sum(np.abs(places()) <= 1.0)) - 40
    assert y.mean() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)


def test_more_noise_costs_on_these_rows_and_helps_on_others() -> None:
    found = np.array([errors(p) for p in (0.0, 0.01, 0.2, 0.9)])
    assert np.all(np.diff(found[:, 0]) > 0.0)
    assert found[2, 1] < 0.5 * found[0, 1]
    assert found[2, 1] < found[3, 1]


def test_left_on_is_as_the_formula_foresees() -> None:
    off, on, foreseen = left_on(0.5)
    assert on == pytest.approx(foreseen, rel=0.1)  # 737 masks
    assert on > 1.1 * off


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_means_and_spreads_by_layer(p: float) -> None:
    np.testing.assert_allclose(handed_on(p), (1.0 - p) ** np.arange(9), rtol=0.05)
    for mean in (0.0, 3.0):
        formula, seen = spread(p, mean)
        assert seen == pytest.approx(formula, rel=0.05)


def test_the_weights_shrink_over_the_frames(frames: Frames, layers: Layers) -> None:
    sizes = [np.linalg.norm([layers(frame, 1, "bars")[0]["height"]]) for frame in frames("dropout")]
    assert np.all(np.diff(sizes) < 0.0)
