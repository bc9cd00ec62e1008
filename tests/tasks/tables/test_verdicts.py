"""Verdicts: the trees win by a difference, not by rounding."""

from types import SimpleNamespace

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.choose import YARDSTICK, Entry
from fivefold.tasks.tables.target import Target
from fivefold.tasks.tables.verdicts import trained_findings, trees_win

N = 200


def _outcome(losses, by):
    chosen = Entry(Constant(), losses, np.ones(N), np.zeros((N, 1)))
    trees = Entry(TreesCandidate(), losses - by, np.ones(N), np.zeros((N, 1)))
    return SimpleNamespace(
        entries={"constant": chosen, YARDSTICK: trees},
        chosen=chosen,
        prepared=SimpleNamespace(groups=None),
        train=np.arange(N),
        problem=SimpleNamespace(target=Target("y", "gaussian"), weights=None),
    )


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_trees_win_by_a_difference_and_not_by_rounding(scale):
    rng = np.random.default_rng(0)
    losses, noise = scale * rng.chisquare(1, N), rng.normal(size=N)
    by = scale * (0.1 + 0.2 * noise)
    expected = by.mean() / (by.std(ddof=1) / np.sqrt(N))
    np.testing.assert_allclose(trees_win(_outcome(losses, by)), expected, rtol=1e-9)
    assert trees_win(_outcome(losses, -by)) is None
    assert trees_win(_outcome(losses, 1e-15 * scale * (1 + 0.1 * noise))) is None


def test_classes_are_compared_after_each_methods_own_temperature():
    """Log odds five times too large are the same answer once calibrated: nobody wins."""
    rng = np.random.default_rng(0)
    eta = rng.normal(size=(N, 1))
    y = (rng.uniform(size=N) < 1 / (1 + np.exp(-eta[:, 0]))).astype(float)
    target = Target("k", "bernoulli", ("no", "yes"))
    loud, plain = (
        Entry(method, target.loss(e, y), np.ones(N), e)
        for method, e in ((Constant(), 5 * eta), (TreesCandidate(), eta))
    )
    outcome = SimpleNamespace(
        entries={"constant": loud, YARDSTICK: plain},
        chosen=loud,
        prepared=SimpleNamespace(groups=None),
        train=np.arange(N),
        problem=SimpleNamespace(target=target, y=y, weights=None),
    )
    assert loud.mean > 1.5 * plain.mean
    assert trees_win(outcome) is None


def test_findings_of_watched_trainings_are_those_of_the_chosen_method():
    """A network in the race that was not taken was not watched, and says nothing."""
    one = {"code": "training.noise", "title": "t"}
    watched = {"training": {"watch": {"findings": [one]}}}
    names = ("ridge", "dense network")
    entries = {name: SimpleNamespace(candidate=SimpleNamespace(name=name)) for name in names}
    for chosen, details, expected in (
        ("dense network", watched, [one]),
        ("ridge", {}, []),
        ("blend", {"dense network": watched, "ridge": {}}, [one]),
    ):
        taken = entries.get(chosen, SimpleNamespace(candidate=SimpleNamespace(name=chosen)))
        outcome = SimpleNamespace(
            entries=entries, chosen=taken, fits={chosen: SimpleNamespace(details=details)}
        )
        assert trained_findings(outcome) == expected
