import torch

from fivefold.linalg import DataMatrix
from fivefold.linalg.refinement import ScaledResidual, refined

G = torch.Generator().manual_seed(4)
X = torch.randn(20, 3, generator=G, dtype=torch.float64) + 2
Y = torch.randn(20, 2, generator=G, dtype=torch.float64) + 5
ONES = torch.ones(3, dtype=torch.float64)


def test_batches_and_matrix_have_the_same_residual_and_gradient():
    scale = torch.tensor([2.0, 4.0, 0.5], dtype=torch.float64)
    whole = ScaledResidual(X / scale, scale, Y)
    parts = ScaledResidual(DataMatrix([X[:7], X[7:]]), scale, Y)
    z = torch.ones(3, 2, dtype=torch.float64)
    (r, low, _), (r2, low2, _) = whole.of(z), parts.of(z)
    assert torch.equal(r, r2)
    assert torch.allclose(whole.gradient(r, low), parts.gradient(r2, low2), rtol=1e-15)
    reference = (X / scale).mT @ (Y - (X / scale) @ z)
    assert torch.allclose(whole.gradient(r, low), reference, rtol=1e-12)
    shifted, low, _ = whole.of(z, r)
    assert float((shifted + low).abs().max()) < 1e-14


def test_a_poor_factor_is_repaired_or_left_alone():
    Q, R = torch.linalg.qr(X)
    truth = torch.linalg.lstsq(X, Y).solution
    for given in (Q, None):
        wrong = Q.mT @ Y * (1 + 1e-6)
        z = refined(ScaledResidual(X, ONES, Y), given, R, wrong)[0]
        assert torch.allclose(z, truth, rtol=1e-10)
        # With a triangle far from the right one no correction helps, and the start is kept.
        start = torch.linalg.solve_triangular(-R, Q.mT @ Y, upper=True)
        kept = refined(ScaledResidual(X, ONES, Y), given, 0.1 * R, 0.1 * (R @ start))[0]
        assert torch.isfinite(kept).all()
