"""The contract of every likelihood, held against torch.distributions, scipy.stats, quadrature and sums."""

import itertools

import numpy as np
import pytest
import scipy.stats
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Poisson,
    names,
)

D = torch.distributions

MEMBERS = {
    "gaussian-fixed": Gaussian(sd=0.7),
    "gaussian-free": Gaussian(),
    "bernoulli": Bernoulli(),
    "binomial": Binomial(30),
    "categorical-2": Categorical(2),
    "categorical-4": Categorical(4),
    "poisson": Poisson(),
    "negative-binomial": NegativeBinomial(),
    "gamma": Gamma(),
    "ordinal-2": Ordinal(2),
    "ordinal-4": Ordinal(4),
}
N = 5


@pytest.fixture(params=MEMBERS, ids=list(MEMBERS))
def likelihood(request):
    return MEMBERS[request.param]


def test_every_likelihood_is_held_to_the_contract():
    assert {each.name for each in MEMBERS.values()} == set(names())


def points(likelihood, batch=()):
    generator = torch.Generator().manual_seed(3)
    shape = (*batch, N) if likelihood.outputs == 1 else (*batch, N, likelihood.outputs)
    eta = 1.5 * torch.randn(shape, generator=generator, dtype=torch.float64) + 0.3
    theta = torch.randn((*batch, likelihood.parameters), generator=generator, dtype=torch.float64)
    return eta, theta


def observations(likelihood):
    return {
        "gaussian": torch.tensor([-1.3, 0.0, 0.4, 2.0, 5.0], dtype=torch.float64),
        "bernoulli": torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0], dtype=torch.float64),
        "categorical": torch.tensor([0, 1, 1, 0, 1]),
        "poisson": torch.tensor([0.0, 1.0, 7.0, 2.0, 30.0], dtype=torch.float64),
        "binomial": torch.tensor([0.0, 1.0, 7.0, 2.0, 30.0], dtype=torch.float64),
        "negative_binomial": torch.tensor([0.0, 1.0, 7.0, 2.0, 30.0], dtype=torch.float64),
        "gamma": torch.tensor([0.01, 1.0, 0.4, 2.0, 5.0], dtype=torch.float64),
        "ordinal": torch.tensor([0, 1, 1, 2, 3]).clamp(max=getattr(likelihood, "classes", 4) - 1),
    }[likelihood.name]


def torch_distribution(likelihood, eta, theta):
    if likelihood.name == "gaussian":
        sd = likelihood.sd if likelihood.sd is not None else torch.exp(theta / 2)
        return D.Normal(eta, sd)
    kinds = {
        "bernoulli": lambda: D.Bernoulli(logits=eta),
        "categorical": lambda: D.Categorical(logits=eta),
        "poisson": lambda: D.Poisson(torch.exp(eta)),
        "binomial": lambda: D.Binomial(30, logits=eta),
        "negative_binomial": lambda: D.NegativeBinomial(torch.exp(-theta), logits=eta + theta),
        "gamma": lambda: D.Gamma(torch.exp(theta), torch.exp(theta - eta)),
        "ordinal": lambda: D.Categorical(probs=cumulative_logit(eta, theta)),
    }
    return kinds[likelihood.name]()


def cumulative_logit(eta, theta):
    """Class probabilities as differences of the logistic function at c_0, c_0 + e^theta_1, ..."""
    gaps = torch.cat([torch.zeros_like(theta[..., :1]), torch.exp(theta[..., 1:])], -1)
    c = theta[..., :1] + torch.cumsum(gaps, -1)
    below = torch.sigmoid(c - eta[..., None])
    ends = torch.zeros_like(below[..., :1])
    return torch.diff(torch.cat([ends, below, 1 + ends], -1), dim=-1)


def support(likelihood, eta, theta):
    """Nodes of y and their probabilities, so that a weighted sum is an expectation, for one row."""
    if likelihood.name == "gaussian":
        # Gauss-Hermite with 40 nodes is exact for the polynomials up to degree 4 that occur here.
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        sd = likelihood.sd if likelihood.sd is not None else float(torch.exp(theta / 2))
        y = float(eta) + sd * torch.from_numpy(nodes)
        return y, torch.from_numpy(weights / weights.sum())
    if likelihood.name == "gamma":
        # The trapezoidal rule in log y, where the density dies out at both ends: exact to rounding.
        k = float(torch.exp(theta))
        v = torch.linspace(float(eta) - 60 / min(k, 1), float(eta) + 7 + 3 / k, 20_000, dtype=torch.float64)
        y = torch.exp(v)
        log_density = torch_distribution(likelihood, eta, theta).log_prob(y)
        return y, torch.exp(log_density + v) * ((v[-1] - v[0]) / (len(v) - 1))
    if likelihood.name == "bernoulli":
        y = torch.tensor([0.0, 1.0], dtype=torch.float64)
    elif likelihood.name == "binomial":
        y = torch.arange(31, dtype=torch.float64)
    elif likelihood.name == "negative_binomial":
        y = torch.arange(0, 8000, dtype=torch.float64)  # the tail falls by 1 - 1 / (1 + alpha mu) a step
    elif likelihood.name in ("categorical", "ordinal"):
        y = torch.arange(getattr(likelihood, "classes", likelihood.outputs))
    else:
        y = torch.arange(0, 400, dtype=torch.float64)  # rates here are below 60: the rest is under 1e-100
    return y, torch.exp(torch_distribution(likelihood, eta, theta).log_prob(y))


