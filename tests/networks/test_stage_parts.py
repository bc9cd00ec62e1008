"""Layers and weights are given to the stages that run them."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks import create, names
from fivefold.networks.stage_parts import HEAD, classifier_weights, layers_by_stage, stage_of_weights

SMALL = ["lenet5", "resnet20", "resnet18", "speedrun", "cortex", "shufflenet_v2_x0_5", "convnext_tiny"]


@pytest.mark.parametrize("name", SMALL)
def test_a_stage_changes_when_its_weights_do_and_no_earlier_one(name):
    """The definition, by experiment: weights of stage k move the outputs of stage k and of none before it."""
    network = create(name, classes=3, channels=1, generator=torch.Generator().manual_seed(0)).eval()
    x = torch.rand((2, 1, 64, 64), generator=torch.Generator().manual_seed(1))
    stages = list(layers_by_stage(network, 64, 64))
    of = stage_of_weights(network, 64, 64)
    assert set(of) == {name for name, _ in network.named_parameters()}
    assert stages[-1] == HEAD
    with torch.no_grad():
        before = network.intermediate(x)
        for stage in [s for s in stages if s in of.values()]:
            changed = create(name, classes=3, channels=1, generator=torch.Generator().manual_seed(0)).eval()
            for weight, value in changed.named_parameters():
                if of[weight] == stage:
                    value.add_(0.1)
            after = changed.intermediate(x)
            earlier = stages[: stages.index(stage)]
            assert all(torch.equal(after[s], before[s]) for s in earlier if s in before)
            if stage != HEAD:
                assert not torch.equal(after[stage], before[stage])


def test_a_network_is_left_as_it_was():
    network = create("resnet20", classes=3, channels=1).train()
    network.bn1.eval()
    layers_by_stage(network, 28, 28)
    assert network.training
    assert not network.bn1.training
    assert not any(m._forward_hooks for m in network.modules())
    with pytest.raises(ArgumentError, match="pictures of at least"):
        layers_by_stage(create("speedrun", classes=3, channels=1), 4, 4)


@pytest.mark.parametrize("name", [n for n in names() if n != "unet"])
def test_only_the_classifier_depends_on_the_classes(name):
    found = classifier_weights(*(create(name, classes=k, device="meta") for k in (5, 6)))
    state = create(name, classes=5, device="meta").state_dict()
    assert found
    assert all(5 in state[weight].shape for weight in found)
    assert {weight.rpartition(".")[0] for weight in found} == {found[0].rpartition(".")[0]}
