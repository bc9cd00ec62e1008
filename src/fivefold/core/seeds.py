"""Named child streams of one seed, for NumPy and torch."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from fivefold.core.errors import require

if TYPE_CHECKING:
    import torch


def as_seed(seed: SupportsIndex) -> int:
    """Return a user's seed as a Python integer; those of NumPy are taken too.

    Raises:
        ArgumentError: No whole number, or one below 0.

    >>> as_seed(np.int64(3))
    3
    """
    try:
        whole = index(seed)
    except TypeError:
        whole = -1
    require(whole >= 0, "a seed: a whole number of at least 0", repr(seed))
    return whole


def child_seed(seed: int, *names: str | int) -> int:
    """Derive a 63-bit seed from a seed and a path of names.

    The names are hashed (SHA-256 of the parts, each preceded by its length), so that adding a stream never
    changes another one.

    Args:
        seed: Any integer.
        names: The path of the stream, for example ``"fold", 3``.

    >>> child_seed(0, "fold", 1) == child_seed(0, "fold", 1)
    True
    >>> child_seed(0, "fold", 1) == child_seed(0, "fold", 2)
    False
    """
    digest = hashlib.sha256()
    for part in (seed, *names):
        text = str(part).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return int.from_bytes(digest.digest()[:8], "big") >> 1


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator of the named child stream.

    >>> float(numpy_generator(0, "doc").random()) == float(numpy_generator(0, "doc").random())
    True
    """
    return np.random.default_rng(child_seed(seed, *names))


def torch_generator(seed: int, *names: str | int, device: str = "cpu") -> "torch.Generator":
    """Torch generator of the named child stream.

    >>> import torch
    >>> bool(torch.rand((), generator=torch_generator(1)) == torch.rand((), generator=torch_generator(1)))
    True
    """
    import torch

    return torch.Generator(device=device).manual_seed(child_seed(seed, *names))


@contextmanager
def fork_global(seed: int, *names: str | int) -> Iterator[None]:
    """Seed the global generators of NumPy and torch inside the block and restore them afterwards.

    For foreign code that takes no generator.

    >>> import torch
    >>> before = torch.get_rng_state()
    >>> with fork_global(3): _ = torch.rand(2)
    >>> bool((torch.get_rng_state() == before).all())
    True
    """
    import torch

    child = child_seed(seed, *names)
    state = np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(child)
        np.random.seed(child % 2**32)
        try:
            yield
        finally:
            np.random.set_state(state)
