"""Attacks and noise against closed forms: the worst corner of a cube, and ridge regression."""

import itertools

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize import GradientSign, RandomNoise, train
from fivefold.optimize.training.losses import cross_entropy_loss, logistic_loss, squared_loss


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def line(d=4):
    net = nn.Linear(d, 1).double()
    with torch.no_grad():
        net.weight.copy_(torch.randn(1, d, generator=generator(1), dtype=torch.float64))
        net.bias.fill_(0.3)
    return net


def rows(n=40, d=4):
    X = torch.randn(n, d, generator=generator(2), dtype=torch.float64)
    return X, (torch.rand(n, generator=generator(3)) < 0.5).double()


def margins(net, X, y):
    """y f(x) with y = -1 or 1."""
    return ((2 * y - 1) * net(X)[:, 0]).detach()


@pytest.mark.parametrize("steps", [1, 10])
def test_a_linear_classifier_loses_exactly_the_radius_times_the_l1_norm(steps):
    net, (X, y), radius = line(), rows(), 0.17
    moved = GradientSign(radius, steps)(net, logistic_loss, X, (y,), generator())
    expected = margins(net, X, y) - radius * net.weight.detach().abs().sum()
    # a float64 sum of five terms
    torch.testing.assert_close(margins(net, moved, y), expected, rtol=0, atol=1e-13)
    corners = torch.tensor(list(itertools.product((-radius, radius), repeat=4)), dtype=torch.float64)
    worst = torch.stack([margins(net, X + corner, y) for corner in corners]).amin(0)
    torch.testing.assert_close(margins(net, moved, y), worst, rtol=0, atol=1e-13)


def test_the_class_changes_just_beyond_its_distance_from_the_border():
    net, (X, _) = line(), rows()
    f = net(X)[:, 0].detach()
    y = (f > 0).double()
    distance = f.abs() / net.weight.detach().abs().sum()
    for i in range(len(X)):
        for factor, stays in ((0.999, True), (1.001, False)):
            attack = GradientSign(factor * float(distance[i]))
            moved = attack(net, logistic_loss, X[i : i + 1], (y[i : i + 1],), generator())
            assert (float(margins(net, moved, y[i : i + 1])) > 0) is stays


def test_bounds_keep_every_input_where_it_may_be():
    net, (X, y), radius = line(), rows(), 0.5
    X = X.clamp(-0.8, 1.0)
    moved = GradientSign(radius, low=-0.8, high=1.0)(net, logistic_loss, X, (y,), generator())
    sign = -(2 * y - 1)[:, None] * net.weight.detach().sign()
    # for a linear f every input goes to its own end
    assert torch.equal(moved, (X + radius * sign).clamp(-0.8, 1.0))
    assert not torch.equal(moved, X + radius * sign)


def test_several_steps_are_those_written_by_hand():
    """A quadratic whose gradient is 2 (x - target): from the same start, three steps and projections."""
    X, radius, alpha = torch.randn(6, 3, generator=generator(5)).double(), 0.4, 0.15
    target = X + 0.3 * torch.randn(6, 3, generator=generator(6)).double()
    away = lambda out, target: (out - target).square().mean()  # noqa: E731
    moved = GradientSign(radius, 3, alpha)(nn.Identity(), away, X, (target,), generator(7))
    draw = torch.rand(X.shape, generator=generator(7), dtype=torch.float64)
    x = X + radius * (2 * draw - 1)
    for _ in range(3):
        x = (x + alpha * (x - target).sign()).minimum(X + radius).maximum(X - radius)
    torch.testing.assert_close(moved, x, rtol=0, atol=1e-15)
    default = GradientSign(radius, 3)(nn.Identity(), away, X, (target,), generator(7))
    named = GradientSign(radius, 3, 2.5 * radius / 3)(nn.Identity(), away, X, (target,), generator(7))
    assert torch.equal(default, named)


def test_the_sign_is_that_of_finite_differences_and_more_steps_find_more():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 3)).double()
    X, y, radius, h = torch.randn(20, 3).double(), torch.arange(20) % 3, 0.6, 1e-6
    one = GradientSign(radius)(net, cross_entropy_loss, X, (y,), generator())

    def each(X):
        return nn.functional.cross_entropy(net(X), y, reduction="none").detach()

    slopes = torch.stack([(each(X + e) - each(X - e)) / (2 * h) for e in h * torch.eye(3).double()], 1)
    assert float(slopes.abs().min()) > 1e-5  # far above the error of the differences, 1e-9
    torch.testing.assert_close(one, X + radius * slopes.sign(), rtol=0, atol=1e-15)
    many = GradientSign(radius, 20)(net, cross_entropy_loss, X, (y,), generator())
    assert float((many - X).abs().max()) <= radius * (1 + 1e-12)
    assert float(each(many).mean()) > float(each(one).mean()) > float(each(X).mean())


