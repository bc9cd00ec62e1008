import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Kind, NumericalError, Status
from fivefold.linalg import (
    BlockDiagonal,
    Dense,
    Diagonal,
    Identity,
    Kronecker,
    LinearOperator,
    LowRankPlusDiagonal,
    Product,
    logdet,
)

N = 300
G = torch.Generator().manual_seed(13)
BASIS = torch.linalg.qr(torch.randn(N, N, generator=G, dtype=torch.float64)).Q
INDEX = torch.arange(1, N + 1, dtype=torch.float64)
BULK = torch.rand(N, generator=G, dtype=torch.float64)
SPECTRA = {
    "fast decay": INDEX**-2,
    "ten outliers": torch.cat([torch.linspace(100, 1000, 10).double(), 0.1 + BULK[10:]]),
    "flat": 0.5 + BULK,
    "one tiny": torch.cat([torch.tensor([1e-12]).double(), 1 + 1e-3 * BULK[1:]]),
}


class Lazy(LinearOperator):
    def __init__(self, matrix, positive=False, symmetric=True, noise=0.0):
        super().__init__(matrix.shape, dtype=matrix.dtype, symmetric=symmetric, positive=positive)
        self.matrix, self.noise = matrix, noise

    def _matmat(self, X):
        return self.matrix @ X * (1 + self.noise * torch.rand(()).item())

    def _adjoint(self):
        return Lazy(self.matrix.mT, symmetric=False)


def matrix(values):
    A = (BASIS * values) @ BASIS.mT
    return (A + A.mT) / 2


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("lower", [False, True])
def test_intervals_cover_at_their_rate(name, lower):
    values = SPECTRA[name]
    A, truth = Lazy(matrix(values)), float(values.log().sum())
    bound = 0.99 * float(values.min()) if lower else None
    runs = [logdet(A, products=200, tolerance=0.0, lower=bound, seed=seed) for seed in range(30)]
    hits = sum(run.interval()[0] <= truth <= run.interval()[1] for run in runs)
    assert hits >= 25  # fewer have a probability of 0.3% where the rate is 95%
    assert max(run.products for run in runs) <= 200
    if lower:  # the bracket is a proof for each probe, so that only sampling is left beside it
        assert runs[0].certificates[1].kind is Kind.PROOF


def test_the_bracket_of_gauss_and_radau_encloses_each_quadratic_form():
    from fivefold.linalg.probes import Prober
    from fivefold.linalg.stochastic_lanczos import lanczos_rules

    values = SPECTRA["fast decay"]
    A = matrix(values)
    prober = Prober(Lazy(A), 3, "bracket")
    rules = lanczos_rules(prober, 5, 12)
    Z = Prober(Lazy(A), 3, "bracket").sphere(5)
    exact = ((BASIS.mT @ Z) ** 2 / N * values.log()[:, None]).sum(0)
    for depth in (2, 5, 12):
        upper = (rules.gauss(depth)[1] * rules.gauss(depth)[0].log()).sum(-1)
        nodes, weights = rules.radau(0.9 * float(values.min()), depth)
        lower = (weights * nodes.log()).sum(-1)
        assert bool((lower <= exact).all())
        assert bool((exact <= upper).all())
        assert torch.allclose(weights.sum(-1), torch.ones(5).double())


def test_the_bias_is_said_where_the_depth_is_too_small():
    values = SPECTRA["fast decay"]
    A, truth = Lazy(matrix(values)), float(values.log().sum())
    run = logdet(A, products=200, depth=4, tolerance=0.0, lower=float(values.min()))
    assert run.certificates[1].holds is False
    assert run.interval()[0] <= truth <= run.interval()[1]
    bare = logdet(A, products=200, depth=4, tolerance=0.0)
    assert bare.certificates[1].kind is Kind.INDICATOR
    assert bare.bias > 0


