"""The states of the global generators as plain data, and a stream beside them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def read_random_states(device: torch.device) -> dict[str, Any]:
    """The global generators of torch (the processor's and the device's) and NumPy.

    Args:
        device: Where the module lies; dropout draws from its generator.

    >>> sorted(read_random_states(torch.device("cpu")))
    ['numpy', 'torch']
    """
    states: dict[str, Any] = {"torch": torch.get_rng_state(), "numpy": np.random.get_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states: dict[str, Any], device: torch.device) -> None:
    """Put the global generators where they were read.

    >>> states = read_random_states(torch.device("cpu"))
    >>> first = torch.rand(2)
    >>> set_random_states(states, torch.device("cpu"))
    >>> bool((torch.rand(2) == first).all())
    True
    """
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


class SideStream:
    """A random stream for code that draws from the processor's global generators, kept apart from the rest.

    Reading data draws numbers (orders, transformations). In a stream of its own, what is drawn there does not
    depend on how many numbers the training took in between, so that batches can be skipped.

    >>> stream = SideStream(3)
    >>> with stream.drawing(): first = torch.rand(1)
    >>> with SideStream(3).drawing(): bool((torch.rand(1) == first).all())
    True
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).getstate()
        self._numpy = np.random.RandomState(seed % 2**32).get_state()
        self._torch = torch.Generator().manual_seed(seed).get_state()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Let the global generators of Python, NumPy and torch run in this stream inside the block."""
        outer = random.getstate(), np.random.get_state(), torch.get_rng_state()
        random.setstate(self._random)
        np.random.set_state(self._numpy)
        torch.set_rng_state(self._torch)
        try:
            yield
        finally:
            self._random, self._numpy = random.getstate(), np.random.get_state()
            self._torch = torch.get_rng_state()
            random.setstate(outer[0])
            np.random.set_state(outer[1])
            torch.set_rng_state(outer[2])
