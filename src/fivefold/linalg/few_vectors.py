"""Products of a matrix with few vectors."""

import torch
from torch import Tensor

FEW = 32
"""Vectors up to which, from two on, the product goes to NumPy."""
LARGE = 1 << 15
"""Numbers of the matrix from which it does: below, a call costs more than it saves."""
_KNOWN = (torch.float32, torch.float64)


def times_few(A: Tensor, B: Tensor) -> Tensor:
    r"""Return :math:`A B`, one of them a large matrix and the other few vectors.

    In main memory by NumPy's BLAS (OpenBLAS). On AMD's processors torch's (MKL) takes longer: with 20,000 x
    5,000 numbers in float32 on two cores, 112 ms where NumPy takes 47 for :math:`A V` with 6 vectors, 364
    and 56 for :math:`A^\top U`. A single vector stays with torch: its product is no slower on one core, and
    on two, threads of OpenBLAS and of torch, which wait by spinning, would take turns with each step.

    Args:
        A: ``[m, n]``.
        B: ``[n, k]``, of its dtype and on its device.

    >>> times_few(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    suits = (
        max(A.numel(), B.numel()) >= LARGE
        and 1 < min(A.shape[0], B.shape[1]) <= FEW
        and A.device.type == "cpu"
        and A.dtype in _KNOWN
        and not (A.requires_grad or B.requires_grad)
    )
    return torch.from_numpy(A.numpy() @ B.numpy()) if suits else A @ B