def joint_gradient(likelihood, eta, y, theta):
    """Gradient in (eta, theta), one row per observation."""
    own = likelihood.theta_gradient(eta, y, theta)
    slope = likelihood.gradient(eta, y, theta)
    return torch.cat([slope if likelihood.outputs > 1 else slope[..., None], own], dim=-1)


def joint_matrix(likelihood, curvature):
    several = likelihood.outputs > 1
    top = curvature.eta if several else curvature.eta[..., None, None]
    cross = curvature.cross if several else curvature.cross[..., None, :]
    return torch.cat(
        [torch.cat([top, cross], dim=-1), torch.cat([cross.mT, curvature.theta], dim=-1)], dim=-2
    )


def test_value_is_torch_distributions(likelihood):
    eta, theta = points(likelihood)
    y = observations(likelihood)
    expected = -torch_distribution(likelihood, eta, theta).log_prob(y)
    value = likelihood.negative_log_density(eta, y, theta)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)


def test_value_is_scipy_stats(likelihood):
    eta, theta = points(likelihood)
    y = observations(likelihood).numpy()
    z = eta.numpy()
    if likelihood.name == "gaussian":
        sd = likelihood.sd if likelihood.sd is not None else float(torch.exp(theta / 2))
        expected = -scipy.stats.norm.logpdf(y, z, sd)
    elif likelihood.name == "bernoulli":
        expected = -scipy.stats.bernoulli.logpmf(y, scipy.special.expit(z))
    elif likelihood.name == "poisson":
        expected = -scipy.stats.poisson.logpmf(y, np.exp(z))
    elif likelihood.name == "binomial":
        expected = -scipy.stats.binom.logpmf(y, 30, scipy.special.expit(z))
    elif likelihood.name == "negative_binomial":
        r = np.exp(-theta.numpy())
        expected = -scipy.stats.nbinom.logpmf(y, r, r / (r + np.exp(z)))
    elif likelihood.name == "gamma":
        k = np.exp(theta.numpy())
        expected = -scipy.stats.gamma.logpdf(y, k, scale=np.exp(z) / k)
    elif likelihood.name == "ordinal":
        edges = np.concatenate([[-np.inf], likelihood.cutpoints(theta).numpy(), [np.inf]])
        logistic = scipy.stats.logistic.cdf
        expected = -np.log(logistic(edges[y + 1] - z) - logistic(edges[y] - z))
    else:
        p = scipy.special.softmax(z, axis=-1)
        counts = np.eye(likelihood.outputs)[y]
        expected = -scipy.stats.multinomial.logpmf(counts, 1, p)
    value = likelihood.negative_log_density(eta, torch.from_numpy(y), theta)
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_gradient_and_curvature_are_the_derivatives(likelihood):
    """Against automatic differentiation of torch.distributions, which shares no code with ours."""
    eta, theta = points(likelihood)
    y = observations(likelihood)

    def row(i):
        def loss(z):
            K = likelihood.outputs
            e = z[:K] if K > 1 else z[0]
            return -torch_distribution(likelihood, e, z[K:]).log_prob(y[i]).sum()

        return loss

    curvature = joint_matrix(likelihood, likelihood.joint_curvature(eta, y, theta))
    gradient = joint_gradient(likelihood, eta, y, theta)
    for i in range(N):
        z = torch.cat([eta[i].reshape(-1), theta])
        first = torch.autograd.functional.jacobian(row(i), z)
        second = torch.autograd.functional.hessian(row(i), z)
        torch.testing.assert_close(gradient[i], first, rtol=1e-10, atol=1e-12)
        # torch's own trigamma, which the reference for the negative binomial uses, has ten digits.
        torch.testing.assert_close(curvature[i], second, rtol=1e-8, atol=1e-9)


