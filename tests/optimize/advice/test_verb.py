"""Advice says what fits, why, and what the others would cost."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import METHODS, minimize
from fivefold.optimize.advice.verb import advise
from fivefold.probability import Bernoulli, GaussianPrior


def logistic(rows=300, columns=5):
    X = torch.randn(rows, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return DataObjective(Linear(columns), Bernoulli(), (X, (X[:, 0] > 0).double()), GaussianPrior(1.0))


def test_auto_follows_the_advice():
    for F in (logistic(), logistic(3000), Objective.from_residuals(lambda w: w**2 - 1, [3.0, 2.0])):
        advice = advise(F)
        end = minimize(F)
        assert end.method == advice.method
        assert end.why == advice.why


def test_it_looks_at_the_structure_alone_unless_asked_to_measure():
    assert advise(logistic()).measured is False
    asked = advise(logistic(), measured=True)
    assert asked.measured is True
    assert asked.features.condition > 1
    assert any("convex" in remark for remark in asked.remarks)


def test_it_can_be_read_and_recorded():
    advice = advise(logistic(), measured=True)
    text = str(advice)
    assert text.startswith(f"{advice.method}: ")
    assert all(other.method in text for other in advice.runners_up)
    record = advice.to_record()
    assert record["features"]["kind"] == "linear model"
    assert {other["method"] for other in record["runners_up"]} <= set(METHODS)


def test_remarks():
    bent = Objective.from_function(lambda w: w[0] ** 2 - w[1] ** 2 + 1e-9 * w[2] ** 2, torch.ones(3).double())
    assert any("negative curvature" in said for said in advise(bent, measured=True).remarks)
    steep = Objective.from_function(lambda w: w[0] ** 2 + 1e-5 * w[1] ** 2, torch.ones(2).double())
    assert advise(steep, measured=True).remarks == ()
    X = torch.zeros(300, 20).double()
    X[:, 0] = torch.linspace(-1, 1, 300)
    F = DataObjective(Linear(20), Bernoulli(), (X, (X[:, 0] > 0).double()), GaussianPrior(1.0))
    remarks = advise(F, measured=True).remarks
    assert any("of the design is zero" in said for said in remarks)


def test_not_an_objective():
    with pytest.raises(ArgumentError, match="an Objective"):
        advise(lambda w: w)
