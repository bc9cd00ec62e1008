"""Weighted Gram matrices for many sets of weights at once."""

import torch
from torch import Tensor

CHUNK = 1 << 22
"""Numbers that one block of rows may hold: 32 MiB in float64."""


def weighted_gram(X: Tensor, d: Tensor) -> Tensor:
    r"""Return :math:`X^\top \operatorname{diag}(d)\, X` for every set of weights.

    For one set of weights this is one product per block of rows. For B sets it is

    .. math:: G_{b, (jk)} = \sum_i d_{bi}\, (x_{ij} x_{ik}), \qquad j \le k

    one matrix product with the row-wise products of columns, instead of B products.

    Args:
        X: ``[n, p]``.
        d: ``[..., n]``, any sign.

    Returns:
        ``[..., p, p]``, exactly symmetric.

    >>> weighted_gram(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 10.0]))
    tensor([[ 91., 122.],
            [122., 164.]])
    """
    p = X.shape[1]
    flat = d.reshape(-1, d.shape[-1])
    if flat.shape[0] == 1 or p * p > CHUNK:
        grams = torch.stack([_one(X, row) for row in flat])
        return grams.reshape(*d.shape[:-1], p, p)
    j, k = torch.triu_indices(p, p, device=X.device)
    packed = X.new_zeros(flat.shape[0], j.shape[0])
    step = max(1, CHUNK // j.shape[0])
    for start in range(0, X.shape[0], step):
        rows = X[start : start + step]
        packed += flat[:, start : start + step] @ (rows[:, j] * rows[:, k])
    grams = X.new_zeros(flat.shape[0], p, p)
    grams[:, j, k] = packed
    grams[:, k, j] = packed
    return grams.reshape(*d.shape[:-1], p, p)


def _one(X: Tensor, d: Tensor) -> Tensor:
    gram = X.new_zeros(X.shape[1], X.shape[1])
    step = max(1, CHUNK // X.shape[1])
    for start in range(0, X.shape[0], step):
        rows = X[start : start + step]
        gram += (rows * d[start : start + step, None]).mT @ rows
    # The two triangles are rounded differently; solvers may read either.
    return 0.5 * (gram + gram.mT)
