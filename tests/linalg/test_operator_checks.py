import pytest
import torch

from fivefold.linalg import Dense, Identity, LinearOperator, cg
from fivefold.linalg.operator_checks import adjoint_matches, complaint, repeatable

G = torch.Generator().manual_seed(0)
M = torch.randn(6, 6, generator=G, dtype=torch.float64)


class Claims(LinearOperator):
    def __init__(self, matrix, *, symmetric, adjoint=None, noise=0.0):
        super().__init__(tuple(matrix.shape), symmetric=symmetric)
        self.matrix, self.other, self.noise = matrix, adjoint, noise

    def _matmat(self, X):
        return self.matrix @ X + self.noise * torch.randn(len(self.matrix), X.shape[1], dtype=torch.float64)

    def _adjoint(self):
        return Dense(self.matrix.mT if self.other is None else self.other)


def test_good_operators_pass():
    for A in (
        Identity(4),
        Dense(M),
        Dense(M.float()),
        Claims(M + M.mT, symmetric=True),
        Dense(torch.zeros(3, 3)),
    ):
        assert repeatable(A).holds
        assert adjoint_matches(A).holds
        assert complaint(A) == ""


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        (Claims(M, symmetric=True), "claimed symmetric and is not"),
        (Claims(M, symmetric=False, adjoint=M), "the adjoint of A is not its adjoint"),
        (Claims(M + M.mT, symmetric=True, noise=1e-3), "changes between products"),
    ],
)
def test_defects_are_named(operator, said):
    assert said in complaint(operator)


def test_small_defects_are_seen_and_rounding_is_not():
    slight = M + M.mT
    slight[0, 1] += 1e-9
    assert adjoint_matches(Claims(slight, symmetric=True)).holds is False
    slight = M + M.mT
    slight[0, 1] += 1e-15
    assert adjoint_matches(Claims(slight, symmetric=True)).holds is True


def test_conjugate_gradients_say_why_they_failed():
    S = M @ M.mT + torch.eye(6)
    run = cg(Claims(S, symmetric=True, noise=0.5), torch.ones(6).double())
    assert not run.status.succeeded
    assert "changes between products" in run.message
