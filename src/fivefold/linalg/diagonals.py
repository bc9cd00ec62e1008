"""The diagonal matrix and the identity, by their products."""

import math

import torch
from torch import Tensor

from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.memory import require_memory
from fivefold.linalg.operator import LinearOperator


class Diagonal(LinearOperator):
    r"""The matrix :math:`\operatorname{diag}(d)`: row i of ``X`` is multiplied by :math:`d_i`.

    Args:
        entries: ``[..., n]``, real and finite.

    Raises:
        ArgumentError: Empty or not finite.

    >>> Diagonal([1.0, -2.0]) @ torch.tensor([3.0, 4.0], dtype=torch.float64)
    tensor([ 3., -8.], dtype=torch.float64)
    """

    def __init__(self, entries: Array) -> None:
        d = to_tensor(entries, "the diagonal")
        super().__init__(
            (*d.shape, d.shape[-1]),
            dtype=d.dtype,
            device=d.device,
            symmetric=True,
            positive=bool((d >= 0).all()),
        )
        self.entries = d

    def _matmat(self, X: Tensor) -> Tensor:
        return self.entries[..., None] * X

    def _adjoint(self) -> "Diagonal":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix with the entries on its diagonal.

        Raises:
            ArgumentError: It does not fit in the free memory.
        """
        size = math.prod(self.shape) * self.dtype.itemsize
        require_memory(size, "a dense diagonal matrix", "work with the entries", self.device)
        return torch.diag_embed(self.entries)


class Identity(LinearOperator):
    """The identity of size n.

    Args:
        n: Its size, at least 1.
        dtype: float32 or float64.
        device: Where its products live.

    >>> Identity(2).to_dense()
    tensor([[1., 0.],
            [0., 1.]], dtype=torch.float64)
    """

    def __init__(
        self, n: int, *, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__((n, n), dtype=dtype, device=device, positive=True)

    def _matmat(self, X: Tensor) -> Tensor:
        return X

    def _adjoint(self) -> "Identity":
        return self
