"""Blocks of the basis against the kernels that they stand for."""

import json

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.interpolate import CubicSpline, make_smoothing_spline

from fivefold.core import ArtifactError
from fivefold.inference import gaussian_evidence
from fivefold.tasks.tables.basis import (
    Basis,
    FourierBlock,
    LevelsBlock,
    LinearBlock,
    ProductsBlock,
    SlopesBlock,
    SplineBlock,
    interaction_blocks,
    kernel_inputs,
    plain_blocks,
    spline_blocks,
)
from fivefold.tasks.tables.encode import Encoded
from fivefold.tasks.tables.state import flatten, unflatten


def _rows(numbers, codes=None, levels=None):
    numbers = np.asarray(numbers, dtype=float)
    names = tuple(f"x{j}" for j in range(numbers.shape[1]))
    return Encoded(numbers, names, names, codes or {}, levels or {})


def _mixed(n=80, seed=0):
    generator = np.random.default_rng(seed)
    codes = {"c": generator.integers(-1, 3, n)}
    return _rows(generator.normal(size=(n, 3)), codes, {"c": ("u", "v", "w")})


def _covariance(s, t):
    """Integral over u in [0, 1] of (s - u)+ (t - u)+: the covariance of integrated Brownian motion."""
    u = (np.arange(200_000) + 0.5) / 200_000
    return float(np.mean(np.maximum(s - u, 0) * np.maximum(t - u, 0)))


def test_the_spline_has_the_covariance_of_integrated_brownian_motion_at_its_knots():
    z = np.linspace(-2.0, 3.0, 200)
    block = SplineBlock.fit(0, z, knots=6)
    at_knots = _rows((block.low + block.width * block.knots)[:, None])
    x = block.columns(at_knots).astype(float)
    for i in range(len(block.knots)):
        for j in range(i + 1):
            expected = _covariance(block.knots[i], block.knots[j])
            assert x[i] @ x[j] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_spline_is_a_natural_cubic_spline():
    """Cubic between knots with two continuous derivatives, a straight line beyond the last one."""
    z = np.linspace(0.0, 1.0, 101)
    block = SplineBlock.fit(0, z, knots=4)
    weights = np.random.default_rng(0).normal(size=block.size)
    ends = np.r_[0.0, block.knots]
    grid = np.linspace(0, 1, 2001)
    f = block.columns(_rows(grid[:, None])).astype(float) @ weights
    nodes = block.columns(_rows(ends[:, None])).astype(float) @ weights
    # k(0, .) = 0 with slope 0 at the left end; at the last knot the second derivative vanishes.
    reference = CubicSpline(ends, nodes, bc_type=((1, 0.0), (2, 0.0)))
    np.testing.assert_allclose(f, reference(grid), atol=2e-6 * np.abs(f).max())


def test_ridge_on_the_spline_is_the_smoothing_spline():
    """A knot at every point, a straight line beside it: scipy's minimiser of rss + lambda int f''^2."""
    generator = np.random.default_rng(1)
    x = np.sort(generator.uniform(0, 1, 25))
    x[0], x[-1] = 0.0, 1.0
    y = np.sin(6 * x) + 0.1 * generator.normal(size=25)
    penalty = 1e-3
    kernel = np.array([[_exact(s, t) for t in x] for s in x])
    block = SplineBlock(0, 0.0, 1.0, x[1:], scipy.linalg.inv(scipy.linalg.cholesky(kernel[1:, 1:])))
    design = np.column_stack([np.ones(25), x, block.columns(_rows(x[:, None])).astype(float)])
    ridge = np.diag(np.r_[0.0, 0.0, np.full(block.size, penalty)])
    fitted = design @ np.linalg.solve(design.T @ design + ridge, design.T @ y)
    np.testing.assert_allclose(fitted, make_smoothing_spline(x, y, lam=penalty)(x), atol=2e-4)


def _exact(s, t):
    v = min(s, t)
    return abs(s - t) * v**2 / 2 + v**3 / 3


def test_a_spline_learns_a_curve_and_is_constant_outside_its_range():
    z = np.random.default_rng(2).uniform(-1, 1, 400)
    block = SplineBlock.fit(0, z)
    rows = _rows(z[:, None])
    basis = Basis((LinearBlock(1), block))
    y = np.sin(3 * z)
    found = gaussian_evidence(torch.from_numpy(basis.design(rows)).double(), torch.from_numpy(y), basis.sizes)
    fitted = basis.design(rows) @ found.w[1:].numpy() + float(found.w[0])
    assert np.sqrt(np.mean((fitted - y) ** 2)) < 0.01
    outside = block.columns(_rows([[-50.0], [z.min()], [z.max()], [50.0]]))
    np.testing.assert_array_equal(outside[0], outside[1])
    np.testing.assert_array_equal(outside[2], outside[3])


