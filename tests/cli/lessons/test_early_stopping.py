"""The lesson's walk at once is the walk step by step; the held-out error falls and rises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.early_stopping import Problem
from fivefold.concepts.gradient_descent import gradient_descent

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("steps", [1, 20, 500])
def test_the_weights_after_so_many_steps(steps: int) -> None:
    problem = Problem()
    path = gradient_descent(
        lambda w: problem.X.T @ (problem.X @ w - problem.y) / len(problem.y),
        np.zeros(30),
        problem.rate,
        steps,
    )
    np.testing.assert_allclose(problem.after(steps), path[-1], rtol=1e-8, atol=1e-10)


def test_held_out_error_falls_and_rises_while_the_other_only_falls(frames: Frames, layers: Layers) -> None:
    frame = frames("early-stopping")[0]
    learnt, held = (np.array(layer["y"]) for layer in layers(frame, 1, "line"))
    best = int(np.argmin(held))
    assert 5 < best < len(held) - 5
    assert held[-1] > 1.5 * held[best]
    assert held[0] > 1.1 * held[best]
    assert np.all(np.diff(learnt) <= 1e-6)
    said = [frame["caption"].split(".")[0].split(":")[0] for frame in frames("early-stopping")]
    order = ["Too early", "Near the best", "Late", "Too late"]
    assert [order.index(words) for words in said] == sorted(order.index(words) for words in said)
    assert set(said) >= {"Too early", "Near the best", "Too late"}


def test_few_sales_disagree_and_patience_pays(lesson: Lesson) -> None:
    few, patience = (
        failure["figures"][0]["panels"][0]["layers"] for failure in lesson("early-stopping")["failures"]
    )
    stops = [layer["x"][0] for layer in few if layer["kind"] == "points"]
    assert max(stops) > 100 * min(stops)
    lengths = [len(layer["x"]) for layer in patience]
    assert lengths == sorted(lengths, reverse=True)
    lowest = [min(layer["y"]) for layer in patience]
    assert lowest[0] <= lowest[-1]
