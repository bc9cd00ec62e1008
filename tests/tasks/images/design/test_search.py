"""The verb: a small real search on scikit-learn's digits, its resumption, and what it refuses."""

import json
from functools import partial
from itertools import count

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from fivefold.artifact.lock import locked
from fivefold.core import ArgumentError, ArtifactError, Budget, DataError, Status
from fivefold.tasks.images.design import DesignResult, Limits, TrialSettings, design
from fivefold.tasks.images.design.fitness import PictureFitness
from fivefold.tasks.images.design.prepared import normalise
from fivefold.tasks.images.design.search import NothingTrainedError
from fivefold.tasks.images.design.space import DenseRange, SearchSpace
from fivefold.tasks.images.design.trial import Ending
from fivefold.tasks.images.design.trials import Trials
from fivefold.tasks.images.design.weight_store import WeightStore

TINY = SearchSpace(8, 4, 1, ("basic",), (4, 8), (1, 1), (DenseRange(4, 8, (1, 2)),), (1, 1), (0, 1), 1, 2, 6)
SMALL = SearchSpace(
    8, 8, 1, ("basic",), (8, 16), (1, 1), (DenseRange(8, 16, (1, 2)),), (1, 2), (0, 1), 1, 2, 6
)


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 1, 8, 8) * 15.9).astype(np.uint8), labels


def search(digits, rows=300, **settings):
    plain = {
        "budget": Budget(steps=6),
        "population": 2,
        "settings": TrialSettings(updates=8, batch_size=32),
        "space": TINY,
        "seed": 2,
        **settings,
    }
    return design(digits[0][:rows], digits[1][:rows], **plain)


def decisions(found):
    """What does not depend on the clock."""
    return [
        (t.key, t.asked, t.parents, t.mutation, t.ending, t.accuracy, t.curve, t.loss, t.updates, t.inherited)
        for t in found.history
    ]


def test_digits_are_told_apart(digits):
    """960 pictures to train on, 48 updates; the network found does on its own what its trial says."""
    train, test = slice(0, 1200), slice(1200, None)
    found = design(
        digits[0][train], digits[1][train], budget=Budget(steps=4), population=2, seed=1,
        settings=TrialSettings(updates=48, batch_size=32), space=SMALL,
    )  # fmt: skip
    assert isinstance(found, DesignResult)
    assert found.best.accuracy > 0.8
    assert found.status is Status.OUT_OF_BUDGET
    assert len(found.history) == 4
    assert found.population[0].accuracy == found.best.accuracy == max(t.accuracy for t in found.history)
    assert all(t.reason for t in found.history)
    X = normalise(
        torch.from_numpy(digits[0][test]), torch.from_numpy(found.mean), torch.from_numpy(found.std)
    )
    with torch.no_grad():
        right = (found.network(X).argmax(1).numpy() == digits[1][test]).mean()
    # 597 pictures unseen by the search: within sampling noise and some optimism of its own figure
    assert right > found.best.accuracy - 0.12
    assert found.fresh_network(found.best)(X[:2]).shape == (2, 10)


def test_a_killed_search_goes_on_to_the_same_decisions(digits, tmp_path, monkeypatch):
    undisturbed = search(digits)
    trained = PictureFitness._trained
    calls = []

    def killed(self, *asked):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return trained(self, *asked)

    monkeypatch.setattr(PictureFitness, "_trained", killed)
    with pytest.raises(KeyboardInterrupt):
        search(digits, resume_directory=tmp_path)
    found = search(digits, resume_directory=tmp_path)
    assert decisions(found) == decisions(undisturbed)
    assert len(calls) >= 6
    done = len(calls)
    again = search(digits, resume_directory=tmp_path)
    assert len(calls) == done
    assert decisions(again) == decisions(found)
    states = [each.network.state_dict() for each in (again, undisturbed)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    more = search(digits, resume_directory=tmp_path, budget=Budget(steps=7))
    assert decisions(more)[:6] == decisions(found)
    assert len(more.history) == 7


def test_what_was_derived_is_taken_from_the_journal(digits, tmp_path):
    """Without settings and space, a resumption with another budget keeps those of its beginning."""
    limits = Limits(least_updates=1)
    plain = {"settings": None, "space": None, "resume_directory": tmp_path, "limits": limits}
    search(digits, budget=Budget(seconds=1.0, steps=1), **plain)
    head = json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])["identity"]
    assert head["settings"]["seconds"] == pytest.approx(0.01)
    search(digits, budget=Budget(seconds=100.0, steps=2), **plain)
    assert json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])["identity"] == head


