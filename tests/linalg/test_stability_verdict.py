import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, LinearOperator, Scaled, stability
from fivefold.linalg.stability_verdict import proved_positive

G = torch.Generator().manual_seed(2)
A = torch.randn(30, 30, generator=G, dtype=torch.float64)
RADIUS = float(torch.linalg.eigvals(A).abs().max())
ABSCISSA = float(torch.linalg.eigvals(A).real.max())
EYE = torch.eye(30).double()


@pytest.mark.parametrize("gap", [1e-1, 1e-6, 1e-10])
def test_decided_on_both_sides_of_the_boundary(gap):
    inside = stability(A * ((1 - gap) / RADIUS), time="discrete")
    assert inside.stable is True
    assert inside.upper < 1
    outside = stability(A * ((1 + gap) / RADIUS), time="discrete")
    assert outside.stable is False
    assert outside.lower > 1
    assert outside.certificate.verdict == "no"
    left = stability(A - (ABSCISSA + gap) * EYE, time="continuous")
    assert left.stable is True
    right = stability(A - (ABSCISSA - gap) * EYE, time="continuous")
    assert right.stable is False


def test_unknown_on_the_boundary():
    turn = [[0.6, -0.8], [0.8, 0.6]]
    for verdict in (
        stability(turn, time="discrete"),
        stability([[0.0, 1.0], [-1.0, 0.0]], time="continuous"),
        stability(A / RADIUS, time="discrete"),
        stability(torch.eye(3), time="discrete"),
    ):
        assert verdict.stable is None
        assert verdict.certificate.verdict == "unknown"
        assert verdict.lower <= verdict.value <= verdict.upper


@pytest.mark.parametrize("n", [2, 3, 6])
def test_jordan_blocks_are_decided_by_lyapunov(n):
    J = np.diag(np.full(n, 0.5)) + np.diag(np.ones(n - 1), 1)
    found = stability(J, time="discrete")
    assert found.stable is True
    assert stability(J - 1.0 * np.eye(n), time="continuous").stable is True
    assert stability(J + 1.5 * np.eye(n), time="discrete").stable in (False, None)


def test_a_hair_from_the_boundary_is_not_called_stable():
    J = np.diag(np.full(8, 1.0)) + np.diag(np.ones(7), 1)
    assert stability(J, time="discrete").stable is None
    assert stability(J * (1 - 1e-16), time="discrete").stable is None


def test_never_wrong_on_triangular_matrices_whose_eigenvalues_are_known():
    rng = np.random.default_rng(0)
    decided = 0
    for _ in range(60):
        T = np.triu(rng.standard_normal((6, 6)) * 3, 1) + np.diag(rng.uniform(-1.05, 1.05, 6))
        found = stability(T, time="discrete")
        truth = np.abs(np.diag(T)).max() < 1
        decided += found.stable is not None
        assert found.stable in (truth, None)
    assert decided >= 58


class Slow(LinearOperator):
    def __init__(self, n, top):
        super().__init__((n, n))
        self.d = torch.linspace(0, top, n, dtype=torch.float64)

    def _matmat(self, X):
        return self.d[:, None] * X + 0.01 * X.roll(1, dims=-2)

    def _adjoint(self):
        return Dense(self.to_dense().mT)


def test_large_operators_are_left_unknown():
    found = stability(Slow(1500, 0.5), time="discrete")
    assert found.stable is None
    assert "not met" in found.certificate.method
    assert found.value < 1


def test_proved_positive():
    assert proved_positive(torch.eye(3).double(), torch.full((3, 3), 0.1).double())
    assert not proved_positive(torch.eye(3).double(), torch.full((3, 3), 0.6).double())
    assert not proved_positive(torch.diag(torch.tensor([1.0, 0.0]).double()), torch.zeros(2, 2).double())
    assert not proved_positive(torch.diag(torch.tensor([1.0, 1e-17]).double()), torch.zeros(2, 2).double())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stability(A, time="weekly"), "time = "),
        (lambda: stability(torch.ones(2, 3), time="discrete"), "square"),
        (lambda: stability([[float("nan")]], time="discrete"), "finite"),
        (lambda: stability(Scaled(float("inf"), Dense(A)), time="discrete"), "finite factor"),
        (lambda: stability(A + 0j, time="discrete"), "real numbers"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
