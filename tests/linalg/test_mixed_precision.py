import numpy as np
import pytest
import scipy.linalg
import torch

from fivefold.core import Budget, Status
from fivefold.linalg import doubled, mixed_precision, solve
from fivefold.linalg.mixed_precision import solve_mixed

G = torch.Generator().manual_seed(40)


def system(n, condition):
    U, _ = torch.linalg.qr(torch.randn(n, n, generator=G, dtype=torch.float64))
    V, _ = torch.linalg.qr(torch.randn(n, n, generator=G, dtype=torch.float64))
    return U * torch.logspace(0, -np.log10(condition), n, dtype=torch.float64) @ V.mT


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e6])
def test_float64_accuracy_from_a_float32_factor(condition):
    A = system(80, condition)
    b = A @ (3 + torch.randn(80, 2, generator=G, dtype=torch.float64))
    s = solve(A, b, method="mixed")
    reference = solve(A, b)
    assert s.method == "lu in float32, refined"
    assert s.status is Status.CONVERGED
    assert torch.allclose(s.x, reference.x, rtol=1e-14, atol=1e-14)
    assert [c.verdict for c in s.certificates] == ["yes", "yes"]
    assert s.digits > 15


@pytest.mark.parametrize("n", [8, 10])
def test_what_float32_cannot_refine_is_factored_again(n):
    H = scipy.linalg.hilbert(n)
    s = solve(H, H @ np.ones(n), method="mixed")
    assert s.method == "cholesky"
    assert "factored again in float64" in s.message
    assert np.abs(s.x - solve(H, H @ np.ones(n)).x).max() == 0


def test_singular_scale_and_zeros():
    singular = solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0], method="mixed")
    assert singular.status is Status.ILL_POSED
    assert "zero pivot" in singular.message
    A = system(20, 100.0)
    x = torch.ones(20).double()
    assert torch.allclose(solve(A * 1e200, (A * 1e200) @ x, method="mixed").x, x, rtol=1e-12)
    assert torch.allclose(solve(A, 1e-200 * (A @ x), method="mixed").x, 1e-200 * x, rtol=1e-12)
    assert solve(A, 0 * x, method="mixed").x.abs().max() == 0


def test_plain_residuals_end_at_backward_stability(monkeypatch):
    # Above a size, residuals are not doubled; the error is then that of a float64 factor.
    monkeypatch.setattr(doubled, "CHEAP", 0)
    A = system(80, 1e4)
    x = 3 + torch.randn(80, 2, generator=G, dtype=torch.float64)
    s = solve(A, A @ x, method="mixed")
    assert s.method == "lu in float32, refined"
    assert float((s.x - x).abs().max()) < 1e-10
    assert s.certificates[0].holds
    assert 10 < s.digits < 15.9


def test_out_of_budget_falls_back():
    A = system(20, 1e5)
    raw = solve_mixed(A, torch.ones(20, 1).double(), Budget(steps=1))
    assert "out of budget" in raw.message
    assert raw.status is Status.CONVERGED


def test_the_backward_error_comes_out_false_on_a_wrong_residual(monkeypatch):
    A = system(20, 10.0)
    b = torch.ones(20, 1).double()
    monkeypatch.setattr(
        mixed_precision,
        "plain_or_doubled_residual",
        lambda A, x, y: (1e-9 * y / (1 + x.abs() * 0), 0 * y, 1.0),
    )
    raw = solve_mixed(A, b, Budget(steps=3))
    assert "again" in raw.message or raw.certificates[0].holds is False