def test_an_attack_leaves_gradients_and_inputs_alone_and_works_without_gradients():
    net, (X, y) = line(), rows()
    kept = X.clone()
    net.weight.grad = torch.full_like(net.weight, 7.0)
    with torch.no_grad():
        moved = GradientSign(0.1, 3)(net, logistic_loss, X, (y,), generator())
    assert not moved.requires_grad
    assert torch.equal(X, kept)
    assert net.weight.grad.unique().tolist() == [7.0]
    assert net.bias.grad is None


@pytest.mark.parametrize(("distribution", "share"), [("gaussian", 1.0), ("uniform", 1 / 3)])
def test_noise_adds_the_penalty_of_ridge_regression(distribution, share):
    """E (w'(x + s z) - y)^2 = (w'x - y)^2 + s^2 E[z^2] ||w||^2."""
    net, (X, y), scale = line(), rows(4000), 0.7
    noisy = RandomNoise(scale, distribution)(net, squared_loss, X, (y,), generator())
    w, error = net.weight.detach()[0], net(X)[:, 0].detach() - y
    added = (net(noisy)[:, 0].detach() - y).square() - error.square()
    expected = scale**2 * share * float(w.square().sum())
    assert abs(float(added.mean()) - expected) < 4 * float(added.std()) / 4000**0.5
    if distribution == "uniform":
        assert float((noisy - X).abs().max()) <= scale


def test_training_on_noise_ends_at_ridge_regression():
    X = torch.randn(500, 3, generator=generator(8), dtype=torch.float64)
    X = X - X.mean(0)
    y = X @ torch.tensor([2.0, -1.0, 0.5]).double()
    scale = 0.8
    exact = torch.linalg.solve(X.mT @ X / 500 + scale**2 * torch.eye(3).double(), X.mT @ y / 500)
    net = nn.Linear(3, 1, bias=False).double()
    train(net, (X, y), loss="squared", optimizer="sgd", learning_rate=0.02, epochs=400, batch_size=500,
          perturb=RandomNoise(scale))  # fmt: skip
    # the means over 400 x 500 draws weighted by the schedule: an error of about 0.005; plain least squares is
    # 0.8 away
    torch.testing.assert_close(net.weight.detach()[0], exact, rtol=0, atol=0.03)


def test_training_against_the_attack_is_training_on_the_worst_case_in_closed_form():
    """Danskin: the gradient at the worst point is that of log(1 + exp(-(y f - eps ||w||_1)))."""
    (X, y), radius = rows(), 0.1
    net, twin, plain = line(), line(), line()

    def descent(groups):
        return torch.optim.SGD(groups, lr=0.5)

    settings = {"loss": "logistic", "epochs": 30, "batch_size": 40, "schedule": "constant"}
    train(net, (X, y), optimizer=descent, perturb=GradientSign(radius), **settings)
    optimizer = descent(twin.parameters())
    for _ in range(30):
        optimizer.zero_grad()
        robust = (2 * y - 1) * twin(X)[:, 0] - radius * twin.weight.abs().sum()
        nn.functional.softplus(-robust).mean().backward()
        optimizer.step()
    # thirty float64 steps whose sums are ordered differently
    torch.testing.assert_close(net.weight, twin.weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(net.bias, twin.bias, rtol=0, atol=1e-12)
    train(plain, (X, y), optimizer=descent, **settings)
    assert float((plain.weight - twin.weight).detach().abs().max()) > 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GradientSign(-0.1), "a finite radius of at least 0"),
        (lambda: GradientSign(0.1, 0), "at least 1 step"),
        (lambda: GradientSign(0.1, 2, 0.0), "a positive, finite step size"),
        (lambda: GradientSign(0.1, low=1.0, high=0.0), "low below high"),
        (lambda: RandomNoise(float("nan")), "a finite scale"),
        (lambda: RandomNoise(1.0, "cauchy"), "a distribution among gaussian, uniform"),
        (lambda: RandomNoise(1.0, low=1.0, high=1.0), "low below high"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("make", [GradientSign, RandomNoise])
def test_inputs_that_do_not_fit_are_refused(make):
    def call(X, **bounds):
        return make(0.1, **bounds)(nn.Identity(), torch.sum, X, (), generator())

    with pytest.raises(ArgumentError, match=r"inputs of floating point; got torch.int64; give X.float"):
        call(torch.ones(2, 2, dtype=torch.int64))
    for bounds in ({"low": 0.0}, {"high": 0.5}, {"low": 0.0, "high": 1.0}):
        with pytest.raises(ArgumentError, match=r"inputs within low and high .*got -1 to 1"):
            call(torch.tensor([[-1.0, 1.0]]), **bounds)
    assert call(torch.tensor([[torch.nan, 1.0]]), low=0.0).isnan().any()


@pytest.mark.parametrize("module", [lambda X: X.detach(), lambda X: torch.ones(2, 2, requires_grad=True)])
def test_a_loss_that_does_not_depend_on_the_inputs_is_refused(module):
    with pytest.raises(ArgumentError, match="a loss that depends on the inputs"):
        GradientSign(0.1)(module, torch.sum, torch.ones(2, 2), (), generator())
