from fractions import Fraction

import pytest
import torch

from fivefold.linalg import LowRankPlusDiagonal, woodbury_error
from fivefold.linalg.woodbury_error import low_rank_residual

G = torch.Generator().manual_seed(9)


def drawn(*shape):
    return torch.randn(*shape, generator=G, dtype=torch.float64)


def test_the_residual_is_right_within_its_bound_where_everything_cancels(monkeypatch):
    d, U, V, w = drawn(6), 100 * drawn(6, 2), drawn(6, 2), drawn(2)
    A, x = LowRankPlusDiagonal(d, U, V, weights=w), 3 + drawn(6, 1)
    B = A @ x
    for limit in (10**9, 0):
        monkeypatch.setattr(woodbury_error, "_CHEAP", limit)
        r, rounding, level = low_rank_residual(A, x, B)
        worst = 0.0
        for i in range(6):
            exact = Fraction(B[i].item()) - Fraction(d[i].item()) * Fraction(x[i].item())
            for j in range(2):
                inner = sum(Fraction(V[k, j].item()) * Fraction(x[k].item()) for k in range(6))
                exact -= Fraction(U[i, j].item()) * Fraction(w[j].item()) * inner
            gap = abs(float(exact - Fraction(r[i].item())))
            assert gap <= float(rounding[i]) <= float(level[i])
            worst = max(worst, gap)
        assert (worst < 1e-25) == (limit > 0)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_bound_holds_for_every_residual_in_its_range_and_is_close(symmetric):
    d, U, w = drawn(40), drawn(40, 3), drawn(3)
    A = LowRankPlusDiagonal(d, U, None if symmetric else drawn(40, 3), weights=w)
    inverse = torch.linalg.inv(A.to_dense())
    r, rounding = drawn(40, 2), 1e-6 * drawn(40, 2).abs()
    bound = woodbury_error.woodbury_error(A, r, rounding)
    for _ in range(20):
        true = (inverse @ (r + rounding * (2 * torch.rand(40, 2, generator=G) - 1))).abs()
        assert bool((true <= bound).all())
    assert float((bound / (inverse @ r).abs()).median()) < 1.01


def test_a_singular_small_matrix_gives_no_bound():
    A = LowRankPlusDiagonal([1.0, 1.0], [[1.0], [0.0]], weights=[-1.0])
    one = torch.ones(2, 1).double()
    assert woodbury_error.woodbury_error(A, one, 0 * one) is None
    near = LowRankPlusDiagonal([1.0, 1.0], [[1.0], [0.0]], weights=[-1.0 + 2.0**-53])
    assert woodbury_error.woodbury_error(near, one, 0 * one) is None
