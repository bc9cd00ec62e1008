"""The record's verdicts follow from its figures."""

from dataclasses import replace

import numpy as np
import pytest

from fivefold.core import Budget, Clock
from fivefold.report.page import render, render_text
from fivefold.tasks.evaluate import wilson
from fivefold.tasks.images.choose import Choice, Trial
from fivefold.tasks.images.fit import fit_set
from fivefold.tasks.images.forecast import Forecast
from fivefold.tasks.images.packed import Part, from_parts
from fivefold.tasks.images.recipe import recipe_for


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


def _plan(fitted):
    recipe = recipe_for(fitted.candidate, 200, 200.0)
    return Choice(fitted.candidate, recipe, [], 5.0, Forecast(0.5, 0.1, 0.9), "contiguous")


@pytest.fixture
def divided(digit_arrays):
    """Digits that the source divides, with 12 copies of training pictures in the test."""
    pixels, labels = digit_arrays
    test = np.concatenate([pixels[300:400], pixels[:12]])
    names = np.concatenate([labels[300:400], labels[:12]]).astype(str)
    parts = [Part("train", pixels[:300], labels[:300].astype(str), 0), Part("test", test, names, 1)]
    return from_parts("divided", parts, ["a note of the reader"])


def test_copies_across_the_division_are_warned_of(fitted, divided):
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


def test_pictures_are_counted_and_not_pairs(fitted, digit_arrays):
    """One test picture that a training picture has three times is one picture; so is the other way round."""
    pixels, labels = digit_arrays
    names = labels.astype(str)
    first = np.r_[np.arange(200), [0, 0]]
    test = np.r_[np.arange(300, 400), [0, 1, 1]]
    parts = [Part("train", pixels[first], names[first], 0), Part("test", pixels[test], names[test], 1)]
    record = fit_set(
        from_parts("divided", parts, []), Clock(Budget()), 10.0, 0, lambda *event: None, _plan(fitted)
    ).record
    assert "3 pictures of the test are copies of training pictures" in " ".join(record["warnings"])
    value = record["test"]["scores"][0]["metrics"]["accuracy"]
    effective = 103 * 103 / (101 + 4)
    assert value == pytest.approx(wilson(value["value"] * effective, effective))
    share = record["classification"]["sets"]["coverage"]
    assert share == pytest.approx(wilson(share["value"] * effective, effective))


def test_a_change_that_was_taken_is_chosen(fitted, digits):
    taken, change = (Trial(fitted.candidate, 1e-3, [10.0], [0.5], [1.0], taken=True) for _ in range(2))
    change.changes, change.reason = "moved", "taken for its loss"
    other = Trial(fitted.candidate, 1e-3, reason="not tried")
    plan = replace(_plan(fitted), trials=[taken, other, change])
    record = fit_set(digits(300), Clock(Budget()), 10.0, 0, lambda *event: None, plan).record
    assert [c["verdict"] for c in record["candidates"]] == ["chosen", "rejected", "chosen", "yardstick"]
    assert record["candidates"][2]["reason"] == "taken for its loss"


def test_long_pictures_that_are_cut_to_squares_are_a_risk(fitted, digit_arrays):
    pixels, labels = digit_arrays
    long = np.pad(pixels[:300], ((0, 0), (0, 0), (24, 24)))
    images = from_parts("long", [Part("long", long, labels[:300].astype(str), -1)], [])
    record = fit_set(images, Clock(Budget()), 10.0, 0, lambda *event: None, _plan(fitted)).record
    assert any("of the longest one, 75% is not looked at" in risk["text"] for risk in record["risks"])
