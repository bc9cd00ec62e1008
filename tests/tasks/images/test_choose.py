"""The choice keeps to its budget, explains itself, and prefers what the trials prefer."""

import math

import pytest

from fivefold.core import Budget, Clock
from fivefold.tasks.images import choose as choose_module
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.choose import Trial, choose
from fivefold.tasks.images.recipe import MOST_EPOCHS


def _pace(module, recipe, pictures, *rest):
    """Of a machine that nothing else keeps busy: which networks are tried must not hang on others' work."""
    return 1e-7 * sum(p.numel() for p in module.parameters()) ** 0.5 * pictures[0].numel() ** 0.5


@pytest.fixture(scope="module")
def chosen(request, digit_arrays):
    import numpy as np

    from fivefold.tasks.images.material import divide
    from fivefold.tasks.images.packed import Part, from_parts

    pixels, labels = digit_arrays
    images = from_parts("digits", [Part("digits", pixels, labels.astype(str), -1)], [])
    found = divide(images, np.arange(len(images)), 0)
    events = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose_module, "training_pace", _pace)
        patch.setattr(choose_module, "training_layout", lambda *given: "channels-last")
        still = Clock(Budget(seconds=20.0), now=lambda: 0.0)
        choice = choose(found, still, 20.0, 0, lambda *event: events.append(event))
    return found, choice, events


def test_every_trial_is_told_and_every_one_not_taken_has_a_reason(chosen):
    _, choice, events = chosen
    assert {name for name, _ in events} == {"trial"}
    taken = [trial for trial in choice.trials if not trial.reason]
    assert [trial.candidate for trial in taken] == [choice.candidate]
    assert len(choice.trials) >= 2
    for trial in choice.trials:
        assert len(trial.seen) == len(trial.errors) == len(trial.losses)
        assert all(0 <= error <= 1 for error in trial.errors)


def test_the_plan_fits_the_budget_that_is_left(chosen):
    found, choice, _ = chosen
    recipe = choice.recipe
    assert 0 < choice.seconds <= 20.0
    assert recipe.pictures <= len(found.train)
    assert recipe.epochs * recipe.pictures <= 150 * len(found.train)
    assert choice.error.low <= choice.error.error <= choice.error.high


def test_changes_are_tried_over_as_many_passes_as_will_be_made(chosen):
    _, choice, _ = chosen
    changed = [trial for trial in choice.trials if trial.changes]
    if changed and all(trial.losses for trial in changed):  # else the time did not suffice
        assert [trial.changes for trial in changed] == ["unchanged", "moved", "moved and mirrored"]
        losses = [trial.losses[-1] for trial in changed]
        expected = changed[losses.index(min(losses))].changes
        assert (choice.recipe.shift > 0, choice.recipe.flip) == {
            "unchanged": (False, False), "moved": (True, False), "moved and mirrored": (True, True),
        }[expected]  # fmt: skip


def test_where_nothing_can_be_tried_the_quickest_is_trained(material):
    found = material(100)
    choice = choose(found, Clock(Budget(seconds=1e-3)), 1e-3, 0, lambda *event: None)
    taken = [trial for trial in choice.trials if not trial.reason]
    assert [trial.candidate for trial in taken] == [choice.candidate]
    assert taken[0].pace == min(trial.pace for trial in choice.trials)
    assert choice.recipe.epochs == 1
    assert choice.error is None
    assert choice.to_record()["forecast"]["error"] is None


def test_short_trainings_end_with_their_share_of_the_budget(material, monkeypatch):
    ahead, judge = [0.0], choose_module._judge

    def slow(*given):
        ahead[0] += 1e6
        judge(*given)

    monkeypatch.setattr(choose_module, "_judge", slow)
    monkeypatch.setattr(choose_module, "training_pace", _pace)
    choice = choose(
        material(300), Clock(Budget(seconds=60.0), now=lambda: ahead[0]), 60.0, 0, lambda *event: None
    )
    tried = [trial for trial in choice.trials if trial.losses]
    assert len(tried) == 1
    assert tried[0].taken
    reasons = [trial.reason for trial in choice.trials if not trial.losses]
    assert reasons == [reason for reason in reasons if "s show it" in reason]


