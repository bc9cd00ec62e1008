"""Folding changes no answer, folds all that can be folded, and nothing else."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fivefold.core import ArgumentError, NumericalError
from fivefold.networks import fold
from fivefold.networks.fold import find_batch_norms, fold_batch_norm
from fivefold.networks.registry import ENTRIES, create

WITH_BATCH_NORM = [name for name, entry in ENTRIES.items() if entry.style.norm == "batch"]
RUN = {
    "cortex": {"width": 8},
    "densenet121": {},
    "efficientnet_b0": {},
    "googlenet": {},
    "mnasnet0_5": {},
    "mobilenet_v2": {},
    "mobilenet_v3_small": {},
    "resnet18": {},
    "resnet20": {"shortcut": "project"},
    "shufflenet_v2_x0_5": {},
    "speedrun": {"widths": (8, 16, 16)},
    "unet": {"width": 4},
    "vgg11_bn": {},
}
"""One of each family, small: the others repeat the same blocks, and are counted without memory."""
QUICK = (
    "cortex",
    "densenet121",
    "mobilenet_v2",
    "resnet18",
    "resnet20",
    "shufflenet_v2_x0_5",
    "speedrun",
    "unet",
)
NOTHING_BEFORE = {"densenet121": 62, "densenet161": 82, "densenet169": 86, "densenet201": 102}
"""Batch norms that stand before an activation and after a concatenation: one a layer, one a transition, and
the last; half of them, for the second norm of a layer does follow a convolution."""


def rather_slow(names, quick):
    """Names as parameters; those that are not quick are for `make verify`."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def filled(network, seed=0):
    """Weights and statistics far from their first values, in float64, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    network = network.to_empty(device="cpu").double()
    for value in network.parameters():
        deviation = 1 / math.sqrt(value[0].numel()) if value.ndim > 1 else 0.3
        value.data.normal_(1.0 if value.ndim == 1 else 0.0, deviation, generator=generator)
    for part in network.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
            part.running_mean.normal_(generator=generator)
            part.running_var.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


def rand(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def norms(network):
    return [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


@pytest.mark.parametrize("name", rather_slow(RUN, QUICK))
def test_every_family_answers_the_same(name):
    network = create(name, classes=3, device="meta", **RUN[name])
    if name == "vgg11_bn":  # its three dense layers hold 120 million numbers and no batch norm
        network.classifier = nn.Linear(512 * 7 * 7, 3, device="meta")
    network = filled(network)
    folded = fold_batch_norm(network, rand(1, 3, 32, 32))
    other = rand(2, 3, 40, 32, seed=2)
    with torch.no_grad():
        expected, answered = network(other), folded(other)
    # rounding of float64, over a hundred layers at most
    torch.testing.assert_close(answered, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))
    found = find_batch_norms(network, rand(1, 3, 32, 32))
    assert len(norms(folded)) == len(found.left)
    assert len(norms(network)) == len(found.left) + len(found.folded)


@pytest.mark.parametrize(
    "name",
    rather_slow(WITH_BATCH_NORM, ("cortex", "densenet121", "resnet20", "speedrun")),
)
def test_every_architecture_folds_all_that_follow_a_layer(name):
    network = create(name, classes=2, device="meta")
    found = find_batch_norms(network, torch.empty(1, 3, 64, 64, device="meta"))
    left = {**NOTHING_BEFORE, "cortex": 9, "speedrun": 3}.get(name, 0)
    assert len(found.left) == left
    assert len(found.folded) == len(norms(network)) - left


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (nn.Linear(5, 6), nn.BatchNorm1d(6), (4, 5)),
        (nn.Conv1d(4, 6, 3, groups=2, bias=False), nn.BatchNorm1d(6, affine=False), (2, 4, 9)),
        (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(6), (2, 4, 9, 8)),
        (nn.Conv3d(2, 4, 2), nn.BatchNorm3d(4), (1, 2, 4, 4, 4)),
        (nn.ConvTranspose1d(4, 6, 3), nn.BatchNorm1d(6), (2, 4, 9)),
        (nn.ConvTranspose2d(6, 8, 3, stride=2, groups=2), nn.BatchNorm2d(8), (2, 6, 5, 5)),
        (nn.ConvTranspose3d(2, 4, 2, bias=False), nn.BatchNorm3d(4), (1, 2, 4, 4, 4)),
    ],
)
def test_every_kind_of_layer(layer, norm, shape):
    network = filled(nn.Sequential(layer, norm, nn.Tanh()))
    folded = fold_batch_norm(network, rand(*shape))
    assert isinstance(folded[1], nn.Identity)
    torch.testing.assert_close(folded(rand(*shape, seed=3)), network(rand(*shape, seed=3)))


class Shape(nn.Module):
    """A convolution and a batch norm, joined by a function."""

    def __init__(self, join):
        super().__init__()
        self.conv, self.norm, self.join = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), join

    def forward(self, x):
        return self.join(self, x)


@pytest.mark.parametrize(
    "join",
    [
        lambda m, x: (lambda y: m.norm(y) + y)(m.conv(x)),  # read again
        lambda m, x: (lambda y: (m.norm(y), y))(m.conv(x)),  # given out too
        lambda m, x: m.norm(m.conv(m.conv(x))),  # the layer runs twice
        lambda m, x: m.norm(m.norm(m.conv(x))),  # the norm runs twice
        lambda m, x: m.norm(m.conv(x).relu_()),  # an activation between
        lambda m, x: m.norm(m.conv(x)) * m.conv.weight.sum(),  # the weight is read elsewhere
        lambda m, x: m.norm(F.conv2d(x, m.conv.weight * 2, m.conv.bias)),  # not the layer's own weight
        lambda m, x: m.conv(m.norm(x)),  # the norm stands first
        lambda m, x: m.conv(x) + len(m.norm._buffers),  # the norm never runs
        lambda m, x: m.norm(m.conv(x)[:, :, ::2]),  # a view between
    ],
)
def test_what_cannot_be_folded_stays(join):
    network = filled(Shape(join))
    x = rand(2, 3, 6, 6)
    folded = fold_batch_norm(network, x)
    assert isinstance(folded.norm, nn.BatchNorm2d)
    assert find_batch_norms(network, x).left == ("norm",)
    torch.testing.assert_close(folded(x), network(x), rtol=0, atol=0)


def test_shared_weights_and_batch_statistics_stay():
    shared = nn.Conv2d(3, 3, 1)
    twin = nn.Conv2d(3, 3, 1)
    twin.weight = shared.weight
    network = filled(nn.Sequential(shared, nn.BatchNorm2d(3), nn.ReLU(), twin, nn.BatchNorm2d(3)))
    assert find_batch_norms(network, rand(1, 3, 4, 4)).folded == ()
    alone = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False)).double()
    assert find_batch_norms(alone, rand(2, 3, 4, 4)).left == ("1",)
    over_places = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(4)).double()  # axis 1 is not the layer's
    assert find_batch_norms(over_places, rand(2, 4, 5)).folded == ()


def test_a_norm_under_two_names():
    network = Shape(lambda m, x: m.again(m.conv(x)))
    network.again = network.norm
    x = rand(1, 3, 4, 4)
    folded = fold_batch_norm(filled(network), x)
    assert isinstance(folded.again, nn.Identity)
    assert folded.again is folded.norm
    torch.testing.assert_close(folded(x), network(x))


def test_asking_for_a_shape_is_no_reading():
    network = filled(Shape(lambda m, x: (lambda y: m.norm(y).reshape(y.shape[0], -1, y.size(2)))(m.conv(x))))
    assert find_batch_norms(network, rand(1, 3, 4, 4)).folded == (("conv", "norm"),)


def test_the_network_stays_as_it_was():
    network = filled(create("resnet20", classes=2, device="meta")).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold_batch_norm(network, rand(2, 3, 16, 16))
    assert network.training
    assert not any(part.training for part in folded.modules())
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_frozen_weights_stay_frozen():
    network = filled(nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3)))
    network[0].weight.requires_grad_(False)
    folded = fold_batch_norm(network, rand(1, 3, 2, 2))
    assert not folded[0].weight.requires_grad
    assert not folded[0].bias.requires_grad


class Stubborn(nn.Conv2d):
    """A convolution that passes no bias on."""

    def forward(self, x):
        return F.conv2d(x, self.weight)


class Changing(nn.Module):
    """A network whose second answer has another shape."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.calls = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), 0

    def forward(self, x):
        self.calls += 1
        return self.norm(self.conv(x))[:, : 4 - self.calls]


def test_a_wrong_answer_is_refused(monkeypatch):
    network = filled(nn.Sequential(Stubborn(3, 3, 1, bias=False), nn.BatchNorm2d(3)))
    with pytest.raises(NumericalError, match="leave this network unfolded"):
        fold_batch_norm(network, rand(1, 3, 2, 2))
    with pytest.raises(ArgumentError, match="the same shapes twice"):
        fold_batch_norm(filled(Changing()), rand(1, 3, 2, 2))
    good = filled(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    monkeypatch.setattr(fold, "_merge_", lambda layer, norm: None)  # a planted error: the scale is lost
    with pytest.raises(NumericalError):
        fold_batch_norm(good, rand(1, 3, 2, 2))
    monkeypatch.setattr(fold, "_merge_", lambda layer, norm: layer.weight.fill_(math.nan))
    with pytest.raises(NumericalError, match="nan away"):
        fold_batch_norm(good, rand(1, 3, 2, 2))


def test_no_example():
    with pytest.raises(ArgumentError, match="at least one number"):
        fold_batch_norm(nn.Identity(), torch.empty(0))
    with pytest.raises(ArgumentError, match="a tensor"):
        fold_batch_norm(nn.Identity(), [1.0])
