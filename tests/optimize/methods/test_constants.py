"""The constants against derivatives taken automatically."""

import math

import pytest
import torch

from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import self_concordance, strong_convexity
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior, Poisson


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CASES = {
    "bernoulli": (Bernoulli(), 1, torch.tensor([0, 1, 1, 0, 1, 0])),
    "poisson": (Poisson(), 1, torch.tensor([0, 3, 1, 2, 0, 5])),
    "gaussian": (Gaussian(sd=2.0), 1, torch.tensor([0.0, 1.0, -1.0, 2.0, 0.5, 0.1])),
    "categorical": (Categorical(3), 3, torch.tensor([0, 1, 2, 0, 1, 2])),
}


def objective(name, prior=None, intercept=True):
    likelihood, outputs, y = CASES[name]
    return DataObjective(
        Linear(2, intercept=intercept, outputs=outputs), likelihood, (2 * random(6, 2), y), prior
    )


@pytest.mark.parametrize("name", CASES)
def test_strong_convexity_bounds_the_hessian_everywhere(name):
    F = objective(name, GaussianPrior(3.0), intercept=False)
    m = strong_convexity(F)
    assert m == pytest.approx(0.5)
    for seed in range(5):
        H = F.hessian(5 * random(F.size, seed=seed)).to_dense()
        assert float(torch.linalg.eigvalsh(H)[0]) >= m - 1e-12


def test_a_flat_direction_leaves_no_strong_convexity():
    assert strong_convexity(objective("bernoulli", GaussianPrior(3.0))) == 0.0
    assert strong_convexity(objective("bernoulli")) == 0.0


@pytest.mark.parametrize("name", CASES)
def test_self_concordance_bounds_the_third_derivative(name):
    F = objective(name)
    M = self_concordance(F)
    ratios = []
    for seed in range(60):
        w, v, u = (random(F.size, seed=1000 * k + seed) for k in range(3))
        h = 1e-5
        ahead, behind = (F.hessian(w + t * h * u).to_dense() for t in (1, -1))
        third = abs(float(v @ (ahead - behind) @ v)) / (2 * h)
        second = float(v @ F.hessian(w).to_dense() @ v)
        ratios.append(third / (float(u.norm()) * second))
    assert max(ratios) <= M + 1e-6
    if M:
        # the bound is no more than loose: a constant too small by a factor of 10 would be caught
        assert max(ratios) > 0.1 * M


def test_self_concordance_of_known_rows():
    X = torch.tensor([[3.0, 4.0], [1.0, 0.0]], dtype=torch.float64)
    F = DataObjective(Linear(2), Poisson(), (X, [1, 2]))
    assert self_concordance(F) == pytest.approx(math.sqrt(26))
    G = DataObjective(Linear(2, outputs=3), Categorical(3), (X, [1, 2]))
    assert self_concordance(G) == pytest.approx(math.sqrt(52))


def test_nothing_is_claimed_of_other_objectives():
    free = DataObjective(Linear(2), Gaussian(), (random(6, 2), random(6)))
    module = DataObjective(torch.nn.Linear(2, 1).double(), Bernoulli(), (random(6, 2), CASES["bernoulli"][2]))
    for F in (free, module, Objective.from_function(lambda w: w @ w, random(2))):
        assert strong_convexity(F) is None
        assert self_concordance(F) is None
