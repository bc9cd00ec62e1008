"""Threads of NumPy's and SciPy's BLAS beside torch's."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

_LOCK = Lock()
_held: list[Any] = []
"""The limit, once for each context that is open."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let OpenBLAS have one thread inside, and what it had before once the last such context ends.

    Its threads and torch's wait for each other by spinning: on two cores, products in blocks with both took
    three to five times as long as on one thread. The number is the process's: contexts may overlap.

    >>> with one_blas_thread():
    ...     pass
    """
    with _LOCK:
        _held.append(_held[0] if _held else _openblas().limit(limits=1))
    try:
        yield
    finally:
        with _LOCK:
            limit = _held.pop()
            if not _held:
                limit.restore_original_limits()


@cache
def _openblas() -> Any:
    import scipy.linalg.blas  # noqa: F401  (a library has to be loaded to be found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")
