"""Blocks of work on as many threads as torch has, each with BLAS of one thread."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

import torch

from fivefold.linalg.blas_threads import one_blas_thread

Item = TypeVar("Item")
Result = TypeVar("Result")

WIDE = 1000
"""Columns up to which a product for each thread, and one more, is held without a look at the memory."""


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield ``work(item)`` in the order of the items, with one result more than there are threads held.

    For work in NumPy and SciPy, which let other threads run, on memory that is not filled again. Products of
    blocks are made whole by one thread each: threads that share a product wait for each other, and
    OpenBLAS's and torch's, which spin, keep each other from the cores. The bits of several blocks do not
    depend on the number of threads. Close it (``contextlib.closing``) where the loop may end early.

    >>> list(side_by_side(lambda i: i * i, [1, 2, 3]))
    [1, 4, 9]
    """
    threads = torch.get_num_threads()
    source = iter(items)
    first = list(islice(source, 2))
    if len(first) < 2:
        yield from map(work, first)
        return
    with one_blas_thread():
        if threads == 1:
            yield from map(work, chain(first, source))
            return
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[Result]] = deque()
            for item in chain(first, source):
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
