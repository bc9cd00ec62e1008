"""Eigenvalues, traces, densities and effective dimensions against dense float64 matrices."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from fivefold.core import ArgumentError, Budget, DataError, Status
from fivefold.linalg import LinearOperator
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.probability import Categorical, Gaussian, GaussianPrior
from fivefold.theory import curvature
from fivefold.theory.curvature_verb import summarise
from fivefold.theory.subject import Subject

KINDS = ("dense", "cnn", "attention", "linear")


def subject(operator: LinearOperator) -> Subject:
    n = operator.shape[0]
    w = torch.zeros(n, dtype=torch.float64)
    return Subject(operator, w, {"w": n}, Objective.from_function(lambda w: w @ w, w))


def smoothed(values: Tensor, x: Tensor, sigma: float) -> Tensor:
    bells = torch.exp(-0.5 * ((x[:, None] - values) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    return bells.mean(1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_equals_its_dense_hessian(kind: str, case: Callable[[str], Any]) -> None:
    # float64 products and at most a few hundred parameters: eigenvalue errors are squares of the residuals
    one = case(kind)
    exact = torch.linalg.eigvalsh(one.H).flip(0)
    found = curvature(one.module, one.loss, (one.X, one.y), k=5, tolerance=1e-6, vectors=True)
    top = float(exact[0])
    assert torch.allclose(found.eigenvalues, exact[:5], rtol=0, atol=1e-9 * top)
    assert found.eigenvectors is not None
    V = found.eigenvectors
    assert torch.allclose(one.H @ V, V * exact[:5], atol=2e-6 * top)
    assert found.trace is not None
    assert found.density is not None
    low, high = found.trace.interval(0.999)
    assert low - 1e-9 * top <= float(exact.sum()) <= high + 1e-9 * top
    d = found.density
    gap = (d.density - smoothed(exact, d.grid, d.bandwidth)).abs().max() / d.density.max()
    # a few probes in a few hundred dimensions: five standard errors and the bias
    allowed = (5 * d.standard_error.max() + d.bias) / d.density.max()
    assert gap <= allowed + 1e-9
    assert gap < 0.2
    assert found.status is Status.CONVERGED
    assert found.certificates[0].holds
    assert found.certificates[1].holds


@pytest.mark.parametrize("kind", ["dense", "cnn"])
def test_enough_columns_make_everything_exact(kind: str, case: Callable[[str], Any]) -> None:
    one = case(kind)
    exact = torch.linalg.eigvalsh(one.H).flip(0)
    # the space of the probes closes earlier, for the scores' common shift changes nothing; all pairs need all
    found = curvature(one.module, one.loss, (one.X, one.y), k=len(exact))
    assert found.density is not None
    assert found.density.method == "exact"
    assert torch.allclose(found.eigenvalues, exact, atol=1e-10)
    assert found.trace is not None
    assert found.trace.standard_error == 0
    assert found.trace.value == pytest.approx(float(exact.sum()), rel=1e-10)
    d = found.density
    assert torch.allclose(d.density, smoothed(exact, d.grid, d.bandwidth))
    assert found.certificates[2].holds
    expected = float((exact.clamp_min(0) / (exact.clamp_min(0) + 0.1)).sum())
    assert found.effective_dimension(0.1).value == pytest.approx(expected, rel=1e-8)


def test_linear_regression_in_closed_form() -> None:
    torch.manual_seed(0)
    X, y = torch.randn(50, 4, dtype=torch.float64), torch.randn(50, 3, dtype=torch.float64)
    net = nn.Linear(4, 3, bias=False).double()
    found = curvature(net, nn.MSELoss(), (X, y), k=12, probes=3)
    # MSELoss is the mean over rows and outputs: 2 / 3 X'X / n, once for each output
    exact = torch.linalg.eigvalsh(2 / 3 * X.mT @ X / 50).flip(0).repeat_interleave(3)
    assert torch.allclose(found.eigenvalues, exact, rtol=1e-10)
    assert found.trace is not None
    assert found.trace.value == pytest.approx(float(exact.sum()), rel=1e-12)
    assert found.effective_dimension(0.5).value == pytest.approx(float((exact / (exact + 0.5)).sum()))


def test_a_network_like_spectrum(rotated: Tensor, spectrum: Tensor, products: Any) -> None:
    exact = spectrum.sort(descending=True).values
    found = summarise(subject(products(rotated)), k=5)
    assert found.products <= 80
    # eigenvalue errors are of the order of residual^2 / gap
    assert torch.allclose(found.eigenvalues, exact[:5], atol=1e-4)
    assert bool((found.residual_norms <= 1e-3 * 10).all())
    assert found.smallest >= float(exact[-1]) - 1e-9
    assert found.certificates[3].holds is True  # negative curvature, proved
    assert found.trace is not None
    assert found.density is not None
    low, high = found.trace.interval(0.999)
    assert low <= float(exact.sum()) <= high
    d = found.density
    assert (d.density - smoothed(exact, d.grid, d.bandwidth)).abs().max() <= 0.05 * d.density.max()
    assert float(torch.trapezoid(d.density, d.grid)) == pytest.approx(1, abs=2e-3)


def test_trace_and_sums_cover_at_their_rate(rotated: Tensor, spectrum: Tensor, products: Any) -> None:
    # 40 seeds: the 95% interval of the trace misses at most 6 times with probability 0.996
    exact = float(spectrum.sum())
    expected = float((spectrum.clamp_min(0) / (spectrum.clamp_min(0) + 0.05)).sum())
    missed, errors = 0, []
    for seed in range(40):
        found = summarise(subject(products(rotated)), k=5, seed=seed, density=seed % 4 == 0)
        assert found.trace is not None
        low, high = found.trace.interval(0.95)
        missed += not low <= exact <= high
        if seed % 4 == 0:
            estimate = found.effective_dimension(0.05)
            errors.append((estimate.value - expected) / (estimate.standard_error + estimate.bias))
    assert missed <= 6
    # standardised errors of ten runs: their mean square stays below 3
    assert sum(e * e for e in errors) / len(errors) < 3


def test_a_planted_error_is_seen(rotated: Tensor, spectrum: Tensor, products: Any) -> None:
    found = summarise(subject(products(1.5 * rotated)), k=5)
    exact = spectrum.sort(descending=True).values
    assert found.trace is not None
    low, high = found.trace.interval(0.999)
    assert not low <= float(exact.sum()) <= high
    assert not torch.allclose(found.eigenvalues, exact[:5], atol=1e-4)


def test_products_that_are_not_symmetric_are_refused(rotated: Tensor, products: Any) -> None:
    with pytest.raises(ArgumentError, match="symmetric operator"):
        summarise(subject(products(rotated + torch.triu(torch.ones_like(rotated), 1))))


def test_a_null_space_is_not_counted_once(products: Any) -> None:
    # 300 zeros beside few values: the Ritz vector at 0 follows the probe and must keep its weight
    values = torch.cat([torch.tensor([4.0, 3.0, 2.0]).double(), torch.zeros(300).double()])
    found = summarise(subject(products(torch.diag(values))), k=5)
    assert torch.allclose(found.eigenvalues, values[:5], atol=1e-6)
    assert found.density is not None
    d = found.density
    assert (d.density - smoothed(values, d.grid, d.bandwidth)).abs().max() <= 0.05 * d.density.max()
    assert found.effective_dimension(1.0).value == pytest.approx(0.8 + 0.75 + 2 / 3, abs=0.3)


def test_a_zero_matrix(products: Any) -> None:
    found = summarise(subject(products(torch.zeros(50, 50).double())), k=2)
    assert found.eigenvalues.tolist() == [0.0, 0.0]
    assert found.trace is not None
    assert found.trace.value == 0
    assert found.certificates[3].holds is not True


def test_gauss_newton_is_the_likelihoods(case: Callable[[str], Any]) -> None:
    one = case("dense")
    found = curvature(one.module, Categorical(3), (one.X, one.y), k=3, matrix="gauss-newton", tolerance=1e-8)
    J = torch.func.jacrev(lambda named: torch.func.functional_call(one.module, named, (one.X,)).reshape(-1))(
        {name: p.detach() for name, p in one.module.named_parameters()}
    )
    J = torch.cat([part.reshape(120, -1) for part in J.values()], dim=1)
    p = torch.softmax(one.module(one.X), 1).detach()
    C = torch.block_diag(*[(torch.diag(each) - torch.outer(each, each)) / 40 for each in p])
    exact = torch.linalg.eigvalsh(J.mT @ C @ J).flip(0)
    assert torch.allclose(found.eigenvalues, exact[:3], rtol=1e-8)


def test_batches_add_up_to_the_whole(case: Callable[[str], Any]) -> None:
    one = case("dense")
    whole = curvature(one.module, one.loss, (one.X, one.y), k=3, tolerance=1e-6)
    pieces = [(one.X[:7], one.y[:7]), (one.X[7:], one.y[7:])]
    loader = DataLoader(TensorDataset(one.X, one.y), batch_size=16)
    for data in (pieces, loader):
        found = curvature(one.module, one.loss, data, k=3, tolerance=1e-6)
        assert torch.allclose(found.eigenvalues, whole.eigenvalues, rtol=1e-9)


def test_an_objective_at_a_point() -> None:
    torch.manual_seed(1)
    X = torch.randn(30, 4, dtype=torch.float64)
    y = torch.randn(30, dtype=torch.float64)
    F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, y), GaussianPrior(2.0))
    found = curvature(F, k=2, w=torch.ones(F.size, dtype=torch.float64))
    exact = torch.linalg.eigvalsh(F.hessian(F.initial).to_dense()).flip(0)
    assert torch.allclose(found.eigenvalues, exact[:2], rtol=1e-10)
    again = curvature(F, k=2, matrix="gauss-newton")
    assert torch.allclose(again.eigenvalues, exact[:2], rtol=1e-10)
    assert sum(float(part[0]) for part in found.shares.values()) == pytest.approx(1)


def test_shares_say_where_the_eigenvectors_live(case: Callable[[str], Any]) -> None:
    one = case("dense")
    found = curvature(one.module, one.loss, (one.X, one.y), k=2, vectors=True, tolerance=1e-6)
    assert list(found.shares) == [name for name, _ in one.module.named_parameters()]
    assert torch.allclose(sum(found.shares.values(), torch.zeros(2).double()), torch.ones(2).double())
    assert found.eigenvectors is not None
    first = (found.eigenvectors[: 6 * 12] ** 2).sum(0)
    assert torch.allclose(found.shares["0.weight"], first)


@pytest.mark.parametrize("steps", [5, 12, 25, 40])
def test_a_budget_of_products_is_kept(steps: int, rotated: Tensor, spectrum: Tensor, products: Any) -> None:
    found = summarise(subject(products(rotated)), k=5, budget=Budget(steps=steps))
    assert found.products <= steps + 1
    assert len(found.eigenvalues) == 5
    exact = spectrum.sort(descending=True).values
    # Ritz values never exceed the eigenvalues, and one lies within each residual
    assert bool((found.eigenvalues <= exact[:5] + 1e-9).all())
    nearest = (found.eigenvalues[:, None] - exact).abs().min(1).values
    assert bool((nearest <= found.residual_norms + 1e-9).all())
    assert found.trace is not None
    assert math.isfinite(found.trace.standard_error)
    if steps < 40:
        assert found.status is Status.OUT_OF_BUDGET
        assert "budget" in found.message
        assert found.certificates[0].holds is False


def test_a_budget_in_seconds_is_kept(rotated: Tensor, products: Any) -> None:
    found = summarise(subject(products(rotated)), k=5, budget="1ms")
    assert len(found.eigenvalues) == 5
    assert found.trace is not None
    assert found.status is Status.OUT_OF_BUDGET


def test_nothing_is_left_changed(case: Callable[[str], Any]) -> None:
    torch.manual_seed(5)
    net = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 2)
    ).double()
    X, y = torch.randn(30, 4, dtype=torch.float64), torch.randint(2, (30,))
    before = {name: t.clone() for name, t in net.state_dict().items()}
    state = torch.get_rng_state()
    found = curvature(net, nn.CrossEntropyLoss(), (X, y), evaluation=True)
    assert net.training
    assert all(part.training for part in net.modules())
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in net.parameters())
    net.eval()
    same = curvature(net, nn.CrossEntropyLoss(), (X, y))
    assert torch.equal(found.eigenvalues, same.eigenvalues)


def test_the_same_seed_gives_the_same_numbers(rotated: Tensor, products: Any) -> None:
    one, two = (summarise(subject(products(rotated)), seed=4) for _ in range(2))
    assert torch.equal(one.eigenvalues, two.eigenvalues)
    assert one.trace is not None
    assert two.trace is not None
    assert one.trace.value == two.trace.value
    other = summarise(subject(products(rotated)), seed=5)
    assert other.trace is not None
    assert other.trace.value != one.trace.value


def test_float32_modules(case: Callable[[str], Any]) -> None:
    one = case("dense")
    import copy

    narrow = copy.deepcopy(one.module).float()
    found = curvature(narrow, one.loss, (one.X.float(), one.y), k=3)
    exact = torch.linalg.eigvalsh(one.H).flip(0)
    assert torch.allclose(found.eigenvalues, exact[:3], rtol=1e-4)


def test_what_stands_in_the_way_is_named(case: Callable[[str], Any]) -> None:
    one = case("dense")
    X, y = one.X, one.y
    drops = nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.5)).double()
    with pytest.raises(ArgumentError, match=r"dropout.*evaluation=True"):
        curvature(drops, one.loss, (X, y))
    norm = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)).double()
    with pytest.raises(ArgumentError, match="batch-norm"):
        curvature(norm, one.loss, (X, y))
    loader = DataLoader(TensorDataset(X, y), batch_size=8, shuffle=True)
    with pytest.raises(DataError, match="shuffle"):
        curvature(one.module, one.loss, loader)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"k": 0}, "k between 1"),
        ({"k": 10_000}, "k between 1"),
        ({"tolerance": 0.0}, "tolerance in"),
        ({"trace_tolerance": 0.0}, "positive tolerance of the trace"),
        ({"bandwidth": 1.5}, "bandwidth in"),
        ({"probes": 0}, "at least 1 probe"),
        ({"budget": Budget(steps=3)}, "at least k = 5 products"),
    ],
)
def test_bad_arguments(more: dict[str, Any], text: str, case: Callable[[str], Any]) -> None:
    one = case("dense")
    with pytest.raises(ArgumentError, match=text):
        curvature(one.module, one.loss, (one.X, one.y), **more)
