"""The lesson's boundaries: the plain one moves, the corrected one stays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.label_noise import (
    accuracy,
    data,
    fitted,
    flip_matrix,
    guessed,
    majority,
    neighbours,
    plain_limit,
)
from fivefold.concepts.label_noise import boundary

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("flips", [0.0, 0.3, 0.45])
def test_the_corrected_line_stays(flips: float) -> None:
    x, _, seen = data(flips)
    plain, corrected = fitted(x, seen, np.eye(2)), fitted(x, seen, flip_matrix(flips))
    assert -corrected[1] / corrected[0] == pytest.approx(0.0, abs=0.12)
    assert corrected[0] == pytest.approx(2.0, abs=0.35)  # the logit of N(±1, 1) is 2x
    assert -plain[1] / plain[0] == pytest.approx(plain_limit(flips), abs=0.15)
    assert plain_limit(flips) >= boundary(0.0, flips) - 1e-9


def test_the_fit_is_scipys_minimum() -> None:
    from scipy.optimize import minimize

    from fivefold.concepts.label_noise import forward_loss

    x, _, seen = data(0.3)

    def loss(w: np.ndarray) -> float:
        z = w[0] * x + w[1]
        return forward_loss(np.stack([0 * z, z], axis=1), seen, flip_matrix(0.3))[0]

    found = minimize(
        loss, np.array([1.0, 0.0]), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12}
    )
    np.testing.assert_allclose(fitted(x, seen, flip_matrix(0.3)), found.x, atol=1e-4)


def test_the_accuracy_of_a_line() -> None:
    x, true, _ = data(0.0)
    for at in (0.0, 0.9):
        assert accuracy(at) == pytest.approx(np.mean((x > at) == (true == 1)), abs=0.02)


def test_neighbours_vote(lesson: Lesson) -> None:
    assert majority(1, 0.3) == pytest.approx(0.7)
    for k in (1, 15, 41):
        assert neighbours(k, 0.3) == pytest.approx(majority(k, 0.3), abs=0.05)
    assert majority(41, 0.3) > 0.99


def test_a_wrong_rate_can_be_worse_than_none(lesson: Lesson) -> None:
    assert accuracy(guessed(0.3, 0.65)) < accuracy(guessed(0.3, 0.0)) < accuracy(guessed(0.3, 0.3))
    assert guessed(0.3, 0.3) == pytest.approx(0.0, abs=1e-12)
    assert guessed(0.3, 0.0) == pytest.approx(boundary(0.0, 0.3), abs=1e-12)
    assert "worse than none" in lesson("label-noise")["failures"][1]["text"]


def test_the_captions_count_the_wrong_labels(frames: Frames) -> None:
    for frame in frames("label-noise"):
        flips = float(frame["value"].removeprefix("ρ = "))
        _, true, seen = data(flips)
        assert f"{int(np.sum(true != seen)):,} of" in frame["caption"] or flips == 0.0
