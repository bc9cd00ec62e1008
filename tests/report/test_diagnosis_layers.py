"""Layers in pictures: the named ones are the telling ones, and what is left out is said."""

import re
from typing import Any

from fivefold.report.diagnosis_layers import calm, layers, points


def titles(series: dict[str, Any]) -> list[str]:
    return [each["title"] for each in layers(series, "t") if each is not None]


def test_of_many_layers_the_telling_ones_are_named() -> None:
    names = [f"layer{i}" for i in range(20)]
    heights = [10.0 ** (-3 + (i == 7) - (i == 12)) for i in range(20)]
    ratio = {"names": names, "curves": [[[0, 1e-3], [9, h]] for h in heights], "left_out": 5}
    (shown,) = [each for each in layers({"ratio": ratio, "last": 9}, "t") if each is not None]
    drawn = [text for text in re.findall(r">([^<>]+)</text>", shown["figure"]) if text.startswith("layer")]
    assert sorted(drawn) == ["layer0", "layer12", "layer19", "layer7"], "both ends, the most and the least"
    assert "5 more layers" in shown["caption"]


def test_profiles_need_two_layers() -> None:
    assert titles({"gradients": {"names": ["a"], "start": [1.0], "end": [1.0]}}) == []
    assert titles({"gradients": {"names": ["a", "b"], "start": [1.0, 2.0], "end": []}}) == [
        "Gradients, layer by layer"
    ]


def test_nothing_idle_is_said_instead_of_drawn() -> None:
    part = {"names": ["a", "b"], "dead": [0.0, None], "saturated": [None, 0.0]}
    assert titles({"idle": part}) == []
    assert calm(part) == "No unit of a rectifier was dead and no output was saturated in the second half."
    assert titles({"idle": {**part, "dead": [0.5, None]}}) == ["Dead units"]
    assert calm({}) == ""


def test_points_of_a_curve() -> None:
    assert points([[0, 1.0], [1, None], "x", [2, 3.0, 4], [3, float("nan")]]) == [(0.0, 1.0)]
    assert len(points([[i, 1.0] for i in range(10_000)])) == 2_000
    assert points("no list") == []
