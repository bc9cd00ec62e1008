import pytest
import torch

from fivefold.linalg import BlockDiagonal, Dense, Diagonal, Identity, Kronecker, LinearOperator, eigh

G = torch.Generator().manual_seed(9)


def symmetric(n):
    M = 1 + torch.randn(n, n, generator=G, dtype=torch.float64)
    return Dense(M + M.mT, symmetric=True)


@pytest.mark.parametrize("which", ["largest", "smallest"])
@pytest.mark.parametrize(
    ("operator", "name"),
    [
        (Kronecker(symmetric(3), symmetric(4), Identity(2)), "kronecker"),
        (BlockDiagonal(symmetric(6), Diagonal([2.0, -50.0, 3.0]), symmetric(5)), "blocks"),
    ],
)
def test_agrees_with_dense(operator, name, which):
    n = operator.shape[0]
    dense = torch.linalg.eigvalsh(operator.to_dense())
    dense = dense.flip(0) if which == "largest" else dense
    for k in (1, 5, n):
        found = eigh(operator, k, which=which)
        assert found.method == name
        assert torch.allclose(found.values, dense[:k], rtol=1e-11, atol=1e-11)
        assert [c.verdict for c in found.certificates][:3] == ["yes", "yes", "yes"]
        assert torch.allclose(operator @ found.vectors, found.vectors * found.values, atol=1e-10)


def test_a_million_dimensions_through_the_factors():
    factors = [symmetric(100) for _ in range(3)]
    found = eigh(Kronecker(*factors), 4)
    assert found.certificates[0].holds
    assert found.certificates[2].holds
    assert float(found.residual_norms.max() / found.values[0]) < 1e-12


class Opaque(LinearOperator):
    def __init__(self, n):
        super().__init__((n, n), symmetric=True)

    def _matmat(self, X):
        return torch.arange(1.0, X.shape[-2] + 1).double()[:, None] * X

    def _adjoint(self):
        return self


def test_parts_too_large_are_left_to_lanczos():
    assert eigh(Kronecker(Opaque(3001), Identity(1)), 1, tolerance=1e-6).method == "lanczos"
    assert eigh(BlockDiagonal(Opaque(3001)), 1, tolerance=1e-6).method == "lanczos"
