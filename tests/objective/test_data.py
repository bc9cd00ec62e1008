"""Data objectives: the hand-written linear path against the general one, identities, weights, bad input."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Bernoulli, Categorical, GaussianPrior, Poisson

N, P = 23, 4


def test_value_is_the_formula(small, likelihood):
    """Sum over rows of torch.distributions' log density and the prior's, over N."""
    X, y = small.data(likelihood)
    K, D = likelihood.outputs, torch.distributions
    generator = torch.Generator().manual_seed(5)
    a = torch.rand(N, generator=generator, dtype=torch.float64)
    F = DataObjective(Linear(X, outputs=K), likelihood, (X, y), GaussianPrior(2.0), weights=a)
    w = small.points(F)
    weight, bias = w[: K * P].reshape(K, P), w[K * P : K * P + K]
    eta = X @ weight.mT + bias
    eta = eta if K > 1 else eta[:, 0]
    density = {
        "gaussian": lambda: D.Normal(eta, likelihood.sd or torch.exp(w[-1] / 2)),
        "bernoulli": lambda: D.Bernoulli(logits=eta),
        "categorical": lambda: D.Categorical(logits=eta),
        "poisson": lambda: D.Poisson(torch.exp(eta)),
    }[likelihood.name]()
    prior = (
        D.Normal(torch.zeros((), dtype=torch.float64), 2.0**-0.5).log_prob(weight).sum()
    )  # the intercept and the variance are flat
    expected = -((a * density.log_prob(y)).sum() + prior) / N
    assert F.scale == N
    torch.testing.assert_close(F.value(w), expected, rtol=1e-12, atol=1e-12)


def test_names_go_both_ways(small, pair):
    for objective in pair:
        w = small.points(objective, 3)
        named = objective.unravel(w)
        assert ("likelihood" in named) == (objective.likelihood.parameters > 0)
        torch.testing.assert_close(objective.ravel(named), w, rtol=0, atol=0)


def test_numpy_data(small):
    X, y = small.data(Bernoulli())
    first = DataObjective(Linear(P), Bernoulli(), (X.numpy(), y.numpy().astype(bool)))
    second = DataObjective(Linear(X), Bernoulli(), (X, y))
    torch.testing.assert_close(
        first.value(small.points(first)), second.value(small.points(first)), rtol=0, atol=0
    )


BAD = {
    "data": (lambda: {"data": torch.ones(3)}, ArgumentError, r"data as a pair \(X, y\)"),
    "model": (lambda: {"model": lambda x: x}, ArgumentError, "a model: Linear"),
    "likelihood": (lambda: {"likelihood": "poisson"}, ArgumentError, "a likelihood such as"),
    "prior": (lambda: {"prior": 1.0}, ArgumentError, "a GaussianPrior"),
    "prior length": (
        lambda: {"prior": GaussianPrior([1.0] * 9)},
        ArgumentError,
        "over the model's 5 parameters",
    ),
    "columns": (lambda: {"model": Linear(P + 1)}, ArgumentError, f"X with {P + 1} columns"),
    "outputs": (lambda: {"likelihood": Categorical(3)}, ArgumentError, r"write Linear\(X, outputs=3\)"),
    "X text": (lambda: {"data": (np.array([["a"]]), [1])}, ArgumentError, "X with numbers"),
    "X gaps": (lambda: {"data": (np.full((2, P), np.nan), [1, 1])}, ArgumentError, "finite numbers in X"),
    "X vector": (lambda: {"data": (torch.ones(3), [1, 1, 1])}, ArgumentError, r"X with 2 dimension"),
    "rows": (lambda: {"data": (torch.ones(3, P), [1, 1])}, ArgumentError, "y with the 3 rows of X"),
    "y": (lambda: {"data": (torch.ones(2, P), [1, -1])}, DataError, "counts 0, 1, 2"),
    "weights length": (lambda: {"weights": [1.0, 1.0]}, ArgumentError, "weights with the 23 rows"),
    "weights negative": (lambda: {"weights": [-1.0] + [1.0] * (N - 1)}, DataError, "weights of at least 0"),
    "weights zero": (lambda: {"weights": [0.0] * N}, DataError, "one of them positive"),
    "offset": (lambda: {"offset": torch.ones(N, 2)}, ArgumentError, r"an offset of shape \(23,\)"),
    "module outputs": (
        lambda: {"model": torch.nn.Linear(P, 2, dtype=torch.float64)},
        ArgumentError,
        r"a model output of shape \(23,\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(small, name):
    make, error, message = BAD[name]
    X, y = small.data(Poisson())
    kwargs = {"model": Linear(X), "likelihood": Poisson(), "data": (X, y)} | make()
    with pytest.raises(error, match=message):
        DataObjective(**kwargs)


def test_points_are_refused(small):
    linear, general = small.both(Poisson(), "plain")
    with pytest.raises(ArgumentError, match=r"w of shape \[\.\.\., 5\]"):
        linear.value(torch.ones(4))
    for method in ("hessian", "gauss_newton", "fisher", "jacobian", "kernel"):
        with pytest.raises(ArgumentError, match=r"one point \[P\]"):
            getattr(general, method)(torch.ones(2, 5))


@pytest.mark.parametrize("general", [False, True])
def test_constants_of_the_rows_go_with_the_rows(general):
    """Binomial trials differ by row: a part of the rows has the trials of those rows."""
    from fivefold.probability import Binomial

    generator = torch.Generator().manual_seed(0)
    X = torch.randn(30, 2, generator=generator, dtype=torch.float64)
    trials = torch.arange(1, 31, dtype=torch.float64)
    y = torch.floor(trials / 2)
    index = torch.tensor([3, 17, 29])
    model = torch.nn.Linear(2, 1, dtype=torch.float64) if general else Linear(X, intercept=False)
    whole = DataObjective(model, Binomial(trials), (X, y))
    part = DataObjective(model, Binomial(trials[index]), (X[index], y[index]))
    w = torch.randn(whole.size, generator=generator, dtype=torch.float64)
    taken = whole.on(index)
    ratio = float(taken.value(w)) / float(part.value(w))
    gradients = taken.gradient(w) / part.gradient(w)
    assert ratio == pytest.approx(float(gradients[0]), rel=1e-10)
    torch.testing.assert_close(gradients, gradients[:1].expand_as(gradients), rtol=1e-10, atol=0)
