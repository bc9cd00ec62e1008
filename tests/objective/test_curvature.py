"""The curvature in predictors and own parameters against its dense matrix."""

import pytest
import torch

from fivefold.objective.curvature import PredictorCurvature, apply_curvature, weighted
from fivefold.probability import JointCurvature

N, K = 5, 3


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def curvature(outputs, q, *batch):
    several = (outputs,) if outputs > 1 else ()
    D = random(*batch, N, *several, *several)
    T = random(*batch, N, q, q)
    D = D + D.mT if several else D
    return JointCurvature(D, random(*batch, N, *several, q), T + T.mT)


def dense(c, outputs):
    """The matrix of one point, block by block."""
    q = c.theta.shape[-1]
    size = N * outputs
    C = torch.zeros(size + q, size + q, dtype=torch.float64)
    D, E = c.eta.reshape(N, outputs, outputs), c.cross.reshape(N, outputs, q)
    for i in range(N):
        at = slice(i * outputs, (i + 1) * outputs)
        C[at, at] = D[i]
        C[at, size:] = E[i]
        C[size:, at] = E[i].mT
    C[size:, size:] = c.theta.sum(0)
    return C


@pytest.mark.parametrize("outputs", [1, K])
@pytest.mark.parametrize("q", [0, 1, 2])
def test_operator_is_its_matrix(outputs, q):
    c = curvature(outputs, q)
    operator = PredictorCurvature(c, positive=False)
    C = dense(c, outputs)
    torch.testing.assert_close(operator.to_dense(), C, rtol=1e-13, atol=1e-13)
    X = random(2, C.shape[0], 4)
    torch.testing.assert_close(operator @ X, C @ X, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(operator.H @ X, C @ X, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", [1, K])
@pytest.mark.parametrize("q", [0, 2])
def test_a_batch_of_points_is_the_loop(outputs, q):
    c = curvature(outputs, q, 2)
    eta = random(4, N, outputs) if outputs > 1 else random(4, N)
    theta = random(4, q)
    out, own = apply_curvature(c, eta, theta)
    for b in range(2):
        one = JointCurvature(c.eta[b], c.cross[b], c.theta[b])
        first, second = apply_curvature(one, eta, theta)
        torch.testing.assert_close(out[b], first, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(own[b], second, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", [1, K])
def test_weights_multiply_rows(outputs):
    c, a = curvature(outputs, 1), torch.arange(1.0, N + 1, dtype=torch.float64)
    w = weighted(c, a)
    for name in ("eta", "cross", "theta"):
        for i in range(N):
            torch.testing.assert_close(getattr(w, name)[i], getattr(c, name)[i] * a[i], rtol=0, atol=0)


@pytest.mark.parametrize("q", [0, 2])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_a_diagonal_less_an_outer_product_is_its_dense_matrix(q, batch):
    full = curvature(K, q, *batch)
    d, s = random(*batch, N, K).abs(), random(*batch, N, K, 1)[..., 0]
    factored = JointCurvature(d, full.cross, full.theta, outer=s)
    full = JointCurvature(torch.diag_embed(d) - s[..., :, None] * s[..., None, :], full.cross, full.theta)
    eta, theta = random(*batch, 4, N, K), random(*batch, 4, q)
    a = torch.arange(1.0, N + 1, dtype=torch.float64)
    for weight in (a, 0.25):
        found = apply_curvature(weighted(factored, weight), eta, theta)
        known = apply_curvature(weighted(full, weight), eta, theta)
        for one, other in zip(found, known, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
