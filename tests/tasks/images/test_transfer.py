"""A start is taken whole, what is frozen stays to the bit, and knowing something helps."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fivefold.core import ArgumentError, ArtifactError, Budget, Clock
from fivefold.networks import create
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.choose import choose
from fivefold.tasks.images.fit import fit_images
from fivefold.tasks.images.material import divide
from fivefold.tasks.images.packed import Part, from_parts
from fivefold.tasks.images.recipe import outputs, recipe_for, train_network
from fivefold.tasks.images.transfer import (
    DEPTHS,
    Origin,
    begin,
    candidate_for,
    read_start,
    transferred,
)


@pytest.fixture(scope="module")
def start(fitted, tmp_path_factory):
    """What a model of 500 digits knows."""
    return read_start(fitted.save(tmp_path_factory.mktemp("start") / "model"))


def test_a_saved_model_gives_everything_but_its_classes(start, fitted):
    state = fitted.network.state_dict()
    assert set(state) - set(start.state) == {"head_layer.weight"}
    assert all(torch.equal(value, state[name]) for name, value in start.state.items())
    assert start.mean == pytest.approx(fitted.mean.tolist())
    assert start.candidate == fitted.candidate


@pytest.mark.parametrize(("depth", "moves"), [
    ("head alone", {"head_layer"}),
    ("last stage", {"head_layer", "groups.2"}),
    ("everything", {"head_layer", "groups.2", "groups.1", "groups.0", "whiten"}),
])  # fmt: skip
def test_what_is_frozen_stays_to_the_bit(start, material, depth, moves):
    found = material(200)
    pictures, _, _ = found.pictures(16, 16)
    module = transferred(start, start.candidate, depth, 10, seed=0)
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    assert all(torch.equal(before[name], value) for name, value in start.state.items())
    train_network(
        module, recipe_for(start.candidate, 128, 256.0), pictures[:128], found.labels(found.train[:128]), 0
    )
    after = module.network.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    assert {name for name in moved if not name.startswith(tuple(moves))} == set()
    assert all(any(name.startswith(part) for name in moved) for part in moves)


def test_a_head_alone_on_known_features_beats_a_start_from_nothing(start, digit_arrays):
    """Digits by other hands, forty for training: features of 320 digits are worth more than none."""
    pixels, labels = digit_arrays
    rows = torch.from_numpy(pixels[1000:1400, None])
    truth = torch.from_numpy(labels[1000:1400])
    shares = []
    for origin in (Origin(start, "head alone"), None):
        module = begin(start.candidate, rows[:40], 10, 0, origin)
        recipe = recipe_for(start.candidate, 40, 40 * 20.0)
        train_network(module, recipe, rows[:40], truth[:40], 0)
        shares.append(float((outputs(module, rows[40:]).argmax(1) == truth[40:]).double().mean()))
    assert shares[0] > shares[1] + 0.05


def test_depths_are_compared_beside_networks_from_nothing(start, digits):
    images = digits(300)
    found = divide(images, np.arange(300), 0)
    choice = choose(found, Clock(Budget(seconds=12.0)), 12.0, 0, lambda *event: None, start)
    origins = [trial.origin.depth for trial in choice.trials if trial.origin and not trial.changes]
    assert origins == list(DEPTHS)
    assert sum(trial.origin is None for trial in choice.trials) == 2
    assert (choice.origin is None) == (choice.to_record()["origin"] is None)


@pytest.mark.parametrize("classes", [1000, 37])
def test_a_checkpoint_takes_grey_pictures_as_three_channels(tmp_path, digits, classes):
    network = create("mobilenet_v3_small", classes=classes, generator=torch.Generator().manual_seed(0))
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    found = read_start(tmp_path / "net.safetensors", "mobilenet_v3_small")
    assert found.channels == 3
    name = "classifier.0.weight"
    assert torch.equal(found.state[name], network.state_dict()[name])
    assert set(network.state_dict()) - set(found.state) == {"classifier.3.weight", "classifier.3.bias"}
    material = divide(digits(60), np.arange(60), 0, colour=True)
    pictures, _, _ = material.pictures(64, 64)
    assert pictures.shape[1] == 3
    module = transferred(found, Candidate("mobilenet_v3_small", 64, 64), "last stage", 10, 0)
    assert outputs(module, pictures[:2]).shape == (2, 10)


def torchvisions_googlenet():
    """A state as torchvision's file of GoogLeNet has it: 1000 classes, two auxiliary classifiers."""
    state = create("googlenet", generator=torch.Generator().manual_seed(0)).state_dict()
    for head, inputs in (("aux1", 512), ("aux2", 528)):
        state[f"{head}.conv.conv.weight"] = torch.ones(128, inputs, 1, 1)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{head}.conv.bn.{part}"] = torch.ones(128)
        state[f"{head}.fc1.weight"], state[f"{head}.fc1.bias"] = torch.ones(1024, 2048), torch.ones(1024)
        state[f"{head}.fc2.weight"], state[f"{head}.fc2.bias"] = torch.ones(1000, 1024), torch.ones(1000)
    return state


