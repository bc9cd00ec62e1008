from fractions import Fraction

import torch

from fivefold.linalg.doubled import doubled_residual, plain_or_doubled_residual, two_product, two_sum


def rational(t):
    return [Fraction(v) for v in t.flatten().tolist()]


def test_two_sum_and_two_product_are_exact():
    g = torch.Generator().manual_seed(1)
    a = torch.randn(200, generator=g, dtype=torch.float64) * 1e8 + 3
    b = torch.randn(200, generator=g, dtype=torch.float64) * 1e-5
    for exact, (high, low) in (
        (lambda x, y: x + y, two_sum(a, b)),
        (lambda x, y: x * y, two_product(a, b)),
    ):
        for x, y, h, e in zip(*map(rational, (a, b, high, low)), strict=True):
            assert h + e == exact(x, y)


def test_residual_agrees_with_rational_arithmetic_to_doubled_precision():
    g = torch.Generator().manual_seed(2)
    A = 1e6 + torch.randn(5, 7, generator=g, dtype=torch.float64)
    x = torch.randn(7, 2, generator=g, dtype=torch.float64)
    y = A @ x  # the residual is pure cancellation
    high, low = doubled_residual(A, x, y)
    plain = y - A @ x
    for i in range(5):
        for k in range(2):
            exact = Fraction(y[i, k].item()) - sum(
                Fraction(A[i, j].item()) * Fraction(x[j, k].item()) for j in range(7)
            )
            got = Fraction(high[i, k].item()) + Fraction(low[i, k].item())
            assert abs(got - exact) <= Fraction(1, 10**22)  # 81 u^2 7e6 = 7e-24
    assert float((plain - high).abs().max()) > 1e-12  # the plain residual misses what the doubled one sees


def test_low_part_of_the_right_hand_side_counts():
    one = torch.ones(1, 1, dtype=torch.float64)
    high, low = doubled_residual(one, one, one, 1e-25 * one)
    assert float(high + low) == 1e-25


def test_large_problems_take_the_plain_residual(monkeypatch):
    monkeypatch.setattr("fivefold.linalg.doubled.CHEAP", 3)
    A = torch.eye(2, dtype=torch.float64)
    high, low, unit = plain_or_doubled_residual(A, A, 3 * A, A)
    assert unit == 2.0**-53
    assert high.tolist() == [[3, 0], [0, 3]]
    assert float(low.abs().max()) == 0
    assert plain_or_doubled_residual(A, A, A)[0].abs().max() == 0
