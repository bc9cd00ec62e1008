"""The record's verdicts follow from its figures."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fivefold.core import Budget, Clock
from fivefold.report.page import render, render_text
from fivefold.tasks.evaluate import wilson
from fivefold.tasks.images.choose import Choice, Trial
from fivefold.tasks.images.duplicates import find_duplicates
from fivefold.tasks.images.fit import fit_set
from fivefold.tasks.images.forecast import Forecast
from fivefold.tasks.images.packed import Part, from_parts
from fivefold.tasks.images.recipe import recipe_for
from fivefold.tasks.images.record import _copies


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
    copies = record["table"]["duplicates"]
    assert "12 of them with one picture in training and one in test" in copies
    assert "The source divides copies" in copies
    assert "one side" not in copies
    assert "a note of the reader" in record["data"]["dropped"]
    assert "as the source names them" in record["data"]["dropped"][-1]
    holds = {c["claim"].split(" ")[0]: c["holds"] for c in record["certificates"]}
    assert holds["training"] == "no"  # a millionth of a second was promised
    assert replace(fitted, record=record).record["test"]["rows"] == 112


def test_where_no_network_was_tried_no_accuracy_is_forecast(fitted, divided):
    plan = replace(_plan(fitted), error=None)
    outcome = fit_set(divided, Clock(Budget()), 1e-3, 0, lambda *event: None, plan)
    section = outcome.record["forecast"]
    assert [section[key] for key in ("accuracy", "low", "high")] == [None] * 3
    assert section["measured_accuracy"] > 0
    assert not [c for c in outcome.record["certificates"] if "where the short trainings said" in c["claim"]]
    assert outcome.plan["forecast"] == {"seconds": 5.0, "error": None, "low": None, "high": None}


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


def test_what_was_not_compared_is_said(material):
    """No copies found is not no copies, and what could not be compared is told."""
    whole = material(60)
    found = find_duplicates(whole.images)
    none = replace(found, pairs=found.pairs[:0], exact=found.exact[:0], similarity=found.similarity[:0])
    one = replace(none, pairs=np.array([[0, 1]]), exact=np.array([True]), similarity=np.ones(1, np.float32))
    said = [
        _copies(SimpleNamespace(material=whole, duplicates=each))
        for each in (replace(none, plain=0, crowded=0), replace(none, plain=1, crowded=9), one)
    ]
    last = "Mirrored, turned and cropped ones are not looked for."
    assert said[0] == f"No two pictures were found to be equal or nearly so. {last}"
    assert "1 picture was too small or too plain to be compared but for equality." in said[1]
    assert "9 pictures look like more others than were compared with them" in said[1]
    assert said[2].startswith("1 pair of equal pictures")
    assert said[2].endswith(f"Copies that were found stay on one side of the division. {last}")


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
