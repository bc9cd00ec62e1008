"""How much memory is free, asked before a large matrix is made."""

import torch

from fivefold.core import require
from fivefold.core.free_memory import free_main_memory

BASES = 1 << 31
"""Bytes for the bases of one random estimate; a fixed number, so that a seed gives the same bits anywhere."""
_SMALL = 1 << 26  # 64 MiB are not worth a question


def available_bytes(device: torch.device | str = "cpu") -> int | None:
    """Return the bytes that are free on a device, or ``None`` where the system does not say.

    On the CPU as :func:`~fivefold.core.free_memory.free_main_memory` says.

    >>> free = available_bytes()
    >>> free is None or free > 0
    True
    """
    where = torch.device(device)
    if where.type == "cuda":
        return int(torch.cuda.mem_get_info(where)[0])
    return free_main_memory()


def require_memory(needed: int, what: str, fix: str, device: torch.device | str = "cpu") -> None:
    """Refuse what does not fit in the free memory, before it is made, with its size.

    Args:
        needed: Bytes.
        what: What needs them, for the message.
        fix: What to do instead.
        device: Where.

    Raises:
        ArgumentError: More than is free.

    >>> require_memory(8, "two numbers", "")
    """
    if needed < _SMALL:
        return
    free = available_bytes(device)
    if free is not None:
        require(
            needed <= free,
            f"{what} that fits in the {free / 2**30:.1f} GiB of free memory",
            f"one of {needed / 2**30:.1f} GiB",
            fix,
        )