def test_torchvisions_googlenet_starts_a_fit_with_pictures_scaled_as_its_own_were(tmp_path):
    state = torchvisions_googlenet()
    torch.save(state, tmp_path / "googlenet.pth")
    found = read_start(tmp_path / "googlenet.pth", "googlenet")
    assert set(state) - set(found.state) == {
        name for name in state if name.startswith(("aux1.", "aux2.", "fc."))
    }
    assert torch.equal(
        found.state["inception5b.branch1.conv.weight"], state["inception5b.branch1.conv.weight"]
    )
    assert found.passed_over == tuple(sorted(name for name in state if name.startswith(("aux1.", "aux2."))))
    module = transferred(found, Candidate("googlenet", 64, 64), "last stage", 4, 0)
    pictures = torch.randint(256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    assert outputs(module, pictures).shape == (2, 4)
    # torchvision 0.28, GoogLeNet._transform_input, on pictures standardised as ImageNet's
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(-1, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(-1, 1, 1)
    x = (pictures / 255 - mean) / deviation
    x = x * (deviation / 0.5) + (mean - 0.5) / 0.5
    torch.testing.assert_close(module.standardise(pictures), x, rtol=0, atol=2e-6)  # float32 roundings of 1


def test_other_checkpoints_are_standardised_as_imagenets(tmp_path):
    network = create("squeezenet1_1", classes=3, generator=torch.Generator().manual_seed(0))
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    found = read_start(tmp_path / "net.safetensors", "squeezenet1_1")
    assert (found.mean, found.deviation) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_the_size_is_the_one_that_allows_the_passes(start):
    sizes = [(16, 16), (32, 32), (64, 64)]
    cost = start.candidate.multiply_adds(2, 1)
    assert candidate_for(start, sizes, 12.0 * cost, 12.0, classes=2, batch=16).height == 16
    assert candidate_for(start, sizes, 16 * 12.0 * cost, 12.0, classes=2, batch=16).height == 64
    with pytest.raises(ArgumentError, match="of free memory for a training step of 9000000000 pictures"):
        candidate_for(start, sizes, 12.0 * cost, 12.0, classes=2, batch=9_000_000_000)
    with pytest.raises(ArgumentError, match="pictures that speedrun can take"):
        candidate_for(start, [(4, 4)], 1e9, 12.0, classes=2, batch=16)


def test_what_does_not_fit_is_refused(fitted, tmp_path, digits, start):
    saved = fitted.save(tmp_path / "model")
    with pytest.raises(ArgumentError, match="no architecture beside a saved model"):
        read_start(saved, "resnet18")
    with pytest.raises(ArtifactError, match="a saved model in"):
        read_start(tmp_path)
    with pytest.raises(ArtifactError, match="a checkpoint or a saved model"):
        read_start(tmp_path / "none.pt", "resnet18")
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ArgumentError, match="the architecture of a checkpoint"):
        read_start(tmp_path / "a.safetensors")
    with pytest.raises(ArgumentError, match="the tensors of the network"):
        read_start(tmp_path / "a.safetensors", "resnet18")
    with pytest.raises(ArgumentError, match="a depth among"):
        transferred(start, start.candidate, "half", 3, 0)
    with pytest.raises(ArgumentError, match="beside an architecture"):
        fit_images(digits(60), architecture="resnet18")
    colour = np.random.default_rng(0).integers(256, size=(40, 16, 16, 3), dtype=np.uint8)
    images = from_parts("colour", [Part("c", colour, (np.arange(40) % 2).astype(str), -1)], [])
    with pytest.raises(ArgumentError, match="pictures without colour"):
        fit_images(images, weights=saved)


def test_a_network_that_answers_for_each_pixel_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "unet.safetensors")
    with pytest.raises(
        ArgumentError, match="a class for each picture; got unet, which names one for each pixel"
    ):
        read_start(tmp_path / "unet.safetensors", "unet")


def test_the_digest_tells_weights_and_standardisation(start):
    moved = {name: value.clone() for name, value in start.state.items()}
    next(iter(moved.values())).view(-1)[0] += 1
    others = [replace(start, state=moved), replace(start, mean=(0.5,)), replace(start, state={})]
    assert len({each.digest for each in (start, *others)}) == 4
    assert replace(start, source="elsewhere").digest == start.digest
