r"""What the machine could do at best, measured, and which of its limits a layer is at.

A layer of m multiply-adds and b bytes takes at least :math:`\max(m / \pi, b / \beta)` seconds, where
:math:`\pi` is the rate of a large matrix product and :math:`\beta` that of copying as many bytes: the
roofline of Williams, Waterman and Patterson, 2009, with a roof for each level of memory as in Ilic, Pratas
and Sousa, "Cache-aware roofline model", 2014. A layer that takes more than twice its limit is held by
neither: calls, reordering of numbers, or a kernel that does not suit its sizes.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from fivefold.core import require
from fivefold.networks.stopwatch import call_seconds

Bound = Literal["arithmetic", "memory", "neither"]
_NEAR = 0.5
_COPIES = (1 << 18, 1 << 22, 1 << 26)
_PRODUCTS = (256, 512, 1024)


@dataclass(frozen=True)
class Limits:
    """Measured limits of the machine.

    Attributes:
        multiply_adds: Multiply-adds per second of the fastest square matrix product.
        copies: Pairs of bytes moved (read and written) and bytes per second, from small to large.
        call: Seconds that an operation on one number takes.
        threads: Threads of torch.
    """

    multiply_adds: float
    copies: tuple[tuple[int, float], ...]
    call: float
    threads: int

    def seconds(self, multiply_adds: int, bytes_: int) -> tuple[float, float]:
        """Least seconds for the arithmetic, and for the bytes.

        >>> Limits(100.0, ((10, 5.0), (1000, 2.0)), 0.0, 1).seconds(200, 20)
        (2.0, 10.0)
        """
        rate = next((rate for size, rate in self.copies if size >= bytes_), self.copies[-1][1])
        return multiply_adds / self.multiply_adds, bytes_ / rate

    def bound(self, multiply_adds: int, bytes_: int, seconds: float) -> tuple[Bound, float]:
        """Say which limit a layer is at, and its least time over the time that it takes.

        >>> Limits(100.0, ((10, 5.0),), 0.0, 1).bound(200, 2, 3.0)
        ('arithmetic', 0.66...)
        """
        require(seconds > 0, "positive seconds", seconds)
        arithmetic, memory = self.seconds(multiply_adds, bytes_)
        share = max(arithmetic, memory) / seconds
        if share < _NEAR:
            return "neither", share
        return ("arithmetic" if arithmetic >= memory else "memory"), share

    def to_record(self) -> dict[str, Any]:
        """Return numbers only."""
        return {**asdict(self), "copies": [list(pair) for pair in self.copies]}


def measure_limits(seconds: float = 0.5, dtype: torch.dtype = torch.float32) -> Limits:
    """Measure the machine's limits with torch's threads: the fastest of many runs each.

    Args:
        seconds: To be spent, positive.
        dtype: Of the matrix product.

    >>> limits = measure_limits(0.05)
    >>> limits.multiply_adds > 1e6, len(limits.copies)
    (True, 3)
    """
    require(seconds > 0, "positive seconds", seconds)
    share = seconds / (len(_COPIES) + len(_PRODUCTS) + 1)
    generator = torch.Generator().manual_seed(0)
    rate = 0.0
    for n in _PRODUCTS:
        a = torch.rand((n, n), generator=generator, dtype=torch.float32).to(dtype)
        out = torch.empty_like(a)
        rate = max(rate, n**3 / _fastest(lambda a=a, out=out: torch.mm(a, a, out=out), share))  # type: ignore[misc]
    copies = []
    for moved in _COPIES:
        source = torch.zeros(moved // 2, dtype=torch.uint8)
        target = torch.empty_like(source)
        seconds_each = _fastest(lambda s=source, t=target: t.copy_(s), share)  # type: ignore[misc]
        copies.append((moved, moved / seconds_each))
    one = torch.zeros(1)

    def calls() -> None:
        for _ in range(100):
            torch.neg(one)

    return Limits(rate, tuple(copies), _fastest(calls, share) / 100, torch.get_num_threads())


def _fastest(run: Callable[[], object], seconds: float) -> float:
    """Least seconds of a run."""
    return max(call_seconds(run, least=3, most=math.inf, enough=seconds, statistic=min), 1e-9)