def test_three_values_make_no_spline_and_a_heavy_tie_no_trouble():
    assert SplineBlock.fit(0, np.array([0.0, 1.0, 2.0] * 5)) is None
    z = np.r_[np.zeros(500), np.linspace(0, 1, 20)]
    block = SplineBlock.fit(0, z)
    assert block is not None
    assert np.isfinite(block.columns(_rows(z[:, None]))).all()


def test_the_fourier_features_stand_for_the_matern_kernel():
    generator = np.random.default_rng(3)
    rows = _rows(generator.normal(size=(12, 2)))
    scales = np.array([0.7, 1.6])
    count = 40_000
    block = FourierBlock.draw(scales, 2.5, count, (), generator)
    x = block.columns(rows).astype(float)
    scaled = rows.numbers * scales
    r = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(-1))
    expected = 2.5 * (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)
    # Each entry is a mean of `count` cosines: standard error at most 2.5 / sqrt(2 count) = 0.009.
    np.testing.assert_allclose(x @ x.T, expected, atol=5 * 2.5 / np.sqrt(2 * count))
    np.testing.assert_allclose(np.diag(x @ x.T), 2.5, rtol=1e-5)
    assert block.size == 2 * count


def test_levels_slopes_and_products_by_hand():
    rows = _rows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], {"c": np.array([1, -1, 0])}, {"c": ("u", "v")})
    assert LevelsBlock("c", 2, 3.0).columns(rows).tolist() == [[0, 3], [0, 0], [3, 0]]
    assert SlopesBlock("c", 1, 2).columns(rows).tolist() == [[0, 2], [0, 0], [6, 0]]
    pairs = np.array([[0, 1], [0, 0]])
    assert ProductsBlock(pairs, np.array([1.0, 2.0])).columns(rows).tolist() == [[1, -1], [11, 7], [29, 23]]
    assert LinearBlock(2, 0.5).columns(rows).tolist() == [[0.5, 1], [1.5, 2], [2.5, 3]]
    assert kernel_inputs(rows, ["c"]).tolist() == [[1, 2, 0, 1], [3, 4, 0, 0], [5, 6, 1, 0]]


def test_the_design_holds_the_blocks_side_by_side():
    rows = _mixed()
    basis = Basis((*plain_blocks(rows), *spline_blocks(rows)))
    design = basis.design(rows)
    assert design.shape == (80, basis.size)
    at = 0
    for block in basis.blocks:
        np.testing.assert_array_equal(design[:, at : at + block.size], block.columns(rows))
        at += block.size


def test_the_product_that_the_residual_holds_comes_first():
    generator = np.random.default_rng(4)
    codes = {"c": generator.integers(0, 3, 500)}
    rows = _rows(generator.normal(size=(500, 6)), codes, {"c": ("u", "v", "w")})
    z = rows.numbers
    residual = z[:, 1] * z[:, 4] + np.array([-2.0, 0.0, 2.0])[codes["c"]] * z[:, 3]
    blocks = interaction_blocks(rows, residual, most_pairs=1, most_slopes=1)
    assert blocks[0].pairs.tolist() == [[1, 4]]
    assert (blocks[1].column, blocks[1].index) == ("c", 3)
    np.testing.assert_allclose(blocks[0].columns(rows).mean(0), 0, atol=1e-6)


def test_every_block_comes_back_with_the_same_bits():
    rows = _mixed()
    generator = np.random.default_rng(0)
    blocks = [*plain_blocks(rows), *spline_blocks(rows), *interaction_blocks(rows, generator.normal(size=80))]
    blocks.append(FourierBlock.draw(np.ones(6), 1.0, 5, ["c"], generator))
    basis = Basis(tuple(blocks))
    config, tensors = flatten(basis.state())
    back = Basis.from_state(unflatten(json.loads(json.dumps(config)), tensors))
    np.testing.assert_array_equal(back.design(rows), basis.design(rows))
    assert back.sizes == basis.sizes


def test_an_unknown_block_is_refused():
    with pytest.raises(ArtifactError, match="a block of fourier"):
        Basis.from_state({"blocks": [{"kind": "eval"}]})
