"""Minimisation against known minima and scikit-learn, and every way in which it can fail."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fivefold.core import ArgumentError, Budget, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.probability import Bernoulli, Categorical, GaussianPrior, Poisson

METHODS = ["newton", "lbfgs"]


def vector(*numbers, dtype=torch.float64):
    return torch.tensor(numbers, dtype=dtype)


def of(fn, *start):
    return Objective.from_function(fn, vector(*start))


def rosenbrock(w):
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def quadratic(condition, size=20, seed=0):
    """F(w) = (w - m)^T H (w - m) / 2 + 3 with eigenvalues from 1 to `condition`."""
    Q, _ = torch.linalg.qr(random(size, size, seed=seed))
    H = Q @ torch.diag(torch.logspace(0, math.log10(condition), size, dtype=torch.float64)) @ Q.T
    H = 0.5 * (H + H.T)
    m = random(size, seed=seed + 1)
    return (
        Objective.from_function(lambda w: 0.5 * (w - m) @ H @ (w - m) + 3, torch.zeros(size).double()),
        m,
        H,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [2, 10])
def test_rosenbrock(method, size):
    end = minimize(
        of(rosenbrock, *([-1.2, 1.0] * (size // 2))), method, w0=vector(*([0.5, 2.0] * (size // 2)))
    )
    assert end.status is Status.CONVERGED
    # near the minimum the smallest eigenvalue is about 0.4, so |w - 1| <= 1e-8 / 0.4
    torch.testing.assert_close(end.w, torch.ones(size).double(), rtol=0, atol=3e-8)
    assert end.steps < 120
    assert bool((end.history["value"].diff() <= 0).all())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
def test_ill_conditioned_quadratics_have_their_known_minimum(method, condition):
    F, m, _ = quadratic(condition)
    # with fewer pairs than dimensions, L-BFGS (ours and SciPy's) needs thousands of steps at 1e8
    end = minimize(F, method, tolerance=1e-7, memory=40)
    assert end.status is Status.CONVERGED, end.reason
    # the smallest eigenvalue is 1, so |w - m| <= |g|
    assert float((end.w - m).norm()) <= 1.01e-7
    assert float(end.value) == pytest.approx(3.0, rel=1e-12)
    if method == "newton":
        assert end.steps <= 2 if condition < 1e7 else end.steps <= 5


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_translating_the_problem_translates_the_answer(shift):
    end = minimize(of(lambda w: rosenbrock(w - shift), shift - 1.2, shift + 1.0))
    torch.testing.assert_close(end.w, vector(1.0 + shift, 1.0 + shift), rtol=0, atol=1e-6)


def logistic(n=400, p=6, precision=1.0, dtype=torch.float64, intercept=True):
    X = random(n, p) @ (torch.eye(p) + 0.5).double()
    y = (
        torch.sigmoid(X[:, 0] - X[:, 1] + 0.5) > torch.rand(n, generator=torch.Generator().manual_seed(2))
    ).to(torch.int64)
    prior = GaussianPrior(precision)
    return DataObjective(Linear(p, intercept=intercept), Bernoulli(), (X.to(dtype), y), prior), X, y


@pytest.mark.parametrize("method", METHODS)
def test_logistic_regression_equals_scikit_learn(method):
    F, X, y = logistic()
    end = minimize(F, method, tolerance=1e-10)
    assert end.status is Status.CONVERGED, end.reason
    peer = LogisticRegression(C=1.0, tol=1e-12, max_iter=200, solver="newton-cholesky").fit(
        X.numpy(), y.numpy()
    )
    expected = np.append(peer.coef_[0], peer.intercept_)
    # float64, both to a gradient of about 1e-10; curvature per row above 0.01
    np.testing.assert_allclose(end.w.numpy(), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_multinomial_regression_equals_scikit_learn(method):
    X = random(300, 4)
    y = (X @ random(4, 3, seed=1) + random(300, 3, seed=2)).argmax(-1)
    F = DataObjective(Linear(4, outputs=3), Categorical(3), (X, y), GaussianPrior(1.0))
    end = minimize(F, method, tolerance=1e-10)
    assert end.gradient_norm <= 1e-9, end.reason
    peer = LogisticRegression(C=1.0, tol=1e-12, max_iter=500, solver="newton-cholesky").fit(
        X.numpy(), y.numpy()
    )
    parts = F.unravel(end.w)
    np.testing.assert_allclose(parts["weight"].numpy(), peer.coef_, rtol=0, atol=1e-8)
    bias = parts["bias"].numpy()
    np.testing.assert_allclose(
        bias - bias.mean(), peer.intercept_ - peer.intercept_.mean(), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("method", METHODS)
def test_many_starts_at_once_equal_each_alone(method):
    F = of(lambda w: (w**4).sum() / 4 - 2 * (w**2).sum() + w.sum() / 2, 1.0, 1.0)
    starts = 2 * random(6, 2)
    together = minimize(F, method, w0=starts.reshape(2, 3, 2))
    assert together.w.shape == (2, 3, 2)
    assert together.value.shape == together.gradient_norm.shape == (2, 3)
    assert together.history["value"].shape == (together.steps + 1, 2, 3)
    for k in range(6):
        alone = minimize(F, method, w0=starts[k])
        torch.testing.assert_close(together.point(k).w, alone.w, rtol=0, atol=1e-7)
        assert together.statuses[k] is alone.status is Status.CONVERGED
    assert together.best.value == together.value.min()
    assert float(together.value.max() - together.value.min()) > 0.1


def test_a_point_that_fails_leaves_the_others_alone():
    F = of(lambda w: torch.where(w[0] > 10, vector(torch.nan)[0], (w[0] - 1) ** 2), 0.0)
    end = minimize(F, "lbfgs", w0=vector(0.0, 20.0)[:, None])
    assert end.statuses == (Status.CONVERGED, Status.ILL_POSED)
    assert end.status is Status.ILL_POSED
    assert "not finite at the start" in end.reason
    assert end.best.status is Status.CONVERGED
    assert float(end.best.w[0]) == pytest.approx(1.0)
    assert end.certificates[0].holds is True
    assert end.certificates_each[1][0].holds is False


@pytest.mark.parametrize("method", METHODS)
def test_a_log_barrier_is_not_crossed(method):
    # min c.w - sum log(w) - log(1 - sum w): a proper border on every side
    F = of(lambda w: 5 * w[0] - w[1] - w.log().sum() - (1 - w.sum()).log(), 0.01, 0.01)
    end = minimize(F, method)
    assert end.status is Status.CONVERGED, end.reason
    assert bool((end.w > 0).all())
    assert float(end.w.sum()) < 1
    a, b = end.w.tolist()
    last = 1 / (1 - a - b)
    assert [5 - 1 / a + last, -1 - 1 / b + last] == pytest.approx([0, 0], abs=1e-7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "fn", [lambda w: -w.sum(), lambda w: -(w**2).sum() - w.sum(), lambda w: -(w**4).sum() + (w**3).sum()]
)
def test_unbounded_below_is_diverged(method, fn):
    end = minimize(of(fn, 2.0, 1.5), method)
    assert end.status is Status.DIVERGED
    assert "without bound" in end.reason
    assert bool(torch.isfinite(end.w).all())
    assert math.isfinite(float(end.value))


@pytest.mark.parametrize("method", METHODS)
def test_a_fall_to_minus_infinity_at_a_finite_point_is_diverged(method):
    # the log density of a mixture that collapses on a row
    end = minimize(of(lambda w: torch.log(w[0] ** 2 + w[1] ** 2), 1.0, 0.5), method, tolerance=1e-30)
    assert end.status in (Status.DIVERGED, Status.STALLED)
    assert not end.status.succeeded


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [(0.0, 0.0), (0.7, 0.0)])
def test_a_start_on_a_saddle_or_its_ridge_ends_at_a_minimum(method, start):
    # minima at (0, +-1) of value -1/4; (0, 0) is a saddle and y = 0 leads into it
    end = minimize(of(lambda w: w[0] ** 2 + w[1] ** 4 / 4 - w[1] ** 2 / 2, *start), method)
    assert end.status is Status.CONVERGED, end.reason
    assert float(end.value) == pytest.approx(-0.25, abs=1e-12)
    assert [c.holds for c in end.certificates[:2]] == [True, True]


def test_a_start_on_a_maximum_ends_at_a_minimum():
    end = minimize(of(lambda w: torch.cos(w).sum(), 0.0, 0.0, 0.0))
    assert end.status is Status.CONVERGED
    assert float(end.value) == pytest.approx(-3.0)


def test_a_large_saddle_is_left_by_products_and_not_certified_where_it_is_not_looked_at():
    size = 600
    F = Objective.from_function(
        lambda w: (w[1:] ** 2).sum() + w[0] ** 4 / 4 - w[0] ** 2 / 2, torch.zeros(size).double()
    )
    end = minimize(F)
    assert end.method == "lbfgs"
    assert float(end.value) == pytest.approx(-0.25)
    assert "no negative curvature was found by Lanczos" in end.reason
    assert [c.verdict for c in end.certificates] == ["yes", "yes", "unknown"]
    assert [c.kind.value for c in end.certificates[:2]] == ["proof", "indicator"]
    blind = minimize(F, examine=False)
    assert float(blind.value) == 0.0
    assert [c.verdict for c in blind.certificates] == ["yes", "unknown", "unknown"]


@pytest.mark.parametrize("method", METHODS)
def test_nan_is_never_a_success(method):
    everywhere = minimize(of(lambda w: torch.nan * w.sum(), 1.0), method)
    assert everywhere.status is Status.ILL_POSED
    assert everywhere.certificates[0].holds is False
    elsewhere = minimize(of(lambda w: torch.where(w[0] == 1, w[0], vector(torch.nan)[0]), 1.0), method)
    assert elsewhere.status is Status.STALLED
    assert elsewhere.w.tolist() == [1.0]


@pytest.mark.parametrize("planted", [lambda g: -g, lambda g: np.array([g[1], -g[0]])])
def test_a_wrong_gradient_stalls_at_the_best_point_and_says_so(planted):
    centre = np.array([1.0, -2.0])

    def oracle(w):
        return float(((w - centre) ** 2).sum()), planted(2 * (w - centre))

    end = minimize(Objective.from_oracle(oracle, np.zeros(2)))
    assert end.status is Status.STALLED
    assert "disagrees" in end.reason
    assert float(end.value) <= 5.0
    assert float(end.value) == pytest.approx(((end.w.numpy() - centre) ** 2).sum())


@pytest.mark.parametrize("method", METHODS)
def test_a_tolerance_below_rounding_stalls_rather_than_converges(method):
    F, _, _ = logistic()
    end = minimize(F, method, tolerance=1e-25)
    assert end.status is Status.STALLED
    assert "within rounding" in end.reason
    assert float(end.gradient_norm) < 1e-14


@pytest.mark.parametrize("method", METHODS)
def test_a_spent_budget_is_said(method):
    end = minimize(of(rosenbrock, -1.2, 1.0), method, budget=Budget(steps=3))
    assert (end.status, end.steps, end.reason) == (Status.OUT_OF_BUDGET, 3, "the budget is spent")
    assert end.certificates[0].holds is False
    assert minimize(of(rosenbrock, -1.2, 1.0), method, budget="1ms").status is Status.OUT_OF_BUDGET


def test_suboptimality_is_proved_by_the_prior_and_holds():
    F, _, _ = logistic(intercept=False, precision=40.0)
    best = minimize(F, tolerance=1e-13)
    for steps in (0, 1, 2, 3):
        end = minimize(F, "lbfgs", budget=Budget(steps=steps))
        certificate = end.certificates[2]
        assert certificate.holds is True
        assert "m = 0.1" in certificate.assumptions[0]
        assert -1e-15 <= float(end.value - best.value) <= certificate.bound + 1e-15


def test_suboptimality_is_proved_by_self_concordance_with_a_free_intercept():
    F, _, _ = logistic(precision=1.0)
    best = minimize(F, tolerance=1e-13)
    proved = 0
    for steps in range(8):
        end = minimize(F, budget=Budget(steps=steps))
        certificate = end.certificates[2]
        assert certificate.holds in (True, None)
        if certificate.holds:
            proved += 1
            assert -1e-15 <= float(end.value - best.value) <= certificate.bound + 1e-15
    assert proved >= 2
    assert minimize(F).certificates[2].bound < 1e-13


def test_an_overstated_strong_convexity_is_refuted():
    F, _, _ = logistic(intercept=False)
    assert minimize(F, strong_convexity=1e-3).certificates[2].holds is True
    end = minimize(F, strong_convexity=10.0)
    assert end.certificates[2].holds is False
    assert "below m" in end.certificates[2].method


def test_what_is_not_known_is_not_claimed():
    assert minimize(of(rosenbrock, -1.2, 1.0)).certificates[2].holds is None


def test_auto_chooses_and_says_why():
    small = minimize(of(rosenbrock, -1.2, 1.0))
    assert small.method == "bfgs"
    assert "the pairs tell the whole curvature" in small.why
    large = minimize(Objective.from_function(lambda w: ((w - 1) ** 2).sum(), torch.zeros(5000).double()))
    assert large.method == "lbfgs"
    oracle = minimize(Objective.from_oracle(lambda w: (w @ w, 2 * w), np.ones(2)))
    assert oracle.method == "bfgs"
    residuals = Objective.from_residuals(lambda w: torch.stack([w[0] - 1, w[0] * w[1]]), [3.0, 1.0])
    assert minimize(residuals).method == "levenberg-marquardt"
    assert minimize(of(rosenbrock, -1.2, 1.0), "lbfgs").why == "asked for"


def test_where_the_method_advised_stalls_another_goes_on():
    """|x|^1.5-like creases stop a quasi-Newton search; Newton-type steps from there may still go lower."""
    F = of(lambda w: (w[0] ** 2 + 1e-12).sqrt() + 0.01 * (w[1] - 1) ** 2 + w[0] * w[1] * 1e-3, 1.0, 3.0)
    alone = minimize(F, minimize(F).method)
    end = minimize(F)
    assert end.steps >= alone.steps
    assert float(end.value) <= float(alone.value)
    if alone.status is Status.STALLED:
        assert "went on" in end.why
        assert len(end.history["value"]) == end.steps + 1


def test_newton_by_products_for_many_parameters():
    size = 2500
    scales = torch.logspace(0, 3, size, dtype=torch.float64)
    F = Objective.from_function(lambda w: (scales * (torch.exp(w - 1) - w)).sum(), torch.zeros(size).double())
    end = minimize(F, "newton", tolerance=1e-6)
    assert end.status is Status.CONVERGED, end.reason
    torch.testing.assert_close(end.w, torch.ones(size).double(), rtol=0, atol=1e-6)
    assert end.steps < 25


def test_float32_has_a_tolerance_of_its_own():
    F, _, _ = logistic(dtype=torch.float32)
    end = minimize(F)
    exact = minimize(logistic()[0])
    assert end.w.dtype == torch.float32
    assert end.status is Status.CONVERGED
    torch.testing.assert_close(end.w.double(), exact.w, rtol=0, atol=1e-2)


def test_poisson_regression_from_a_far_start():
    X = random(200, 3)
    y = torch.poisson(torch.exp(X @ vector(0.5, -0.5, 0.2)), generator=torch.Generator().manual_seed(1))
    F = DataObjective(Linear(3), Poisson(), (X, y))
    near, far = minimize(F), minimize(F, w0=vector(20.0, -20.0, 20.0, 5.0))
    assert far.status is Status.CONVERGED, far.reason
    torch.testing.assert_close(near.w, far.w, rtol=0, atol=1e-6)


def test_progress_is_told():
    told = []
    end = minimize(of(rosenbrock, -1.2, 1.0), progress=lambda step, info: told.append(info.record["value"]))
    assert told == end.history["value"].tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "adam"}, "a method among"),
        ({"tolerance": 0.0}, "a positive, finite tolerance"),
        ({"memory": 0}, "a memory of at least 1"),
        ({"w0": [1.0, 2.0, 3.0]}, "a start of shape"),
        ({"w0": [1.0, math.nan]}, "a start of finite numbers"),
        ({"strong_convexity": -1.0}, "a finite strong convexity"),
        ({"self_concordance": math.inf}, "a finite self-concordance"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        minimize(of(rosenbrock, -1.2, 1.0), **settings)


def test_a_point_out_of_range_is_refused():
    with pytest.raises(ArgumentError, match=r"a point in 0\.\.0"):
        minimize(of(rosenbrock, -1.2, 1.0)).point(1)


def test_zero_parameters_are_refused():
    class Empty(type(of(rosenbrock, 1.0, 1.0))):
        size = 0

    with pytest.raises(ArgumentError, match="at least 1 parameter"):
        minimize(Empty(rosenbrock, vector(1.0, 1.0)))


def test_a_zero_budget_evaluates_the_start_alone():
    end = minimize(of(rosenbrock, -1.2, 1.0), budget=Budget(steps=0))
    assert (end.status, end.steps, end.evaluations) == (Status.OUT_OF_BUDGET, 0, 1)
    assert end.w.tolist() == [-1.2, 1.0]


def test_a_constant_is_flat_and_a_gradient_that_is_always_0_is_doubted():
    end = minimize(of(lambda w: 0 * w.sum() + 3, 1.0, 2.0))
    assert end.status is Status.CONVERGED
    assert "F is flat there" in end.reason
    assert end.certificates[1].holds is None
    wrong = minimize(Objective.from_oracle(lambda w: (float((w - 1) @ (w - 1)), 0 * w), np.zeros(2)))
    assert wrong.status is Status.STALLED
    assert "the gradient disagrees with F" in wrong.reason
    # an inflection is stationary, and no reason to doubt
    assert minimize(of(lambda w: (w**3).sum(), 0.0)).status is Status.CONVERGED
