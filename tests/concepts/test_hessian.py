"""The Hessian by differences of gradients: against the fast path, and as a judge of flat points."""

import numpy as np
import pytest
import torch

from fivefold import calculus
from fivefold.concepts.hessian import hessian, hessian_product, newton_step, verdict

# A centred difference at h = ε^(1/3) errs by about ε^(2/3) = 4e-11 times gradient and third derivative.
CENTRED = 1e-7
W = np.array([1.3, -0.7, 2.1, 0.4])


def loss(w: torch.Tensor) -> torch.Tensor:
    return (3.0 * (w[1:] - w[:-1] ** 2) ** 2).sum() + torch.sin(w).sum() + torch.exp(0.3 * w[0] * w[3])


def slope(w: np.ndarray) -> np.ndarray:
    return calculus.gradient(loss)(torch.tensor(w)).numpy()


def test_fast_path() -> None:
    fast = calculus.HessianOperator(loss, torch.tensor(W))
    np.testing.assert_allclose(hessian(slope, W), fast.to_dense().numpy(), rtol=CENTRED, atol=CENTRED)
    v = np.array([1.0, -2.0, 0.5, 30.0])
    np.testing.assert_allclose(hessian_product(slope, W, v), fast @ v, rtol=CENTRED, atol=CENTRED)


def test_a_quadratic_s_hessian_is_its_matrix_everywhere() -> None:
    G = np.random.default_rng(0).normal(size=(5, 5))
    A = G + G.T
    for w in (np.zeros(5), np.full(5, 100.0)):
        np.testing.assert_allclose(hessian(lambda x: A @ x - 3.0, w), A, atol=1e-8)
        # Newton's step from anywhere ends where the slope is zero.
        np.testing.assert_allclose(A @ (w + newton_step(lambda x: A @ x - 3.0, w)), 3.0, atol=1e-6)


def test_products_are_linear_in_the_direction() -> None:
    v = np.array([0.3, 1.0, -1.0, 0.2])
    product = hessian_product(slope, W, v)
    np.testing.assert_allclose(hessian_product(slope, W, 1e6 * v), 1e6 * product, rtol=1e-8)
    np.testing.assert_array_equal(hessian_product(slope, W, 0 * v), 0.0)


@pytest.mark.parametrize(
    ("curvatures", "said"),
    [
        ([1.0, 2.0], "minimum"),
        ([-1.0, -2.0], "maximum"),
        ([-1.0, 2.0, 0.0], "saddle"),
        ([0.0, 2.0], "undecided"),
        ([0.0, 0.0], "undecided"),
        ([1e-9, 1.0], "undecided"),
    ],
)
def test_verdicts(curvatures: list[float], said: str) -> None:
    n = len(curvatures)
    Q, _ = np.linalg.qr(np.random.default_rng(n).normal(size=(n, n)))
    assert verdict((Q * curvatures) @ Q.T) == said


def test_newton_goes_to_the_saddle_where_it_is_near() -> None:
    w = np.array([0.2, 1.0])
    for _ in range(6):
        w = w + newton_step(lambda x: np.array([x[0] ** 3 - x[0], x[1]]), w)
    np.testing.assert_allclose(w, 0.0, atol=1e-9)
