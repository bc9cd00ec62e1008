"""Pictures in the report are those that it names, and what a stage sees is what it sees."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from torch import nn

from fivefold.networks import create
from fivefold.tasks.images.gallery import data_uri, first_filters, gallery, stages


def _decoded(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_data_uri_holds_the_pixels():
    generator = np.random.default_rng(0)
    grey = generator.integers(256, size=(1, 20, 30), dtype=np.uint8)
    colour = generator.integers(256, size=(3, 20, 30), dtype=np.uint8)
    assert np.array_equal(_decoded(data_uri(grey)), grey[0])
    assert np.array_equal(_decoded(data_uri(colour)), colour.transpose(1, 2, 0))
    assert max(_decoded(data_uri(np.zeros((1, 400, 300), dtype=np.uint8))).shape) == 96


def test_the_groups_are_sorted_and_true(fitted):
    groups = {g["title"]: g["pictures"] for g in fitted.record["pictures"]["groups"]}
    wrong, unsure, best = (
        groups["The surest mistakes"],
        groups["The least sure answers"],
        groups["The surest answers"],
    )
    assert all(p["true"] != p["found"] for p in wrong)
    assert [p["probability"] for p in wrong] == sorted((p["probability"] for p in wrong), reverse=True)
    assert [p["probability"] for p in unsure] == sorted(p["probability"] for p in unsure)
    assert all(p["true"] == p["found"] for p in best)
    assert len({p["true"] for p in best}) == len(best)


def test_the_surest_answers_say_how_many_classes_are_shown(fitted, material, monkeypatch):
    outcome = SimpleNamespace(model=fitted, material=material(400))
    test = outcome.material.pictures(16, 16)[2].numpy()
    truth = outcome.material.images.labels[outcome.material.test]
    probability = fitted.probabilities_of(test)
    classes = len({int(t) for t, p in zip(truth, probability, strict=True) if p.argmax() == t})
    group = gallery(outcome, probability, truth)["groups"][-1]
    assert len(group["pictures"]) == classes <= 10
    assert group["caption"].endswith("the highest probability.")
    monkeypatch.setattr("fivefold.tasks.images.gallery._SHOWN", 4)
    group = gallery(outcome, probability, truth)["groups"][-1]
    assert len(group["pictures"]) == 4
    assert group["caption"].endswith(f"the highest probability. Shown are the first 4 of {classes} classes.")


def test_stages_see_more_and_more(fitted, digits):
    found = stages(fitted, digits(60).load(None, 16, 16, colour=False))
    assert [s["name"] for s in found] == ["stem", "stage1", "stage2", "stage3"]
    # 2x2, then 3x3, 2x2 pooled, 3x3: 2 -> 4 -> 5 -> 9 pixels
    assert [s["sees"] for s in found[:2]] == [(2, 2), (9, 9)]
    assert found[-1]["sees"] >= found[1]["sees"]
    shapes = {_decoded(image).shape for row in found[1]["examples"] for image in row}
    assert shapes == {(9, 9)}


def test_the_strongest_patch_holds_what_a_filter_answers_to():
    """A network whose first channel answers to a bright pixel shows the bright pixel."""
    from fivefold.tasks.images.gallery import _patches

    pictures = np.zeros((3, 1, 8, 8), dtype=np.uint8)
    pictures[1, 0, 2, 5] = 255
    answer = torch.from_numpy(pictures).float()
    peaks = answer.flatten(2).max(2)
    patches = _patches(pictures, peaks.values, peaks.indices, 0, answer, (3, 3))
    assert patches[0][0, 1, 1] == 255
    assert patches[0].shape == (1, 3, 3)


def test_filters_are_those_of_the_first_convolution():
    network = create("resnet20", classes=2, channels=1, generator=torch.Generator().manual_seed(0))
    found = first_filters(network)
    assert len(found) == 16
    for picture in found:
        assert (picture.min(), picture.max()) == (0, 255)
    assert first_filters(nn.Linear(2, 2)) == []


def test_stages_are_the_same_in_whatever_parts_they_are_computed(fitted, digits, monkeypatch):
    pictures = digits(60).load(None, 16, 16, colour=False)
    whole = stages(fitted, pictures)
    monkeypatch.setattr("fivefold.tasks.images.gallery.pictures_at_once", lambda *args, **more: 7)
    parts = stages(fitted, pictures)
    assert [{k: v for k, v in s.items() if k != "examples"} for s in parts] == [
        {k: v for k, v in s.items() if k != "examples"} for s in whole
    ]
    assert all(map(len, (row for s in parts for row in s["examples"])))
