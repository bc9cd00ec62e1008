"""The gamma family at a known shape, and the shape from deviances, against SciPy."""

import numpy as np
import pytest
import torch
from scipy import optimize, special, stats

from fivefold.core import DataError
from fivefold.tasks.tables.candidates.gamma_shape import GammaOfShape, shape_of

ETA = torch.tensor([-3.0, 0.5, 2.0, 40.0], dtype=torch.float64)
Y = torch.tensor([0.01, 2.0, 5.0, 1e18], dtype=torch.float64)


@pytest.mark.parametrize("shape", [0.2, 3.0, 1e5])
def test_the_density_is_scipys(shape):
    mean = np.exp(ETA.numpy())
    expected = -stats.gamma.logpdf(Y.numpy(), shape, scale=mean / shape)
    found = GammaOfShape(shape).negative_log_density(ETA, Y)
    # SciPy's own terms cancel where the shape is large: 1e5 log 1e5 has an error of 1e-10
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-8)


def test_the_derivatives_are_finite_differences():
    likelihood, h = GammaOfShape(2.5), 1e-5
    eta, y = ETA[:3], Y[:3]

    def slope(f):
        return (f(eta + h, y) - f(eta - h, y)) / (2 * h)

    torch.testing.assert_close(
        likelihood.gradient(eta, y), slope(likelihood.negative_log_density), rtol=1e-6, atol=1e-6
    )
    torch.testing.assert_close(likelihood.curvature(eta, y), slope(likelihood.gradient), rtol=1e-6, atol=1e-6)
    assert likelihood.parameters == 0
    assert likelihood.joint_curvature(eta, y).theta.shape == (3, 0, 0)
    torch.testing.assert_close(likelihood.fisher(eta), torch.full((3,), 2.5, dtype=torch.float64))
    torch.testing.assert_close(likelihood.mean(eta), eta.exp())


def test_draws_have_the_mean_and_the_spread():
    eta = torch.full((200_000,), 1.0, dtype=torch.float64)
    drawn = GammaOfShape(4.0).sample(eta, torch.Generator().manual_seed(0))
    # five standard errors of the mean and of the standard deviation
    assert float(drawn.mean()) == pytest.approx(np.e, abs=5 * np.e / 2 / 200_000**0.5)
    assert float(drawn.std() / drawn.mean()) == pytest.approx(0.5, abs=0.01)


def test_zero_is_refused():
    with pytest.raises(DataError, match="positive y for a gamma"):
        GammaOfShape(1.0).check([1.0, 0.0])
    assert GammaOfShape(2.0).to_record() == {"name": "gamma of shape", "shape": 2.0}


@pytest.mark.parametrize("shape", [0.01, 0.7, 5.0, 300.0, 1e6])
def test_the_shape_solves_its_equation(shape):
    """log k - psi(k) = D / (2 (n - 1 - gamma)), with D made for a known k."""
    s = float(np.log(shape) - special.digamma(shape)) if shape < 1e4 else 0.5 / shape + 1 / (12 * shape**2)
    z = optimize.brentq(lambda z: np.expm1(z) - z - s * 89 / 100, 1e-9, 300.0, xtol=1e-15, rtol=1e-14)
    rows = torch.full((100,), float(z), dtype=torch.float64)
    assert shape_of(rows, effective=10.0) == pytest.approx(shape, rel=1e-6)


def test_the_shape_is_the_maximum_of_the_likelihood_and_weights_count_rows():
    y = np.random.default_rng(0).gamma(3.0, 1.0, 4000)
    z = torch.from_numpy(np.log(y / y.mean()))
    shape, _, _ = stats.gamma.fit(y, floc=0)
    # one row for the intercept of 4,000
    assert shape_of(z) == pytest.approx(shape, rel=2e-3)
    weights = torch.cat([torch.full((2000,), 1.5), torch.full((2000,), 0.5)]).double()
    repeated = torch.cat([z[:2000].repeat(3), z[2000:]])
    assert shape_of(z, weights) == pytest.approx(shape_of(repeated), rel=1e-3)


def test_rows_without_spread_have_a_finite_shape():
    assert 1e9 < shape_of(torch.zeros(10)) < 1e13