def test_the_training_sees_no_less_than_the_trials(material, monkeypatch):
    ahead, answering = [0.0], choose_module.answering_pace

    def slow(*given):
        ahead[0] += 1e6
        return answering(*given)

    monkeypatch.setattr(choose_module, "answering_pace", slow)
    monkeypatch.setattr(choose_module, "training_pace", _pace)
    choice = choose(
        material(300), Clock(Budget(seconds=20.0), now=lambda: ahead[0]), 20.0, 0, lambda *event: None
    )
    taken = next(trial for trial in choice.trials if trial.taken and not trial.changes)
    seen = choice.recipe.epochs * choice.recipe.pictures
    assert seen == pytest.approx(max(taken.seen), abs=choice.recipe.epochs)
    assert seen > 64


def test_the_plan_counts_with_the_pace_of_trainings(chosen):
    _, choice, _ = chosen
    taken = next(t for t in choice.trials if t.spent and not t.changes and t.candidate == choice.candidate)
    recipe = choice.recipe
    quickest = min(s / n for s, n in zip(taken.spent, taken.seen, strict=True))
    assert taken.trained_pace == quickest
    assert choice.seconds >= quickest * recipe.epochs * recipe.pictures  # and the answers
    assert Trial(taken.candidate, 0.5).trained_pace == 0.5


def test_changes_slow_a_training_as_they_slow_their_trials():
    candidate = Candidate("resnet20", 28, 28)
    trials = [
        Trial(candidate, pace, changes=name) for name, pace in (("", 1.0), ("unchanged", 4.0), ("moved", 6.0))
    ]
    assert choose_module._slower(trials, "moved") == 1.5
    assert choose_module._slower(trials, "unchanged") == 1.0
    assert choose_module._slower(trials[:1], "") == 1.0
    trials[2].pace = 3.0
    assert choose_module._slower(trials, "moved") == 1.0


def test_all_trainings_of_a_network_have_the_layout_that_was_measured(chosen):
    _, choice, _ = chosen
    assert choice.layout == "channels-last"
    assert {trial.layout for trial in choice.trials} == {"channels-last"}


def test_a_trial_continues_its_own_curve():
    trial = Trial(Candidate("resnet20", 28, 28), 1e-3, [1e3, 3e3], [0.2, 0.15], [0.6, 0.5], judged=2000)
    assert trial.forecast(3e3).error == pytest.approx(0.15, rel=0.01)
    assert trial.forecast(3e5).error < 0.1
    assert trial.forecast_within(3.0, 1000).error == trial.forecast(3e3).error
    assert math.isnan(trial.error)


def test_no_more_is_forecast_than_the_recipe_makes_of_the_time():
    trial = Trial(Candidate("resnet20", 28, 28), 1e-3, [1e3, 3e3], [0.2, 0.15], [0.6, 0.5])
    most = trial.forecast(MOST_EPOCHS * 100)
    assert trial.forecast_within(15.0, 100) == most
    assert trial.forecast_within(1e6, 100) == most


def test_the_plan_forecasts_the_error_of_its_own_pictures(chosen):
    _, choice, _ = chosen
    taken = next(trial for trial in choice.trials if trial.taken and not trial.changes)
    assert choice.error == taken.forecast(choice.recipe.epochs * choice.recipe.pictures)
    assert taken.candidate == choice.candidate


def test_what_is_taken_says_so(chosen):
    _, choice, _ = chosen
    assert [t.candidate for t in choice.trials if t.taken and not t.changes] == [choice.candidate]
    changed = [trial for trial in choice.trials if trial.changes]
    if changed and all(trial.losses for trial in changed):  # else the time did not suffice
        assert [t.reason.startswith("taken for") for t in changed] == [t.taken for t in changed]
        assert sum(t.taken for t in changed) == 1
