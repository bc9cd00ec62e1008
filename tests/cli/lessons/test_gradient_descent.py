"""The lesson's walks crawl, converge, overshoot and diverge, in this order."""

from collections.abc import Callable
from typing import Any

import numpy as np

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]


def test_a_learner_who_moves_the_rate_sees_all_four(frames: Frames, layers: Layers) -> None:
    words = ("crawls", "Low:", "good rate", "steps across", "best rate", "overshoots", "for ever", "diverges")
    captions = [frame["caption"] for frame in frames("gradient-descent")]
    seen = [next(i for i, word in enumerate(words) if word in caption) for caption in captions]
    assert seen == sorted(seen)
    assert set(seen) == set(range(len(words)))


def test_the_loss_curve_agrees_with_the_words(frames: Frames, layers: Layers) -> None:
    for frame in frames("gradient-descent"):
        loss = np.array(layers(frame, 1, "line")[0]["y"])
        if "diverges" in frame["caption"]:
            assert loss[-1] > 2 * loss[5]
        elif "for ever" in frame["caption"]:
            assert loss[-1] > 0.4 * loss[0]
        elif "crawls" in frame["caption"]:
            assert loss[-1] > 0.1 * loss[0]
        elif "best rate" in frame["caption"]:
            assert loss[-1] < 1e-7
        else:
            assert np.all(np.diff(loss) < 0)


def test_overshooting_walks_change_sides(frames: Frames, layers: Layers) -> None:
    for frame in frames("gradient-descent"):
        across = np.array(layers(frame, 0, "line")[0]["y"])
        crossings = np.sum(np.sign(across[1:6]) != np.sign(across[:5]))
        assert (crossings == 5) == any(
            word in frame["caption"] for word in ("across", "over", "best", "for ever", "diverges")
        )
