"""Arrays in, arrays out: the one place where NumPy arrays become tensors and go back."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from fivefold.core import require

Array: TypeAlias = Any
"""A tensor where tensors came, a NumPy array where anything else (NumPy, lists, frames) came."""


def to_tensor(x: Array, name: str, *, dims: tuple[int, ...] | None = None, finite: bool = True) -> Tensor:
    """Return ``x`` as a float32 or float64 tensor.

    float32 and float64 stay, half precision becomes float32, integers and booleans become float64.

    Args:
        x: A tensor, a NumPy array, or what ``numpy.asarray`` accepts; at least one-dimensional.
        name: What to call it in a message.
        dims: The numbers of dimensions that are allowed; any positive number by default.
        finite: Whether NaN and infinities are refused.

    Returns:
        The tensor; it shares memory with ``x`` where no conversion was needed.

    Raises:
        ArgumentError: Not numeric, complex, empty, of the wrong number of dimensions, or not finite.

    >>> to_tensor([1, 2], "b").dtype
    torch.float64
    """
    tensor = x if isinstance(x, Tensor) else _from_numpy(x, name)
    require(
        not tensor.is_complex(), f"{name} with real numbers", tensor.dtype, "split real and imaginary parts"
    )
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    elif tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.to(torch.float32)
    allowed = tensor.ndim >= 1 if dims is None else tensor.ndim in dims
    wanted = "at least 1" if dims is None else " or ".join(map(str, dims))
    require(allowed, f"{name} with {wanted} dimension(s)", f"shape {tuple(tensor.shape)}", "reshape it")
    require(tensor.numel() > 0, f"a nonempty {name}", f"shape {tuple(tensor.shape)}")
    if finite:
        require_finite(tensor, name)
    return tensor


def _from_numpy(x: Array, name: str) -> Tensor:
    try:
        array = np.asarray(x)
    except ValueError as error:
        require(False, f"{name} as a rectangular array", error)
        raise
    kind = array.dtype.kind
    require(kind in "biufc", f"{name} with numbers", f"dtype {array.dtype}", "encode or convert it first")
    if kind in "biu" or (kind == "f" and array.dtype.itemsize > 8):
        array = array.astype(np.float64)
    # torch shares memory only with native, writable, non-negatively strided arrays. Columns stay as they lie.
    order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="), order=order)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def require_finite(tensor: Tensor, name: str) -> None:
    """Refuse NaN and infinities, counting them.

    >>> require_finite(torch.ones(2), "b")
    """
    # NaN and infinities survive a sum, which is thirty times as fast as a mask; an overflow falls through
    if bool(torch.isfinite(tensor.sum())):
        return
    bad = int((~torch.isfinite(tensor)).sum())
    require(bad == 0, f"finite numbers in {name}", f"{bad} NaN or infinite", "drop or impute them first")


def solved_by(solve: Callable[[Tensor], Tensor], size: int, b: Array, like: Tensor) -> Array:
    """Return ``solve(b)`` for b ``[n]`` or ``[..., n, k]``: solved in the dtype of ``like``, in b's kind.

    Raises:
        ArgumentError: The sizes do not fit.

    >>> solved_by(lambda B: 2 * B, 2, [1.0, 2.0], torch.ones(1).double()).tolist()
    [2.0, 4.0]
    """
    B = to_tensor(b, "b").to(like)
    vector = B.ndim == 1
    B = B[:, None] if vector else B
    require(B.shape[-2] == size, f"b with {size} rows", f"shape {tuple(B.shape)}")
    x = solve(B)
    return in_kind(x[..., 0] if vector else x, b)


def in_kind(tensor: Tensor, *like: Array) -> Array:
    """Return the tensor as it is where a tensor (or an operator alone) came, as NumPy otherwise.

    The last argument that is an array decides: ``in_kind(x, A, b)`` follows ``b``.

    >>> type(in_kind(torch.ones(2), np.ones(2))).__name__
    'ndarray'
    """
    return tensor.detach().cpu().numpy() if wants_numpy(*like) else tensor


def wants_numpy(*like: Array) -> bool:
    """Whether the last array among the arguments is something else than a tensor.

    >>> wants_numpy(torch.ones(2)), wants_numpy([1.0])
    (False, True)
    """
    from fivefold.linalg.operator import LinearOperator

    arrays = [x for x in like if not isinstance(x, LinearOperator)]
    return bool(arrays) and not isinstance(arrays[-1], Tensor)
