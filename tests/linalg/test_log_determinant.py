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
    LowRankPlusDiagonal,
    Product,
    logdet,
)

NAMES = ("fast decay", "ten outliers", "flat", "one tiny", "more outliers than sketches")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lower", [False, True])
def test_intervals_cover_at_their_rate(stochastic, name, lower):
    values = stochastic.spectra[name]
    A, truth = stochastic.Lazy(stochastic.matrix(values)), float(values.log().sum())
    bound = 0.99 * float(values.min()) if lower else None
    runs = [logdet(A, products=200, tolerance=0.0, lower=bound, seed=seed) for seed in range(30)]
    hits = sum(run.interval()[0] <= truth <= run.interval()[1] for run in runs)
    assert hits >= 25  # fewer have a probability of 0.3% where the rate is 95%
    assert max(run.products for run in runs) <= 200
    if lower:  # the bracket is a proof for each probe, so that only sampling is left beside it
        assert runs[0].certificates[1].kind is Kind.PROOF


def test_the_bracket_of_gauss_and_radau_encloses_each_quadratic_form(stochastic):
    from fivefold.linalg.probes import Prober
    from fivefold.linalg.stochastic_lanczos import lanczos_rules

    values = stochastic.spectra["fast decay"]
    A = stochastic.matrix(values)
    prober = Prober(stochastic.Lazy(A), 3, "bracket")
    rules = lanczos_rules(prober, 5, 12)
    Z = Prober(stochastic.Lazy(A), 3, "bracket").sphere(5)
    exact = ((stochastic.basis.mT @ Z) ** 2 / stochastic.n * values.log()[:, None]).sum(0)
    for depth in (2, 5, 12):
        upper = (rules.gauss(depth)[1] * rules.gauss(depth)[0].log()).sum(-1)
        nodes, weights = rules.radau(0.9 * float(values.min()), depth)
        lower = (weights * nodes.log()).sum(-1)
        assert bool((lower <= exact).all())
        assert bool((exact <= upper).all())
        assert torch.allclose(weights.sum(-1), torch.ones(5).double())


def test_the_bias_is_said_where_the_depth_is_too_small(stochastic):
    values = stochastic.spectra["fast decay"]
    A, truth = stochastic.Lazy(stochastic.matrix(values)), float(values.log().sum())
    run = logdet(A, products=200, depth=4, tolerance=0.0, lower=float(values.min()))
    assert run.certificates[1].holds is False
    assert run.interval()[0] <= truth <= run.interval()[1]
    bare = logdet(A, products=200, depth=4, tolerance=0.0)
    assert bare.certificates[1].kind is Kind.INDICATOR
    assert bare.bias > 0


def test_a_shift_is_found_as_lower_bound(stochastic):
    A = stochastic.Lazy(stochastic.matrix(stochastic.spectra["fast decay"]), positive=True) + 0.01 * Identity(
        stochastic.n
    )
    run = logdet(A, products=250)
    assert run.certificates[1].kind is Kind.PROOF
    truth = float((stochastic.spectra["fast decay"] + 0.01).log().sum())
    assert run.interval()[0] <= truth <= run.interval()[1]


def test_stops_on_the_standard_error_or_ends_exactly(stochastic):
    values = stochastic.spectra["fast decay"]
    A, truth = stochastic.Lazy(stochastic.matrix(values)), float(values.log().sum())
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
    assert scaled.value - base.value == pytest.approx(stochastic.n * math.log(2), rel=1e-10)


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


def test_bad_products_and_indefinite_operators_are_noticed(stochastic):
    good = stochastic.matrix(stochastic.spectra["flat"])
    with pytest.raises(ArgumentError, match="do not change between calls"):
        logdet(stochastic.Lazy(good, noise=0.01), products=200)
    with pytest.raises(NumericalError, match="finite products"):
        logdet(stochastic.Lazy(good * math.nan), products=200)
    for values in (
        stochastic.spectra["flat"] - 1.0,
        torch.cat([torch.tensor([-0.1]).double(), 1 + stochastic.bulk[1:]]),
    ):
        with pytest.raises(ArgumentError, match="positive definite"):
            logdet(stochastic.Lazy(stochastic.matrix(values)), products=250)
    with pytest.raises(ArgumentError, match="lower bound at most"):
        logdet(stochastic.Lazy(good), products=200, lower=1.0)


def test_outliers_are_eliminated_at_equal_products(stochastic, monkeypatch):
    from fivefold.linalg import log_determinant

    for name in ("ten outliers", "more outliers than sketches"):
        A, truth = stochastic.lazy(name), float(stochastic.spectra[name].log().sum())
        runs = [logdet(A, products=250, tolerance=0.0, seed=seed) for seed in range(20)]
        with monkeypatch.context() as patch:
            patch.setattr(log_determinant, "_SHARE", 0)
            plain = [logdet(A, products=250, tolerance=0.0, seed=seed) for seed in range(20)]
        stated, before = (float(np.mean([run.standard_error for run in some])) for some in (runs, plain))
        assert stated < 0.8 * before
        error = np.mean([(run.value - truth) ** 2 for run in runs]) ** 0.5
        assert error < 2 * stated  # twenty runs: three standard deviations of their ratio are 0.5
        assert max(run.products for run in runs) <= 250
        assert runs[0].history["products"][-1] == runs[0].products
        assert runs[0].history["value"][-1] == pytest.approx(runs[0].value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: logdet(torch.ones(2, 3)), "square"),
        (lambda _: logdet(torch.ones(0, 0)), "nonempty"),
        (lambda _: logdet([[math.nan]]), "finite"),
        (lambda _: logdet([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda _: logdet([[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
        (lambda _: logdet(Diagonal([1.0, 0.0])), "positive definite"),
        (lambda _: logdet(-1.0 * Identity(2)), "positive definite"),
        (lambda stochastic: logdet(stochastic.Lazy(torch.eye(2), symmetric=False)), "symmetric operator"),
        (lambda _: logdet(torch.eye(2), lower=-1.0), "lower bound"),
        (lambda _: logdet(torch.eye(2), depth=1), "depth"),
        (lambda stochastic: logdet(stochastic.Lazy(torch.eye(2)), products=1), "at least 4 products"),
    ],
)
def test_bad_input(stochastic, call, message):
    with pytest.raises(ArgumentError, match=message):
        call(stochastic)
