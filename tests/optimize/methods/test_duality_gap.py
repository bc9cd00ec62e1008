"""The duality gap bounds what it says, for every likelihood, and says unknown where it must."""

import pytest
import torch

from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.duality_gap import certify_duality_gap, has_dual
from fivefold.optimize.methods.l1_penalty import L1Penalty, Penalised, l1_penalty
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior, Poisson


def problem(likelihood, *, intercept=True, prior=None, weights=False, dtype=torch.float64):
    generator = torch.Generator().manual_seed(7)
    X = torch.randn(80, 6, generator=generator, dtype=dtype)
    y = X[:, 0] + torch.randn(80, generator=generator, dtype=dtype)
    if isinstance(likelihood, Bernoulli):
        y = (y > 0).to(dtype)
    if isinstance(likelihood, Poisson):
        y = torch.poisson(torch.exp(0.5 * y), generator=generator)
    more = {}
    if weights:
        more = {"weights": torch.rand(80, generator=generator), "offset": torch.linspace(-1, 1, 80)}
    return DataObjective(Linear(X, intercept=intercept), likelihood, (X, y), prior, **more)


LIKELIHOODS = [Gaussian(sd=0.7), Bernoulli(), Poisson()]
CASES = [
    {},
    {"intercept": False},
    {"weights": True},
    {"prior": GaussianPrior(3.0)},
    {"prior": GaussianPrior(torch.tensor([2.0, 0, 0, 1.0, 0, 0, 0.5]), 0.3), "weights": True},
]


@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda each: each.name)
@pytest.mark.parametrize("case", CASES, ids=["plain", "no intercept", "weights", "ridge", "mean"])
def test_the_gap_is_a_bound_everywhere_and_nothing_at_the_optimum(likelihood, case):
    F = problem(likelihood, **case)
    penalty = l1_penalty(F, 0.05)
    end = minimize(F, l1=0.05, tolerance=1e-10)
    whole, least = Penalised(F, penalty), float(end.value)
    assert end.status.succeeded
    generator = torch.Generator().manual_seed(1)
    for size in (1.0, 0.1, 1e-3):
        w = end.w + size * torch.randn(F.size, generator=generator, dtype=torch.float64)
        proof = certify_duality_gap(F, penalty, w)
        assert proof.verdict == "yes"
        # 1e-13: the optimum itself is known to rounding
        assert proof.bound >= float(whole.value(w)) - least - 1e-13
    assert end.certificates[1].bound < 1e-8


def test_float32_has_a_wider_margin():
    F = problem(Bernoulli(), dtype=torch.float32)
    end = minimize(F, l1=0.05)
    assert end.certificates[1].verdict == "yes"
    assert 1e-7 < end.certificates[1].bound < 1e-3


def test_a_stream_of_batches_has_the_same_gap():
    F = problem(Poisson())
    X, y = F._path.source.rows.X, F._path.source.rows.y
    parts = DataObjective(Linear(6), Poisson(), lambda: ((X[i : i + 30], y[i : i + 30]) for i in (0, 30, 60)))
    w, penalty = 0.1 * torch.ones(7).double(), l1_penalty(F, 0.05)
    one, other = (certify_duality_gap(each, penalty, w).bound for each in (F, parts))
    assert abs(one - other) < 1e-12


def test_columns_without_penalty_or_prior_are_unknown():
    F = problem(Bernoulli())
    penalty = L1Penalty(torch.tensor([0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.0]).double())
    found = certify_duality_gap(F, penalty, torch.zeros(7).double())
    assert found.verdict == "unknown"
    assert "1 columns beside the intercept" in found.method


def test_other_objectives_have_no_dual_here():
    X = torch.eye(3).double()
    assert not has_dual(DataObjective(Linear(X, outputs=3), Categorical(3), (X, [0, 1, 2])))
    assert not has_dual(DataObjective(Linear(X), Gaussian(), (X, [0.0, 1.0, 2.0])))
    F = Objective.from_function(lambda w: (w**2).sum(), [1.0])
    assert certify_duality_gap(F, L1Penalty(torch.ones(1)), torch.ones(1)).verdict == "unknown"


def test_a_point_that_is_not_finite_is_unknown():
    F = problem(Poisson())
    found = certify_duality_gap(F, l1_penalty(F, 0.1), torch.full((7,), 1e4).double())
    assert found.verdict == "unknown"


def test_classes_all_of_one_kind_are_certified_too():
    X = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    F = DataObjective(Linear(X), Bernoulli(), (X, torch.ones(20)))
    found = certify_duality_gap(F, l1_penalty(F, 0.1), torch.zeros(3).double())
    # the least value is 0, at an infinite intercept
    assert found.bound >= 0.693
