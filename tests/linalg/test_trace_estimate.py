import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Kind, NumericalError, Status
from fivefold.linalg import Dense, Diagonal, Identity, Kronecker, Product, trace

NAMES = (
    "fast decay",
    "slow decay",
    "ten outliers",
    "flat",
    "one outlier",
    "more outliers than sketches",
    "signs",
)


@pytest.fixture
def lazy(stochastic):
    return lambda name: (stochastic.lazy(name), float(stochastic.spectra[name].sum()))


CASES = [(name, {}) for name in NAMES]
CASES += [("ten outliers", {"tolerance": 0.01}), ("slow decay", {"tolerance": 0.01})]
CASES += [("one outlier", {"method": "hutchinson", "products": 10})]  # the worst: a rest of rank one
CASES += [("ten outliers", {"method": "hutchinson"})]


@pytest.mark.parametrize(("name", "how"), CASES, ids=str)
def test_intervals_cover_at_their_rate_and_errors_are_as_stated(stochastic, lazy, name, how):
    A, truth = lazy(name)
    how = {"products": 60, "tolerance": 0.0, **how}
    runs, covered = stochastic.covering_runs(lambda seed: trace(A, seed=seed, **how), truth)
    assert covered
    error = math.sqrt(np.mean([(run.value - truth) ** 2 for run in runs]))
    stated = math.sqrt(np.mean([run.standard_error**2 for run in runs]))
    # Three standard deviations of the ratio over 100 runs; wider where a few runs with a large error decide.
    assert 0.6 < error / stated < 1.5, (error, stated)
    assert all(run.products <= 60 for run in runs)


