"""Penalties of generalised linear models against scikit-learn, quadrature and stationarity."""

import numpy as np
import pytest
import torch
from scipy import integrate, optimize, special, stats
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from fivefold.core import ArgumentError, Status
from fivefold.inference import laplace_evidence
from fivefold.probability import Bernoulli, Categorical, Ordinal, Poisson


def _design(n=300, p=4, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(0.5, 1.0, (n, p))
    return x, generator


def _fit(x, y, likelihood, sizes, **options):
    y = torch.from_numpy(y) if y.dtype.kind == "f" else torch.from_numpy(y.astype(np.int64))
    return laplace_evidence(torch.from_numpy(x), y, likelihood, sizes, **options)


def test_two_classes_are_scikit_learns_logistic_regression():
    x, generator = _design()
    y = (generator.random(300) < 1 / (1 + np.exp(-(x @ [1.0, -1.0, 0.5, 0.0] - 0.3)))).astype(float)
    variance = 0.7
    found = _fit(x, y, Bernoulli(), [4], start=torch.tensor([variance]), passes=1)
    model = LogisticRegression(C=variance, tol=1e-10, max_iter=1000).fit(x, y)
    np.testing.assert_allclose(found.w[0, 0], model.intercept_[0], atol=2e-5)
    np.testing.assert_allclose(found.w[1:, 0], model.coef_[0], atol=2e-5)


def test_many_classes_are_scikit_learns_softmax_regression():
    x, generator = _design()
    y = (x @ generator.normal(size=(4, 3)) + generator.gumbel(size=(300, 3))).argmax(1)
    found = _fit(x, y, Categorical(3), [4], start=torch.tensor([0.5]), passes=1)
    model = LogisticRegression(C=0.5, tol=1e-12, max_iter=5000).fit(x, y)
    np.testing.assert_allclose(found.w[1:].T, model.coef_, atol=1e-4)
    # intercepts are fixed up to a common shift
    w0 = found.w[0].numpy()
    np.testing.assert_allclose(w0 - w0.mean(), model.intercept_ - model.intercept_.mean(), atol=1e-4)


def test_counts_with_exposure_and_weights_are_scikit_learns():
    x, generator = _design()
    exposure = generator.uniform(0.5, 4, 300)
    y = generator.poisson(exposure * np.exp(0.3 * x[:, 0] - 0.2)).astype(float)
    variance = 0.4
    found = _fit(
        x,
        y,
        Poisson(),
        [4],
        start=torch.tensor([variance]),
        passes=1,
        offset=torch.from_numpy(np.log(exposure)),
    )
    # mean deviance weighted by exposure, and half of alpha |w|^2
    alpha = 1 / variance / exposure.sum()
    model = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=2000)
    model.fit(x, y / exposure, sample_weight=exposure)
    np.testing.assert_allclose(found.w[1:, 0], model.coef_, atol=1e-4)
    np.testing.assert_allclose(found.w[0, 0], model.intercept_, atol=1e-4)


def test_weights_count_like_repeated_rows():
    x, generator = _design(100)
    y = (generator.random(100) < 0.4).astype(float)
    weights = np.where(np.arange(100) < 30, 2.0, 1.0)
    twice = np.r_[np.arange(100), np.arange(30)]
    start = torch.tensor([0.5])
    a = _fit(x, y, Bernoulli(), [4], start=start, passes=1, weights=torch.from_numpy(weights))
    b = _fit(x[twice], y[twice], Bernoulli(), [4], start=start, passes=1)
    np.testing.assert_allclose(a.w, b.w, atol=1e-6)
    assert a.log_evidence == pytest.approx(b.log_evidence, abs=1e-6)


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_the_log_evidence_is_the_integral_over_the_coefficients(family):
    """One slope and the nearly flat intercept, by quadrature; Laplace errs by O(1/n), here below 0.02."""
    x, generator = _design(60, 1, seed=2)
    if family == "poisson":
        y = generator.poisson(np.exp(0.5 + 0.4 * x[:, 0])).astype(float)
        likelihood, logp = Poisson(), lambda eta: stats.poisson.logpmf(y, np.exp(eta))
    else:
        y = (generator.random(60) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
        likelihood, logp = Bernoulli(), lambda eta: stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-eta)))
    variance = 0.8
    found = _fit(x, y, likelihood, [1], start=torch.tensor([variance]), passes=1)
    b0, w0 = (float(v) for v in found.w[:, 0])

    def joint(b, w):
        prior = stats.norm.logpdf(w, 0, np.sqrt(variance)) + stats.norm.logpdf(b, 0, 1e3)
        return logp(b + w * x[:, 0]).sum() + prior

    top = joint(b0, w0)
    grid_b, grid_w = b0 + np.linspace(-2.5, 2.5, 81), w0 + np.linspace(-2.5, 2.5, 81)
    values = np.array([[np.exp(joint(b, w) - top) for w in grid_w] for b in grid_b])
    exact = top + np.log(integrate.simpson(integrate.simpson(values, x=grid_w), x=grid_b))
    assert found.log_evidence == pytest.approx(exact, abs=0.03)


def test_the_variances_found_have_more_evidence_than_others():
    x, generator = _design(500, 6, seed=3)
    y = (generator.random(500) < 1 / (1 + np.exp(-(x[:, :3] @ [1.5, -1.0, 1.0])))).astype(float)
    found = _fit(x, y, Bernoulli(), [3, 3], passes=60, tolerance=1e-3)
    for factors in ([4.0, 1.0], [0.25, 1.0], [1.0, 4.0]):
        other = _fit(
            x,
            y,
            Bernoulli(),
            [3, 3],
            start=found.variances * torch.tensor(factors, dtype=torch.float64),
            passes=1,
        )
        assert other.log_evidence < found.log_evidence + 1e-3
    assert float(found.w[4:].abs().max()) < 0.3 < float(found.w[1:4].abs().min())
    assert float(found.effective[0]) > 2.5
    assert float(found.effective[1]) < 2.0


