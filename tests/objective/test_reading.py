"""float32 data with float64 sums: errors of the data's rounding, and not of ours."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior

N, P, MEAN = 30_000, 6, 1000.0


def table(classes=2):
    generator = torch.Generator().manual_seed(3)
    X = (torch.randn(N, P, generator=generator) + MEAN).to(torch.float32)
    return X, torch.randint(classes, (N,), generator=generator)


def at(F):
    """A point where predictors are of order one though the columns' means are far from zero."""
    generator = torch.Generator().manual_seed(4)
    w = 0.1 * torch.randn(F.size, generator=generator, dtype=torch.float64)
    blocks = F.model.to_blocks(w)
    blocks[..., -1] = -MEAN * blocks[..., :-1].sum(-1)
    return F.model.from_blocks(blocks) if F.model.outputs > 1 else blocks[0]


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(3)])
@pytest.mark.parametrize("how", [{"precision": "float64"}, {"precision": "float64", "batch": 4096}])
def test_value_gradient_and_curvature_are_float64s(likelihood, how):
    X, y = table(max(2, likelihood.outputs))
    model, prior = Linear(X, outputs=likelihood.outputs), GaussianPrior(1.0)
    exact = DataObjective(model, likelihood, (X.double(), y), prior)
    mixed = DataObjective(model, likelihood, (X, y), prior, **how)
    naive = DataObjective(model, likelihood, (X, y), prior)
    assert (mixed.dtype, naive.dtype) == (torch.float64, torch.float32)
    w = at(exact)
    (value, slope), H = exact.value_and_gradient(w), exact.hessian(w)
    V = torch.randn(exact.size, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    found = (*mixed.value_and_gradient(w), mixed.hessian(w) @ V, mixed.hessian(w).to_dense())
    wanted = (value, slope, H @ V, H.to_dense())
    for ours, theirs in zip(found, wanted, strict=True):
        # 1e-16 times the mean 1000 that cancels in predictors, squared in curvatures: far below 1e-9.
        assert float((ours - theirs).norm() / theirs.norm()) < 1e-9
    # The same from float32 products: four digits at best, so that this test can fail.
    point = w.float()
    off = naive.gradient(point).double() - exact.gradient(point)
    assert float(off.norm() / exact.gradient(point).norm()) > 1e-6


def test_batches_of_float32_points_are_summed_in_float64():
    """With w itself in float32, only it and the result are rounded to float32."""
    X, y = table()
    F = DataObjective(Linear(X), Bernoulli(), (X, y), batch=1000)
    exact = DataObjective(Linear(X), Bernoulli(), (X.double(), y))
    w = at(exact).float()
    assert F.gradient(w).dtype == torch.float32
    H = F.hessian(w)
    for ours, theirs in (
        (F.gradient(w), exact.gradient(w)),
        (H.to_dense(), exact.hessian(w).to_dense()),
        (H @ w, exact.hessian(w) @ w.double()),
    ):
        assert ours.dtype == torch.float32
        assert float((ours - theirs).norm() / theirs.norm()) < 2.0**-23


def test_float32_results_of_float64_data():
    X, y = table()
    F = DataObjective(Linear(X), Bernoulli(), (X.double(), y), precision="float32")
    exact = DataObjective(Linear(X), Bernoulli(), (X.double(), y))
    w = at(exact).float()
    slope = F.gradient(w)
    assert slope.dtype == F.initial.dtype == F.predictor(w).dtype == torch.float32
    assert float((slope - exact.gradient(w)).norm() / exact.gradient(w).norm()) < 2.0**-23


def test_newton_on_a_float32_table_ends_where_float64_ends():
    X, y = table()
    exact = DataObjective(Linear(X), Bernoulli(), (X.double(), y), GaussianPrior(1.0))

    def end(**how):
        F = DataObjective(Linear(X), Bernoulli(), (X, y), GaussianPrior(1.0), **how)
        w = F.initial
        for _ in range(6):
            w = w - torch.linalg.solve(F.hessian(w).to_dense(), F.gradient(w))
        return float(exact.gradient(w).norm())

    assert end(precision="float64") < 1e-11
    assert end(precision="float64", batch=5000) < 1e-11
    assert end() > 1e-7, "float32 sums leave a gradient"


def test_a_module_in_another_precision():
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm1d(3)
    norm.running_mean.fill_(0.3)
    module = torch.nn.Sequential(norm, torch.nn.Linear(3, 1))
    X, y = torch.randn(20, 3), torch.randn(20)
    wide = DataObjective(module, Gaussian(sd=1.0), (X, y), precision="float64")
    assert wide.dtype == torch.float64
    double = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1)).double()
    double.load_state_dict(module.state_dict())
    reference = DataObjective(double, Gaussian(sd=1.0), (X.double(), y))
    w = wide.initial + 0.1
    torch.testing.assert_close(wide.gradient(w), reference.gradient(w), rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(wide.gradient(w), wide.gradient(w.float()), rtol=1e-5, atol=1e-5)
    narrow = DataObjective(double, Gaussian(sd=1.0), (X, y), precision="float32")
    assert narrow.value(w).dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "float16"}, "precision 'float64' or 'float32'"),
        ({"batch": 0}, "a batch of at least 1 row"),
        ({"batch": 2.5}, "a batch of at least 1 row"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ArgumentError, match=message):
        DataObjective(Linear(1), Gaussian(sd=1.0), (torch.ones(2, 1), [0.0, 1.0]), **options)
