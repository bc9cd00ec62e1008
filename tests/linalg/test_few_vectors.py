import pytest
import torch

from fivefold.linalg.few_vectors import FEW, LARGE, times_few

M = torch.randn(LARGE // 64, 70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 5, FEW, FEW + 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_of_either_side_are_those_of_torch(k, dtype):
    A = M.to(dtype)
    V, U = A[:k].mT.contiguous(), A[:, :k]
    unit = torch.finfo(dtype).eps
    size = A.abs()
    for got, exact, bound in (
        (times_few(A, V), A @ V, size @ V.abs()),
        (times_few(U.mT, A), U.mT @ A, U.abs().mT @ size),
        (times_few(A.mT, U), A.mT @ U, size.mT @ U.abs()),
    ):
        assert got.dtype == dtype
        assert got.shape == exact.shape
        assert bool(((got - exact).abs() <= 2 * len(A) * unit * bound).all())


def test_gradients_and_other_numbers_go_through_torch():
    V = torch.ones(70, 2, dtype=torch.float64, requires_grad=True)
    times_few(M, V).sum().backward()
    assert torch.allclose(V.grad, M.sum(0)[:, None].expand(-1, 2))
    assert times_few(M.bfloat16(), torch.ones(70, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert times_few(torch.ones(2, 2), torch.ones(2, 1)).tolist() == [[2.0], [2.0]]
