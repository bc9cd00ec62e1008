"""Fitness: what is trained, for how long, with whose weights, and what is stopped or refused."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.early_stopping import Bars
from fivefold.tasks.images.design.fitness import PictureFitness, TrialSettings, accuracy
from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.limits import Limits
from fivefold.tasks.images.design.prepared import prepare
from fivefold.tasks.images.design.presets import scaled
from fivefold.tasks.images.design.trial import Candidate, Ending
from fivefold.tasks.images.design.variation import Child
from fivefold.tasks.images.design.weight_store import WeightStore

SPACE = scaled(8, 8, pictures=1000, seconds=0.2)
SMALL = "R:basic:8:1|P:max"


@pytest.fixture(scope="module")
def data():
    """Two classes told apart by which half is bright, with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(160) % 2
    pictures = rng.integers(0, 120, (160, 1, 8, 8), dtype=np.uint8)
    pictures[labels == 1, :, :, 4:] += 60
    pictures[labels == 0, :, :, :4] += 60
    return prepare(pictures, labels, 0.4)


def fitness(data, limits=None, **settings):
    plain = TrialSettings(**{"updates": 12, "batch_size": 16, "learning_rate": 3e-3, **settings})
    return PictureFitness(data, SPACE, limits or Limits(least_updates=1), plain, WeightStore(None), seed=5)


def candidate(key, origins=None, parents=()):
    genome = Genome.from_key(key)
    return Candidate(Child(genome, origins or (None,) * len(genome.units)), 0, parents)


def test_a_trial_learns_and_says_what_it_did(data):
    trial = fitness(data, updates=40)(candidate(SMALL), Bars(), {})
    assert trial.ending is Ending.TRAINED
    assert trial.accuracy > 0.9
    assert trial.updates == 40
    assert len(trial.curve) == 3
    assert trial.curve[-1] == trial.accuracy
    assert trial.inherited == 0.0
    assert min(trial.parameters, trial.memory_bytes, trial.latency_ms, trial.step_ms, trial.seconds) > 0


