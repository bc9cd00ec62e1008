"""The record's verdicts follow from its figures."""

from dataclasses import replace

import numpy as np
import pytest

from fivefold.report.page import render, render_text
from fivefold.tasks.images.fit import fit_set
from fivefold.tasks.images.packed import Part, from_parts


def test_the_page_and_the_terminal_say_pictures(fitted):
    page, text = render(fitted.record), render_text(fitted.record)
    assert "unseen pictures" in page
    assert "unseen rows" not in page
    assert page.count("data:image/png;base64,") > 30
    assert "accuracy on unseen pictures" in text


def test_the_forecast_is_held_against_what_came(fitted):
    section = fitted.record["forecast"]
    verdicts = {c["claim"]: c for c in fitted.record["certificates"]}
    time = verdicts["training and answering took the time that was forecast, to 25%"]
    ratio = section["measured_seconds"] / section["seconds"]
    assert (time["holds"] == "yes") == (1 / 1.25 <= ratio <= 1.25)
    assert section["measured_accuracy"] == fitted.record["test"]["scores"][0]["metrics"]["accuracy"]["value"]


@pytest.fixture
def divided(digit_arrays):
    """Digits that the source divides, with 12 copies of training pictures in the test."""
    pixels, labels = digit_arrays
    test = np.concatenate([pixels[300:400], pixels[:12]])
    names = np.concatenate([labels[300:400], labels[:12]]).astype(str)
    parts = [Part("train", pixels[:300], labels[:300].astype(str), 0), Part("test", test, names, 1)]
    return from_parts("divided", parts, ["a note of the reader"])


def test_copies_across_the_division_are_warned_of(fitted, divided):
    from fivefold.core import Budget, Clock
    from fivefold.tasks.images.choose import Choice
    from fivefold.tasks.images.forecast import Forecast
    from fivefold.tasks.images.recipe import recipe_for

    recipe = recipe_for(fitted.candidate, 200, 200.0)
    plan = Choice(fitted.candidate, recipe, [], 1e-6, Forecast(0.01, 0.01, 0.01), "contiguous")
    record = fit_set(divided, Clock(Budget()), 1e-3, 0, lambda *event: None, plan).record
    said = " ".join(record["warnings"])
    assert "12 pictures of the test are copies of training pictures" in said
    assert "for a budget of 0 s" in said
    assert "a note of the reader" in record["data"]["dropped"]
    assert "as the source names them" in record["data"]["dropped"][-1]
    holds = {c["claim"].split(" ")[0]: c["holds"] for c in record["certificates"]}
    assert holds["training"] == "no"  # a millionth of a second was promised
    assert replace(fitted, record=record).record["test"]["rows"] == 112
