"""What is offered, at which sizes, and what is picked from it."""

import json

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks import layer_costs
from fivefold.tasks.images.candidate import (
    LONGEST_SIDE,
    Candidate,
    menu,
    resolutions,
    spread_in_cost,
    within_memory,
)


def test_small_pictures_stay_as_they_are_and_large_ones_are_offered_smaller():
    assert resolutions(np.array([[28, 28]] * 3)) == [(28, 28)]
    assert resolutions(np.array([[60, 120]] * 3)) == [(32, 64), (48, 96)]  # one shape is kept
    mixed = resolutions(np.array([[60, 120], [300, 90], [70, 80]]))
    assert mixed == [(32, 32), (48, 48), (64, 64)]
    assert max(resolutions(np.array([[4000, 3000]]))) == (299, 224)


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (64, 64), (200, 300), (1000, 1000)])
def test_everything_offered_can_be_made_and_run(size):
    offered = menu(np.array([size]), classes=3, channels=3)
    assert len(offered) >= 3
    assert [cost for _, cost in offered] == sorted(cost for _, cost in offered)
    candidate, cost = offered[0]
    network = candidate.make(3, 3, torch.Generator().manual_seed(0)).eval()
    shape = (2, 3, candidate.height, candidate.width)
    assert network(torch.zeros(shape)).shape == (2, 3)
    assert cost == sum(c.multiply_adds for c in layer_costs(network, (1, *shape[1:])))


def test_pictures_too_small_for_everything_are_refused():
    with pytest.raises(ArgumentError, match="pictures of at least 8 pixels a side"):
        menu(np.array([[4, 4]]), 2, 1)


def test_a_candidate_survives_json():
    candidate = Candidate("speedrun", 20, 30, {"widths": (16, 32, 32)})
    back = Candidate.from_record(json.loads(json.dumps(candidate.to_record())))
    assert back == candidate
    assert back.name == "speedrun 16-32-32 at 20 x 30"


def test_what_is_tried_spans_the_costs_that_the_budget_allows():
    offered = [(Candidate(f"net{i}", 8, 8), 2**i) for i in range(12)]
    chosen = spread_in_cost(offered, 1000.0, (5.0, 12.0, 30.0, 75.0))
    passes = [1000 / 2 ** int(c.architecture[3:]) for c in chosen]
    assert passes == sorted(passes, reverse=True)
    for wanted, got in zip((75, 30, 12, 5), passes, strict=True):
        assert wanted / 2**0.5 <= got <= wanted * 2**0.5
    assert len(spread_in_cost(offered[:1], 1000.0, (5.0, 12.0))) == 1


def test_what_does_not_fit_into_memory_is_not_offered(monkeypatch):
    offered = menu(np.array([[64, 64]]), 10, 3)
    needs = {c.name: c.memory(10, 3, 256).total for c, _ in offered}
    middle = sorted(needs.values())[len(needs) // 2]
    monkeypatch.setattr("fivefold.networks.training_memory.free_main_memory", lambda: middle)
    fitting = within_memory(offered, 10, 3, 256)
    assert {c.name for c, _ in fitting} == {name for name, total in needs.items() if total <= middle}
    monkeypatch.setattr("fivefold.networks.training_memory.free_main_memory", lambda: 1 << 20)
    with pytest.raises(ArgumentError, match="of free memory for a training step of 256 pictures; got 1"):
        within_memory(offered, 10, 3, 256)


def test_what_a_search_made_is_a_candidate_like_any_other():
    from fivefold.tasks.images.design.presets import scaled

    space = scaled(16, 16, pictures=500, seconds=5.0)
    options = {"genome": "R:basic:32:1|P:max", "space": space.to_record()}
    back = Candidate.from_record(json.loads(json.dumps(Candidate("designed", 16, 16, options).to_record())))
    assert back.name == "designed at 16 x 16"
    assert back.description == "1 basic block of 32 channels; max pooling"
    network = back.make(4, 1, torch.Generator().manual_seed(0)).eval()
    assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 4)
    assert back.multiply_adds(4, 1) > 0
    assert all(p.device.type == "meta" for p in back.make(4, 1, device="meta").parameters())


@pytest.mark.parametrize("size", [(64, 256), (32, 320), (320, 32), (100, 5000)])
def test_long_pictures_of_one_shape_are_cut_to_squares(size):
    offered = menu(np.array([size] * 3), 2, 1)
    assert {(c.height, c.width) for c, _ in offered} <= {(32, 32), (48, 48), (64, 64), (96, 96)}
    assert len(offered) >= 3
    assert max(max(shape) for shape in resolutions(np.array([size]))) <= LONGEST_SIDE


def test_long_pictures_too_small_for_everything_are_refused_by_their_shorter_side():
    with pytest.raises(ArgumentError, match="pictures of at least 8 pixels a side; got 4"):
        menu(np.array([[300, 4]] * 2), 2, 1)


@pytest.mark.parametrize(("height", "width"), [(0, 16), (16, -1), (16, LONGEST_SIDE + 1)])
def test_a_record_of_a_size_that_none_is_offered_at_is_refused(height, width):
    record = Candidate("speedrun", height, width).to_record()
    with pytest.raises(ArgumentError, match="pictures of 1 to 1,024 pixels a side"):
        Candidate.from_record(record)
