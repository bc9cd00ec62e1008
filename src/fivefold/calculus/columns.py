"""Products with a batch of matrices, by one function of a single matrix."""

from collections.abc import Callable

from torch import Tensor


def over_columns(product: Callable[[Tensor], Tensor], X: Tensor) -> Tensor:
    """Apply a function of ``[n, k]`` to ``[..., n, k]``, all columns side by side.

    Args:
        product: Maps ``[n, k]`` to ``[m, k]``, each column on its own, for any k.
        X: ``[..., n, k]``.

    Returns:
        ``[..., m, k]``.

    >>> import torch
    >>> over_columns(lambda X: 2 * X, torch.ones(3, 2, 4)).shape
    torch.Size([3, 2, 4])
    """
    # The cast is for torch: forward mode through a zero-dimensional float32 can come out in float64.
    if X.ndim == 2:
        return product(X).to(X.dtype)
    columns = product(X.movedim(-2, 0).reshape(X.shape[-2], -1)).to(X.dtype)
    return columns.reshape(columns.shape[0], *X.shape[:-2], X.shape[-1]).movedim(0, -2)
