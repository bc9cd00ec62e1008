"""Penalties are tried downhill, and no longer than the clock allows."""

from itertools import count, pairwise

import numpy as np
import pytest

from fivefold.tasks import softmax_regression
from fivefold.tasks.text import bag_of_words, penalty_path
from fivefold.tasks.text.cut_texts import CutTexts
from fivefold.tasks.text.penalty_path import PENALTIES, choose_penalty

FIRST = PENALTIES[1]
"""Of 1,000 training texts."""


def _parts(n=2000, share=0.6, seed=0):
    """Texts of two classes of which a share of the words tells."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    texts = [
        " ".join(
            f"w{'ab'[label] if generator.random() < share else 'c'}{generator.integers(30)}" for _ in "x" * 9
        )
        for label in labels.tolist()
    ]
    cut = CutTexts.of(texts)
    train, held = np.arange(n // 2), np.arange(n // 2, n)
    return cut.take(train), labels[train], (cut.take(held), labels[held]), 2


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_the_loss_leads_and_the_smallest_is_taken(share):
    path = choose_penalty(*_parts(share=share))
    tried = list(path.losses)
    assert tried[0] == FIRST
    assert path.losses[path.bag.penalty] == min(path.losses.values())
    assert (path.untried, path.terms) == ((), 0)
    weaker = [penalty for penalty in tried if penalty <= FIRST]
    assert weaker == list(PENALTIES[-4:][: len(weaker)])
    falling = [path.losses[penalty] for penalty in weaker]
    assert all(b <= a for a, b in pairwise(falling[:-1]))
    assert (PENALTIES[0] in tried) == (path.losses[weaker[1]] > path.losses[FIRST])


def test_more_texts_begin_at_a_weaker_penalty():
    seen = [next(iter(choose_penalty(*_parts(n), seconds=0.0).losses)) for n in (40, 2000, 6000)]
    assert seen == [PENALTIES[0], FIRST, PENALTIES[2]]


def test_a_spent_budget_tries_one_penalty_and_says_which_are_missing():
    path = choose_penalty(*_parts(), seconds=0.0)
    assert list(path.losses) == [FIRST]
    assert path.untried == PENALTIES[-3:]
    assert path.bag.weights.any()


def test_a_penalty_that_the_clock_ends_is_not_judged(monkeypatch):
    """The clock stands still in the first two calls and runs out in the first step of the third."""
    begun = []
    fit = bag_of_words.Design.fit

    def watched(self, penalty, **options):
        begun.append(penalty)
        return fit(self, penalty, **options)

    monkeypatch.setattr(bag_of_words.Design, "fit", watched)
    monkeypatch.setattr(softmax_regression, "_TOLERANCE", 1e-9)
    path = choose_penalty(*_parts(), seconds=5.0, now=lambda: 10.0 if len(begun) > 2 else 0.0)
    assert begun == [FIRST, FIRST, PENALTIES[-3]]
    assert list(path.losses) == [FIRST]
    assert path.untried == PENALTIES[-3:]


def test_terms_are_left_out_where_a_step_is_slow(monkeypatch):
    monkeypatch.setattr(penalty_path, "FEWEST_TERMS", 20)
    ticks = count()
    path = choose_penalty(*_parts(), seconds=4.0, now=lambda: float(next(ticks)))
    assert path.terms > len(path.bag.terms) >= 20
    assert choose_penalty(*_parts()).terms == 0
