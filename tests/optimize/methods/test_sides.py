"""Which of bounds and penalty is there, and who respects it."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.sides import certify_beside, choose_beside, read_side
from fivefold.probability import Bernoulli, GaussianPrior

TAKES = {"lbfgs": "", "lbfgs-bounded": "bounds", "proximal-newton": "l1", "proximal-gradient": "l1"}


def bowl(size=2):
    return Objective.from_function(lambda w: ((w - 2) ** 2).sum(), torch.ones(size).double())


def test_both_at_once_are_refused():
    with pytest.raises(ArgumentError, match="bounds or l1"):
        minimize(bowl(), bounds=(0, 1), l1=0.1)


def test_a_method_that_would_ignore_the_penalty_is_refused():
    with pytest.raises(
        ArgumentError, match="with l1 a method among auto, proximal-newton, proximal-gradient"
    ):
        minimize(bowl(), "lbfgs", l1=0.1)


def test_an_unknown_method_is_told_the_nearest():
    with pytest.raises(ArgumentError, match="nearest is 'proximal-newton'"):
        minimize(bowl(), "proximal-newtn", l1=0.1)


def test_by_itself_it_takes_second_derivatives_where_they_are_cheap():
    F = bowl()
    box, penalty = read_side(F, (0, 1), None), read_side(F, None, 0.1)
    assert choose_beside(F, "auto", box, TAKES) == "lbfgs-bounded"
    assert choose_beside(F, "auto", penalty, TAKES) == "proximal-newton"
    oracle = Objective.from_oracle(lambda x: (float(x @ x), 2 * x), [1.0])
    assert choose_beside(oracle, "auto", penalty, TAKES) == "proximal-gradient"
    assert choose_beside(bowl(2001), "auto", penalty, TAKES) == "proximal-gradient"


def test_the_sharper_of_two_proofs_is_given():
    X = torch.randn(30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = (X[:, 0] > 0).double()
    F = DataObjective(Linear(X, intercept=False), Bernoulli(), (X, y), GaussianPrior(3.0))
    side = read_side(F, None, 0.01)
    w = torch.zeros(4).double()
    gap = certify_beside(F, side, w, F.gradient(w), None)
    convex = certify_beside(bowl(4), side, w, F.gradient(w), 0.1)
    assert gap.verdict == convex.verdict == "yes"
    assert gap.bound <= convex.bound
