"""Weighted Gram matrices for many sets of weights at once."""

import numpy as np
import torch
from torch import Tensor

from fivefold.linalg.blas_threads import one_blas_thread
from fivefold.linalg.few_vectors import numpy_reads, self_product
from fivefold.linalg.side_by_side import WIDE, side_by_side

CHUNK = 1 << 18
"""Numbers that one block of rows holds: 2 MiB in float64, so that it stays in the processor's cache."""

SMALL = 1 << 15
"""Numbers up to which one product of all rows costs less than the calls of anything cleverer."""

MANY = 16
"""Sets of weights from which the row-wise products of columns pay for themselves."""

NARROW = 64
"""Columns up to which they do."""


def weighted_gram(X: Tensor, d: Tensor) -> Tensor:
    r"""Return :math:`X^\top \operatorname{diag}(d)\, X` for every set of weights.

    For few sets this is one product per set and block of rows, :math:`Z^\top Z` with
    :math:`Z = \operatorname{diag}(d)^{1/2} X` where no weight is negative. For B >= 16 sets and p <= 64
    columns it is

    .. math:: G_{b, (jk)} = \sum_i d_{bi}\, (x_{ij} x_{ik})

    one matrix product of the weights with the row-wise products of columns, which all sets share; measured
    on one core with 20,000 rows it is 3 to 5 times as fast for p = 5 to 20, and slower for p = 200.

    Args:
        X: ``[n, p]``.
        d: ``[..., n]``, any sign; blocks of X are converted to its dtype.

    Returns:
        ``[..., p, p]``, exactly symmetric.

    >>> import torch
    >>> weighted_gram(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 10.0]))
    tensor([[ 91., 122.],
            [122., 164.]])
    """
    p = X.shape[1]
    flat = d.reshape(-1, d.shape[-1])
    grams = _shared(X, flat) if flat.shape[0] >= MANY and p <= NARROW else _one_by_one(X, flat)
    return grams.reshape(*d.shape[:-1], p, p)


def _one_by_one(X: Tensor, d: Tensor) -> Tensor:
    if (
        d.shape[0] * X.numel() <= SMALL or d.requires_grad or X.requires_grad
    ):  # sums in place have no derivative
        rows = X.to(d.dtype)
        return _even((rows * d[..., None]).mT @ rows)
    grams = d.new_zeros(d.shape[0], X.shape[1], X.shape[1])
    step = max(1, CHUNK // X.shape[1])
    roots = d.sqrt() if not bool((d < 0).any()) else None  # of NaN too, which is left to the product
    if roots is not None and X.shape[1] <= WIDE and numpy_reads(X) and numpy_reads(d):
        return torch.stack([_side_by_side(X, root, step) for root in roots])
    for start in range(0, X.shape[0], step):
        rows = X[start : start + step].to(d.dtype)
        for place, gram in enumerate(grams):
            if roots is not None:
                add_gram(gram, rows * roots[place, start : start + step, None])
            else:
                gram.addmm_((rows * d[place, start : start + step, None]).mT, rows)
    return _even(grams) if roots is None else from_triangle(grams)


def _side_by_side(X: Tensor, root: Tensor, step: int) -> Tensor:
    """One Gram matrix, its blocks of rows on as many threads as torch has."""
    rows, factors = X.numpy(), root.numpy()[:, None]

    def product(start: int) -> np.ndarray:
        part = slice(start, start + step)
        with np.errstate(all="ignore"):
            return self_product(np.multiply(rows[part], factors[part], dtype=factors.dtype))

    gram = np.zeros((X.shape[1], X.shape[1]), factors.dtype)
    with np.errstate(all="ignore"):
        for share in side_by_side(product, range(0, X.shape[0], step)):
            gram += share
    return torch.from_numpy(gram)


def add_gram(gram: Tensor, Z: Tensor, alpha: float = 1.0) -> None:
    r"""Add :math:`\alpha Z^\top Z` to the lower triangle of a matrix, at half the cost of a product.

    In main memory that is BLAS's symmetric product (``syrk``) on one thread, which leaves the other triangle
    alone; elsewhere, and where torch has more threads than two, the whole product is added. (Its threads and
    OpenBLAS's wait for each other by spinning: on two cores a product with both took five times as long.)

    Args:
        gram: ``[p, p]``, contiguous, written to.
        Z: ``[m, p]`` of its dtype.
        alpha: What the product is multiplied by.

    >>> G = torch.zeros(2, 2)
    >>> add_gram(G, torch.tensor([[1.0, 2.0]]))
    >>> G.tril().tolist()
    [[1.0, 0.0], [2.0, 4.0]]
    """
    if not (numpy_reads(gram) and numpy_reads(Z)) or torch.get_num_threads() > 2:
        gram.addmm_(Z.mT, Z, alpha=alpha)
        return
    from scipy.linalg.blas import dsyrk, ssyrk

    syrk = dsyrk if gram.dtype == torch.float64 else ssyrk
    # BLAS counts by columns: to it the transpose of a matrix in rows is the matrix itself
    by_rows = Z.is_contiguous()
    operand = Z.mT.numpy() if by_rows else Z.numpy()
    with one_blas_thread():
        syrk(alpha, operand, beta=1.0, c=gram.mT.numpy(), trans=not by_rows, lower=0, overwrite_c=1)


def from_triangle(grams: Tensor) -> Tensor:
    """Return the symmetric matrices ``[..., p, p]`` of which the lower triangles are given.

    >>> from_triangle(torch.tensor([[1.0, 7.0], [2.0, 3.0]])).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    return grams.tril() + grams.tril(-1).mT


def _shared(X: Tensor, d: Tensor) -> Tensor:
    p = X.shape[1]
    grams = d.new_zeros(d.shape[0], p * p)
    step = max(1, CHUNK // (p * p))
    for start in range(0, X.shape[0], step):
        rows = X[start : start + step].to(d.dtype)
        grams.addmm_(d[:, start : start + step], (rows[:, :, None] * rows[:, None, :]).flatten(1))
    return _even(grams.reshape(-1, p, p))


def _even(grams: Tensor) -> Tensor:
    """Symmetric matrices of ones whose triangles are rounded differently: solvers may read either."""
    return 0.5 * (grams + grams.mT)
