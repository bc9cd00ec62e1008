"""Looks in depth against closed forms: a linear model's curvature, its edge, the noise of its gradient."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.observation.depth import batch_noise, deep_notes, pooled
from fivefold.theory.noise_scale import noise_of_groups

ROWS = 64


def problem(seed: int = 0):
    """A linear model without bias in float64, and its data."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, 4, dtype=torch.float64, generator=generator)
    y = x.sum(1, keepdim=True) + torch.randn(ROWS, 1, dtype=torch.float64, generator=generator)
    torch.manual_seed(seed)
    return nn.Linear(4, 1, bias=False).double(), x, y


def watched(model, x, y, optimizer, steps: int = 3, **settings):
    seen = ff.watch(model, optimizer, every=1, deep=True, **settings)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.mse_loss(model(x), y).backward()
        optimizer.step()
    seen.close()
    return seen


def test_a_quadratic_is_known_exactly() -> None:
    model, x, y = problem()
    before = model.weight.detach().clone()
    seen = watched(model, x, y, torch.optim.SGD(model.parameters(), lr=0.3), steps=1)
    (look,) = seen.record.deep
    H = 2 * x.mT @ x / ROWS
    gradient = 2 * (x @ before.mT - y).mT @ x / ROWS
    d = -0.3 * gradient[0]
    assert look.notes == ()
    assert look.rows == ROWS
    assert look.length == pytest.approx(float(d.norm()), rel=1e-12)
    assert look.bend == pytest.approx(float(d @ H @ d), rel=1e-12)
    assert look.slope == pytest.approx(float(gradient[0] @ d), rel=1e-12)
    assert look.along == pytest.approx(float(d @ H @ d / (d @ d)), rel=1e-12)
    # The minimum along d: -g.d / d.H d.
    assert look.best_multiple == pytest.approx(float(-(gradient[0] @ d) / (d @ H @ d)), rel=1e-12)
    assert look.margin.limit.curvature == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=1e-9)
    assert look.margin.product == pytest.approx(0.3 * float(torch.linalg.eigvalsh(H)[-1]), rel=1e-9)
    assert look.margin.limit.edge == 2.0
    # The line along the step tells the same, from losses alone.
    assert seen.record.steps[0].line.curvature == pytest.approx(look.bend, rel=1e-9)


def test_the_sharpness_is_preconditioned_as_the_optimizer_is() -> None:
    model, x, y = problem(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    seen = watched(model, x, y, optimizer)
    state = optimizer.state[model.weight]
    P = (state["exp_avg_sq"] / (1 - 0.999 ** float(state["step"]))).sqrt()[0] + 1e-8
    H = 2 * x.mT @ x / ROWS
    expected = torch.linalg.eigvalsh(H / (P[:, None] * P[None, :]).sqrt())[-1]
    look = seen.record.deep[-1]
    assert look.margin.limit.curvature == pytest.approx(float(expected), rel=1e-9)
    assert look.margin.limit.edge == pytest.approx(38.0)


def test_a_rate_beyond_the_edge_is_called_so() -> None:
    model, x, y = problem()
    sharpest = float(torch.linalg.eigvalsh(2 * x.mT @ x / ROWS)[-1])
    verdicts = []
    for share in (0.5, 1.0, 1.5):
        torch.manual_seed(0)
        model, x, y = problem()
        rate = share * 2.0 / sharpest
        seen = watched(model, x, y, torch.optim.SGD(model.parameters(), lr=rate), steps=1)
        verdicts.append(seen.record.deep[0].margin.verdict)
    assert verdicts == ["stable", "at the edge", "beyond"]


def test_the_noise_is_that_of_the_groups_of_rows() -> None:
    model, x, y = problem(2)
    before = model.weight.detach().clone()
    seen = watched(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01), steps=1)
    groups = []
    for j in range(16):
        rows = torch.arange(j, ROWS, 16)
        groups.append((2 * (x[rows] @ before.mT - y[rows]) * x[rows]).mean(0))
    expected = noise_of_groups(torch.stack(groups), ROWS // 16)
    found = seen.record.deep[0].noise
    assert found.trace == pytest.approx(expected.trace, rel=1e-9)
    assert found.signal == pytest.approx(expected.signal, rel=1e-9)
    assert found.interval == pytest.approx(expected.interval, rel=1e-9)


def test_the_noise_of_many_looks_covers_that_of_the_source() -> None:
    # 40 batches of one source at one point; the truth comes from 20,000 rows. Bonferroni's interval is wider
    # than 95%, so that all but chance (1 in 1,000 for 3 misses of 20) cover it.
    model, _, _ = problem()
    with torch.no_grad():
        model.weight.fill_(0.7)
    generator = torch.Generator().manual_seed(9)

    def draw(n):
        x = torch.randn(n, 4, dtype=torch.float64, generator=generator)
        return x, x.sum(1, keepdim=True) + torch.randn(n, 1, dtype=torch.float64, generator=generator)

    X, Y = draw(20_000)
    truth = noise_of_groups(2 * (X @ model.weight.detach().mT - Y) * X, 1).scale
    hits = 0
    for _ in range(20):
        noises = []
        for _ in range(4):
            x, y = draw(ROWS)
            rows = [torch.arange(j, ROWS, 16) for j in range(16)]
            g = [(2 * (x[r] @ model.weight.detach().mT - y[r]) * x[r]).mean(0) for r in rows]
            noises.append(noise_of_groups(torch.stack(g), 4))
        _, low, high = pooled(noises)
        hits += low <= truth <= high
    assert hits >= 18


def test_weights_gradients_modes_and_random_numbers_stay() -> None:
    def run(deep: bool):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.3), nn.Linear(16, 3)
        )
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        seen = ff.watch(model, optimizer, every=1, deep=True) if deep else None
        for _ in range(5):
            x = torch.randn(32, 6)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
            optimizer.step()
        if seen is not None:
            assert len(seen.record.deep) == 5
            assert all(math.isfinite(s.bend) and s.margin is not None for s in seen.record.deep)
            assert any(s.noise is not None for s in seen.record.deep)
            seen.close()
        state = {**model.state_dict(), **{f"{k}.grad": p.grad for k, p in model.named_parameters()}}
        return state, torch.get_rng_state(), [m.training for m in model.modules()]

    alone, random, modes = run(False)
    state, after, found = run(True)
    assert torch.equal(random, after)
    assert modes == found
    for key, value in alone.items():
        assert torch.equal(value, state[key]), key


