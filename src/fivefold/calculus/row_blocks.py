"""Curvature of a sum over rows in its outputs: one small symmetric block per row."""

from typing import Literal

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg import LinearOperator


class RowBlocks(LinearOperator):
    r"""A block-diagonal matrix with one block per row of the data.

    .. math:: C = \operatorname{diag}(C_1, \dots, C_n), \qquad
              C_i = \tfrac1S \sum_{s=1}^S g_{is} g_{is}^\top \text{ for factors}

    Args:
        blocks: ``[n]`` for one output a row, ``[n, K, K]`` for K; factors g are ``[n, K, S]``.
        kind: ``"blocks"`` or ``"factors"``.
        scale: A number that multiplies all blocks.
        positive: The maker's claim that no block has a negative eigenvalue; true for factors.

    Raises:
        ArgumentError: Blocks of another shape.

    >>> RowBlocks(torch.tensor([[[1.0, 2.0], [2.0, 5.0]]])).to_dense()
    tensor([[1., 2.],
            [2., 5.]])
    """

    def __init__(
        self,
        blocks: Tensor,
        kind: Literal["blocks", "factors"] = "blocks",
        *,
        scale: float = 1.0,
        positive: bool = False,
    ) -> None:
        square = blocks.ndim == 1 or (blocks.ndim == 3 and blocks.shape[1] == blocks.shape[2])
        fits = square if kind == "blocks" else blocks.ndim == 3
        wanted = "[n] or [n, K, K]" if kind == "blocks" else "[n, K, S]"
        require(fits and blocks.numel() > 0, f"{kind} of shape {wanted}", tuple(blocks.shape))
        self._rows = blocks.shape[0]
        self._outputs = 1 if blocks.ndim == 1 else blocks.shape[1]
        self._factors = kind == "factors"
        self._blocks = blocks.reshape(self._rows, self._outputs, -1)
        self._scale = scale / self._blocks.shape[2] if self._factors else scale
        m = self._rows * self._outputs
        super().__init__(
            (m, m),
            dtype=blocks.dtype,
            device=blocks.device,
            symmetric=True,
            positive=positive or self._factors,
        )

    def _matmat(self, X: Tensor) -> Tensor:
        rows = X.reshape(*X.shape[:-2], self._rows, self._outputs, X.shape[-1])
        if self._factors:
            rows = self._blocks.mT @ rows
        out = torch.matmul(self._blocks, rows) if self._outputs > 1 or self._factors else self._blocks * rows
        return self._scale * out.reshape(X.shape)

    def _adjoint(self) -> "RowBlocks":
        return self
