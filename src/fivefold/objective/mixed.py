r"""Products of rows in one dtype with vectors in another, without a copy of the rows."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fivefold.linalg.few_vectors import times_few

BLOCK = 1 << 15
"""Numbers that are converted at a time: 256 KiB in float64, which stay in the processor's cache."""


def pieces(X: Tensor, dtype: torch.dtype) -> Iterator[Tensor]:
    r"""Yield the rows of ``X [n, p]`` in ``dtype``: all at once where they are in it, in blocks otherwise.

    Float32 numbers are float64 numbers, so that the conversion is exact, and products in float64 are those
    of the data as they are: :math:`|\delta\eta_i| \le p\, u\, |x_i|^\top |w|` with :math:`u = 2^{-53}`.
    Products in float32 whose blocks are added in float64 are off by :math:`(p + 1)\, 2^{-24} |x_i|^\top |w|`
    in a predictor, and :math:`m\, 2^{-24} |X|^\top |g|` in a gradient, with m rows to a block. Where the
    means of columns lie far from zero that is far more than the gradient at its root, in which
    :math:`X^\top g` cancels. Blocks in the cache make the exact way cost little more than the other.

    >>> [piece.dtype for piece in pieces(torch.ones(3, 2), torch.float64)]
    [torch.float64]
    """
    if X.dtype == dtype:
        yield X
        return
    step = max(1, BLOCK // X.shape[1])
    for start in range(0, X.shape[0], step):
        yield X[start : start + step].to(dtype)


def times_rows(w: Tensor, X: Tensor) -> Tensor:
    r"""Return :math:`w X^\top` in the dtype of ``w``: ``[..., p]`` and ``[n, p]`` to ``[..., n]``.

    >>> times_rows(torch.ones(2, dtype=torch.float64), torch.tensor([[1.0, 2.0]]))
    tensor([3.], dtype=torch.float64)
    """
    if X.dtype == w.dtype:
        return w @ X.mT
    return torch.cat([w @ rows.mT for rows in pieces(X, w.dtype)], dim=-1)


def times_columns(g: Tensor, X: Tensor) -> Tensor:
    r"""Return :math:`g X` in the dtype of ``g``: ``[..., n]`` and ``[n, p]`` to ``[..., p]``.

    >>> times_columns(torch.tensor([1.0, 10.0], dtype=torch.float64), torch.tensor([[1.0], [2.0]]))
    tensor([21.], dtype=torch.float64)
    """
    if X.dtype == g.dtype:
        return times_few(g.reshape(-1, g.shape[-1]), X).reshape(*g.shape[:-1], -1) if g.ndim > 1 else g @ X
    out = g.new_zeros(*g.shape[:-1], X.shape[1])
    start = 0
    for rows in pieces(X, g.dtype):
        out += g[..., start : start + rows.shape[0]] @ rows
        start += rows.shape[0]
    return out
