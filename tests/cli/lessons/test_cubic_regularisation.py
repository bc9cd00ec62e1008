"""The lesson's words follow the gain, and its fixed charges are worse than the adapted one."""

from collections.abc import Callable
from typing import Any

Frames = Callable[[str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_words_follow_the_gain(frames: Frames) -> None:
    lengths = []
    for frame in frames("cubic-regularisation"):
        sigma, words = float(frame["value"].removeprefix("σ = ")), frame["caption"]
        lengths.append(float(words.split("step ")[-1].split(",")[0]))
        if "at least as much" in words or "sure gain" in words:
            assert sigma >= 1.0
        if sigma >= 6.0:  # half of how fast the second derivative changes on [−2, 2]
            assert "refused" not in words
            assert "less than promised" not in words
    assert lengths == sorted(lengths, reverse=True)
    said = " ".join(frame["caption"] for frame in frames("cubic-regularisation"))
    assert all(word in said for word in ("Too low", "less than promised", "at least as much", "Too high"))


def test_the_adapted_charge_wins(lesson: Lesson) -> None:
    low, high, adapted = (
        layer["y"]
        for layer in lesson("cubic-regularisation")["failures"][0]["figures"][0]["panels"][0]["layers"]
    )
    assert max(low) > 100 * low[0]
    assert high[-1] > 1e-6
    assert adapted[-1] < 1e-12


def test_the_walk_leaves_the_ridge(lesson: Lesson) -> None:
    layers = lesson("cubic-regularisation")["geometry"]["figures"][0]["panels"][0]["layers"]
    free, stuck = (layer for layer in layers if layer["kind"] == "line")
    assert abs(abs(free["x"][-1]) - 1.0) < 1e-4
    assert set(stuck["x"]) == {0.0}
