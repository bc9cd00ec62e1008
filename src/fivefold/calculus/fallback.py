"""Several ways to the same derivative: the first that the function supports is taken, and named."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Way(Generic[Result]):
    """One way to compute something.

    Args:
        mode: How the derivative is taken: ``"forward-over-reverse"``, ``"reverse"``, ...
        batching: How a batch is worked off: ``"vmap"`` or ``"loop"``.
        run: Maps a tensor to the result.
        release: Gives back what the way keeps between its runs, where it keeps something.
    """

    mode: str
    batching: str
    run: Callable[[Tensor], Result]
    release: Callable[[], None] | None = None


def first_that_works(ways: Sequence[Way[Result]], probe: Tensor) -> Way[Result]:
    """Return the first way that does not raise on ``probe``.

    Torch raises ``RuntimeError`` (``NotImplementedError`` is one) where an operation has no forward
    derivative, no batching rule or data-dependent control flow. What the last way raises is the
    function's own error and passes through.

    >>> import torch
    >>> def fails(x): raise NotImplementedError
    >>> first_that_works([Way("a", "vmap", fails), Way("b", "loop", torch.sum)], torch.ones(2)).mode
    'b'
    """
    *early, last = ways
    with quiet_loading():
        for way in early:
            try:
                way.run(probe)
            except (RuntimeError, ValueError):
                continue
            return way
        last.run(probe)
    return last


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Silence what torch says about itself at its first forward derivative."""
    # The first forward-mode derivative of a process makes torch compile its own decompositions with the
    # torch.jit.script that it deprecates itself; users can do nothing about that message.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit", category=DeprecationWarning)
        yield
