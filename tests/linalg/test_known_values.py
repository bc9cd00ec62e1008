import numpy as np
import torch

from fivefold.linalg import BlockDiagonal, Dense, Diagonal, Identity, Kronecker, LowRankPlusDiagonal, Product
from fivefold.linalg.known_values import (
    identity_factor,
    known_diagonal,
    known_eigenvalues,
    known_slogdet,
    spectrum_floor,
    split_known,
)

G = torch.Generator().manual_seed(2)
M = 3 + torch.randn(4, 4, generator=G, dtype=torch.float64)
S = M @ M.mT
D = torch.tensor([3.0, -1.0, 4.0, 1.5], dtype=torch.float64)
U = torch.randn(4, 2, generator=G, dtype=torch.float64)
V = torch.randn(4, 2, generator=G, dtype=torch.float64)
STRUCTURED = [
    Dense(M),
    Diagonal(D),
    Identity(4),
    -2.0 * Dense(M),
    Dense(M) + Diagonal(D) - 3 * Identity(4),
    LowRankPlusDiagonal(D, U, V, weights=[2.0, -1.0]),
    Kronecker(M, Diagonal(D)),
    BlockDiagonal(M, S, Diagonal(D)),
]


def test_diagonals_against_the_dense_form():
    for A in STRUCTURED:
        assert torch.allclose(known_diagonal(A), A.to_dense().diagonal(), rtol=1e-12), A
    for A in (
        Product(Dense(M), Dense(M)),
        Dense(M) + Product(Dense(M), Dense(M)),
        Kronecker([[1.0, 2.0]], U),
    ):
        assert known_diagonal(A) is None


def test_a_sum_is_split_into_what_is_known_and_the_rest():
    lazy = Product(Dense(S), Dense(S), symmetric=True)
    A = 2.0 * (lazy + Diagonal(D)) + Identity(4)
    known, rest = split_known(A)
    assert torch.allclose(known + rest.to_dense().diagonal(), A.to_dense().diagonal(), rtol=1e-12)
    assert rest.symmetric
    assert split_known(lazy) == (None, lazy)
    assert split_known(Dense(M))[1] is None


def test_eigenvalues_determinants_and_floors():
    for A in (
        Diagonal(D),
        3.0 * Identity(4),
        -2.0 * Diagonal(D) + 5 * Identity(4),
        Diagonal(D) + Diagonal(D),
    ):
        truth = torch.linalg.eigvalsh(A.to_dense())
        assert torch.allclose(known_eigenvalues(A).sort().values, truth, rtol=1e-12)
        assert spectrum_floor(A) <= float(truth[0]) + 1e-12
    assert known_eigenvalues(Dense(S)) is None
    assert known_eigenvalues(Dense(S) + Identity(4)) is None
    assert spectrum_floor(Dense(S, positive=True) + 0.5 * Identity(4)) == 0.5
    assert spectrum_floor(2.0 * (Dense(S, positive=True) + 0.5 * Identity(4))) == 1.0
    assert spectrum_floor(Dense(S, symmetric=True)) is None
    assert spectrum_floor(Dense(S, symmetric=True) + Identity(4)) is None
    for A in STRUCTURED[5:]:
        sign, log = known_slogdet(A)
        truth = np.linalg.slogdet(A.to_dense().numpy())
        assert (sign, round(log, 9)) == (truth[0], round(float(truth[1]), 9))
    assert known_slogdet(Dense(S)) is None
    assert known_slogdet(LowRankPlusDiagonal([0.0, 1.0], [[1.0], [1.0]])) is None
    assert identity_factor(Diagonal(D)) is None
    assert identity_factor(2.0 * (3.0 * Identity(2))) == 6.0
