"""The section on pictures shows pictures and nothing else."""

import pytest

from fivefold.report.page import render
from fivefold.report.pictures import pictures, training

PNG = "data:image/png;base64,iVBORw0KGgo="


def _record(**changes):
    entry = {"image": PNG, "name": "<b>.png", "true": "cat", "found": "dog", "probability": 0.987}
    section = {
        "groups": [{"title": "Mistakes", "caption": "Those.", "pictures": [entry | changes]}],
        "filters": [PNG, "javascript:1"],
        "stages": [
            {"name": "stem", "channels": 8, "height": 9, "width": 7, "sees": [3, 5], "examples": [[PNG], [3]]}
        ],
    }
    return {"pictures": section, "things": "pictures"}


def test_pictures_are_shown_and_texts_escaped():
    page = render(_record())
    assert page.count(PNG) == 3
    assert "&lt;b&gt;.png" in page
    assert "98.7%" in page
    assert "javascript" not in page
    assert "3 x 5 pixels" in page
    assert "8 channels of 9 x 7" in page
    assert "unseen rows" not in page


@pytest.mark.parametrize(
    "image",
    [None, 3, "http://example.org/a.png", "data:image/svg+xml;base64,AAAA", PNG + '"><script>', PNG * 30_000],
)
def test_what_is_no_picture_is_left_out(image):
    assert pictures(_record(image=image))["groups"] == []


@pytest.mark.parametrize("section", [None, [], "x", {"groups": 3, "stages": "x", "filters": {}}])
def test_a_broken_section_breaks_nothing(section):
    render({"pictures": section})


def test_forecasts_stand_beside_what_came():
    record = {
        "network": {
            "name": "net", "parameters": 10, "multiply_adds": 20, "epochs": 2, "pictures": 5, "batch": 1,
        },
        "forecast": {
            "seconds": 10.0, "measured_seconds": 11.0, "accuracy": 0.9, "low": 0.8, "high": 0.95,
            "measured_accuracy": 0.91,
        },
    }  # fmt: skip
    found = training(record)
    assert found["facts"][0] == ("Network", "net")
    assert found["expected"][0][1:] == ("10 s", "", "11 s")
    assert found["expected"][1][1:] == ("90.0%", "80.0% to 95.0%", "91.0%")
    assert training({"network": {"name": "net"}})["expected"] == []
    record["forecast"] |= dict.fromkeys(("accuracy", "low", "high"))
    assert training(record)["expected"][1][1:3] == ("not forecast: no network could be tried", "")


def test_names_that_begin_alike_are_not_taken_for_right():
    long = "a class with a name that is longer than the forty letters that are shown: "
    (found,) = pictures(_record(true=long + "a", found=long + "b"))["groups"][0]["pictures"]
    assert found["true"] == found["found"]
    assert not found["right"]
    (found,) = pictures(_record(true=long + "a", found=long + "a"))["groups"][0]["pictures"]
    assert found["right"]


def test_patches_are_named_by_their_channel():
    record = _record()
    record["pictures"]["stages"][0]["examples"] = [[PNG, PNG, PNG], [PNG]]
    page = render(record)
    assert [page.count(f'alt="stem, channel {i}"') for i in (1, 2, 3)] == [3, 1, 0]
