import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.linalg import Dense, Diagonal, Identity, LinearOperator, dense_solve, solve


def verdicts(result):
    return [c.verdict for c in result.certificates]


def exact_solve(A, b):
    rows = [[Fraction(v) for v in row] + [Fraction(t)] for row, t in zip(A.tolist(), b.tolist(), strict=True)]
    n = len(rows)
    for i in range(n):
        p = next(r for r in range(i, n) if rows[r][i] != 0)
        rows[i], rows[p] = rows[p], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * c for a, c in zip(rows[r], rows[i], strict=True)]
    return np.array([float(row[n]) for row in rows])


@pytest.mark.parametrize("n", [3, 6, 9])
@pytest.mark.parametrize("symmetric", [True, False])
def test_hilbert_matrices_against_rational_arithmetic(n, symmetric):
    A = np.array([[1.0 / (i + j + 1) for j in range(n)] for i in range(n)])
    A = A if symmetric else A * np.arange(1, n + 1)
    b = 3 + np.cos(np.arange(n))
    s = solve(A, b)
    exact = exact_solve(A, b)
    assert s.method == ("cholesky" if symmetric else "lu")
    assert s.status is Status.CONVERGED
    assert verdicts(s) == ["yes", "yes"]
    assert (
        np.abs(s.x - exact).max()
        <= 10.0**-s.digits * 1.01 * np.abs(s.x).max() + 2.0**-52 * np.abs(exact).max()
    )
    # Refinement in doubled precision: full accuracy although the condition reaches 1e12.
    assert np.abs(s.x / exact - 1).max() < 1e-14


def test_singular_says_so_and_gives_the_shortest():
    A = np.array([[1.0, 2.0], [2.0, 4.0]])
    s = solve(A, [1.0, 2.0])
    assert s.status is Status.ILL_POSED
    assert s.method == "minimum-norm"
    assert np.allclose(s.x, [0.2, 0.4], rtol=1e-14)
    assert verdicts(s) == ["no", "unknown"]
    assert "singular" in s.message
    assert s.digits == 0
    hilbert = np.array([[1.0 / (i + j + 1) for j in range(14)] for i in range(14)])
    assert solve(hilbert, np.ones(14)).status is Status.ILL_POSED
    assert solve(np.zeros((2, 2)), np.ones(2)).status is Status.ILL_POSED


def test_forward_error_is_unknown_where_the_inverse_is_not_formed(monkeypatch):
    monkeypatch.setattr(dense_solve, "_PROVED", 1)
    s = solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])
    assert verdicts(s) == ["yes", "unknown"]
    assert s.digits > 14  # from the condition


def test_backward_error_comes_out_false_on_a_wrong_solution(monkeypatch):
    monkeypatch.setattr(dense_solve, "plain_or_doubled_residual", lambda A, x, y: (0.1 * y, 0 * y, 2.0**-53))
    s = solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])
    assert s.certificates[0].holds is False


def test_forward_error_comes_out_false_on_a_wrong_solution(monkeypatch):
    monkeypatch.setattr(dense_solve, "plain_or_doubled_residual", lambda A, x, y: (1.0 * y, 0 * y, 2.0**-53))
    s = solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])
    assert s.certificates[1].holds is False
    assert s.status is Status.ILL_POSED
    assert "no digit" in s.message


def test_scale_does_not_matter():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((5, 5)) + 4
    b = rng.standard_normal(5) + 1
    base = solve(A, b).x
    left, right = 10.0 ** np.array([-100, 0, 50, 100, 3]), 10.0 ** np.array([7, -80, 0, 90, 1])
    s = solve(A * left[:, None] * right, b * left)
    assert np.allclose(s.x * right, base, rtol=1e-10)
    P = A.T @ A
    d = 10.0 ** np.array([-60, 0, 60, 3, 1])
    s = solve((P * d * d[:, None] + (P * d * d[:, None]).T) / 2, (P @ np.ones(5)) * d)
    assert s.method == "cholesky"
    assert np.allclose(s.x * d, 1, rtol=1e-9)


def test_indefinite_symmetric_goes_to_lu_and_many_right_hand_sides():
    s = solve([[0.0, 1.0], [1.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]])
    assert s.method == "lu"
    assert s.x.tolist() == [[3, 4], [1, 2]]
    assert np.abs(s.residual).max() == 0
    zero = solve(np.eye(2), np.zeros(2))
    assert zero.status is Status.CONVERGED


def test_structure_is_used():
    assert solve(Identity(2), [1.0, 2.0]).method == "diagonal"
    s = solve(Diagonal([2.0, 0.0]), [4.0, 1.0])
    assert s.x.tolist() == [2.0, 0.0]
    assert s.residual.tolist() == [0.0, 1.0]
    assert s.status is Status.ILL_POSED
    assert verdicts(s) == ["no"]
    assert solve(2.0 * Identity(2), torch.ones(2)).x.tolist() == [0.5, 0.5]
    assert solve(0.0 * Identity(2), torch.ones(2)).status is Status.ILL_POSED
    summed = solve(Identity(2) + Diagonal([1.0, 3.0]), [2.0, 4.0])
    assert summed.method == "cholesky"


class Shift(LinearOperator):
    """A matrix-free operator: x + c * (cyclic shift of x), positive when it is symmetrised."""

    def __init__(self, n, c, symmetric):
        super().__init__((n, n), positive=symmetric)
        self.c = c

    def _matmat(self, X):
        if self.symmetric:
            return 2 * X + self.c * (X.roll(1, -2) + X.roll(-1, -2))
        return 2 * X + self.c * X.roll(1, -2)

    def _adjoint(self):
        return Adjointed(self)


