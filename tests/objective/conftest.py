"""Small data for every likelihood, and the same objective on both paths."""

from types import SimpleNamespace

import pytest
import torch

from fivefold.objective import DataObjective, Linear
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior, Poisson

N, P = 23, 4

LIKELIHOODS = {
    "gaussian-fixed": Gaussian(sd=0.7),
    "gaussian-free": Gaussian(),
    "bernoulli": Bernoulli(),
    "categorical": Categorical(3),
    "poisson": Poisson(),
}

EXTRAS = ("plain", "prior", "vector prior", "weights and offset", "no intercept")


def data(likelihood):
    generator = torch.Generator().manual_seed(11)
    X = torch.randn(N, P, generator=generator, dtype=torch.float64)
    eta = torch.randn(N, likelihood.outputs, generator=generator, dtype=torch.float64)
    eta = eta[:, 0] if likelihood.outputs == 1 else eta
    theta = torch.zeros(likelihood.parameters, dtype=torch.float64)
    return X, likelihood.sample(eta, generator, theta)


def options(extra, likelihood, size):
    generator = torch.Generator().manual_seed(12)
    if extra == "weights and offset":
        shape = (N,) if likelihood.outputs == 1 else (N, likelihood.outputs)
        weights = torch.rand(N, generator=generator, dtype=torch.float64)
        weights[3] = 0.0
        offset = torch.randn(shape, generator=generator, dtype=torch.float64)
        return {"weights": weights, "offset": offset, "prior": GaussianPrior(1.5)}
    if extra == "vector prior":
        tau = torch.rand(size, generator=generator, dtype=torch.float64)
        return {"prior": GaussianPrior(tau, torch.randn(size, generator=generator, dtype=torch.float64))}
    return {"prior": GaussianPrior(1.5)} if extra in ("prior", "no intercept") else {}


def both(likelihood, extra):
    """The linear path, and the general one over torch.nn.Linear with the same prior per parameter."""
    X, y = data(likelihood)
    intercept = extra != "no intercept"
    model = Linear(X, intercept=intercept, outputs=likelihood.outputs)
    kwargs = options(extra, likelihood, model.size)
    linear = DataObjective(model, likelihood, (X, y), **kwargs)
    if linear.prior is not None:
        kwargs["prior"] = linear.prior
    module = torch.nn.Linear(P, likelihood.outputs, bias=intercept, dtype=torch.float64)
    return linear, DataObjective(module, likelihood, (X, y), **kwargs)


@pytest.fixture(params=LIKELIHOODS, ids=list(LIKELIHOODS))
def likelihood(request):
    return LIKELIHOODS[request.param]


@pytest.fixture(params=EXTRAS)
def pair(request, likelihood):
    return both(likelihood, request.param)


def points(objective, *batch):
    generator = torch.Generator().manual_seed(13)
    return 0.6 * torch.randn(*batch, objective.size, generator=generator, dtype=torch.float64) + 0.1


@pytest.fixture
def small():
    """What tests build their own objectives from."""
    return SimpleNamespace(N=N, P=P, data=data, options=options, both=both, points=points)
