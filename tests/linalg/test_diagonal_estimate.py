import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Kind, NumericalError, Status
from fivefold.linalg import Dense, Diagonal, Identity, Product, diagonal

NAMES = ("fast decay", "ten outliers", "flat", "one outlier", "more outliers than sketches")


@pytest.fixture
def lazy(stochastic):
    return stochastic.lazy


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("symmetric", [True, False])
def test_entries_are_covered_at_their_rate(stochastic, lazy, name, symmetric):
    A = lazy(name)
    A = A if symmetric else stochastic.Lazy(A.matrix + torch.triu(stochastic.basis, 1), symmetric=False)
    truth = A.matrix.diagonal()
    runs = [diagonal(A, products=60, tolerance=0.0, seed=seed) for seed in range(50)]
    inside = [((run.interval()[0] <= truth) & (truth <= run.interval()[1])).double().mean() for run in runs]
    # The entries of one run are dependent: the limit is three standard errors of a mean over runs.
    assert float(np.mean(inside)) >= 0.95 - 3 * float(np.std(inside)) / 50**0.5
    error = math.sqrt(np.mean([float(((run.value - truth) ** 2).sum()) for run in runs]))
    stated = math.sqrt(np.mean([float((run.standard_error**2).sum()) for run in runs]))
    assert 0.8 < error / stated < 1.25
    assert max(run.products for run in runs) <= 60


def test_deflation_and_xdiag_beat_plain_probes(stochastic, lazy):
    A = lazy("ten outliers")
    truth = A.matrix.diagonal()
    for method in ("auto", "xdiag"):
        run = diagonal(A, products=60, tolerance=0.0, method=method)
        assert float((run.value - truth).norm() / truth.norm()) < 0.05
    plain = diagonal(A, products=19, tolerance=0.0)
    assert float((plain.value - truth).norm() / truth.norm()) > 0.1
    assert diagonal(A, products=60, tolerance=0.0, method="xdiag").certificates[0].kind is Kind.INDICATOR
    crooked = stochastic.Lazy(A.matrix + torch.triu(stochastic.basis, 1), symmetric=False)
    run = diagonal(crooked, products=61, tolerance=0.0, method="xdiag")
    assert float((run.value - crooked.matrix.diagonal()).norm()) < 0.1 * float(truth.norm())


def test_stops_on_the_standard_error_or_ends_exactly(stochastic, lazy):
    A = lazy("ten outliers")
    run = diagonal(A, tolerance=0.02)
    assert run.status is Status.CONVERGED
    assert float(run.standard_error.norm()) <= 0.02 * float(run.value.norm())
    assert [c.verdict for c in run.certificates] == ["yes", "yes"]
    short = diagonal(A, tolerance=1e-8, products=60)
    assert short.status is Status.OUT_OF_BUDGET
    assert short.certificates[1].holds is False
    exact = diagonal(A, tolerance=1e-8)
    assert torch.allclose(exact.value, A.matrix.diagonal(), rtol=1e-12)
    assert exact.method == "exact"
    assert float(exact.standard_error.abs().max()) == 0
    # Sign probes see a diagonal matrix without an error.
    assert (
        diagonal(stochastic.Lazy(torch.diag(stochastic.index)), products=12, tolerance=1e-6).status
        is Status.CONVERGED
    )


def test_exact_where_it_is_known_in_the_kind_of_the_input(stochastic, lazy):
    M = np.array([[1.0, 2.0], [5.0, 3.0]], dtype=np.float32)
    run = diagonal(M)
    assert run.value.dtype == np.float32
    assert run.value.tolist() == [1, 3]
    assert diagonal(Dense(M) + 2 * Identity(2)).value.tolist() == [3, 5]
    assert diagonal(Product(Dense(M), Dense(M))).value.tolist() == [11, 19]
    A = lazy("flat")
    shifted = diagonal(A + Diagonal(1e3 * stochastic.index), products=60, tolerance=0.0)
    base = diagonal(A, products=60, tolerance=0.0)
    assert torch.allclose(shifted.value - 1e3 * stochastic.index, base.value, atol=1e-8)
    low = diagonal(stochastic.Lazy(A.matrix.float()), products=60, tolerance=0.0)
    assert low.value.dtype == torch.float32


def test_bad_products_are_noticed(stochastic, lazy):
    A = lazy("flat")
    for symmetric in (True, False):
        with pytest.raises(ArgumentError, match="do not change between calls"):
            diagonal(stochastic.Lazy(A.matrix, symmetric, noise=0.01), products=60)
    with pytest.raises(NumericalError, match="finite products"):
        diagonal(stochastic.Lazy(A.matrix * math.nan), products=60)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: diagonal(torch.ones(2, 3)), "square"),
        (lambda _: diagonal(torch.ones(0, 0)), "nonempty"),
        (lambda _: diagonal([[math.nan]]), "finite"),
        (lambda lazy: diagonal(lazy("flat"), products=2), "at least 4 products"),
        (lambda lazy: diagonal(lazy("flat"), method="magic"), "method"),
    ],
)
def test_bad_input(lazy, call, message):
    with pytest.raises(ArgumentError, match=message):
        call(lazy)
