"""Operators on the diagonal, zeros elsewhere."""

from functools import reduce

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.arrays import Array
from fivefold.linalg.dense import as_operator
from fivefold.linalg.memory import require_memory
from fivefold.linalg.operator import LinearOperator


class BlockDiagonal(LinearOperator):
    r"""The operator :math:`A = \operatorname{diag}(A_1, \dots, A_r)`.

    Symmetric where every block is, positive where every block is. :func:`fivefold.linalg.solve` and
    :func:`fivefold.linalg.eigh` work block by block.

    Args:
        blocks: Matrices or operators ``[m_i, n_i]``, without batch dimensions.

    Raises:
        ArgumentError: No blocks, or a batch of them.

    >>> BlockDiagonal([[1.0, 2.0]], [[3.0]]).to_dense().tolist()
    [[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]]
    """

    def __init__(self, *blocks: Array | LinearOperator) -> None:
        require(len(blocks) > 0, "at least one block", "none")
        parts = tuple(as_operator(block, "a block") for block in blocks)
        for part in parts:
            require(not part.batch, "blocks without batch dimensions", part.shape, "loop over the batch")
        super().__init__(
            (sum(part.shape[0] for part in parts), sum(part.shape[1] for part in parts)),
            dtype=reduce(torch.promote_types, (part.dtype for part in parts)),
            device=parts[0].device,
            # Blocks of other than square shapes can sum to a square, and then none is symmetric.
            symmetric=all(part.symmetric for part in parts),
            positive=all(part.positive for part in parts),
        )
        self.blocks = parts

    def _matmat(self, X: Tensor) -> Tensor:
        columns = torch.split(X, [block.shape[1] for block in self.blocks], dim=-2)
        rows = [block.apply(x).to(self.dtype) for block, x in zip(self.blocks, columns, strict=True)]
        return torch.cat(rows, dim=-2)

    def _adjoint(self) -> "BlockDiagonal":
        return BlockDiagonal(*(block.adjoint() for block in self.blocks))

    def to_dense(self) -> Tensor:
        """Return the matrix; refused where it does not fit in the free memory."""
        size = self.shape[0] * self.shape[1] * self.dtype.itemsize
        require_memory(size, "a dense block diagonal matrix", "work with its products", self.device)
        matrix: Tensor = torch.block_diag(  # type: ignore[no-untyped-call]
            *(block.to_dense().to(self.dtype) for block in self.blocks)
        )
        return matrix

    def slogdet(self) -> tuple[Tensor, Tensor]:
        r"""Return the sign and :math:`\log |\det A| = \sum_i \log |\det A_i|` for square blocks.

        Raises:
            ArgumentError: A block is not square.
        """
        for block in self.blocks:
            require(block.shape[0] == block.shape[1], "square blocks", f"shape {block.shape}")
        found = [torch.linalg.slogdet(block.to_dense().double()) for block in self.blocks]
        sign = torch.stack([sign for sign, _ in found]).prod()
        size = torch.stack([size for _, size in found]).sum()
        return sign.to(self.dtype), size.to(self.dtype)