def test_the_coverage_test_can_fail(stochastic, lazy):
    # The scatter of the quadratic forms of one far outlier is far too small in most runs.
    A, truth = lazy("one outlier")
    hits = 0
    for seed in range(200):
        Z = torch.randn(stochastic.n, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        forms = (Z * (A @ Z)).sum(0)
        hits += abs(float(forms.mean()) - truth) <= 1.96 * float(forms.std()) / math.sqrt(10)
    assert stochastic.wilson_top(hits, 200) < 0.95


def test_methods_are_chosen_by_the_spectrum(lazy):
    assert trace(lazy("flat")[0], products=60, tolerance=0.0).method == "hutchinson"
    for name in ("fast decay", "ten outliers", "one outlier"):
        assert trace(lazy(name)[0], products=60, tolerance=0.0).method == "hutch++"


def test_deflation_beats_plain_probes_and_plain_probes_win_where_it_is_flat(lazy):
    def rmse(name, method):
        A, truth = lazy(name)
        runs = [trace(A, products=60, tolerance=0.0, method=method, seed=s).value for s in range(30)]
        return math.sqrt(np.mean((np.array(runs) - truth) ** 2))

    assert rmse("fast decay", "auto") < 0.1 * rmse("fast decay", "hutchinson")
    for name, best in (("more outliers than sketches", "xtrace"), ("slow decay", "hutchinson")):
        # A ratio over 30 runs has a standard deviation of about 0.18.
        assert rmse(name, "auto") < 2 * rmse(name, best), name
    assert rmse("flat", "auto") < rmse("flat", "xtrace")


def test_stops_on_the_standard_error_relative_or_absolute_and_says_so(stochastic, lazy):
    A, _ = lazy("slow decay")
    loose, tight = trace(A, tolerance=0.05, seed=1), trace(A, tolerance=0.01, seed=1)
    assert loose.products < tight.products < stochastic.n
    assert tight.standard_error <= 0.01 * tight.value
    assert tight.status is Status.CONVERGED
    assert "reached the tolerance" in tight.message
    assert [c.verdict for c in tight.certificates] == ["yes", "yes"]
    fixed = trace(A, tolerance=0.0, absolute=0.5, products=200)
    assert fixed.standard_error <= 0.5
    assert fixed.status is Status.CONVERGED
    short = trace(A, tolerance=1e-6, products=60)
    assert short.status is Status.OUT_OF_BUDGET
    assert short.certificates[1].holds is False
    assert "budget" in short.message
    assert short.products <= 60
    assert len(short.history["products"]) == len(short.history["value"])
    assert trace(A, tolerance=1e-6, products=200, budget=Budget(steps=0)).products == 10


def test_a_tolerance_beyond_reach_ends_with_the_exact_answer(stochastic, lazy):
    A, truth = lazy("slow decay")
    run = trace(A, tolerance=1e-9)
    assert run.value == pytest.approx(truth, rel=1e-12)
    assert run.method == "exact"
    assert run.products <= 2 * stochastic.n
    assert trace(A, tolerance=0.0, products=stochastic.n).products == stochastic.n
    within = trace(A, tolerance=1e-9, products=stochastic.n + 60)
    assert within.method == "exact"
    assert within.products <= stochastic.n + 60


def test_xtrace_is_an_indicator_and_exact_for_low_rank(stochastic, lazy):
    A, truth = lazy("ten outliers")
    run = trace(A, method="xtrace", tolerance=0.001)
    assert run.certificates[0].kind is Kind.INDICATOR
    assert run.certificates[0].holds is None
    assert abs(run.value - truth) < 10 * run.standard_error
    assert run.status is Status.CONVERGED
    low = stochastic.Lazy(stochastic.basis[:, :3] @ stochastic.basis[:, :3].mT)
    for method in ("auto", "xtrace"):
        assert trace(low, method=method, products=60, tolerance=0.0).value == pytest.approx(3.0, rel=1e-10)


def test_exact_where_it_is_known():
    d = torch.tensor([3.0, -1.0, 4.0], dtype=torch.float64)
    M = torch.tensor([[1.0, 2.0, 0.0], [5.0, 3.0, 1.0], [0.0, 1.0, 2.0]], dtype=torch.float64)
    cases = [
        (Diagonal(d), 6.0),
        (Identity(5), 5.0),
        (-2.0 * Diagonal(d), -12.0),
        (Dense(M), 6.0),
        (Dense(M) + 2 * Diagonal(d), 18.0),
        (Dense(M).H, 6.0),
        (Kronecker(Dense(M), Diagonal(d)), 36.0),
        (M.numpy(), 6.0),
    ]
    for A, truth in cases:
        run = trace(A)
        assert run.value == pytest.approx(truth, rel=1e-14)
        assert (run.products, run.standard_error, run.interval()) == (0, 0.0, (run.value, run.value))
        assert run.certificates[0].kind is Kind.PROOF
    few = trace(Product(Dense(M), Dense(M)))
    assert (few.value, few.products) == (float((M @ M).trace()), 3)


def test_known_terms_of_a_sum_are_added_exactly(stochastic, lazy):
    A, truth = lazy("fast decay")
    run = trace(A + 1e6 * Identity(stochastic.n), products=60, tolerance=0.0)
    assert (
        abs(run.value - 1e6 * stochastic.n - truth)
        < 10 * trace(A, products=60, tolerance=0.0).standard_error + 1e-6
    )
    assert run.history["value"][-1] == pytest.approx(run.value)


def test_not_symmetric_and_float32(stochastic, lazy):
    g = torch.Generator().manual_seed(3)
    M = torch.randn(stochastic.n, stochastic.n, generator=g, dtype=torch.float64) + 2 * torch.eye(
        stochastic.n
    )
    A = stochastic.Lazy(M, symmetric=False)
    runs, covered = stochastic.covering_runs(
        lambda seed: trace(A, products=60, tolerance=0.0, seed=seed), float(M.trace())
    )
    assert covered
    assert max(run.products for run in runs) <= 60
    B, truth = lazy("ten outliers")
    run = trace(stochastic.Lazy(B.matrix.float()), products=60, tolerance=0.0)
    assert abs(run.value - truth) < 6 * run.standard_error + 1e-4 * truth


def test_scale_translation_and_seed(stochastic, lazy):
    A, _ = lazy("ten outliers")
    base = trace(A, products=60, tolerance=0.0, seed=5)
    again = trace(A, products=60, tolerance=0.0, seed=5)
    assert (again.value, again.standard_error) == (base.value, base.standard_error)
    assert trace(A, products=60, tolerance=0.0, seed=6).value != base.value
    big = trace(stochastic.Lazy(1e100 * A.matrix), products=60, tolerance=0.0, seed=5)
    assert big.value == pytest.approx(1e100 * base.value, rel=1e-10)
    zero = trace(stochastic.Lazy(torch.zeros(stochastic.n, stochastic.n, dtype=torch.float64)))
    assert (zero.value, zero.status) == (0.0, Status.CONVERGED)


def test_products_that_change_are_noticed(stochastic, lazy):
    A, _ = lazy("flat")
    for symmetric in (True, False):
        for method in ("auto", "xtrace"):
            with pytest.raises(ArgumentError, match="do not change between calls"):
                trace(
                    stochastic.Lazy(A.matrix, symmetric, noise=0.01),
                    products=60,
                    tolerance=0.0,
                    method=method,
                )
    M = A.matrix.clone()
    M[0, 1] += 5.0
    with pytest.raises(ArgumentError, match="symmetric operator"):
        trace(stochastic.Lazy(M))
    M[3, 3] = math.nan
    with pytest.raises(NumericalError, match="finite products"):
        trace(stochastic.Lazy(M, symmetric=False))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: trace(torch.ones(2, 3)), "square"),
        (lambda _: trace(torch.ones(2, 3, 3)), "one matrix"),
        (lambda _: trace(torch.ones(0, 0)), "nonempty"),
        (lambda _: trace([[math.inf]]), "finite"),
        (lambda _: trace(torch.eye(2, dtype=torch.complex64)), "real"),
        (lambda lazy: trace(lazy("flat")[0], products=3), "at least 4 products"),
        (lambda lazy: trace(lazy("flat")[0], tolerance=-1.0), "tolerance"),
        (lambda lazy: trace(lazy("flat")[0], absolute=math.nan), "absolute"),
        (lambda lazy: trace(lazy("flat")[0], method="magic"), "method"),
        (lambda _: trace(torch.eye(2)).interval(1.0), "level"),
    ],
)
def test_bad_input(lazy, call, message):
    with pytest.raises(ArgumentError, match=message):
        call(lazy)
