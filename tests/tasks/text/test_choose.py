"""Networks are tried within the budget, and the best of them is trained for longer."""

import numpy as np
import torch

from fivefold.core import Budget, Clock
from fivefold.tasks.temperature import tempered_losses
from fivefold.tasks.text.choose import MENU, choose, make
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
