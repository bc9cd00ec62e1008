"""What is played again draws from generators of the script's: they are put back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def unchanged_draws() -> Iterator[None]:
    """Leave the generators of Python, NumPy and torch (the processor's) as they were found.

    >>> random.seed(0)
    >>> first = random.random()
    >>> random.seed(0)
    >>> with unchanged_draws():
    ...     _ = random.random(), np.random.rand(), torch.rand(1)
    >>> random.random() == first
    True
    """
    found = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(found[0])
        np.random.set_state(found[1])
        torch.set_rng_state(found[2])
