"""Newton for F + l1 against scikit-learn's coordinate descent and saga, and where F is not convex."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Lasso, LogisticRegression
from torch.testing import assert_close

from fivefold.core import Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.l1_penalty import l1_penalty
from fivefold.optimize.methods.proximal_newton import ProximalNewton, has_constant_hessian
from fivefold.probability import Bernoulli, Gaussian, GaussianPrior, Poisson


def standard(X):
    return (X - X.mean(0)) / X.std(0)


def lasso(lam_share=0.01):
    data = load_diabetes()
    X, y = standard(data.data), standard(data.target)
    lam = lam_share * float(np.abs(X.T @ y).max()) / len(y)
    F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, y))
    return F, X, y, lam


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_the_lasso_on_diabetes(share):
    F, X, y, lam = lasso(share)
    end = minimize(F, l1=lam)
    peer = Lasso(alpha=lam, tol=1e-13, max_iter=100_000).fit(X, y)
    assert end.status is Status.CONVERGED
    assert end.method == "proximal-newton"
    assert end.steps == 1, "a quadratic takes one model"
    # coordinate descent was stopped at a gap of 1e-13, the least curvature is about 0.01
    assert_close(end.w[:-1].numpy(), peer.coef_, rtol=0, atol=1e-5)
    assert ((end.w[:-1] != 0).numpy() == (peer.coef_ != 0)).all()
    penalty = lam * end.w[:-1].abs().sum()
    assert_close(end.value, F.value(end.w) + penalty, rtol=1e-14, atol=0)


def test_l1_logistic_regression_is_at_least_as_low_as_scikit_learn():
    data = load_breast_cancer()
    X, y = standard(data.data), data.target.astype(float)
    F = DataObjective(Linear(X), Bernoulli(), (X, y))
    lam = 0.01
    end = minimize(F, l1=lam)
    peer = LogisticRegression(
        solver="liblinear", l1_ratio=1.0, C=1 / (len(y) * lam), tol=1e-8, intercept_scaling=1e4, max_iter=5000
    ).fit(X, y)
    w = torch.tensor([*peer.coef_[0], peer.intercept_[0]])
    theirs = float(F.value(w) + lam * w[:-1].abs().sum())
    assert end.status.succeeded
    # its intercept is penalised, a ten-thousandth
    assert -1e-12 <= theirs - float(end.value) <= 1e-5
    assert end.certificates[1].verdict == "yes"
    assert end.certificates[1].bound < 1e-7


def test_counts_and_a_batch_of_starts():
    generator = torch.Generator().manual_seed(2)
    X = torch.randn(400, 12, generator=generator, dtype=torch.float64)
    y = torch.poisson(torch.exp(0.5 * X[:, 0] - 0.3 * X[:, 1]), generator=generator)
    F = DataObjective(Linear(X), Poisson(), (X, y))
    end = minimize(F, l1=0.05, w0=0.3 * torch.randn(4, 13, generator=generator))
    assert all(status is Status.CONVERGED for status in end.statuses)
    assert_close(end.w, end.w[:1].expand(4, 13), rtol=0, atol=1e-6)
    assert 0 < int((end.w[0, :-1] != 0).sum()) < 12


def test_many_rows_begin_with_some_of_them():
    generator = torch.Generator().manual_seed(2)
    X = torch.randn(6000, 8, generator=generator, dtype=torch.float64)
    y = torch.bernoulli(torch.sigmoid(X[:, 0] - X[:, 1]), generator=generator)
    F = DataObjective(Linear(X), Bernoulli(), (X, y))
    step = ProximalNewton(F, l1_penalty(F, 0.01))
    assert step._part.rows < 6000
    assert minimize(F, l1=0.01).status.succeeded


def test_more_columns_than_rows():
    generator = torch.Generator().manual_seed(4)
    X = torch.randn(60, 500, generator=generator, dtype=torch.float64)
    y = X[:, :5].sum(1) + 0.1 * torch.randn(60, generator=generator, dtype=torch.float64)
    F = DataObjective(Linear(X, intercept=False), Gaussian(sd=1.0), (X, y))
    end = minimize(F, l1=0.05)
    peer = Lasso(alpha=0.05, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(X.numpy(), y.numpy())
    assert end.status.succeeded
    assert_close(end.w.numpy(), peer.coef_, rtol=0, atol=1e-5)
    assert end.certificates[1].bound < 1e-7


def test_a_prior_makes_it_the_elastic_net():
    _, X, y, lam = lasso(0.1)
    n = len(y)
    ridge = DataObjective(Linear(X), Gaussian(sd=1.0), (X, y), GaussianPrior(0.2 * n))
    end = minimize(ridge, l1=lam)
    peer = Lasso(alpha=lam, tol=1e-13, max_iter=100_000, fit_intercept=False)
    peer.fit(
        np.vstack([X, math.sqrt(0.2 * n) * np.eye(10)]) * math.sqrt((n + 10) / n),
        np.r_[y, np.zeros(10)] * math.sqrt((n + 10) / n),
    )
    assert_close(end.w[:-1].numpy(), peer.coef_, rtol=0, atol=1e-6)


def test_a_function_that_is_not_convex_ends_at_a_stationary_point():
    F = Objective.from_function(
        lambda w: (w**4).sum() - (w**2).sum() + w[0], torch.tensor([0.3, 0.2, -2.0]).double()
    )
    end = minimize(F, l1=0.1)
    assert end.status.succeeded
    assert end.gradient_norm <= 1e-8
    assert end.certificates[1].verdict == "unknown"
    # w^4 - w^2 + 0.1 |w| has its minimum where 4 w^3 - 2 w + 0.1 = 0
    w = float(end.w[1].abs())
    assert abs(4 * w**3 - 2 * w + 0.1) < 1e-7


def test_where_f_is_not_finite_is_kept_out_of():
    F = Objective.from_function(lambda w: (-torch.log(1 - w) - 3 * w).sum(), torch.zeros(2).double())
    end = minimize(F, l1=0.5)
    assert_close(end.w, torch.full((2,), 0.6).double(), rtol=0, atol=1e-7)


def test_not_finite_at_the_start_is_said():
    F = Objective.from_function(lambda w: torch.log(w).sum(), torch.ones(2).double())
    end = minimize(F, l1=0.5, w0=[-1.0, 1.0])
    assert end.status is Status.ILL_POSED
    assert end.certificates[0].verdict == "no"


def test_float32():
    F = Objective.from_function(lambda w: ((w - 3) ** 2).sum(), torch.zeros(3))
    end = minimize(F, l1=[1.0, 100.0, 0.0])
    assert end.w.dtype == torch.float32
    assert_close(end.w, torch.tensor([2.5, 0.0, 3.0]), rtol=0, atol=1e-4)


def test_what_is_known_to_be_quadratic():
    F, X, y, _ = lasso()
    assert has_constant_hessian(F)
    assert not has_constant_hessian(DataObjective(Linear(X), Gaussian(), (X, y)))
    assert not has_constant_hessian(Objective.from_function(lambda w: (w**2).sum(), [1.0]))
