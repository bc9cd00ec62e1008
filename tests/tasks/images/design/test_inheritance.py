"""Inheritance copies exactly what fits: the same place, name and shape."""

import torch

from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.inheritance import inherit_
from fivefold.tasks.images.design.phenotype import build
from fivefold.tasks.images.design.presets import scaled

SPACE = scaled(28, 28, pictures=5000, seconds=10.0)


def network(key, seed):
    made = build(
        Genome.from_key(key), SPACE, classes=2, channels=1, generator=torch.Generator().manual_seed(seed)
    )
    with torch.no_grad():  # no two networks share a number by chance
        for index, value in enumerate(made.state_dict().values()):
            value.add_(1000 * seed + index)
    return made


def taken_from(child, before, parent, moves):
    """For each tensor of a child: whether it is its parent's (under the moved name), or as it was before."""
    found = {}
    for name, value in child.state_dict().items():
        there = name
        for old, new in moves.items():
            if name.startswith(new):
                there = old + name.removeprefix(new)
        source = parent.state_dict().get(there)
        if source is not None and source.shape == value.shape and torch.equal(source, value):
            found[name] = True
        else:
            assert torch.equal(value, before[name]), name
            found[name] = False
    return found


def run(child_key, parent_key, origins, moves):
    child, parent = network(child_key, 1), network(parent_key, 2)
    before = {name: value.clone() for name, value in child.state_dict().items()}
    share = inherit_(child, origins, [parent.state_dict()])
    found = taken_from(child, before, parent, moves)
    learned = dict(child.named_parameters())
    assert share == sum(learned[name].numel() for name, flag in found.items() if flag and name in learned)
    return found


def test_a_unit_that_moved_takes_its_weights_along():
    """The pooling in front is new; what follows it comes from the parent's second unit."""
    found = run(
        "R:basic:8:1|P:max|D:4:2", "R:basic:8:1|D:4:2", ((0, 0), None, (0, 1)), {"units.1.": "units.2."}
    )
    assert all(found.values())


def test_of_a_unit_with_another_input_only_the_layers_that_meet_it_begin_anew():
    """R:basic:16 behind 8 channels instead of 16: the first convolution and the shortcut differ in shape."""
    found = run("R:basic:8:1|R:basic:16:2", "R:basic:16:1|R:basic:16:2", (None, (0, 1)), {})
    fresh = {
        name.split(".", 1)[1] for name, flag in found.items() if name.startswith("units.1.") and not flag
    }
    assert "1.0.conv1.weight" in fresh
    assert fresh <= {"1.0.conv1.weight"} | {n for n in fresh if n.startswith("1.0.downsample.")}
    assert found["units.1.1.conv1.weight"]
    assert found["units.1.0.bn1.running_mean"]


def test_a_new_unit_takes_nothing_even_where_it_would_fit():
    found = run("D:4:1|D:4:1", "D:4:1|D:4:1", ((0, 0), None), {})
    assert not any(flag for name, flag in found.items() if name.startswith("units.1."))
    assert all(flag for name, flag in found.items() if name.startswith("units.0."))


def test_the_stem_comes_with_the_first_unit_and_the_dense_layer_with_the_last():
    """Of a child that begins with the second parent: features of one mean nothing to layers of the other."""
    parents = [network("D:4:1|R:basic:8:1", 2), network("D:4:1|R:basic:8:1", 3)]
    states = [parent.state_dict() for parent in parents]
    child = network("D:4:1|R:basic:8:1", 1)
    inherit_(child, ((1, 0), (0, 1)), states)
    assert torch.equal(child.stem[0].weight, parents[1].stem[0].weight)
    assert torch.equal(child.classifier.weight, parents[0].classifier.weight)


def test_a_new_first_or_last_unit_leaves_stem_or_dense_layer_as_they_were():
    child, parent = network("D:4:1|R:basic:8:1", 1), network("D:4:1|R:basic:8:1", 2)
    before = {name: value.clone() for name, value in child.state_dict().items()}
    inherit_(child, (None, None), [parent.state_dict()])
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items())


def test_poolings_stand_between_no_features_and_the_layer_that_meets_them():
    child, parent = network("D:4:1|P:max", 1), network("D:4:1", 2)
    inherit_(child, ((0, 0), None), [parent.state_dict()])
    assert torch.equal(child.classifier.weight, parent.classifier.weight)


def test_a_parent_whose_weights_are_not_kept_gives_none():
    child = network("D:4:1", 1)
    before = {name: value.clone() for name, value in child.state_dict().items()}
    assert inherit_(child, ((0, 0),), [None]) == 0
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items())


def test_the_copy_is_the_childs_own():
    child, parent = network("D:4:1", 1), network("D:4:1", 2)
    inherit_(child, ((0, 0),), [parent.state_dict()])
    with torch.no_grad():
        child.classifier.weight.zero_()
    assert parent.classifier.weight.abs().sum() > 0
