"""A saved model answers to the bit as the fitted one, and a forged one is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from fivefold.artifact import Bundle, load, save
from fivefold.core import ArgumentError, ArtifactError, Budget, Clock, DataError
from fivefold.tasks.images.choose import Choice
from fivefold.tasks.images.fit import fit_set
from fivefold.tasks.images.forecast import Forecast
from fivefold.tasks.images.model import from_bundle
from fivefold.tasks.images.read import read_images
from fivefold.tasks.images.recipe import recipe_for


def test_a_round_trip_gives_the_same_bits(fitted, digits, tmp_path):
    back = from_bundle(load(fitted.save(tmp_path / "model")))
    images = digits(50)
    assert np.array_equal(back.predict_proba(images), fitted.predict_proba(images))
    assert back.predict_set(images) == fitted.predict_set(images)
    assert (back.record, back.plan, back.classes) == (fitted.record, fitted.plan, fitted.classes)
    assert (back.shape, back.flip) == (fitted.shape, fitted.flip)


def test_new_arrays_are_taken_on_the_scale_of_the_fit(fitted, digit_arrays, tmp_path):
    """The same digits from 0 to 16 of whichever file, none of which is as bright as those of the fit."""
    pixels, labels = (part[:300] for part in digit_arrays)
    levels = np.rint(pixels / 255 * 16)
    np.savez(tmp_path / "all.npz", images=levels, labels=labels)
    recipe = recipe_for(fitted.candidate, 200, 200.0)
    plan = Choice(fitted.candidate, recipe, [], 5.0, Forecast(0.5, 0.1, 0.9), "contiguous")
    images = read_images(tmp_path / "all.npz")
    model = fit_set(images, Clock(Budget()), 10.0, 0, lambda *event: None, plan)
    back = from_bundle(load(model.save(tmp_path / "model")))
    assert back.whites == model.whites == {"floats": 16.0}
    dim = np.minimum(levels[:5], 8)
    np.savez(tmp_path / "dim.npz", images=dim)
    found = back.answer(tmp_path / "dim.npz")
    expected = model.probabilities_of(np.rint(dim * 255 / 16).astype(np.uint8)[:, None])
    assert np.array_equal(found.probabilities, expected)
    assert "as those of the fit" in found.notes[0]
    np.savez(tmp_path / "bytes.npz", images=pixels.astype(float))
    with pytest.raises(DataError, match="numbers up to 16, the white of the pictures of the fit"):
        back.predict(tmp_path / "bytes.npz")


def test_mean_and_deviation_are_those_of_the_pictures(fitted, digits):
    pixels = digits(500).load(None, 16, 16, colour=False) / 255
    assert fitted.mean[0] == pytest.approx(pixels.mean(), abs=0.01)  # of its training part
    assert fitted.std[0] == pytest.approx(pixels.std(), abs=0.01)


def test_sets_grow_with_their_level(fitted, digits):
    sizes = [sum(map(len, fitted.predict_set(digits(100), level))) for level in (0.5, 0.9, 0.99)]
    assert sizes == sorted(sizes)
    assert fitted.predict(digits(5)).shape == (5,)


def test_what_does_not_fit_is_refused(fitted, digits):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        fitted.answer(digits(3), 1.0)
    with pytest.raises(DataError, match="at least one picture"):
        fitted.answer(digits(3).take(np.zeros(0, dtype=np.int64)))
    with pytest.raises(ArgumentError, match="pictures of bytes"):
        fitted.probabilities_of(np.zeros((1, 3, 16, 16), dtype=np.uint8))
    assert fitted.probabilities_of(np.zeros((0, *fitted.shape), dtype=np.uint8)).shape == (0, 10)


def _forged(fitted, tmp_path, **changes):
    bundle = load(fitted.save(tmp_path / "good"))
    config = json.loads(json.dumps(bundle.config)) | changes.pop("config", {})
    tensors = dict(bundle.tensors) | changes
    return from_bundle(Bundle(bundle.kind, config, tensors, bundle.files))


@pytest.mark.parametrize(
    "config",
    [
        {"candidate": {"architecture": "os.system", "height": 16, "width": 16, "options": {}}},
        {"candidate": {"architecture": "resnet152", "height": 16, "width": 16, "options": {}}},
        {
            "candidate": {
                "architecture": "speedrun",
                "height": 16,
                "width": 16,
                "options": {"widths": [10**6] * 3},
            }
        },
        {"candidate": {}},
        {
            "candidate": {
                "architecture": "speedrun",
                "height": 2_000_000,
                "width": 16,
                "options": {"widths": [16, 32, 32]},
            }
        },
        {"classes": ["a"]},
        {"channels": 3},
        {"temperature": "hot"},
        {"temperature": -1.0},
        {"whites": {"floats": 0}},
        {"whites": {"floats": "inf"}},
        {"whites": {"dots": 255.0}},
        {"whites": [255.0]},
    ],
)
def test_a_forged_description_is_refused(fitted, tmp_path, config):
    with pytest.raises(ArtifactError):
        _forged(fitted, tmp_path, config=config)


def test_weights_that_give_no_numbers_are_refused(fitted, tmp_path):
    huge = {
        name: np.full(value.shape, 3e38, dtype=np.float32)
        for name, value in ((n, v.numpy()) for n, v in fitted.module.state_dict().items())
        if value.dtype == np.float32
    }
    with pytest.raises(ArtifactError, match="finite predictions"):
        _forged(fitted, tmp_path, **huge)


def test_another_kind_is_refused(tmp_path):
    place = save(tmp_path / "a", Bundle("fivefold.table", {}, {"scores": np.zeros(1)}))
    with pytest.raises(ArtifactError, match=r"an artifact of kind fivefold\.images"):
        from_bundle(load(place))


def test_pictures_with_colour_are_noted(fitted, tmp_path):
    from PIL import Image

    colours = torch.randint(256, (20, 20, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    Image.fromarray(colours.numpy()).save(tmp_path / "a.png")
    found = replace(fitted).answer(tmp_path / "a.png")
    assert any("colour" in note for note in found.notes)
    assert found.names[0].endswith("a.png")


def test_the_memory_of_an_answer_is_asked_for_before_it_is_tried(fitted, tmp_path, monkeypatch):
    saved = load(fitted.save(tmp_path / "model"))
    monkeypatch.setattr("fivefold.linalg.memory._SMALL", 0)
    monkeypatch.setattr("fivefold.linalg.memory.available_bytes", lambda device: 1 << 20)
    with pytest.raises(ArtifactError, match="an answer to a picture of 16 x 16 that fits"):
        from_bundle(saved)


def test_mirrored_answers_survive_saving(fitted, digits, tmp_path):
    mirrored = replace(fitted, flip=True)
    back = from_bundle(load(mirrored.save(tmp_path / "model")))
    assert back.flip is True
    images = digits(30)
    assert np.array_equal(back.predict_proba(images), mirrored.predict_proba(images))
    assert not np.array_equal(back.predict_proba(images), fitted.predict_proba(images))
