"""Products that NumPy makes faster than torch: with few vectors, and of a matrix with itself."""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

FEW = 32
"""Vectors up to which, from two on, the product goes to NumPy."""
LARGE = 1 << 15
"""Numbers of the matrix from which it does: below, a call costs more than it saves."""
KNOWN = (torch.float32, torch.float64)
"""Types of numbers that both BLAS know."""


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
    few = 1 < min(A.shape[0], B.shape[1]) <= FEW and max(A.numel(), B.numel()) >= LARGE
    if not (few and numpy_reads(A) and numpy_reads(B)):
        return A @ B
    with np.errstate(all="ignore"):  # infinite entries are the caller's to judge, as they are in torch
        return torch.from_numpy(A.numpy() @ B.numpy())


def self_product(Z: np.ndarray) -> np.ndarray:
    r"""Return :math:`Z^\top Z`: NumPy sees that both factors are one matrix and makes half of a product.

    Overflows show in the trace, and not as warnings.

    >>> self_product(np.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    with np.errstate(all="ignore"):
        out: np.ndarray = Z.T @ Z
    return out


def numpy_reads(t: Tensor) -> bool:
    """Whether NumPy may read a matrix where it lies, and nothing is lost: no derivative, no map over a batch.

    >>> numpy_reads(torch.ones(2, 2)), numpy_reads(torch.ones(2, 2, requires_grad=True))
    (True, False)
    """
    if t.device.type != "cpu" or t.dtype not in KNOWN or t.requires_grad or t.is_neg():
        return False
    if t.ndim == 2 and 1 not in t.stride():  # no BLAS reads it
        return False
    try:
        t.data_ptr()
    except RuntimeError:  # torch.func's wrappers have no memory of their own
        return False
    dual = unpack_dual(t)  # type: ignore[no-untyped-call]
    return dual.tangent is None
