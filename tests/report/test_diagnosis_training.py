"""One training in pictures: what there is is drawn, what is missing or hostile is left out."""

import re
from typing import Any

import pytest

from fivefold.report.diagnosis_training import counts, first_and_last_loss, training

LAYERS = ["0.weight", "2.weight", "4.weight"]
SERIES: dict[str, Any] = {
    "loss": [[i, 2.0 / (1 + i)] for i in range(50)],
    "held_out": [[10, 1.5], [20, 1.0], [40, 1.2]],
    "right": [[10, 0.5], [20, 0.75]],
    "gradient": [[i, 1.0 + i] for i in range(50)],
    "rates": {"SGD": [[0, 0.1], [49, 0.01]], "SGD, group 2": [[0, 0.1], [49, 0.1]]},
    "ratio": {"names": LAYERS, "curves": [[[0, 1e-3], [49, 1e-4]]] * 3, "left_out": 0},
    "gradients": {"names": LAYERS, "start": [1e-9, 1e-5, 1e-1], "end": [1e-8, 1e-5, 1e-1], "left_out": 0},
    "outputs": {"names": ["0", "2", "4"], "start": [1.0, 0.5, 0.2], "end": [None, 0.5, 0.2], "left_out": 7},
    "idle": {
        "names": ["1", "3"], "kinds": ["ReLU", "Sigmoid"], "dead": [0.9, None], "saturated": [None, 0.1],
        "left_out": 0,
    },
    "seconds": {"data": 0.001, "forward": 0.002, "backward": 0.004, "update": 0.001},
    "deep": {"product": [[0, 0.5], [9, 1.1]], "edge": [[0, 2.0], [9, 2.0]],
             "along": [[0, 3.0], [9, 8.0]], "best_multiple": [[0, 0.9], [9, 0.4]],
             "noise_scale": [[0, 50.0], [9, 500.0]], "rows": [[0, 64], [9, 64]]},
    "first_nonfinite": 30,
}  # fmt: skip
TITLES = [
    "Loss",
    "Examples found right",
    "Gradient",
    "Learning rate",
    "Size of the updates",
    "Gradients, layer by layer",
    "Outputs, layer by layer",
    "Dead units",
    "Saturated outputs",
    "Edge of stability",
    "Along the update",
    "Noise of the gradient",
    "Where the time goes",
]


def test_every_picture() -> None:
    shown = training({"models": ["net"], "optimizers": ["SGD", "SGD"], "updates": 50, "series": SERIES}, "t1")
    assert [p["title"] for p in shown["pictures"]] == TITLES
    assert shown["optimizers"] == "SGD"
    captions = {p["title"]: p["caption"] for p in shown["pictures"]}
    assert "training from 2 to 0.04; held out from 1.5 to 1.2" in captions["Loss"]
    assert "least after 20 updates" in captions["Loss"]
    assert "From update 30 on, numbers were not finite" in captions["Loss"]
    assert "SGD, group 2 constant at 0.1" in captions["Learning rate"]
    assert "7 more layers" in captions["Outputs, layer by layer"]
    assert "90.0%" in captions["Dead units"]
    assert "a multiple of the update, from 0.9 to 0.4:" in captions["Along the update"]
    assert captions["Along the update"].endswith("The curvature along it: from 3 to 8.")
    assert "backward pass 4 ms" in captions["Where the time goes"]
    keys = re.findall(r' id="([^"]+)"', "".join(p["figure"] for p in shown["pictures"]))
    assert len(set(keys)) == len(keys), "ids are unique in the page"


def test_nothing_seen() -> None:
    assert training({}, "t")["pictures"] == []
    assert training({"series": {"loss": []}}, "t")["optimizers"] == "no optimizer"


@pytest.mark.parametrize("value", [None, 3, "x", [], [[]], [[1]], [[1, "a"]], {"a": 1}, {"names": 3}, True])
def test_a_part_of_another_type_is_left_out(value: Any) -> None:
    broken = dict.fromkeys(SERIES, value)
    shown = training({"models": value, "optimizers": value, "updates": value, "series": broken}, "t")
    assert shown["pictures"] == []


def test_ten_thousand_layers_are_bounded() -> None:
    names = [f"layer{i}" for i in range(10_000)]
    ratio = {"names": names, "curves": [[[0, 1e-3], [1, 1e-3]]] * 10_000}
    profile = {"names": names, "start": [1.0] * 10_000, "end": [1.0] * 10_000}
    shown = training({"series": {"ratio": ratio, "gradients": profile, "outputs": profile}}, "t")
    assert len("".join(p["figure"] for p in shown["pictures"])) < 300_000


def test_counts() -> None:
    assert counts({"updates": 5, "watched": 5}) == "5 updates, all seen in full"
    assert counts({}) == ""


def test_the_losses_at_the_ends() -> None:
    assert first_and_last_loss({}) is None
    record = {"trainings": [{}, {"series": SERIES}]}
    assert first_and_last_loss(record) == (2.0, 0.04, 1.2, 30)
