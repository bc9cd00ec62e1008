import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import BlockDiagonal, Diagonal, Identity

G = torch.Generator().manual_seed(4)
A, B = (2 + torch.randn(n, n, generator=G, dtype=torch.float64) for n in (3, 4))


def test_determinant_and_products_against_dense():
    blocks = BlockDiagonal(A, Diagonal([2.0, -3.0]), B)
    dense = torch.block_diag(A, torch.diag(torch.tensor([2.0, -3.0])), B)
    sign, size = blocks.slogdet()
    assert torch.equal(sign, torch.linalg.slogdet(dense)[0])
    assert torch.allclose(size, torch.linalg.slogdet(dense)[1])
    X = torch.randn(2, 9, 3, generator=G, dtype=torch.float64)
    assert torch.allclose(blocks @ X, dense @ X)


def test_a_square_of_blocks_that_are_not_square_is_not_symmetric():
    odd = BlockDiagonal(torch.ones(1, 2), torch.ones(2, 1))
    assert odd.shape == (3, 3)
    assert not odd.symmetric
    assert BlockDiagonal(Identity(2), Diagonal([-1.0])).symmetric


def test_size_is_said_before_memory_is_taken():
    with pytest.raises(ArgumentError, match="GiB of free memory"):
        BlockDiagonal(Identity(3_000_000), Identity(3_000_000)).to_dense()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (BlockDiagonal, "at least one block"),
        (lambda: BlockDiagonal(torch.ones(2, 3, 3)), "without batch"),
        (lambda: BlockDiagonal(torch.ones(2, 3), torch.ones(3, 2)).slogdet(), "square blocks"),
        (lambda: BlockDiagonal([[1j]]), "real numbers"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
