"""Limits: counted against sums by hand, measured with a clock of the test, and repaired step by step."""

import copy

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks import memory_plan
from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.limits import (
    Limits,
    lighter,
    measure_costs,
)
from fivefold.tasks.images.design.phenotype import build
from fivefold.tasks.images.design.presets import published, scaled
from fivefold.tasks.images.design.variation import Child

SPACE = scaled(28, 28, pictures=5000, seconds=10.0)


def child(key):
    genome = Genome.from_key(key)
    return Child(genome, tuple((0, k) for k in range(len(genome.units))))


def measured(limits, seconds=None, net=None):
    net = net or nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    pictures, labels = torch.zeros(8, 1, 4, 4), torch.zeros(8, dtype=torch.long)
    return measure_costs(net, copy.deepcopy(net).to("meta"), pictures, labels, limits, seconds=seconds)


def test_each_limit_refuses_and_says_by_how_much():
    assert "68 parameters, of which 67 are allowed" in measured(Limits(parameters=67)).verdict
    assert "training holds" in measured(Limits(memory_bytes=100)).verdict
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    planned = memory_plan(net, (1, 4, 4), 8, "adamw").total
    assert measured(Limits(memory_bytes=planned - 1), net=net).verdict.startswith("training holds")
    assert measured(Limits(memory_bytes=planned), net=net).memory_bytes == planned
    assert "a prediction takes" in measured(Limits(latency_ms=1e-6)).verdict
    slow = measured(Limits(least_updates=1000), seconds=1e-6)
    assert "allow fewer than 1000" in slow.verdict
    fits = measured(Limits(10_000.0, 1, 2**30, 10_000, 1), seconds=100.0)
    assert fits.verdict == ""
    assert fits.parameters == 68
    assert fits.latency_ms > 0
    assert fits.step_ms > 0


def test_the_cheapest_limit_is_looked_at_first():
    costs = measured(Limits(1e-6, 1, 100, 10))
    assert "parameters" in costs.verdict
    assert costs.memory_bytes is None
    assert measured(Limits(1e-6, 1, 100)).latency_ms is None


def test_measuring_leaves_the_network_and_the_generators_as_they_were():
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(64, 4))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    measured(Limits(), 10.0, net)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    assert net.training


def test_a_lighter_genome_is_valid_and_a_step_smaller(rng):
    """From any genome, step by step, down to the smallest; multiply-adds of the first steps do not grow."""
    from fivefold.networks import layer_costs

    for space in (SPACE, published(32)):
        at = Child(space.draw(rng), ())
        at = Child(at.genome, tuple((0, k) for k in range(len(at.genome.units))))
        work, steps = None, 0
        while (light := lighter(space, at, rng)) is not None:
            assert space.faults(light.genome.units) == ""
            assert len(light.origins) == len(light.genome.units)
            if steps < 4:
                net = build(light.genome, space, classes=2, channels=1, device="meta")
                now = sum(cost.multiply_adds for cost in layer_costs(net, (1, 1, 32, 32)))
                # a cap differs from growth to growth, and without a unit the next one may meet wider inputs
                assert work is None or now <= 1.3 * work
                work = now
            at, steps = light, steps + 1
        assert steps < 200
        assert sum(unit.code[0] != "P" for unit in at.genome.units) == 1


def test_units_that_stay_keep_their_origins(rng):
    before = child("R:basic:16:2|D:8:2|P:max")
    for _ in range(100):
        after = lighter(SPACE, before, rng)
        for unit, origin in zip(after.genome.units, after.origins, strict=True):
            if origin is not None:
                assert type(before.genome.units[origin[1]]) is type(unit)


def test_the_smallest_genome_has_no_lighter_one(rng):
    assert lighter(SPACE, child("R:basic:8:1"), rng) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"latency_ms": 0.0},
        {"latency_batch": 0},
        {"memory_bytes": -1},
        {"parameters": 0},
        {"least_updates": 0},
        {"latency_ms": float("nan")},
    ],
)
def test_limits_that_nothing_keeps_are_refused(settings):
    with pytest.raises(ArgumentError):
        Limits(**settings)