def test_the_fixed_point_converges_where_every_block_matters():
    x, generator = _design(500, 6, seed=4)
    y = (generator.random(500) < 1 / (1 + np.exp(-(x @ [1.5, -1.0, 1.0, 0.3, -0.4, 0.5])))).astype(float)
    found = _fit(x, y, Bernoulli(), [3, 3], passes=60, tolerance=1e-3)
    assert found.status is Status.CONVERGED
    assert 1 < found.passes < 60
    again = _fit(x, y, Bernoulli(), [3, 3], start=found.variances, passes=2, tolerance=1e-3)
    assert again.passes == 1


def test_a_block_that_tells_nothing_does_not_keep_the_fixed_point_from_converging():
    """Its variance still falls when nothing else changes; further passes change no prediction."""
    x, generator = _design(400, 8, seed=7)
    y = (generator.random(400) < 1 / (1 + np.exp(-(x[:, :3] @ [1.5, -1.0, 1.0])))).astype(float)
    found = _fit(x, y, Bernoulli(), [3, 5])
    assert found.status is Status.CONVERGED
    assert found.passes < 8  # by the variances alone, more than 12
    further = _fit(x, y, Bernoulli(), [3, 5], passes=60, tolerance=1e-12)
    assert further.variances[1] < 1e-3 * found.variances[1]
    eta, later = (f.w[0, 0] + torch.from_numpy(x) @ f.w[1:, 0] for f in (found, further))
    assert float((eta - later).abs().max()) < 0.1  # beside a spread of 2.5
    assert abs(found.log_evidence - further.log_evidence) < 0.1


def test_a_start_that_is_too_tight_is_not_taken_for_convergence():
    """Nearly no effective coefficients at first, but much evidence to gain by a larger variance."""
    x, generator = _design(400, 3, seed=5)
    y = (generator.random(400) < 1 / (1 + np.exp(-(x @ [1.5, -1.0, 1.0])))).astype(float)
    found = _fit(x, y, Bernoulli(), [3], start=torch.tensor([1e-7]), passes=60)
    assert found.status is Status.CONVERGED
    assert found.passes > 1
    assert float(found.variances[0]) > 0.3


def test_a_separated_class_keeps_finite_coefficients():
    x = np.linspace(-1, 1, 40)[:, None]
    found = _fit(x, (x[:, 0] > 0).astype(float), Bernoulli(), [1])
    assert torch.isfinite(found.w).all()
    assert found.w[1, 0] > 1


def test_too_few_passes_are_out_of_budget():
    x, generator = _design()
    y = (generator.random(300) < 0.5).astype(float)
    found = _fit(x, y, Bernoulli(), [4], passes=1, tolerance=1e-9)
    assert (found.status, found.passes) == (Status.OUT_OF_BUDGET, 1)


def test_blocks_that_do_not_add_up_are_refused():
    x, _ = _design()
    with pytest.raises(ArgumentError, match="block sizes that add up to 4"):
        _fit(x, np.zeros(300), Bernoulli(), [3])


def test_own_parameters_are_found_at_the_mode_without_an_intercept():
    """Ordered classes: the penalised loss of SciPy's own minimum, cutpoints under their weak prior."""
    x, generator = _design()
    y = np.digitize(x @ [1.5, -1.0, 0.5, 0.0] + generator.logistic(size=300), [-1.0, 1.0])
    likelihood, variance = Ordinal(3), 0.5
    found = _fit(x, y, likelihood, [4], start=torch.tensor([variance]), passes=1, intercept=False)
    start = likelihood.initial_theta(torch.from_numpy(y)).numpy()

    def loss(v):
        cuts = np.r_[-np.inf, v[4], v[4] + np.exp(v[5]), np.inf]
        p = special.expit(cuts[y + 1] - x @ v[:4]) - special.expit(cuts[y] - x @ v[:4])
        return -np.log(p).sum() + v[:4] @ v[:4] / (2 * variance) + 0.05 * ((v[4:] - start) ** 2).sum()

    best = optimize.minimize(loss, np.r_[np.zeros(4), start], method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(found.w[1:, 0], best.x[:4], atol=1e-5)
    np.testing.assert_allclose(found.own, best.x[4:], atol=1e-5)
    assert float(found.w[0, 0]) == 0.0
    assert len(found.own) == 2


def test_a_class_without_rows_has_finite_cutpoints():
    x, generator = _design()
    y = 2 * (x[:, 0] + generator.logistic(size=300) > 0).astype(np.int64)
    found = _fit(x, y, Ordinal(3), [4], intercept=False)
    assert bool(torch.isfinite(found.own).all())
    p = Ordinal(3).probabilities(torch.from_numpy(x) @ found.w[1:, 0], found.own)
    assert float(p[:, 1].max()) < 0.01


def test_the_likelihood_is_revised_between_the_passes():
    x, generator = _design()
    y = generator.poisson(np.exp(0.3 * x[:, 0])).astype(float)
    seen = []

    def revise(eta, effective):
        seen.append((eta.shape, effective))
        return Poisson(), 1.0 if len(seen) < 3 else 0.0

    found = _fit(x, y, Poisson(), [4], revise=revise, passes=50)
    plain = _fit(x, y, Poisson(), [4], passes=50)
    assert found.passes == max(3, plain.passes) == len(seen)
    assert seen[-1] == ((300,), pytest.approx(float(found.effective.sum())))
    assert plain.likelihood.name == "poisson"
    assert len(plain.own) == 0
