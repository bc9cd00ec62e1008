"""Penalties of Gaussian linear models by marginal likelihood, against dense references."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from fivefold.core import ArgumentError, Status
from fivefold.inference import gaussian_evidence


def _data(seed: int = 0, n: int = 80) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 7, generator=generator, dtype=torch.float64) + 3.0  # away from the origin
    w = torch.tensor([1.0, -2.0, 0.5, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    y = 10.0 + x @ w + 0.3 * torch.randn(n, generator=generator, dtype=torch.float64)
    return x, y, [3, 4]


def _restricted_log_likelihood(x, y, sizes, variances, noise, weights=None):
    """log of the density of y with a flat prior on the mean: N(y; 0, V) integrated over the intercept."""
    a = np.ones(len(y)) if weights is None else weights
    prior = np.repeat(variances, sizes)
    v = noise * np.diag(1 / a) + x @ np.diag(prior) @ x.T
    one = np.ones(len(y))
    precision = np.linalg.inv(v)
    information = one @ precision @ one
    mean = one @ precision @ y / information
    return multivariate_normal(mean * one, v).logpdf(y) + 0.5 * np.log(2 * np.pi / information)


def test_the_variances_are_a_stationary_point_of_the_restricted_likelihood():
    x, y, sizes = _data()
    found = gaussian_evidence(x, y, sizes, steps=500, tolerance=1e-9)
    assert found.status is Status.CONVERGED
    at = np.log(np.r_[found.variances.numpy(), found.noise])

    def value(theta):
        return _restricted_log_likelihood(x.numpy(), y.numpy(), sizes, np.exp(theta[:2]), np.exp(theta[2]))

    # The block without effect may run to zero variance, where the slope on the log scale vanishes too.
    for j in range(3):
        step = np.zeros(3)
        step[j] = 1e-4
        assert abs(value(at + step) - value(at - step)) / 2e-4 < 1e-3
    for j, sign in ((0, 0.5), (0, -0.5), (2, 0.3), (2, -0.3)):
        step = np.zeros(3)
        step[j] = sign
        assert value(at + step) < value(at)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_log_evidence_is_the_restricted_likelihood_up_to_its_constant(weighted):
    x, y, sizes = _data(1)
    weights = torch.linspace(0.5, 2.0, len(y), dtype=torch.float64) if weighted else None
    pairs = []
    for start in (torch.tensor([1.0, 0.2]), torch.tensor([0.1, 3.0])):
        found = gaussian_evidence(x, y, sizes, weights, steps=1, start=(start, 0.5))
        reference = _restricted_log_likelihood(
            x.numpy(),
            y.numpy(),
            sizes,
            start.double().numpy(),
            0.5,
            None if weights is None else weights.numpy(),
        )
        pairs.append((found.log_evidence, reference))
    difference = [a - b for a, b in pairs]
    assert difference[0] == pytest.approx(difference[1], abs=1e-7)


def test_the_mode_is_the_ridge_solution():
    x, y, sizes = _data(2)
    start = torch.tensor([0.7, 0.3])
    found = gaussian_evidence(x, y, sizes, steps=1, start=(start, 0.4))
    design = np.column_stack([np.ones(len(y)), x.numpy()])
    penalty = np.diag(np.r_[0.0, np.repeat(0.4 / start.numpy().astype(float), sizes)])
    reference = np.linalg.solve(design.T @ design + penalty, design.T @ y.numpy())
    np.testing.assert_allclose(found.w.numpy(), reference, rtol=1e-6)


def test_an_idle_block_is_shrunk_away_and_a_shift_of_the_target_moves_the_intercept_alone():
    x, y, sizes = _data(3, n=400)
    found = gaussian_evidence(x, y, sizes)
    assert float(found.w[4:].abs().max()) < 0.05 < float(found.w[1:3].abs().min())
    moved = gaussian_evidence(x, y + 1000.0, sizes)
    np.testing.assert_allclose(moved.w[1:], found.w[1:], rtol=1e-5, atol=1e-6)
    assert float(moved.w[0] - found.w[0]) == pytest.approx(1000.0, rel=1e-6)


@pytest.mark.parametrize("unit", [2.0**-100, 2.0**-40, 2.0**20, 2.0**100])
def test_the_unit_of_the_target_does_not_matter(unit):
    """Prices in the millions were shrunk to their mean by a bound on variances that was absolute.

    Powers of two scale without rounding, so that equal means equal.
    """
    x, y, sizes = _data(4, n=60)
    found, scaled = gaussian_evidence(x, y, sizes), gaussian_evidence(x, y * unit, sizes)
    assert torch.equal(scaled.w / unit, found.w)
    assert torch.equal(scaled.variances / unit**2, found.variances)
    assert torch.equal(scaled.effective, found.effective)
    assert scaled.noise / unit**2 == found.noise
    assert scaled.log_evidence == pytest.approx(found.log_evidence - 59 * np.log(unit), abs=1e-9)
    assert (scaled.steps, scaled.status) == (found.steps, found.status)
    start = (torch.tensor([0.7, 0.3]).double(), 0.4)
    once = gaussian_evidence(x, y, sizes, steps=1, start=start)
    other = gaussian_evidence(x, y * unit, sizes, steps=1, start=(start[0] * unit**2, 0.4 * unit**2))
    assert torch.equal(other.w / unit, once.w)


def test_the_certificate_bounds_the_error_and_can_come_out_false():
    x, y, _ = _data(4)
    good = gaussian_evidence(x, y, [7], steps=1, start=(torch.tensor([0.5]), 0.3))
    design = x.numpy() - x.numpy().mean(0)
    exact = np.linalg.solve(
        design.T @ design / 0.3 + np.eye(7) / 0.5, design.T @ (y.numpy() - y.numpy().mean()) / 0.3
    )
    assert good.certificates[0].holds is True
    distance = np.linalg.norm(good.w[1:].numpy() - exact) / np.linalg.norm(exact)
    assert distance <= good.certificates[0].value + 1e-14  # the reference has rounding of its own
    # Nearly equal columns, nearly no noise and nearly no penalty: nothing can be promised.
    twin = torch.cat(
        [x, x + 1e-6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).double()], dim=1
    )
    bad = gaussian_evidence(twin, y, [14], steps=1, start=(torch.tensor([1e6]), 1e-10))
    assert bad.certificates[0].holds is False


def test_wrong_shapes_are_refused():
    x, y, _ = _data()
    with pytest.raises(ArgumentError, match="add up to 7"):
        gaussian_evidence(x, y, [3])
    with pytest.raises(ArgumentError, match="targets"):
        gaussian_evidence(x, y[:-1], [7])
