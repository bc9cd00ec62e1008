import pytest
import torch

from fivefold.linalg.few_vectors import FEW, LARGE, numpy_reads, self_product, times_few

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


def test_numpy_makes_the_product_where_it_may(monkeypatch):
    def refused(self, other):
        raise AssertionError("torch was asked")

    monkeypatch.setattr(torch.Tensor, "__matmul__", refused)
    times_few(M, M[:3].mT)
    for case in (M[:1].mT, M[: FEW + 1].mT):  # a single vector, many
        with pytest.raises(AssertionError):
            times_few(M, case)
    with pytest.raises(AssertionError):
        times_few(M.repeat(1, 2)[:, ::2], M[:3].mT)  # no stride of one


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_maps_derivatives_and_negations_are_kept():
    V = M[:3].mT
    mapped = torch.func.vmap(lambda X: times_few(M, X))(torch.stack([V, 2 * V]))
    assert torch.allclose(mapped, torch.stack([M @ V, 2 * M @ V]))
    _, tangent = torch.func.jvp(lambda X: times_few(M, X), (V,), (2 * V,))
    assert torch.allclose(tangent, 2 * M @ V)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(V, 2 * V)
        out = torch.autograd.forward_ad.unpack_dual(times_few(M, dual)).tangent
    assert torch.allclose(out, 2 * M @ V)
    negated = torch.complex(V, V).conj().imag
    assert negated.is_neg()
    assert not numpy_reads(negated)
    assert torch.allclose(times_few(M, negated), -M @ V)


def test_infinite_numbers_raise_no_warning(recwarn):
    V = M[:3].mT.clone()
    V[0, 0], V[1, 0] = torch.inf, -torch.inf
    assert bool(times_few(M, V)[:, 0].isnan().any())
    assert not torch.from_numpy(self_product(V.numpy())).isfinite().all()
    assert not recwarn.list
