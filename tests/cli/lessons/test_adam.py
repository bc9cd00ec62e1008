"""The lesson's walks crawl, arrive, and are thrown out; and the planted slopes lead it uphill."""

from collections.abc import Callable
from typing import Any

import pytest

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_words_agree_with_the_curves(frames: Frames, layers: Layers) -> None:
    words = ("not even down", "hardly along", "on its way", "good rate", "comes back", "not back in time")
    captions = [frame["caption"] for frame in frames("adam")]
    seen = [next(i for i, word in enumerate(words) if word in caption) for caption in captions]
    assert seen == sorted(seen)
    assert set(seen) == set(range(len(words)))
    for frame in frames("adam"):
        end = layers(frame, 1, "line")[0]["y"][-1]
        good = "good rate" in frame["caption"] or "comes back" in frame["caption"]
        assert (end < 0.5) == good


def test_a_short_memory_goes_the_wrong_way(lesson: Lesson) -> None:
    failures = lesson("adam")["failures"]
    short, middle, long = (
        layer["y"][-1]
        for layer in failures[0]["figures"][0]["panels"][0]["layers"]
        if layer["kind"] == "line"
    )
    assert short > 2.0 > middle > long
    assert long < -1.5
    raw, corrected = failures[1]["figures"][0]["panels"][0]["layers"]
    assert max(raw["y"]) == pytest.approx(7.0, abs=0.5)
    assert set(corrected["y"]) == {1.0}
