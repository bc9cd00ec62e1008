"""Rows in batches, held or streamed: every answer is the whole's to rounding."""

import pytest
import torch

from fivefold.calculus import PeakMemory
from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Bernoulli, Binomial, Gaussian, GaussianPrior, Ordinal

N, P = 23, 4
SAME = {"rtol": 1e-11, "atol": 1e-12}
"""Sums of at most 23 float64 terms in another order."""


def stream(X, y, size=6):
    return lambda: ((X[i : i + size], y[i : i + size]) for i in range(0, len(X), size))


def again(small, whole, likelihood, extra, how):
    """The same objective with its rows in batches."""
    X, y = small.data(likelihood)
    options = {**small.options(extra, likelihood, whole.model.size), "prior": whole.prior}
    model = whole.model
    model = model if isinstance(model, Linear) else model.module
    if how == "held":
        return DataObjective(model, likelihood, (X, y), batch=5, **options)
    if how == "streamed and cut":
        return DataObjective(model, likelihood, stream(X.numpy(), y.numpy()), batch=4, **options)
    return DataObjective(model, likelihood, stream(X, y), **options)


@pytest.mark.parametrize("how", ["held", "streamed", "streamed and cut"])
@pytest.mark.parametrize("extra", ["prior", "weights and offset", "no intercept"])
def test_batches_are_the_whole(small, likelihood, extra, how):
    for whole in small.both(likelihood, extra):
        F = again(small, whole, likelihood, extra, how)
        assert (F.rows, F.scale, F.size) == (N, float(N), whole.size)
        torch.testing.assert_close(F.initial, whole.initial, **SAME)
        for w in (small.points(F), small.points(F, 3)):
            torch.testing.assert_close(F.value(w), whole.value(w), **SAME)
            for ours, theirs in zip(F.value_and_gradient(w), whole.value_and_gradient(w), strict=True):
                torch.testing.assert_close(ours, theirs, **SAME)
            torch.testing.assert_close(F.predictor(w), whole.predictor(w), **SAME)
        assert F.batching == ("matrix products" if isinstance(F.model, Linear) else "vmap")
        w = small.points(F)
        V = torch.randn(F.size, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        for name in ("hessian", "gauss_newton", "fisher"):
            ours, theirs = getattr(F, name)(w), getattr(whole, name)(w)
            torch.testing.assert_close(ours @ V, theirs @ V, **SAME)
            torch.testing.assert_close(ours.to_dense(), theirs.to_dense(), **SAME)
            assert ours.positive == theirs.positive
            assert ours.adjoint() is ours
        J, K = F.jacobian(w), whole.jacobian(w)
        torch.testing.assert_close(J @ V, K @ V, **SAME)
        torch.testing.assert_close(J.H @ (K @ V), K.H @ (K @ V), **SAME)
        torch.testing.assert_close(F.kernel(w).to_dense(), whole.kernel(w).to_dense(), **SAME)


@pytest.mark.parametrize("how", ["held", "streamed"])
def test_some_of_the_rows(small, likelihood, how):
    for whole in small.both(likelihood, "weights and offset"):
        F = again(small, whole, likelihood, "weights and offset", how)
        w = small.points(F)
        for rows in ([20, 3, 3, 7], slice(2, 19)):
            ours, theirs = F.on(rows), whole.on(rows)
            assert (ours.rows, ours.scale) == (theirs.rows, float(N))
            torch.testing.assert_close(ours.gradient(w), theirs.gradient(w), **SAME)
            torch.testing.assert_close(ours.predictor(w), theirs.predictor(w), **SAME)
            torch.testing.assert_close(ours.hessian(w).to_dense(), theirs.hessian(w).to_dense(), **SAME)


def test_the_mean_over_random_rows_is_unbiased(small):
    """Every row once, one at a time: the mean of their gradients is the whole's."""
    whole, _ = small.both(Bernoulli(), "prior")
    F = again(small, whole, Bernoulli(), "prior", "streamed")
    w = small.points(F)
    each = torch.stack([F.on([row]).gradient(w) for row in range(N)])
    torch.testing.assert_close(each.mean(0), whole.gradient(w), **SAME)


@pytest.mark.parametrize("model", [Linear(P), torch.nn.Linear(P, 1, dtype=torch.float64)])
@pytest.mark.parametrize("kind", ["trials", "ordered"])
def test_constants_by_row_and_several_own_parameters(small, model, kind):
    X, _ = small.data(Bernoulli())
    trials = torch.arange(1, N + 1).double()
    likelihood = Binomial(trials) if kind == "trials" else Ordinal(3)
    y = (trials // 2) if kind == "trials" else torch.arange(N) % 3
    whole = DataObjective(model, likelihood, (X, y))
    for F in (
        DataObjective(model, likelihood, (X, y), batch=5),
        DataObjective(model, likelihood, stream(X, y), batch=4),
    ):
        w = whole.initial + 0.1
        torch.testing.assert_close(F.initial, whole.initial, **SAME)
        torch.testing.assert_close(F.gradient(w), whole.gradient(w), **SAME)
        torch.testing.assert_close(F.hessian(w).to_dense(), whole.hessian(w).to_dense(), **SAME)
        part, known = F.on([22, 0, 9]), whole.on([22, 0, 9])
        torch.testing.assert_close(part.gradient(w), known.gradient(w), **SAME)


def deep():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.BatchNorm1d(16), torch.nn.Linear(16, 1)
    )


def test_float32_network_in_batches():
    """Batches are worked on in float32 and added in float64."""
    X = torch.randn(3000, 8, generator=torch.Generator().manual_seed(1))
    y = X[:, 0] - X[:, 1]
    F = DataObjective(deep(), Gaussian(), (X, y), GaussianPrior(0.1), batch=256)
    exact = DataObjective(deep(), Gaussian(), (X, y), GaussianPrior(0.1), precision="float64")
    w = F.initial + 0.05
    v = torch.ones(F.size)
    for ours, theirs in (
        (F.value(w), exact.value(w)),
        (F.gradient(w), exact.gradient(w)),
        (F.hessian(w) @ v, exact.hessian(w) @ v),
        (F.gauss_newton(w) @ v, exact.gauss_newton(w) @ v),
    ):
        assert ours.dtype == torch.float32
        assert float((ours - theirs).norm() / theirs.norm()) < 2e-6  # float32 within a batch


@pytest.mark.parametrize("kind", ["linear", "network"])
def test_memory_is_bounded_by_the_batch(kind):
    n, p = (200_000, 8) if kind == "linear" else (20_000, 8)
    X = torch.randn(n, p, generator=torch.Generator().manual_seed(1))
    y = (X[:, 0] > 0).float()
    model = Linear(p) if kind == "linear" else deep()
    v = None

    def peaks(batch):
        nonlocal v
        F = DataObjective(model, Bernoulli(), (X, y), batch=batch)
        w = F.initial + 0.1
        v = torch.ones(F.size)
        out = []
        for work in (lambda: F.value_and_gradient(w), lambda: F.hessian(w) @ v):
            work()
            with PeakMemory() as memory:
                work()
            out.append(memory.peak)
        return out

    small, whole = peaks(1000), peaks(None)
    assert all(16 * few < all_rows for few, all_rows in zip(small, whole, strict=True))


def test_a_batch_of_points_has_no_curvature_over_a_module(small):
    _, whole = small.both(Bernoulli(), "plain")
    F = again(small, whole, Bernoulli(), "plain", "held")
    for method in (F.hessian, F.gauss_newton, F.fisher, F.jacobian):
        with pytest.raises(ArgumentError, match=r"one point \[P\]"):
            method(small.points(F, 2))
