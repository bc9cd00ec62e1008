"""Blocks of work on as many threads as torch has, each with BLAS of one thread."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from fivefold.linalg.blas_threads import one_blas_thread

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield ``work(item)`` in the order of the items, with one result more than there are threads held.

    For work in NumPy and SciPy, which let other threads run. Products of blocks are made whole by one thread
    each: threads that share a product wait for each other, and OpenBLAS's and torch's, which spin, keep each
    other from the cores. The bits do not depend on the number of threads.

    >>> list(side_by_side(lambda i: i * i, [1, 2, 3]))
    [1, 4, 9]
    """
    threads = torch.get_num_threads()
    with one_blas_thread():
        if threads == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[Result]] = deque()
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
