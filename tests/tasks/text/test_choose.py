"""Networks are tried within the budget, and the best of them is trained for longer."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fivefold.core import Budget, Clock
from fivefold.tasks.temperature import tempered_losses
from fivefold.tasks.text import choose as module_of_choose
from fivefold.tasks.text.choose import MENU, choose, fit_network, make
from fivefold.tasks.text.padded import scores_of


def _tokens(n=400):
    """Class k holds the token 2 + k somewhere."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(6, 40, (n, 8), generator=generator)
    labels = torch.arange(n) % 3
    tokens[torch.arange(n), torch.randint(8, (n,), generator=generator)] = 2 + labels
    return tokens, labels


def test_a_network_finds_the_telling_token():
    tokens, labels = _tokens()
    held = (tokens[:100], labels[:100])
    said = []
    best, trials = choose(
        tokens[100:],
        labels[100:],
        held,
        40,
        3,
        Clock(Budget(seconds=25.0)),
        25.0,
        0,
        lambda *e: said.append(e),
    )
    assert [t.name for t in trials] == list(MENU)
    assert best is not None
    assert (scores_of(best.module, held[0]).argmax(1) == held[1]).double().mean() > 0.7
    assert best.loss == min(t.loss for t in trials)
    assert all(bool(t.reason) == (t is not best) for t in trials)
    assert len(said) >= 1


def test_a_budget_too_small_for_a_pass_tries_nothing():
    tokens, labels = _tokens(60)
    best, trials = choose(
        tokens, labels, (tokens, labels), 40, 3, Clock(Budget(seconds=1e-6)), 1e-6, 0, lambda *e: None
    )
    assert best is None
    assert all("one pass takes" in t.reason for t in trials)


def test_the_same_seed_gives_the_same_first_weights():
    one, other, third = (make("bigru", 20, 2, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[k], other[k]) for k in one)
    assert not all(torch.equal(one[k], third[k]) for k in one)


def test_losses_are_judged_at_their_best_temperature():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(500, 3))
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    labels = (p.cumsum(1) < generator.random((500, 1))).sum(1)
    losses, doubled = tempered_losses(scores, labels), tempered_losses(2.0 * scores, labels)
    # but for the prior of the temperature, whose pull on 500 rows moves the loss by its square
    np.testing.assert_allclose(losses.mean(), doubled.mean(), rtol=1e-4)
    assert losses.mean() < np.log(3)


def test_the_global_generator_is_left_as_it_was():
    tokens, labels = _tokens(60)
    state = torch.get_rng_state()
    choose(tokens, labels, (tokens, labels), 40, 3, Clock(Budget(seconds=1e-6)), 1e-6, 0, lambda *e: None)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("slowness", "passes"), [(1.0, [7, 7, 7, 23]), (1.3, [7, 7, 7, 15]), (2.0, [7, 7, 7]), (4.0, [7, 7, 7])]
)
def test_the_long_training_is_planned_from_what_is_left(monkeypatch, slowness, passes):
    """A pass is said to take 1 s and takes longer; no training gets more seconds than twice its share."""
    tokens, labels = _tokens(96)
    now, planned, budgets = [0.0], [], []

    def trained(module, tokens, labels, held, epochs, seed, budget):
        planned.append(epochs)
        budgets.append(budget.seconds)
        made = min(epochs, budget.seconds / slowness)
        now[0] += slowness * made
        return SimpleNamespace(steps=round(3 * made))

    monkeypatch.setattr(module_of_choose, "_pace", lambda *_: 1 / 96)
    monkeypatch.setattr(module_of_choose, "fit_network", trained)
    monkeypatch.setattr(module_of_choose.time, "perf_counter", lambda: now[0])
    clock = Clock(Budget(seconds=60.0), now=lambda: now[0])
    best, _ = choose(tokens, labels, (tokens, labels), 40, 3, clock, 60.0, 0, lambda *e: None)
    assert planned == passes
    assert now[0] <= 60.0
    assert budgets[:3] == pytest.approx([2 * 0.12 * 60] * 3)
    assert best.pace == pytest.approx(slowness / 96, rel=0.1)
    assert best.epochs <= max(passes)


def test_a_training_ends_where_its_seconds_are_spent():
    tokens, labels = _tokens(200)
    module = make("text_cnn", 40, 3, 0)
    training = fit_network(module, tokens, labels, (tokens, labels), 30, 0, Budget(seconds=1e-3))
    assert training.steps < 30 * 7


def test_a_network_without_a_step_is_not_tried(monkeypatch):
    tokens, labels = _tokens(60)
    monkeypatch.setattr(module_of_choose, "_pace", lambda *_: 1e-6)
    monkeypatch.setattr(module_of_choose, "fit_network", lambda *_: SimpleNamespace(steps=0))
    clock = Clock(Budget(seconds=5.0))
    best, trials = choose(tokens, labels, (tokens, labels), 40, 3, clock, 5.0, 0, lambda *e: None)
    assert best is None
    assert all("held no step of its training" in trial.reason for trial in trials)
