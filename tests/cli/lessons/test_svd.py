"""The lesson's picture sharpens as the theorem says, and the careless inverse drowns."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_error_is_that_of_the_theorem(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    percents = []
    for frame in frames("svd"):
        k = int(frame["value"].removeprefix("k = "))
        everything, kept = layers(frame, 1, "points")
        assert len(kept["x"]) == k
        s = np.array(everything["y"])
        found = re.search(r"Left out: ([\d.]+)%", frame["caption"])
        assert found is not None
        percents.append(float(found[1]))
        # Values below a thousandth are lifted to it in the picture.
        assert abs(percents[-1] - 100 * np.linalg.norm(s[k:]) / np.linalg.norm(s)) < 0.1
    assert percents == sorted(percents, reverse=True)
    assert percents[0] > 10
    assert percents[-1] < 1


def test_the_careless_inverse_drowns(lesson: Callable[[str], dict[str, Any]]) -> None:
    figure = lesson("svd")["failures"][0]["figures"][0]
    naive, truth, careful = (np.array(layer["y"]) for layer in figure["panels"][0]["layers"])
    assert np.max(np.abs(naive - truth)) > 4
    assert np.sqrt(np.mean((careful - truth) ** 2)) < 0.15
