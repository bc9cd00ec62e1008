"""A fit to real pictures: right answers, an honest record, the same bits again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fivefold.core import ArgumentError, ArtifactError, Budget, Clock, DataError
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.choose import Choice
from fivefold.tasks.images.fit import fit_images, fit_set
from fivefold.tasks.images.forecast import Forecast
from fivefold.tasks.images.packed import Part, from_parts
from fivefold.tasks.images.recipe import recipe_for
from fivefold.tasks.images.transfer import read_start


@pytest.fixture
def others(digit_arrays):
    """Digits that the model has not seen."""
    pixels, labels = digit_arrays
    return from_parts("others", [Part("others", pixels[500:900], None, -1)], []), labels[500:900]


def test_it_reads_digits_that_it_has_not_seen(fitted, others):
    images, labels = others
    found = fitted.answer(images, 0.9)
    assert (found.probabilities.argmax(1) == labels).mean() > 0.8
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0)
    inside = found.sets[np.arange(len(labels)), labels].mean()
    # 80 scores: the coverage of one fit varies by about 0.035, and these digits are by other hands
    assert inside > 0.75


def test_the_record_says_what_was_measured(fitted):
    record = fitted.record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    own, yardstick, constant = record["test"]["scores"]
    assert [s["role"] for s in (own, yardstick, constant)] == ["chosen", "yardstick", "constant"]
    value = own["metrics"]["accuracy"]
    assert value["low"] < value["value"] < value["high"]
    confusion = np.array(record["classification"]["confusion"])
    assert value["value"] == pytest.approx(np.trace(confusion) / confusion.sum())
    assert confusion.sum() == record["test"]["rows"] == 100
    assert constant["metrics"]["accuracy"]["value"] < 0.2
    assert {c["holds"] for c in record["certificates"]} <= {"yes", "no", "unknown"}
    assert record["candidates"][-1]["verdict"] == "yardstick"


def test_a_replay_follows_the_plan_to_the_same_bits(fitted, digits, tmp_path):
    saved = fitted.save(tmp_path / "model")
    again = fit_images(digits(500), replay=saved)  # with the seed of the plan
    assert again.record["candidates"][0]["verdict"] == "yardstick"  # nothing else was tried
    for name, value in fitted.module.state_dict().items():
        assert value.equal(again.module.state_dict()[name]), name
    assert again.temperature == fitted.temperature


def test_a_folder_of_files_is_fitted(digit_arrays, tmp_path):
    pixels, labels = digit_arrays
    for row in np.flatnonzero(labels < 3)[:150].tolist():
        folder = tmp_path / "digits" / f"class {labels[row]}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[row]).save(folder / f"{row}.png")
    (tmp_path / "digits" / "class 0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    model = fit_images(tmp_path / "digits", budget="5s")
    assert model.classes == ("class 0", "class 1", "class 2")
    assert any("broken.png" in text for text in model.record["warnings"])
    found = model.answer(tmp_path / "digits" / "class 1")
    assert found.probabilities.shape == (sum(labels[labels < 3][:150] == 1), 3)


@pytest.mark.parametrize("seed", [-1, 0.5])
def test_a_seed_is_a_whole_number(digits, seed):
    with pytest.raises(ArgumentError, match="a seed: a whole number of at least 0"):
        fit_images(digits(100), seed=seed)


def test_what_cannot_be_fitted_is_refused(tmp_path, fitted, digits):
    with pytest.raises(DataError):
        fit_images(tmp_path / "nothing")
    saved = fitted.save(tmp_path / "model")
    plan = json.loads((saved / "plan.json").read_text())
    broken = fitted.plan | {"recipe": {"epochs": 3}}
    assert plan == fitted.plan
    other = replace(fitted, plan=broken).save(tmp_path / "other")
    with pytest.raises(ArtifactError, match="the plan of a fit to pictures"):
        fit_images(digits(100), replay=other)


def test_a_search_adds_what_it_found_to_the_trials(digits, tmp_path, monkeypatch):
    from fivefold.tasks.images import fit as room
    from fivefold.tasks.images.design import TrialSettings
    from fivefold.tasks.images.design.search import design

    def two_trials(pictures, labels, *, budget, seed, groups, resume_directory, progress):
        assert budget == 3.0
        assert groups.shape == labels.shape
        settings = TrialSettings(updates=20, batch_size=16)  # no clock has a part in it
        steps, folder = Budget(steps=2), resume_directory
        return design(
            pictures,
            labels,
            budget=steps,
            population=2,
            settings=settings,
            seed=seed,
            resume_directory=folder,
            progress=progress,
        )

    monkeypatch.setattr(room, "search_design", two_trials)
    model = fit_images(digits(300), budget="20s", design="3s", design_directory=tmp_path / "search")
    names = [c["name"] for c in model.record["candidates"]]
    assert "designed at 16 x 16" in names
    assert (tmp_path / "search" / "journal.jsonl").is_file()
    from fivefold.tasks.saved import load

    back = load(model.save(tmp_path / "model"))
    assert np.array_equal(back.predict_proba(digits(20)), model.predict_proba(digits(20)))
    with pytest.raises(ArgumentError, match="less time for the design than the budget"):
        fit_images(digits(300), budget="3s", design="5s")
    with pytest.raises(ArgumentError, match="beside the folder of a search"):
        fit_images(digits(300), budget="3s", design_directory=tmp_path / "x")


def test_a_fit_that_mirrors_its_answers_is_saved_and_loaded(digits, tmp_path, monkeypatch):
    """Whether to mirror comes out of a comparison of arrays; it is saved as a plain value."""
    from fivefold.tasks.images import fit as room
    from fivefold.tasks.saved import load

    losses = iter((np.array([0.5]), np.array([1.0])))  # mirrored, plain
    monkeypatch.setattr(room, "tempered_losses", lambda *args: next(losses))
    candidate = Candidate("speedrun", 16, 16, {"widths": (16, 32, 32)})
    recipe = recipe_for(candidate, 192, 192.0, flip=True)
    plan = Choice(candidate, recipe, [], 5.0, Forecast(0.05, 0.02, 0.2), "contiguous")
    model = fit_set(digits(300), Clock(Budget()), 10.0, 1, lambda *event: None, plan)
    assert model.flip is True
    back = load(model.save(tmp_path / "model"))
    assert back.flip is True
    assert np.array_equal(back.predict_proba(digits(20)), model.predict_proba(digits(20)))


def test_a_search_that_trains_nothing_leaves_the_others_and_a_warning(digits, monkeypatch):
    from fivefold.tasks.images import fit as room
    from fivefold.tasks.images.design import Limits, TrialSettings
    from fivefold.tasks.images.design.search import design

    def refused(pictures, labels, *, budget, seed, groups, **rest):
        settings, limits = TrialSettings(updates=2, batch_size=16), Limits(parameters=2)
        steps = Budget(steps=2)
        return design(
            pictures, labels, budget=steps, population=2, settings=settings, limits=limits, seed=seed
        )

    monkeypatch.setattr(room, "search_design", refused)
    model = fit_images(digits(300), budget="10s", design="3s")
    assert all("designed" not in c["name"] for c in model.record["candidates"])
    first = model.record["warnings"][0]
    assert first.startswith("The search for an architecture trained no network: ")
    assert "2 are allowed" in first
    assert first.endswith("Give it more time.")


def test_seconds_are_needed_and_a_replay_designs_nothing(digits, fitted, tmp_path):
    with pytest.raises(ArgumentError, match="a budget with seconds"):
        fit_images(digits(100), budget=Budget(steps=3))
    with pytest.raises(ArgumentError, match="a budget with seconds"):
        fit_images(digits(100), design=Budget(steps=3))
    with pytest.raises(ArgumentError, match="a design or a replay; got both"):
        fit_images(digits(100), design="3s", replay=tmp_path / "model")


def test_a_replay_refuses_what_its_plan_was_not_made_for(fitted, digit_arrays, digits, tmp_path):
    assert fitted.plan["colour"] is False
    saved = fitted.save(tmp_path / "model")
    colour = np.random.default_rng(0).integers(256, size=(60, 16, 16, 3), dtype=np.uint8)
    images = from_parts("colour", [Part("c", colour, (np.arange(60) % 10).astype(str), -1)], [])
    two = from_parts("two", [Part("c", colour, (np.arange(60) % 2).astype(str), -1)], [])
    with pytest.raises(ArgumentError, match=r"the classes of the plan, '0', '1', .* and 5 more"):
        fit_images(two, replay=saved)
    with pytest.raises(ArgumentError, match="pictures without colour, as those of the plan; got 60 pictures"):
        fit_images(images, replay=saved)
    start = read_start(saved)
    origin = {"source": "a", "depth": "head alone", "digest": start.digest}

    def planned(name, **changes):
        plan = fitted.plan | {"origin": origin | changes}
        return replace(fitted, plan=plan).save(tmp_path / name)

    with pytest.raises(ArgumentError, match="the weights that the plan starts from; got None; give weights"):
        fit_images(digits(100), replay=planned("one"))
    with pytest.raises(ArgumentError, match="the weights that the plan starts from; got others in"):
        fit_images(digits(100), replay=planned("two", digest="0" * 64), weights=saved)
    for name, changes in (("three", {"depth": "half"}), ("four", {"depth": None})):
        with pytest.raises(ArtifactError, match="the plan of a fit to pictures"):
            fit_images(digits(100), replay=planned(name, **changes), weights=saved)
    again = replace(fitted, plan={k: v for k, v in fitted.plan.items() if k != "origin"}).save(
        tmp_path / "five"
    )
    with pytest.raises(ArtifactError, match="the plan of a fit to pictures"):
        fit_images(digits(100), replay=again)
    forecast = fitted.plan["forecast"] | {"seconds": 0.0}
    plan = {k: v for k, v in fitted.plan.items() if k != "origin"} | {"forecast": forecast, "origin": None}
    with pytest.raises(ArtifactError, match=r"a forecast of 0\.0 seconds"):
        fit_images(digits(100), replay=replace(fitted, plan=plan).save(tmp_path / "seven"))
    followed = fit_images(digits(200), replay=planned("six"), weights=saved)
    assert followed.plan["origin"]["digest"] == start.digest
