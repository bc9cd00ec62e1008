import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Kind, NumericalError, Status
from fivefold.linalg import Dense, Diagonal, Identity, Kronecker, LinearOperator, Product, trace

N = 300
G = torch.Generator().manual_seed(11)
BASIS = torch.linalg.qr(torch.randn(N, N, generator=G, dtype=torch.float64)).Q
INDEX = torch.arange(1, N + 1, dtype=torch.float64)
BULK = torch.rand(N, generator=G, dtype=torch.float64)


def with_top(*values):
    top = torch.tensor(values, dtype=torch.float64)
    return torch.cat([top, BULK[len(values) :]])


SPECTRA = {
    "fast decay": INDEX**-2,
    "slow decay": INDEX**-0.5,
    "ten outliers": with_top(*np.linspace(100, 1000, 10)),
    "flat": 0.5 + BULK,
    "one outlier": with_top(1e4),
    "more outliers than sketches": with_top(*[1e3] * 21),
    "signs": with_top(1e3, -990.0, 500.0, -400.0),
}


class Lazy(LinearOperator):
    """Products only, so that nothing is known."""

    def __init__(self, matrix, symmetric=True, noise=0.0):
        super().__init__(matrix.shape, dtype=matrix.dtype, symmetric=symmetric)
        self.matrix, self.noise = matrix, noise

    def _matmat(self, X):
        return self.matrix @ X * (1 + self.noise * torch.rand(()).item())

    def _adjoint(self):
        return Lazy(self.matrix.mT, symmetric=False)


def lazy(name):
    A = (BASIS * SPECTRA[name]) @ BASIS.mT
    return Lazy((A + A.mT) / 2), float(SPECTRA[name].sum())


def wilson_top(hits, runs, z=1.959964):
    p = hits / runs
    centre, half = p + z * z / (2 * runs), z * math.sqrt(p * (1 - p) / runs + z * z / (4 * runs**2))
    return (centre + half) / (1 + z * z / runs)


CASES = [(name, {}) for name in SPECTRA]
CASES += [("ten outliers", {"tolerance": 0.01}), ("slow decay", {"tolerance": 0.01})]
CASES += [("one outlier", {"method": "hutchinson", "products": 10})]  # the worst: a rest of rank one


@pytest.mark.parametrize(("name", "how"), CASES, ids=str)
def test_intervals_cover_at_their_rate_and_errors_are_as_stated(name, how):
    A, truth = lazy(name)
    runs = [trace(A, seed=seed, **{"products": 60, "tolerance": 0.0, **how}) for seed in range(200)]
    ends = [run.interval() for run in runs]
    hits = sum(low <= truth <= high for low, high in ends)
    assert wilson_top(hits, 200) >= 0.95, hits
    error = math.sqrt(np.mean([(run.value - truth) ** 2 for run in runs]))
    stated = math.sqrt(np.mean([run.standard_error**2 for run in runs]))
    # Three standard deviations of the ratio over 200 runs; wider where a few runs with a large error decide.
    assert 0.6 < error / stated < 1.5, (error, stated)
    assert all(run.products <= 60 for run in runs)


