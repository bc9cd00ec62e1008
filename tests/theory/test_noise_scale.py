"""The noise scale against per-example gradients and against sources whose noise is known."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fivefold.core import ArgumentError, Budget, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.probability import Gaussian, GaussianPrior
from fivefold.theory import gradient_noise
from fivefold.theory.noise_scale import _fieller, noise_of_groups


def per_example(one: Any) -> Tensor:
    rows = []
    for i in range(len(one.X)):
        value = one.loss(one.module(one.X[i : i + 1]), one.y[i : i + 1])
        rows.append(
            torch.cat([g.reshape(-1) for g in torch.autograd.grad(value, list(one.module.parameters()))])
        )
    return torch.stack(rows)


@pytest.mark.parametrize("kind", ["dense", "cnn", "attention"])
def test_single_rows_give_the_sample_covariance(kind: str, case: Callable[[str], Any]) -> None:
    one = case(kind)
    g = per_example(one)
    trace = float(g.var(0).sum())
    signal = float((g.mean(0) ** 2).sum()) - trace / 40
    found = gradient_noise(one.module, one.loss, (one.X, one.y), group=1)
    assert found.trace == pytest.approx(trace, rel=1e-11)
    assert found.signal == pytest.approx(signal, rel=1e-9, abs=1e-12)
    assert (found.groups, found.rows, found.group) == (40, 40, 1)
    if signal > 0:
        assert found.scale == pytest.approx(trace / signal, rel=1e-9)
        assert found.interval[0] <= found.scale <= found.interval[1]
        assert found.share(40) == pytest.approx(found.scale / (found.scale + 40))
    # the jackknife by brute force
    fewer = torch.stack([torch.cat([g[:j], g[j + 1 :]]).var(0).sum() for j in range(40)])
    error = math.sqrt(39 / 40 * float(((fewer - fewer.mean()) ** 2).sum()))
    assert found.trace_error == pytest.approx(error, rel=1e-9)


def test_two_batch_sizes_as_published(case: Callable[[str], Any]) -> None:
    # McCandlish et al., appendix A.1, with small batches of 5 rows and one of all 40
    one = case("dense")
    found = gradient_noise(one.module, one.loss, (one.X, one.y), group=5, seed=3)
    order = torch.randperm(40, generator=_generator(3))
    g = per_example(one)[order].reshape(8, 5, -1).mean(1)
    small, big = float((g**2).sum(1).mean()), float((g.mean(0) ** 2).sum())
    assert found.trace == pytest.approx((small - big) / (1 / 5 - 1 / 40), rel=1e-9)
    assert found.signal == pytest.approx((40 * big - 5 * small) / 35, rel=1e-9)


def _generator(seed: int) -> torch.Generator:
    from fivefold.core import torch_generator

    return torch_generator(seed, "gradient noise")


def source(rows: int, seed: int) -> tuple[nn.Module, Tensor, Tensor, float]:
    """Targets t ~ N(mu, I) in 20 dimensions, loss |w - t|^2 / 20 at w = 0: g = -t / 10."""
    generator = torch.Generator().manual_seed(seed)
    mu = torch.full((20,), 0.3, dtype=torch.float64)
    y = mu + torch.randn(rows, 20, generator=generator, dtype=torch.float64)
    net = nn.Linear(1, 20, bias=False).double()
    with torch.no_grad():
        net.weight.zero_()
    return net, torch.ones(rows, 1, dtype=torch.float64), y, 20 / float(mu @ mu)


def test_the_interval_covers_at_its_rate() -> None:
    # 100 sources: a 95% interval misses at most 12 times with probability 0.998, and not never
    missed = 0
    estimates = []
    for seed in range(100):
        net, X, y, truth = source(320, seed)
        found = gradient_noise(net, nn.MSELoss(), (X, y), seed=seed)
        missed += not found.interval[0] <= truth <= found.interval[1]
        estimates.append(found.trace)
        assert found.groups == 64
    assert missed <= 12
    assert sum(estimates) / 100 == pytest.approx(20 / 100, rel=0.01)  # unbiased


def test_a_hidden_signal_gives_no_upper_end() -> None:
    net, X, y, _ = source(64, 0)
    found = gradient_noise(net, nn.MSELoss(), (X, y - y.mean(0)), group=1)
    assert found.interval[1] == math.inf
    assert found.scale == math.inf
    assert found.signal < 0
    assert found.certificates[0].holds is None
    assert found.share(8) == 1.0


def test_fieller_by_search() -> None:
    t = 2.0
    for S, G2, C in [
        (5.0, 2.0, [[0.3, 0.1], [0.1, 0.2]]),
        (5.0, 2.0, [[0.3, -0.1], [-0.1, 0.2]]),
        (5.0, 0.5, [[0.3, 0.0], [0.0, 0.2]]),
        (0.1, 0.1, [[0.3, 0.0], [0.0, 0.2]]),
        (5.0, -0.5, [[0.3, 0.0], [0.0, 0.2]]),
    ]:
        B = torch.linspace(0, 400, 400_001, dtype=torch.float64)
        inside = t * t * (C[0][0] - 2 * B * C[0][1] + B**2 * C[1][1]) >= (S - B * G2) ** 2
        low, high = _fieller(S, G2, C, t)
        assert low == pytest.approx(float(B[inside][0]), abs=2e-3)
        if math.isinf(high):
            assert bool(inside[-1])
        else:
            assert high == pytest.approx(float(B[inside][-1]), abs=2e-3)


def test_a_planted_error_is_seen(case: Callable[[str], Any]) -> None:
    one = case("dense")
    found = gradient_noise(one.module, one.loss, (one.X, one.y), group=1)
    wrong = per_example(one) * 1.01
    assert found.trace != pytest.approx(float(wrong.var(0).sum()), rel=1e-3)


def test_an_objective_has_the_noise_of_its_rows() -> None:
    torch.manual_seed(0)
    X, y = torch.randn(50, 3, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, y), GaussianPrior(1.0))
    w = torch.randn(F.size, dtype=torch.float64)
    found = gradient_noise(F, w=w, group=1)
    g = torch.stack([F.on([i]).gradient(w) for i in range(50)])
    assert found.trace == pytest.approx(float(g.var(0).sum()), rel=1e-10)


def test_batches_and_budgets(case: Callable[[str], Any]) -> None:
    one = case("dense")
    pieces = [(one.X[:24], one.y[:24]), (one.X[24:], one.y[24:])]
    found = gradient_noise(one.module, one.loss, pieces, group=4)
    assert (found.groups, found.status) == (10, Status.CONVERGED)
    few = gradient_noise(one.module, one.loss, pieces, group=1, budget=Budget(steps=12))
    assert (few.groups, few.status) == (12, Status.OUT_OF_BUDGET)
    brief = gradient_noise(one.module, one.loss, pieces, group=1, budget="1ms")
    assert brief.groups >= 8


def test_nothing_is_left_changed(case: Callable[[str], Any]) -> None:
    one = case("dense")
    state = torch.get_rng_state()
    before = [p.clone() for p in one.module.parameters()]
    gradient_noise(one.module, one.loss, (one.X, one.y))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, q) for p, q in zip(one.module.parameters(), before, strict=True))
    assert all(p.grad is None for p in one.module.parameters())


def test_bad_arguments(case: Callable[[str], Any]) -> None:
    one = case("dense")
    X, y = one.X, one.y
    with pytest.raises(ArgumentError, match="group of at least 1"):
        gradient_noise(one.module, one.loss, (X, y), group=0)
    with pytest.raises(ArgumentError, match="at least 8 groups"):
        gradient_noise(one.module, one.loss, (X[:5], y[:5]))
    with pytest.raises(ArgumentError, match="loss= and data="):
        gradient_noise(one.module, one.loss)
    with pytest.raises(ArgumentError, match="own parameters"):
        gradient_noise(one.module, one.loss, (X, y), w=torch.zeros(3))
    with pytest.raises(ArgumentError, match="rows have gradients"):
        gradient_noise(Objective.from_function(lambda w: w @ w, torch.zeros(2)))
    F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, y.double()))
    with pytest.raises(ArgumentError, match="an objective alone"):
        gradient_noise(F, one.loss)
    with pytest.raises(ArgumentError, match="dropout"):
        gradient_noise(nn.Sequential(nn.Linear(6, 3), nn.Dropout()).double(), one.loss, (X, y))
    with pytest.raises(ArgumentError, match="batch of at least 1"):
        gradient_noise(one.module, one.loss, (X, y)).share(0)


def test_too_few_groups_that_are_there_already_are_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 3 groups"):
        noise_of_groups(torch.ones(2, 4, dtype=torch.float64), 1)
