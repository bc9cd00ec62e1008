"""A nested state as JSON and arrays, and back, with the same bits."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import ArgumentError, ArtifactError

_PLAIN = {
    torch.float64, torch.float32, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
}  # fmt: skip
_OTHER = {
    str(dtype): dtype
    for dtype in (
        *_PLAIN,
        torch.bfloat16,
        torch.float16,
        torch.complex64,
        torch.complex128,
        torch.uint16,
        torch.uint32,
        torch.uint64,
    )
}


def flatten_state(value: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Take a nested state apart into what JSON can say and plain arrays.

    Numbers keep their bits, infinities and NaN included; tensors keep type, shape and the order of their axes
    in memory (channels-last, by columns), not their device.

    Args:
        value: Tensors, arrays, numbers, text, booleans, ``None``, in lists, tuples and dictionaries with text
            or integer keys.

    Returns:
        The tree and the arrays that it names.

    Raises:
        ArgumentError: Something else lies in it.

    >>> tree, arrays = flatten_state({"step": 3, "w": torch.ones(2), 0: math.inf})
    >>> back = restore_state(tree, arrays)
    >>> back["step"], back["w"], back[0]
    (3, tensor([1., 1.]), inf)
    """
    arrays: dict[str, np.ndarray] = {}
    return _pack(value, "the state", arrays), arrays


def _pack(value: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else {"float": str(number)}
    if isinstance(value, Tensor):
        return _pack_tensor(value.detach(), arrays)
    if isinstance(value, np.ndarray):
        return {"array": _pack_tensor(torch.from_numpy(np.ascontiguousarray(value)), arrays)}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(item, f"{where}[{i}]", arrays) for i, item in enumerate(value)]}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise ArgumentError(f"text or integer keys in {where}", repr(key)[:80], "rename it")
        return {"dict": [[key, _pack(item, f"{where}[{key!r}]", arrays)] for key, item in value.items()]}
    raise ArgumentError(
        f"tensors, numbers, text, lists and dictionaries at {where}",
        type(value).__name__,
        "offer a state that can be written without pickle",
    )


def _pack_tensor(value: Tensor, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    entry: dict[str, Any] = {"tensor": f"t{len(arrays)}", "dtype": str(value.dtype)}
    if not value.is_contiguous():
        # products read a matrix by columns in another order than by rows: the last bits depend on it
        strides = value.stride()
        order = sorted(range(value.ndim), key=lambda axis: -strides[axis])
        entry["order"] = order
        value = value.permute(order)
    value = value.cpu().contiguous()
    # the saved form takes finite numbers of the common types; all others travel as their bytes
    if value.dtype in _PLAIN and not (value.is_floating_point() and not bool(value.isfinite().all())):
        arrays[entry["tensor"]] = value.numpy()
    else:
        entry["shape"] = list(value.shape)
        arrays[entry["tensor"]] = value.reshape(-1).view(torch.uint8).numpy()
    return entry


def restore_state(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Put together what :func:`flatten_state` took apart; tensors come back on the CPU.

    Raises:
        ArtifactError: The tree does not fit the arrays.

    >>> restore_state(*flatten_state((1, [None])))
    (1, [None])
    """
    try:
        return _unpack(tree, arrays)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ArtifactError(
            "a state whose parts fit together", type(error).__name__, "the file is damaged; start anew"
        ) from error


def _unpack(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "float" in tree:
        return float(tree["float"])
    if "tensor" in tree:
        dtype = _OTHER[tree["dtype"]]
        value = torch.from_numpy(arrays[tree["tensor"]].copy())
        if "shape" in tree:
            value = value.view(dtype) if value.numel() else torch.empty(0, dtype=dtype)
            value = value.reshape(tree["shape"])
        order = tree.get("order")
        return value if order is None else value.permute([order.index(axis) for axis in range(len(order))])
    if "array" in tree:
        return _unpack(tree["array"], arrays).numpy()
    if "list" in tree:
        return [_unpack(item, arrays) for item in tree["list"]]
    if "tuple" in tree:
        return tuple(_unpack(item, arrays) for item in tree["tuple"])
    return {key: _unpack(item, arrays) for key, item in tree["dict"]}
