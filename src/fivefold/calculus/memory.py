"""Count the bytes that a computation holds, operation by operation."""

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map


class PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Count the bytes of the tensors that were made inside the block and are still held.

    Storages are counted once, whatever the number of their views; what existed before the block is not
    counted. Inside ``torch.func`` transforms the tensors below them are seen, saved ones included. The
    scratch memory inside one operation is not seen.

    >>> with PeakMemory() as memory:
    ...     x = (torch.zeros(1000) + 1).sum()
    >>> memory.peak, memory.live
    (8000, 4)
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and count what it made."""
        # Forward mode's symbolic zeros crash torch 2.13 inside a dispatch mode (seen with mul by a number).
        args, kwargs = tree_map(_plain, (args, kwargs or {}))
        for leaf in tree_leaves((args, kwargs)):
            self._see(leaf, counted=False)
        out = func(*args, **kwargs)
        for leaf in tree_leaves(out):
            self._see(leaf, counted=True)
        return out

    def _see(self, leaf: Any, *, counted: bool) -> None:
        if not isinstance(leaf, Tensor) or leaf.layout is not torch.strided:
            return
        storage = leaf.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes() if counted else 0
        self.live += size
        self.peak = max(self.peak, self.live)
        # A freed storage's number can come again for a new one.
        weakref.finalize(storage, self._forget, key, size).atexit = False

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def _plain(leaf: Any) -> Any:
    if isinstance(leaf, Tensor) and leaf._is_zerotensor():
        return torch.zeros(leaf.shape, dtype=leaf.dtype, device=leaf.device)
    return leaf
