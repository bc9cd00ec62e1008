"""The guidelines' numbers by hand and by search, and that each finds what is there and nothing else."""

import pytest
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.costs import layer_costs
from fivefold.networks.guidelines import LayerReport, find, least_moved, numbers_moved
from fivefold.networks.roofline import Limits

LIMITS = Limits(1e9, ((1 << 20, 1e9),), 1e-6, 1)


def rows_of(network, shape, milliseconds=1.0):
    parents = {name for name, module in network.named_modules() if list(module.children())}
    return [
        LayerReport(
            f"in {c.name}" if c.name in parents else c.name,
            c.kind,
            c.inputs,
            c.outputs,
            1,
            1,
            c.parameters,
            c.multiply_adds,
            c.bytes,
            milliseconds,
            0.0,
            None,
            "neither",
            0.1,
        )
        for c in layer_costs(network, shape)
        if c.bytes
    ]


def found(network, shape, limits=LIMITS):
    return {each.name: each for each in find(network, rows_of(network, shape), limits)}


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_no_widths_of_equal_multiply_adds_move_fewer_numbers(groups):
    places, product = 50, 64 * 64
    least = least_moved(places, 64, 64, groups)
    assert numbers_moved(places, 64, 64, groups) == pytest.approx(least)
    for inputs in (1, 2, 4, 8, 16, 32, 128, 1024, 4096):
        outputs = product // inputs
        assert least_moved(places, inputs, outputs, groups) == pytest.approx(least)
        assert numbers_moved(places, inputs, outputs, groups) > least


def test_numbers_moved_are_the_bytes_of_the_layer():
    (cost,) = layer_costs(nn.Conv2d(6, 10, 1, groups=2, bias=False), (3, 6, 5, 7))
    assert cost.bytes == 4 * numbers_moved(3 * 5 * 7, 6, 10, 2)
    with pytest.raises(ArgumentError, match="sizes of at least 1"):
        numbers_moved(0, 1, 1)


def test_unequal_widths_are_found_with_their_excess():
    network = nn.Sequential(
        nn.Conv2d(16, 64, 1, bias=False), nn.Conv2d(64, 64, 1, bias=False), nn.Conv2d(64, 128, 3)
    )
    g1 = found(network, (1, 16, 10, 10))["G1"]
    assert g1.layers == ("0",)
    moved = 100 * 80 + 16 * 64 + 100 * 128 + 64 * 64
    assert g1.excess == pytest.approx(moved / (moved - 100 * 80 + 100 * 64) - 1)
    assert "16 to 64 channels, 22% more" in g1.finding  # 9024 of 7424
    assert g1.time_share == pytest.approx(1 / 3)


def test_a_strided_window_of_one_place_is_left_out():
    assert "G1" not in found(nn.Sequential(nn.Conv2d(16, 64, 1, stride=2)), (1, 16, 10, 10))


def test_groups_move_more_than_none_at_equal_multiply_adds():
    grouped = nn.Conv2d(32, 32, 3, padding=1, groups=4, bias=False)
    dense = nn.Conv2d(32, 8, 3, padding=1, bias=False)  # of equal inputs and multiply-adds
    one, other = (layer_costs(layer, (2, 32, 10, 10))[0] for layer in (grouped, dense))
    assert one.multiply_adds == other.multiply_adds
    g2 = found(nn.Sequential(grouped, nn.Conv2d(32, 32, 1)), (2, 32, 10, 10))["G2"]
    assert g2.excess == pytest.approx(one.bytes / other.bytes - 1)
    assert g2.layers == ("0",)
    assert "against" in g2.finding
    assert "against" not in found(nn.Sequential(grouped), (2, 32, 10, 10))["G2"].finding
    assert "G2" not in found(nn.Sequential(dense), (2, 32, 10, 10))


def test_small_operations_are_those_that_cost_less_than_their_call():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    g3 = found(network, (1, 2))["G3"]
    assert set(g3.layers) == {"0", "1"}
    assert g3.excess == 2.0
    slow = Limits(1.0, ((1, 1.0),), 1e-6, 1)
    assert "G3" not in found(network, (1, 2), slow)


def test_layers_that_multiply_nothing_are_found_with_their_share():
    network = nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.ReLU(), nn.MaxPool2d(2))
    rows = rows_of(network, (1, 4, 8, 8))
    g4 = next(each for each in find(network, rows, LIMITS) if each.name == "G4")
    assert g4.layers == ("1", "2")
    assert g4.time_share == pytest.approx(2 / 3)
    assert g4.excess == pytest.approx(sum(row.bytes for row in rows[1:]) / sum(row.bytes for row in rows))
    assert found(nn.Sequential(nn.Linear(300, 300)), (300, 300)) == {}


def test_records_hold_plain_things():
    network = nn.Sequential(nn.Conv2d(4, 16, 1), nn.ReLU())
    rows = rows_of(network, (1, 4, 8, 8))
    assert rows[0].to_record()["inputs"] == [1, 4, 8, 8]
    for each in find(network, rows, LIMITS):
        assert each.to_record()["layers"] == list(each.layers)
