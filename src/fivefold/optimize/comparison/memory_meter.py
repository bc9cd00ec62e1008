"""How much memory a piece of code holds beyond what was there: torch's tensors and Python's objects."""

import tracemalloc
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class MemoryMeter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Measures the largest number of bytes held at once, and calls back where it passes a limit.

    Every storage that a torch operation makes counts from then until nothing refers to it; what an operation
    needs only while it runs is not seen. Python's and NumPy's memory counts through ``tracemalloc``. Both
    slow the code down severalfold, so that no seconds are compared under it.

    Args:
        limit: Bytes; ``None`` only measures.
        on_limit: Called once more is held; may raise.

    >>> import torch
    >>> with MemoryMeter() as meter:
    ...     for _ in range(3):
    ...         x = torch.zeros(1000, dtype=torch.float64)
    >>> 8000 <= meter.tensor_peak <= 16000
    True
    """

    def __init__(self, limit: int | None = None, on_limit: Callable[[], None] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tensor_peak = 0
        self.python_peak = 0
        self._limit, self._on_limit = limit, on_limit
        self._held = 0
        self._known: dict[int, Any] = {}
        self._owner = False

    @property
    def peak(self) -> int:
        """Bytes at most, of tensors and Python's objects together."""
        return self.tensor_peak + self.python_peak

    def __enter__(self) -> "MemoryMeter":
        self._owner = not tracemalloc.is_tracing()
        if self._owner:
            tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._read_python()
        if self._owner:
            tracemalloc.stop()
        self._known.clear()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation, and count the storages that it made."""
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, Tensor):
                self._note(leaf, counts=False)
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._note(leaf, counts=True)
        self.tensor_peak = max(self.tensor_peak, self._held)
        self._check()
        return out

    def _note(self, tensor: Tensor, *, counts: bool) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes() if counts else 0

        def drop(_: object) -> None:
            if self._known.pop(key, None) is not None:
                self._held -= size

        self._known[key] = weakref.ref(storage, drop)
        self._held += size

    def _read_python(self) -> None:
        self.python_peak = max(0, tracemalloc.get_traced_memory()[1] - self._before)

    def _check(self) -> None:
        if self._limit is None or self._on_limit is None:
            return
        self._read_python()
        if self.peak > self._limit:
            self._on_limit()