def test_a_shift_is_found_as_lower_bound():
    A = Lazy(matrix(SPECTRA["fast decay"]), positive=True) + 0.01 * Identity(N)
    run = logdet(A, products=250)
    assert run.certificates[1].kind is Kind.PROOF
    truth = float((SPECTRA["fast decay"] + 0.01).log().sum())
    assert run.interval()[0] <= truth <= run.interval()[1]


def test_stops_on_the_standard_error_or_ends_exactly():
    values = SPECTRA["fast decay"]
    A, truth = Lazy(matrix(values)), float(values.log().sum())
    run = logdet(A, tolerance=0.02)
    assert run.status is Status.CONVERGED
    assert run.standard_error <= 0.02 * abs(run.value)
    assert "reached the tolerance" in run.message
    short = logdet(A, tolerance=1e-9, products=250)
    assert short.status is Status.OUT_OF_BUDGET
    assert short.certificates[2].holds is False
    assert "budget" in short.message
    exact = logdet(A, tolerance=1e-9)
    assert exact.method == "exact"
    assert exact.value == pytest.approx(truth, rel=1e-9)
    assert logdet(A, seed=4).value == logdet(A, seed=4).value
    scaled = logdet(2.0 * A, products=200, tolerance=0.0)
    base = logdet(A, products=200, tolerance=0.0)
    assert scaled.value - base.value == pytest.approx(N * math.log(2), rel=1e-10)


def test_exact_where_the_structure_gives_it():
    M = np.array([[2.0, 1.0], [1.0, 3.0]])
    S = Dense(M, positive=True)
    d = torch.tensor([2.0, 5.0], dtype=torch.float64)
    cases = [
        (M, math.log(5)),
        (3.0 * S, math.log(45)),
        (Diagonal(d), math.log(10)),
        (Diagonal(d) + 2 * Identity(2), math.log(28)),
        (Identity(4), 0.0),
        (Kronecker(S, Diagonal(d)), 2 * math.log(5) + 2 * math.log(10)),
        (BlockDiagonal(S, Diagonal(d)), math.log(50)),
        (LowRankPlusDiagonal([1.0, 2.0], [[1.0], [1.0]]), math.log(5)),
        (Product(S, S, positive=True), 2 * math.log(5)),
    ]
    for A, truth in cases:
        run = logdet(A)
        assert run.value == pytest.approx(truth, rel=1e-12, abs=1e-12)
        assert run.standard_error == 0
        assert run.certificates[0].kind is Kind.PROOF


def test_bad_products_and_indefinite_operators_are_noticed():
    good = matrix(SPECTRA["flat"])
    with pytest.raises(ArgumentError, match="do not change between calls"):
        logdet(Lazy(good, noise=0.01), products=200)
    with pytest.raises(NumericalError, match="finite products"):
        logdet(Lazy(good * math.nan), products=200)
    for values in (SPECTRA["flat"] - 1.0, torch.cat([torch.tensor([-0.1]).double(), 1 + BULK[1:]])):
        with pytest.raises(ArgumentError, match="positive definite"):
            logdet(Lazy(matrix(values)), products=250)
    with pytest.raises(ArgumentError, match="lower bound at most"):
        logdet(Lazy(good), products=200, lower=1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: logdet(torch.ones(2, 3)), "square"),
        (lambda: logdet(torch.ones(0, 0)), "nonempty"),
        (lambda: logdet([[math.nan]]), "finite"),
        (lambda: logdet([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda: logdet([[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
        (lambda: logdet(Diagonal([1.0, 0.0])), "positive definite"),
        (lambda: logdet(-1.0 * Identity(2)), "positive definite"),
        (lambda: logdet(Lazy(torch.eye(2), symmetric=False)), "symmetric operator"),
        (lambda: logdet(torch.eye(2), lower=-1.0), "lower bound"),
        (lambda: logdet(torch.eye(2), depth=1), "depth"),
        (lambda: logdet(Lazy(torch.eye(2)), products=1), "at least 4 products"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
