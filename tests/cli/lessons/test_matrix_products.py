"""The lesson's two orders differ, except where one move does nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_only_trivial_turns_commute_with_the_shear(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("matrix-products"):
        first, second = (layers(frame, panel, "polygon")[1] for panel in (0, 1))
        same = np.allclose(first["x"], second["x"], atol=1e-3) and np.allclose(
            first["y"], second["y"], atol=1e-3
        )
        assert same == (frame["value"] in {"0°", "180°"})
        assert same == ("Both orders end alike" in frame["caption"])


def test_both_orders_keep_the_area(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    def area(shape: dict[str, Any]) -> float:
        x, y = np.array(shape["x"]), np.array(shape["y"])
        return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2

    for frame in frames("matrix-products"):
        for panel in (0, 1):
            before, after = layers(frame, panel, "polygon")
            assert abs(area(after) - area(before)) < 1e-3


def test_everything_stays_inside_the_picture(frames: Callable[[str], list[dict[str, Any]]]) -> None:
    for frame in frames("matrix-products"):
        for panel in frame["panels"]:
            (left, right), (low, high) = panel["xlim"], panel["ylim"]
            for layer in panel["layers"]:
                if layer["kind"] == "polygon":
                    assert left <= min(layer["x"]) <= max(layer["x"]) <= right
                    assert low <= min(layer["y"]) <= max(layer["y"]) <= high