def test_gradient_is_the_central_difference(likelihood):
    eta, theta = points(likelihood)
    y = observations(likelihood)
    h = 1e-6
    for k in range(likelihood.outputs):
        step = torch.zeros_like(eta)
        step[(..., k) if likelihood.outputs > 1 else ...] = h
        high = likelihood.negative_log_density(eta + step, y, theta)
        low = likelihood.negative_log_density(eta - step, y, theta)
        gradient = likelihood.gradient(eta, y, theta)
        gradient = gradient[..., k] if likelihood.outputs > 1 else gradient
        # Rounding eps |f| / h is about 1e-8 for values of up to 100; truncation h^2 is far below.
        torch.testing.assert_close(gradient, (high - low) / (2 * h), rtol=1e-7, atol=1e-7)


def test_score_identities(likelihood):
    """E[gradient] = 0 and E[gradient gradient'] = E[curvature] = fisher."""
    eta, theta = points(likelihood)
    for i in range(N):
        y, p = support(likelihood, eta[i], theta)
        rows = eta[i].expand(len(y), *eta[i].shape)
        g = joint_gradient(likelihood, rows, y, theta)
        C = joint_matrix(likelihood, likelihood.joint_curvature(rows, y, theta))
        F = joint_matrix(likelihood, likelihood.joint_fisher(eta[i : i + 1], theta))[0]
        assert float(p.sum()) == pytest.approx(1.0, abs=1e-12)
        torch.testing.assert_close(p @ g, torch.zeros(g.shape[1], dtype=g.dtype), rtol=0, atol=1e-9)
        torch.testing.assert_close(torch.einsum("y,yi,yj->ij", p, g, g), F, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(torch.einsum("y,yij->ij", p, C), F, rtol=1e-9, atol=1e-9)


def test_mean_is_the_expectation(likelihood):
    eta, theta = points(likelihood)
    for i in range(N):
        y, p = support(likelihood, eta[i], theta)
        expected = p if likelihood.outputs > 1 else (p * y).sum()
        mean = likelihood.mean(eta[i : i + 1], theta)[0]
        torch.testing.assert_close(mean, expected, rtol=1e-10, atol=1e-10)


def test_samples_have_the_mean_and_the_support(likelihood):
    """4 standard errors of 20,000 draws per row: fails by chance for 1 seed in 1,000; it is fixed."""
    eta, theta = points(likelihood)
    draws = 20_000
    many = eta.repeat_interleave(draws, dim=0)
    y = likelihood.sample(many, torch.Generator().manual_seed(0), theta)
    assert y.shape == (N * draws,)
    assert likelihood.check(y).shape == y.shape
    counts = y.reshape(N, draws)
    if likelihood.outputs > 1:
        counts = torch.nn.functional.one_hot(counts, likelihood.outputs).to(torch.float64).movedim(1, -1)
    counts = counts.double()
    sd = counts.std(-1)
    gap = (counts.mean(-1) - likelihood.mean(eta, theta)).abs()
    assert bool((gap <= 4 * sd / draws**0.5 + 1e-3).all())


def test_same_generator_same_draws(likelihood):
    eta, theta = points(likelihood)
    first, second = (likelihood.sample(eta, torch.Generator().manual_seed(5), theta) for _ in range(2))
    assert torch.equal(first, second)


def test_batch_is_the_loop(likelihood):
    eta, theta = points(likelihood, batch=(3, 2))
    y = observations(likelihood)
    methods = [
        likelihood.negative_log_density,
        likelihood.gradient,
        likelihood.curvature,
        likelihood.theta_gradient,
        lambda e, y, t: likelihood.joint_curvature(e, y, t).cross,
        lambda e, y, t: likelihood.joint_curvature(e, y, t).theta,
        lambda e, y, t: likelihood.joint_fisher(e, t).theta,
        lambda e, y, t: likelihood.fisher(e, t),
        lambda e, y, t: likelihood.mean(e, t),
    ]
    for method in methods:
        whole = method(eta, y, theta)
        for i, j in itertools.product(range(3), range(2)):
            torch.testing.assert_close(whole[i, j], method(eta[i, j], y, theta[i, j]), rtol=1e-14, atol=0)


@pytest.mark.parametrize("extreme", [-700.0, 700.0])
def test_stable_far_out(likelihood, extreme):
    eta, theta = points(likelihood)
    eta = torch.full_like(eta, extreme)
    if likelihood.outputs > 1:
        eta[..., 0] = 0.0
    y = observations(likelihood)
    for result in (
        likelihood.negative_log_density(eta, y, theta),
        likelihood.gradient(eta, y, theta),
        likelihood.curvature(eta, y, theta),
        likelihood.mean(eta, theta),
    ):
        assert bool(torch.isfinite(result).all())


def test_convexity_claim(likelihood):
    """Where convex is claimed the joint curvature has no negative eigenvalue; the free Gaussian has one."""
    eta, theta = points(likelihood)
    C = joint_matrix(likelihood, likelihood.joint_curvature(eta, observations(likelihood), theta))
    smallest = float(torch.linalg.eigvalsh(C).min())
    assert likelihood.convex == (smallest >= -1e-12)


@pytest.mark.parametrize(
    ("likelihood", "y", "message"),
    [
        (Gaussian(), ["a", "b"], "y with numbers"),
        (Gaussian(), np.array([None, 1.0]), "y with numbers"),
        (Gaussian(), [[1.0], [2.0]], "nonempty vector"),
        (Gaussian(), [], "nonempty vector"),
        (Gaussian(), [1j], "real numbers"),
        (Gaussian(), [1.0, float("nan"), float("inf")], "2 NaN or infinite of 3"),
        (Bernoulli(), [0, 1, 2], "1 other values, such as 2"),
        (Bernoulli(), [0.5], "y of 0 and 1"),
        (Categorical(3), [0, 3], "class numbers 0 to 2"),
        (Categorical(3), [-1], "class numbers 0 to 2"),
        (Categorical(3), [0.5], "class numbers 0 to 2"),
        (Categorical(3), [1e300], "class numbers 0 to 2"),
        (Poisson(), [1, -2], "counts 0, 1, 2"),
        (Poisson(), [1.5], "such as 1.5"),
        (Binomial(3), [0, 4], "counts from 0 to 3 for a binomial"),
        (Binomial(3), [-1], "such as -1"),
        (Binomial(3), [1.5], "such as 1.5"),
        (Binomial([3, 2]), [3, 3], "from 0 to each row's trials"),
        (Binomial([3, 2]), [1, 1, 1], "the 2 rows of the trials"),
        (NegativeBinomial(), [1, -2], "counts 0, 1, 2"),
        (NegativeBinomial(), [0.5], "such as 0.5"),
        (NegativeBinomial(), [float("nan")], "1 NaN or infinite"),
        (Gamma(), [1.0, 0.0], "positive y for a gamma"),
        (Gamma(), [1.0, -2.0, -3.0], "2 others, such as -2"),
        (Ordinal(3), [0, 3], "class numbers 0 to 2 in their order"),
        (Ordinal(3), [-1.0], "class numbers 0 to 2"),
        (Ordinal(3), [0.5], "such as 0.5"),
    ],
)
def test_check_refuses(likelihood, y, message):
    with pytest.raises(DataError, match=message):
        likelihood.check(y)


def test_check_accepts_what_is_possible():
    assert Bernoulli().check([True, False]).tolist() == [1.0, 0.0]
    assert Categorical(3).check([0.0, 2.0]).dtype == torch.int64
    assert Ordinal(3).check([0.0, 2.0]).dtype == torch.int64
    assert Binomial([3, 2]).check([3, 0]).tolist() == [3.0, 0.0]
    assert Gamma().check(np.array([1, 2])).tolist() == [1.0, 2.0]
    assert Poisson().check(np.array([3, 0], dtype=np.uint8)).tolist() == [3.0, 0.0]
    assert Gaussian().check(np.arange(4.0)[::-1], dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Poisson().mean(torch.tensor(1.0)), r"eta of shape \[..., n\]"),
        (lambda: Categorical(3).mean(torch.ones(4, 2)), r"eta of shape \[..., n, 3\]"),
        (lambda: Poisson().gradient(torch.ones(4), torch.ones(3)), r"y of shape \(4,\)"),
        (lambda: Gaussian().gradient(torch.ones(2), torch.ones(2)), r"theta \[..., 1\]"),
        (lambda: Gaussian().fisher(torch.ones(3, 2), torch.ones(1)), r"theta of shape \(3, 1\)"),
        (lambda: Binomial([1, 2]).mean(torch.ones(3)), "2 rows, as many as trials"),
        (lambda: Ordinal(4).mean(torch.ones(3), torch.ones(2)), r"theta of shape \(3,\)"),
    ],
)
def test_shapes_are_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_the_factored_curvature_is_the_dense_one(likelihood):
    eta, theta = points(likelihood)
    y = observations(likelihood)
    known, found = (
        method(eta, y, theta) for method in (likelihood.joint_curvature, likelihood.factored_curvature)
    )
    dense = found.eta
    if found.outer is not None:
        dense = torch.diag_embed(dense) - found.outer[..., :, None] * found.outer[..., None, :]
    torch.testing.assert_close(dense, known.eta, rtol=1e-14, atol=1e-16)
    torch.testing.assert_close(found.cross, known.cross, rtol=0, atol=0)
    torch.testing.assert_close(found.theta, known.theta, rtol=0, atol=0)
    assert (found.outer is None) == (likelihood.outputs == 1)