class Adjointed(LinearOperator):
    def __init__(self, A):
        super().__init__(A.shape)
        self.A = A

    def _matmat(self, X):
        return 2 * X + self.A.c * X.roll(-1, -2)

    def _adjoint(self):
        return self.A


@pytest.mark.parametrize("symmetric", [True, False])
def test_large_operators_go_to_conjugate_gradients(symmetric):
    n = 4000
    A = Shift(n, 0.5, symmetric)
    x = 3 + torch.sin(torch.arange(n).double())
    s = solve(A, A @ x, tolerance=1e-12)
    assert s.method == ("cg" if symmetric else "lsmr")
    assert s.status is Status.CONVERGED
    assert torch.allclose(s.x, x, rtol=1e-10)
    assert verdicts(s) == ["yes", "unknown"]
    assert s.condition is None
    short = solve(2.0 * A, A @ x, tolerance=1e-12, budget=Budget(steps=2))
    assert short.status is Status.OUT_OF_BUDGET
    assert verdicts(short) == ["no", "unknown"]


def test_normal_equations_that_stop_early_are_not_a_success(monkeypatch):
    A = Shift(4000, 1.9999, False)
    b = torch.cos(math.pi * torch.arange(4000).double())  # nearly annihilated
    s = solve(A, b + 1e-3 * torch.arange(4000).double().sin(), tolerance=0.4)
    assert s.certificates[0].holds is (s.status is Status.CONVERGED)


def test_kinds():
    s = solve(torch.eye(2), torch.ones(2))
    assert s.x.dtype == torch.float32
    assert s.digits < 7.5
    assert isinstance(solve(Dense(np.eye(2)), [1.0, 1.0]).x, np.ndarray)


@pytest.mark.parametrize(
    ("A", "b", "message"),
    [
        (np.ones((2, 3)), np.ones(2), "square"),
        (np.eye(2), np.ones(3), "b with 2 rows"),
        (np.eye(2), [np.nan, 1.0], "finite"),
        ([[np.inf]], [1.0], "finite"),
        (np.zeros((0, 0)), [], "nonempty"),
        (torch.ones(2, 2, 2), torch.ones(2), "one matrix"),
    ],
)
def test_bad_input(A, b, message):
    with pytest.raises(ArgumentError, match=message):
        solve(A, b)


class Chain(LinearOperator):
    """Symmetric and indefinite, without a dense form worth having."""

    def __init__(self, n, shift, *, positive=False):
        super().__init__((n, n), symmetric=True, positive=positive)
        self.d = shift + torch.arange(n).double() % 7

    def _matmat(self, X):
        return self.d[:, None] * X + 0.25 * (X.roll(1, dims=0) + X.roll(-1, dims=0))

    def _adjoint(self):
        return self


def test_large_symmetric_operators_go_to_minres():
    A = Chain(4000, -2.5)
    x = 3 + torch.sin(torch.arange(4000).double())
    s = solve(A, A @ x, tolerance=1e-12)
    assert s.method == "minres"
    assert s.status is Status.CONVERGED
    assert torch.allclose(s.x, x, rtol=1e-9)
    assert verdicts(s) == ["yes", "unknown"]


@pytest.mark.parametrize(
    ("method", "named"),
    [
        ("dense", "cholesky"),
        ("qr", "qr"),
        ("mixed", "lu in float32, refined"),
        ("cg", "cg"),
        ("minres", "minres"),
        ("lsmr", "lsmr"),
    ],
)
def test_every_method_solves_the_same_system(method, named):
    rng = np.random.default_rng(1)
    M = rng.standard_normal((40, 40))
    S = M @ M.T + 5 * np.eye(40)
    b = 2 + rng.standard_normal((40, 2))
    s = solve(S, b, method=method, tolerance=1e-12)
    assert s.method == named
    assert s.status is Status.CONVERGED
    assert np.allclose(s.x, np.linalg.solve(S, b), rtol=1e-8)


def test_preconditioners():
    d = 10.0 ** np.linspace(0, 5, 60)
    S = np.diag(d) + 0.01
    for chosen, method in (("jacobi", "auto"), ("low-rank", "cg"), (np.diag(1 / d), "minres")):
        s = solve(S, S @ np.ones(60), method=method, preconditioner=chosen, tolerance=1e-9)
        assert s.status is Status.CONVERGED
        assert np.allclose(s.x, 1, rtol=1e-4)


def test_lsmr_on_a_singular_square_system_says_so():
    s = solve([[1.0, 0.0], [0.0, 0.0]], [1.0, 1.0], method="lsmr")
    assert s.status is Status.ILL_POSED
    assert "no x solves" in s.message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve(np.eye(2), [1.0, 1.0], method="magic"), "a method of"),
        (lambda: solve(np.eye(2), [1.0, 1.0], tolerance=0.0), "positive tolerance"),
        (
            lambda: solve(np.eye(2), [1.0, 1.0], method="qr", preconditioner="jacobi"),
            "for cg or minres alone",
        ),
        (
            lambda: solve(np.eye(2), [1.0, 1.0], method="lsmr", preconditioner="jacobi"),
            "for cg or minres alone",
        ),
        (lambda: solve(Chain(500_000, 1.0), torch.ones(500_000), method="dense"), "GiB of free memory"),
        (lambda: solve(np.eye(2) * 1j, [1.0, 1.0]), "real numbers"),
    ],
)
def test_bad_choices_are_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
