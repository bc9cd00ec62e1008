import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Kind
from fivefold.linalg import Dense, LinearOperator, Scaled, stability

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
        stability(torch.eye(5).roll(1, 0), time="discrete"),
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


class Known(LinearOperator):
    """A matrix that is hidden behind its products."""

    def __init__(self, matrix):
        super().__init__(tuple(matrix.shape))
        self.matrix = matrix

    def _matmat(self, X):
        return self.matrix @ X

    def _adjoint(self):
        return Known(self.matrix.mT)


N = 1010
LINE = torch.linspace(-1, 1, N, dtype=torch.float64)
SHIFT = torch.diag(torch.ones(N - 1).double(), 1)


@pytest.mark.parametrize(
    ("matrix", "time", "expected"),
    [
        (torch.diag(0.9 * LINE) + 0.05 * SHIFT, "discrete", True),
        (0.5 * torch.eye(N) + 0.4 * SHIFT, "discrete", True),
        (torch.diag(0.9 * LINE) + 0.5 * SHIFT * (LINE > 2), "discrete", True),
        (torch.diag(torch.cat([0.5 * LINE[1:], torch.tensor([1.2])])) + 0.05 * SHIFT, "discrete", False),
        (torch.eye(N).roll(1, 0), "discrete", None),
        (torch.diag(LINE - 1.2), "continuous", True),
        (torch.diag(0.1 * LINE - 0.5) + 0.3 * SHIFT, "continuous", True),
        (torch.diag(torch.cat([0.5 * LINE[1:] - 1, torch.tensor([0.4])])), "continuous", False),
    ],
)
def test_large_operators_are_decided_by_products_and_matrices_by_proofs(matrix, time, expected):
    matrix = matrix.double()
    few = Budget(steps=60)
    found = stability(Known(matrix), time=time, products=2000, budget=few)
    assert found.stable is expected
    kind = Kind.PROOF if expected is None else Kind.STATISTICAL
    assert found.certificate.kind is kind
    exact = float((matrix.diagonal().abs() if time == "discrete" else matrix.diagonal()).max())
    if expected is not None:
        assert found.lower <= exact <= found.upper
        assert "probability at most 1e-06" in found.certificate.assumptions[0]
    if expected is True:
        proved = stability(matrix, time=time, budget=few)
        assert proved.stable is True
        assert proved.certificate.kind is Kind.PROOF
        assert exact <= proved.upper


def test_large_operators_are_left_unknown_where_no_products_may_be_spent():
    found = stability(Known(torch.diag(0.5 * LINE)), time="discrete", products=0)
    assert found.stable is None
    assert "not met" in found.certificate.method
    assert found.value < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stability(A, time="weekly"), "time = "),
        (lambda: stability(A, time="discrete", failure=0.0), "probability of failure"),
        (lambda: stability(A, time="discrete", products=-1), "not negative"),
        (lambda: stability(torch.ones(2, 3), time="discrete"), "square"),
        (lambda: stability([[float("nan")]], time="discrete"), "finite"),
        (lambda: stability(Scaled(float("inf"), Dense(A)), time="discrete"), "finite factor"),
        (lambda: stability(A + 0j, time="discrete"), "real numbers"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
