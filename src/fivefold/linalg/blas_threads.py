"""Threads of NumPy's and SciPy's BLAS beside torch's."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch


def few_blas_threads() -> AbstractContextManager[Any]:
    """Return a context in which OpenBLAS has one thread where torch has one or two; as many as torch beyond.

    Threads of the two libraries wait for each other by spinning: on two cores, products in blocks with both
    took three to five times as long as on one thread.

    >>> with few_blas_threads():
    ...     pass
    """
    threads = torch.get_num_threads()
    return _limited(threads if threads > 2 else 1)


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which OpenBLAS has one thread: for calls that come from threads of our own.

    >>> with one_blas_thread():
    ...     pass
    """
    return _limited(1)


def _limited(threads: int) -> AbstractContextManager[Any]:
    made: AbstractContextManager[Any] = _openblas().limit(limits=threads)
    return made


@cache
def _openblas() -> Any:
    import scipy.linalg.blas  # noqa: F401  (a library has to be loaded to be found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")