def test_the_coverage_test_can_fail():
    # The scatter of the quadratic forms of one far outlier is far too small in most runs.
    A, truth = lazy("one outlier")
    hits = 0
    for seed in range(200):
        Z = torch.randn(N, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        forms = (Z * (A @ Z)).sum(0)
        hits += abs(float(forms.mean()) - truth) <= 1.96 * float(forms.std()) / math.sqrt(10)
    assert wilson_top(hits, 200) < 0.95


def test_methods_are_chosen_by_the_spectrum():
    assert trace(lazy("flat")[0], products=60, tolerance=0.0).method == "hutchinson"
    for name in ("fast decay", "ten outliers", "one outlier"):
        assert trace(lazy(name)[0], products=60, tolerance=0.0).method == "hutch++"


def test_deflation_beats_plain_probes_and_plain_probes_win_where_it_is_flat():
    def rmse(name, method):
        A, truth = lazy(name)
        runs = [trace(A, products=60, tolerance=0.0, method=method, seed=s).value for s in range(30)]
        return math.sqrt(np.mean((np.array(runs) - truth) ** 2))

    assert rmse("fast decay", "auto") < 0.1 * rmse("fast decay", "hutchinson")
    assert rmse("fast decay", "xtrace") < rmse("fast decay", "auto")
    assert rmse("flat", "auto") < rmse("flat", "xtrace")


def test_stops_on_the_standard_error_relative_or_absolute_and_says_so():
    A, _ = lazy("slow decay")
    loose, tight = trace(A, tolerance=0.05, seed=1), trace(A, tolerance=0.01, seed=1)
    assert loose.products < tight.products < N
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


def test_a_tolerance_beyond_reach_ends_with_the_exact_answer():
    A, truth = lazy("slow decay")
    run = trace(A, tolerance=1e-9)
    assert run.value == pytest.approx(truth, rel=1e-12)
    assert run.method == "exact"
    assert run.products <= 2 * N
    assert trace(A, tolerance=0.0, products=N).products == N
    within = trace(A, tolerance=1e-9, products=N + 60)
    assert within.method == "exact"
    assert within.products <= N + 60


def test_xtrace_is_an_indicator_and_exact_for_low_rank():
    A, truth = lazy("ten outliers")
    run = trace(A, method="xtrace", tolerance=0.001)
    assert run.certificates[0].kind is Kind.INDICATOR
    assert run.certificates[0].holds is None
    assert abs(run.value - truth) < 10 * run.standard_error
    assert run.status is Status.CONVERGED
    low = Lazy(BASIS[:, :3] @ BASIS[:, :3].mT)
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


def test_known_terms_of_a_sum_are_added_exactly():
    A, truth = lazy("fast decay")
    run = trace(A + 1e6 * Identity(N), products=60, tolerance=0.0)
    assert abs(run.value - 1e6 * N - truth) < 10 * trace(A, products=60, tolerance=0.0).standard_error + 1e-6
    assert run.history["value"][-1] == pytest.approx(run.value)


def test_not_symmetric_and_float32():
    M = torch.randn(N, N, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 2 * torch.eye(N)
    A, truth = Lazy(M, symmetric=False), float(M.trace())
    hits = 0
    for seed in range(200):
        run = trace(A, products=60, tolerance=0.0, seed=seed)
        assert run.products <= 60
        hits += run.interval()[0] <= truth <= run.interval()[1]
    assert wilson_top(hits, 200) >= 0.95
    B, truth = lazy("ten outliers")
    run = trace(Lazy(B.matrix.float()), products=60, tolerance=0.0)
    assert abs(run.value - truth) < 6 * run.standard_error + 1e-4 * truth


def test_scale_translation_and_seed():
    A, _ = lazy("ten outliers")
    base = trace(A, products=60, tolerance=0.0, seed=5)
    again = trace(A, products=60, tolerance=0.0, seed=5)
    assert (again.value, again.standard_error) == (base.value, base.standard_error)
    assert trace(A, products=60, tolerance=0.0, seed=6).value != base.value
    big = trace(Lazy(1e100 * A.matrix), products=60, tolerance=0.0, seed=5)
    assert big.value == pytest.approx(1e100 * base.value, rel=1e-10)
    zero = trace(Lazy(torch.zeros(N, N, dtype=torch.float64)))
    assert (zero.value, zero.status) == (0.0, Status.CONVERGED)


def test_products_that_change_are_noticed():
    A, _ = lazy("flat")
    for symmetric in (True, False):
        for method in ("auto", "xtrace"):
            with pytest.raises(ArgumentError, match="do not change between calls"):
                trace(Lazy(A.matrix, symmetric, noise=0.01), products=60, tolerance=0.0, method=method)
    M = A.matrix.clone()
    M[0, 1] += 5.0
    with pytest.raises(ArgumentError, match="symmetric operator"):
        trace(Lazy(M))
    M[3, 3] = math.nan
    with pytest.raises(NumericalError, match="finite products"):
        trace(Lazy(M, symmetric=False))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trace(torch.ones(2, 3)), "square"),
        (lambda: trace(torch.ones(2, 3, 3)), "one matrix"),
        (lambda: trace(torch.ones(0, 0)), "nonempty"),
        (lambda: trace([[math.inf]]), "finite"),
        (lambda: trace(torch.eye(2, dtype=torch.complex64)), "real"),
        (lambda: trace(lazy("flat")[0], products=3), "at least 4 products"),
        (lambda: trace(lazy("flat")[0], tolerance=-1.0), "tolerance"),
        (lambda: trace(lazy("flat")[0], absolute=math.nan), "absolute"),
        (lambda: trace(lazy("flat")[0], method="magic"), "method"),
        (lambda: trace(torch.eye(2)).interval(1.0), "level"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
