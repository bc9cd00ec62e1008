"""Nonlinear conjugate gradients against the linear method, and their restarts."""

import pytest
import torch

from fivefold.core import ArgumentError, Status, drive
from fivefold.objective import Objective
from fivefold.optimize import Searched
from fivefold.optimize.methods.conjugate_gradient import FORMS, ConjugateGradients
from fivefold.optimize.methods.descent import Descent


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


A = random(6, 6)
A = A @ A.T + torch.eye(6).double()


@pytest.mark.parametrize("form", FORMS)
def test_with_exact_steps_on_a_quadratic_it_is_the_linear_method(form):
    b, w, rule = random(6, seed=1), torch.zeros(1, 6).double(), ConjugateGradients(form)
    zero = torch.tensor([0])
    directions = []
    for _ in range(6):
        g = w @ A - b
        p, _ = rule.find(w, g, zero)
        step = -(g * p).sum() / (p @ A @ p.T)
        w = w + step * p
        rule.learn(step * p, step * p @ A)
        directions.append(p[0])
    P = torch.stack(directions)
    P = P / (P @ A * P).sum(-1).sqrt()[:, None]
    # conjugate to each other, so that 6 steps reach the solution
    torch.testing.assert_close(P @ A @ P.T, torch.eye(6).double(), rtol=0, atol=1e-7)
    torch.testing.assert_close(w[0], torch.linalg.solve(A, b), rtol=1e-7, atol=1e-8)


def test_hager_zhang_always_descends():
    rule, rows = ConjugateGradients(), torch.arange(50)
    w, g = random(50, 6), random(50, 6, seed=1)
    for seed in range(2, 20):
        p, first = rule.find(w, g, rows)
        square = (g * g).sum(-1)
        assert bool(((p * g).sum(-1) <= -0.874 * square).all())
        assert bool((first > 0).all())
        new = random(50, 6, seed=seed)
        rule.learn(0.3 * p, new - g)
        g = new


@pytest.mark.parametrize("form", FORMS)
def test_every_form_minimises_rosenbrock_in_ten_dimensions(form):
    F = Objective.from_function(
        lambda w: (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum(), torch.zeros(10).double()
    )
    start = torch.tensor([[-1.2, 1.0] * 5, [0.5, 2.0] * 5]).double()
    run = drive(Descent(F, start, Searched(F, ConjugateGradients(form)), 1e-8, False))
    assert run.status is Status.CONVERGED
    assert run.steps < 600
    # the other minimum of this function, near (-1, 1, ..., 1), has the value 3.99
    assert bool(((run.state.value < 1e-14) | ((run.state.value - 3.9866).abs() < 1e-3)).all())


@pytest.mark.parametrize("form", ["polak-ribiere", "dai-yuan"])
def test_it_starts_again_where_gradients_are_not_orthogonal(form):
    rule, zero = ConjugateGradients(form), torch.tensor([0])
    g = torch.tensor([[1.0, 2.0]]).double()
    p, _ = rule.find(g, g, zero)
    rule.learn(0.1 * p, -0.2 * g)
    again, _ = rule.find(g, 0.8 * g, zero)
    assert again.tolist() == (-0.8 * g).tolist()


def test_a_step_made_otherwise_and_a_reset_start_again():
    for forget in (True, False):
        rule, zero = ConjugateGradients(), torch.tensor([0])
        rule.reset(zero)
        g = torch.tensor([[1.0, 2.0]]).double()
        p, _ = rule.find(g, g, zero)
        rule.learn(0.1 * p if forget else torch.tensor([[1.0, 0.0]]).double(), g)
        if forget:
            rule.reset(zero)
        new = torch.tensor([[2.0, -1.0]]).double()
        assert rule.find(g, new, zero)[0].tolist() == (-new).tolist()


def test_an_unknown_form_is_refused():
    with pytest.raises(ArgumentError, match="a form of hager-zhang"):
        ConjugateGradients("fletcher")
