from fractions import Fraction

import torch

from fivefold.linalg import refinement
from fivefold.linalg.refinement import Pair, Problem, refined

G = torch.Generator().manual_seed(4)
X = torch.randn(20, 3, generator=G, dtype=torch.float64) + 2
Y = torch.randn(20, 2, generator=G, dtype=torch.float64) + 5


def pair(t, low=0.0):
    return Pair(t, torch.full_like(t, low))


def test_defect_gradient_and_residual_against_rational_arithmetic():
    low = 1e-18 * X
    problem = Problem(X, low, Y)
    z = Pair(torch.randn(3, 2, generator=G, dtype=torch.float64), 1e-18 * torch.ones(3, 2).double())
    r = problem.residual(z)
    f, g = problem.defect(z, r), problem.gradient(r)

    def exact(t, row, column):
        return Fraction(t[row, column].item())

    for i in range(20):
        fitted = sum(
            (exact(X, i, j) + exact(low, i, j)) * (exact(z.high, j, 0) + exact(z.low, j, 0)) for j in range(3)
        )
        rest = exact(Y, i, 0) - fitted
        assert abs(exact(r.high, i, 0) + exact(r.low, i, 0) - rest) < Fraction(1, 10**30)
    assert float(f.abs().max()) < 1e-30
    for j in range(3):
        total = sum(
            (exact(X, i, j) + exact(low, i, j)) * (exact(r.high, i, 0) + exact(r.low, i, 0))
            for i in range(20)
        )
        assert abs(exact(g, j, 0) - total) < Fraction(1, 10**14)  # rounded once at the end


def test_plain_and_doubled_agree_to_float64(monkeypatch):
    problem = Problem(X, 1e-18 * X, Y)
    z, r = pair(torch.ones(3, 2).double(), 1e-17), pair(Y / 2, 1e-17)
    doubled = problem.defect(z, r), problem.gradient(r), problem.residual(z).high
    assert problem.unit < 1e-31
    monkeypatch.setattr(refinement, "CHEAP", 3)
    assert problem.unit == 2.0**-53
    plain = problem.defect(z, r), problem.gradient(r), problem.residual(z).high
    for a, b in zip(doubled, plain, strict=True):
        assert torch.allclose(a, b, rtol=1e-13)
    Q, R = torch.linalg.qr(X)
    assert torch.allclose(refined(problem, Q, R)[0].high, torch.linalg.lstsq(X, Y).solution, rtol=1e-12)


def test_a_poor_factor_is_repaired_or_left_alone():
    Q, R = torch.linalg.qr(X)
    truth = torch.linalg.lstsq(X, Y).solution
    z = refined(Problem(X, None, Y), Q, R * (1 + 1e-6))[0]
    assert torch.allclose(z.high, truth, rtol=1e-13)
    # With a triangle far from the right one no correction helps, and the start is kept.
    kept = refined(Problem(X, None, Y), Q, 0.1 * R)[0]
    assert torch.isfinite(kept.high).all()


def test_a_pair_keeps_what_one_number_loses():
    moved = pair(torch.ones(1).double()).plus(torch.full((1,), 1e-20, dtype=torch.float64))
    assert moved.high.item() == 1.0
    assert moved.low.item() == 1e-20
    mask = torch.tensor([True])
    assert moved.where(mask, pair(torch.zeros(1).double())).high.item() == 0.0