def test_the_same_trial_has_the_same_bits(data):
    """Whatever was tried before it: only key and seed count where updates are given."""
    one, other = fitness(data), fitness(data)
    other(candidate("D:4:1"), Bars(), {})
    first, second = (each(candidate(SMALL), Bars(), {}) for each in (one, other))
    assert (first.accuracy, first.loss, first.curve) == (second.accuracy, second.loss, second.curve)
    states = [each.store.read(SMALL) for each in (one, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_judged_weights_are_those_kept(data):
    made = fitness(data)
    trial = made(candidate(SMALL), Bars(), {})
    network = made.make(candidate(SMALL).child)[0]
    network.load_state_dict(made.store.read(SMALL))
    with torch.no_grad():
        out = network.eval()(data.held)
    assert accuracy(out, data.held_labels).item() == trial.accuracy


def test_a_hopeless_one_is_stopped_after_a_quarter(data):
    trial = fitness(data)(candidate(SMALL), Bars((1.1, 1.1)), {})
    assert trial.ending is Ending.STOPPED
    assert trial.updates == 3
    assert trial.curve == (trial.accuracy,)
    assert "below the bar of 1.100" in trial.reason
    later = fitness(data)(candidate(SMALL), Bars((-1.0, 1.1)), {})
    assert later.updates == 6
    assert len(later.curve) == 2


def test_a_child_begins_where_its_parent_ended(data):
    """With updates too small to move anything, the child is its parent."""
    made = fitness(data, updates=40)
    parent = made(candidate(SMALL), Bars(), {})
    child = candidate("R:basic:8:1|P:mean", ((0, 0), None), (SMALL,))
    network, share = made.make(child.child, child.parents)
    assert share == 1.0
    assert torch.equal(network.classifier.weight, made.store.read(SMALL)["classifier.weight"])
    still = fitness(data, updates=1, learning_rate=1e-12)
    still.store = made.store
    trial = still(candidate("R:basic:8:1|P:max|P:max", ((0, 0), (0, 1), None), (SMALL,)), Bars(), {})
    assert trial.inherited == 1.0
    assert trial.parents == (SMALL,)
    without = fitness(data, inherit=False)
    without.store = made.store
    assert without.make(child.child, child.parents)[1] == 0.0
    assert parent.accuracy > 0.9


def test_the_longer_training_is_another_from_first_weights(data):
    made = fitness(data, updates=8)
    short = made(candidate(SMALL), Bars((-1.0, -1.0)), {})
    before = made.store.read(SMALL)
    longer = made.longer(short, 10 * short.step_ms / 1000)
    assert longer.final
    assert longer.ending is Ending.TRAINED
    assert longer.updates == 12  # whole quarters
    assert (longer.key, longer.step_ms, longer.inherited) == (short.key, short.step_ms, 0.0)
    assert not torch.equal(made.store.read(SMALL)["stem.0.weight"], before["stem.0.weight"])
    first, other = (made.make(candidate(SMALL).child, purpose=name)[0] for name in ("trial", "final"))
    assert not torch.equal(first.stem[0].weight, other.stem[0].weight)


def test_seconds_become_updates_by_the_measured_step(data):
    trial = fitness(data, updates=None, seconds=0.3)(candidate(SMALL), Bars(), {})
    expected = 300 / trial.step_ms
    assert expected - 1 <= trial.updates <= max(expected, 1) + 4  # whole quarters


def test_what_is_too_dear_is_lightened_and_says_so(data):
    limits = Limits(parameters=2_000, least_updates=1)
    trial = fitness(data, limits)(candidate("R:basic:32:2|R:basic:32:2"), Bars(), {})
    assert trial.ending is Ending.TRAINED
    assert trial.parameters <= 2_000
    assert trial.key != trial.asked == "R:basic:32:2|R:basic:32:2"
    assert trial.reason.startswith("lightened (")
    again = fitness(data, limits)(candidate("R:basic:32:2|R:basic:32:2"), Bars(), {})
    assert again.key == trial.key


def test_what_cannot_be_lightened_enough_is_refused_untrained(data):
    made = fitness(data, Limits(parameters=10))
    trial = made(candidate(SMALL), Bars(), {})
    assert trial.ending is Ending.REFUSED
    assert trial.updates == 0
    assert "10 are allowed; nothing is left to take away" in trial.reason
    assert made.store.read(SMALL) is None


def test_what_is_lightened_to_one_that_was_tried_is_refused(data):
    limits = Limits(parameters=2_000, least_updates=1)
    key = "R:basic:32:2|R:basic:32:2"
    built = fitness(data, limits)(candidate(key), Bars(), {}).key
    trial = fitness(data, limits)(candidate(key), Bars(), {built})
    assert trial.ending is Ending.REFUSED
    assert "one that was tried before" in trial.reason


def test_more_poolings_than_the_pictures_allow_are_taken_away(data):
    """A space for larger pictures than these."""
    space = scaled(32, 32, pictures=1000, seconds=3.0)
    settings = TrialSettings(updates=4, batch_size=16)
    made = PictureFitness(data, space, Limits(least_updates=1), settings, WeightStore(None), seed=0)
    trial = made(candidate("D:4:1|P:max|P:max|P:max|P:max"), Bars(), {})
    assert trial.ending is Ending.REFUSED
    assert "do not pass 4 poolings" in trial.reason


def test_a_training_that_diverges_fails_and_keeps_no_weights(data):
    made = fitness(data, learning_rate=1e30)
    trial = made(candidate(SMALL), Bars(), {})
    assert trial.ending is Ending.FAILED
    assert "not finite" in trial.reason
    assert trial.accuracy == 0.0
    assert made.store.read(SMALL) is None


@pytest.mark.parametrize(
    "change",
    [
        {"updates": None},
        {"seconds": 1.0},
        {"updates": 0},
        {"updates": None, "seconds": 0.0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"weight_decay": -1.0},
        {"layout": "auto"},
    ],
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ArgumentError):
        TrialSettings(**{"updates": 12, **change})