def test_a_batch_whose_rows_cannot_be_told_apart_is_said() -> None:
    class Folded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 2)

        def forward(self, x):
            return self.inner(x).view(32, 4)

    model = Folded()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = ff.watch(model, optimizer, every=1, deep=True)
    model(torch.randn(64, 4)).square().mean().backward()
    optimizer.step()
    found = seen.findings()
    assert seen.record.deep[0].noise is None
    assert any("the batch cannot be cut into rows" in note for note in found.notes)
    seen.close()


def test_a_loss_that_no_rows_make_up_is_said() -> None:
    model, x, y = problem()
    seen = ff.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), every=1, deep=True)
    (model(x).std() + 0.0 * y.mean() + model(x).mean().square() * 40).backward()
    seen.record.model[""].weight.grad.clamp_(-1, 1)
    tape = seen._watcher._tape
    noise, why = batch_noise(tape, [model.weight], ROWS, 0)
    assert noise is None
    assert "neither the mean nor the sum" in why
    assert "8 groups of rows" in batch_noise(tape, [model.weight], 4, 0)[1]
    seen.close()


def test_an_optimizer_without_a_known_edge_is_said() -> None:
    model, x, y = problem()
    look = watched(model, x, y, torch.optim.Rprop(model.parameters()), steps=1).record.deep[0]
    assert look.margin is None
    assert look.notes == ("edge of stability: not known for Rprop",)


def test_what_cannot_be_differentiated_twice_is_left_out_and_said() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, gradient):
            return 2 * gradient

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 1)

        def forward(self, x):
            return Once.apply(self.inner(x))

    _, x, y = problem()
    model = Model().double()
    look = watched(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01), steps=1).record.deep[0]
    assert math.isnan(look.bend)
    assert look.margin is None
    assert look.noise is not None
    assert any("cannot be differentiated twice" in note for note in look.notes)


def test_a_hook_of_the_script_on_a_parameter_is_not_called_again() -> None:
    model, x, y = problem()
    told: list[float] = []
    model.weight.register_hook(lambda g: told.append(float(g.sum())))
    seen = watched(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01), steps=2)
    assert len(told) == 2
    assert seen.record.deep == []
    assert any("carries a hook" in note for note in seen.record.notes)


def test_curves_and_sentences() -> None:
    model, x, y = problem()
    seen = watched(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01), steps=3)
    curves = seen.series()["deep"]
    assert [point[0] for point in curves["product"]] == [0.0, 1.0, 2.0]
    assert curves["edge"][0][1] == 2.0
    assert curves["rows"][0] == [0.0, 64.0]
    said = deep_notes(seen.record.deep)
    assert any("rate times sharpness" in s and "(stable)" in s for s in said)
    assert any("noise scale" in s and "from update 0 to 2" in s for s in said)
    assert set(said) <= set(seen.findings().notes)
    assert deep_notes([]) == []


def test_a_curvature_that_is_not_finite_is_said() -> None:
    model = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = ff.watch(model, optimizer, every=1, deep=True)
    # |f|^1.5 has a slope at 0 and an infinite curvature.
    (model(torch.ones(8, 2)).abs().pow(1.5).mean() + model.weight.sum()).backward()
    optimizer.step()
    seen.close()
    (look,) = seen.record.deep
    assert not any("not known" in note for note in look.notes)
    assert any("not finite" in note for note in look.notes)
