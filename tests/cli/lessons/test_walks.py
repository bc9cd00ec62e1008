"""The three grounds have the slopes and curvatures they claim; maps and curves keep within bounds."""

import json

import numpy as np
import pytest

from fivefold.cli.lessons.walks import (
    Ground,
    Walk,
    bowl,
    land,
    left_over,
    seen,
    two_valleys,
    valley,
    walk_frame,
)

GROUNDS = {"bowl": bowl(8.0, 30.0), "valley": valley(), "two valleys": two_valleys()}


@pytest.mark.parametrize("name", GROUNDS)
def test_slopes_and_curvatures_are_those_of_the_heights(name: str) -> None:
    ground, w, h = GROUNDS[name], np.array([0.7, -0.4]), 1e-5
    units = h * np.eye(2)
    slope = [(ground.value(w + e) - ground.value(w - e)) / (2 * h) for e in units]
    np.testing.assert_allclose(ground.gradient(w), slope, rtol=1e-6)
    bend = [(ground.gradient(w + e) - ground.gradient(w - e)) / (2 * h) for e in units]
    np.testing.assert_allclose(ground.hessian(w), bend, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", GROUNDS)
def test_floors_are_minima_on_the_map(name: str) -> None:
    ground = GROUNDS[name]
    for floor in np.array(ground.floors):
        np.testing.assert_allclose(ground.gradient(floor), 0.0, atol=1e-12)
        assert np.linalg.eigvalsh(ground.hessian(floor))[0] > 0.0
        assert np.all((np.array(ground.low) < floor) & (floor < np.array(ground.high)))


def test_a_lost_walk_is_cut() -> None:
    path = np.array([[0.0, 0.0], [4.0, 1.0], [80.0, 1.0], [np.nan, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(seen(path, bowl(8.0)), path[:3])
    np.testing.assert_array_equal(seen(path[:2], bowl(8.0)), path[:2])
    np.testing.assert_array_equal(seen(path[[0, 3]], bowl(8.0)), path[:1])


def test_a_map_names_its_walks_and_starts_at_the_first() -> None:
    ground: Ground = two_valleys()
    path = np.array([[0.5, 1.0], [0.8, 0.2]])
    made = land("title", ground, [Walk(path, "blue", "one"), Walk(path, "red")], legend="upper left")
    walks = [layer for layer in made["layers"] if layer["kind"] == "line"]
    assert [layer.get("label") for layer in walks] == ["one", None]
    dots = [layer for layer in made["layers"] if layer["kind"] == "points"]
    assert (dots[0]["x"], dots[0]["y"]) == ([0.5], [1.0])
    assert dots[1]["x"] == [-1.0, 1.0]
    assert made["xlim"] == [-2.0, 2.0]


def test_curves_are_clipped_to_what_is_drawn() -> None:
    values = np.array([1.0, 0.0, np.inf, np.nan])
    made = left_over("title", [(values, "blue", None)], (-6, 2))
    assert made["layers"][0]["y"] == [1.0, 1e-7, 100.0, 100.0]
    assert made["ylim"] == [1e-6, 100.0]
    assert made["xlim"] == [0, 3]


def test_a_frame_is_plain() -> None:
    made = walk_frame("a", "b", bowl(8.0), np.array([[1.0, 1.0], [0.0, 0.0]]), "blue", (-6, 2))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["panels"][1]["layers"][0]["y"] == [4.5, 1e-7]