def test_other_data_or_settings_are_refused(digits, tmp_path):
    search(digits, budget=Budget(steps=1), resume_directory=tmp_path)
    with pytest.raises(ArtifactError, match="the same pictures"):
        search(digits, rows=301, budget=Budget(steps=1), resume_directory=tmp_path)
    with pytest.raises(ArtifactError, match="the same settings"):
        search(digits, resume_directory=tmp_path, settings=TrialSettings(updates=9))


def test_a_folder_in_which_another_search_is_at_work_is_refused(digits, tmp_path):
    with locked(tmp_path), pytest.raises(ArtifactError, match="no other search is at work"):
        search(digits, budget=Budget(steps=1), resume_directory=tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(search(digits, budget=Budget(steps=1), resume_directory=tmp_path).history) == 1


def test_weights_that_are_gone_are_named(digits, tmp_path):
    search(digits, budget=Budget(steps=1), resume_directory=tmp_path)
    for file in (tmp_path / "weights").iterdir():
        file.write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="weights of the best network"):
        search(digits, budget=Budget(steps=1), resume_directory=tmp_path)


def test_weights_of_longer_trainings_outlive_a_resumption(digits, tmp_path, monkeypatch):
    """Four are trained again, of which the population of two holds two."""
    ticks = count(0.0, 25.0)
    monkeypatch.setattr(
        "fivefold.tasks.images.design.search.Trials", partial(Trials, now=lambda: next(ticks))
    )
    monkeypatch.setattr(PictureFitness, "_updates", lambda *_: 8)
    monkeypatch.setattr("fivefold.tasks.images.design.search._FINALS", 0.5)
    settings = {"budget": Budget(seconds=500.0), "stop_share": 0.0, "resume_directory": tmp_path}
    first = search(digits, **settings)
    again = search(digits, **settings)
    assert [each.key for each in again.finals] == [each.key for each in first.finals]
    assert len(again.finals) == 4
    store = WeightStore(tmp_path / "weights")
    assert all(store.read(each.key) is not None for each in again.finals)


def test_limits_hold_for_everything_that_is_trained(digits):
    limits = Limits(parameters=900, memory_bytes=2**26, least_updates=1)
    found = search(digits, budget=Budget(steps=4), limits=limits)
    trained = [t for t in found.history if t.judged]
    assert trained
    assert all(t.parameters <= 900 and t.memory_bytes <= 2**26 for t in trained)
    assert any("lightened" in t.reason for t in found.history)


def test_limits_that_nothing_keeps_end_with_the_reason(digits):
    with pytest.raises(NothingTrainedError, match="2 are allowed"):
        search(digits, budget=Budget(steps=2), limits=Limits(parameters=2))


def test_random_search_is_the_other_strategy(digits):
    found = search(digits, budget=Budget(steps=4), strategy="random", limits=Limits(least_updates=1))
    assert not any(t.parents for t in found.history)
    assert all(t.ending in (Ending.TRAINED, Ending.STOPPED) for t in found.history)
    assert len(found.population) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": "greedy"}, "a strategy among"),
        ({"population": 1}, "population of at least 2"),
        ({"budget": Budget()}, "a budget of seconds or trials"),
        ({"budget": "soon"}, "a duration"),
    ],
)
def test_arguments_out_of_range_are_refused(digits, change, said):
    with pytest.raises(ArgumentError, match=said):
        search(digits, **change)


def test_pictures_must_be_bytes(digits):
    with pytest.raises(DataError, match="uint8"):
        design(digits[0].astype(np.float32), digits[1])
