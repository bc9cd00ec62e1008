import torch

from fivefold.linalg import DataMatrix, Dense, Diagonal, Identity, Product, gram

M = 4 + torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_structure_is_kept_and_values_agree():
    for A, kind in (
        (Dense(M), Dense),
        (Diagonal([2.0, -3.0]), Diagonal),
        (Identity(3), Identity),
        (DataMatrix([M[:2], M[2:]]), Dense),
        (Dense(M) @ Identity(3), Product),
        (2.0 * Diagonal([1.0, 5.0]), type(2.0 * Identity(1))),
    ):
        G = gram(A)
        assert isinstance(G, kind)
        assert G.positive
        assert torch.allclose(G.to_dense(), A.to_dense().mT @ A.to_dense(), rtol=1e-13)
