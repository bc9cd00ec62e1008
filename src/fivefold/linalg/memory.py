"""How much memory is free, asked before a large matrix is made."""

from pathlib import Path

import torch

from fivefold.core import require

BASES = 1 << 31
"""Bytes for the bases of one random estimate; a fixed number, so that a seed gives the same bits anywhere."""
_SMALL = 1 << 26  # 64 MiB are not worth a question


def available_bytes(device: torch.device | str = "cpu") -> int | None:
    """Return the bytes that are free on a device, or ``None`` where the system does not say.

    On Linux the smaller of what the system has available and what the process's group may still use.

    >>> free = available_bytes()
    >>> free is None or free > 0
    True
    """
    where = torch.device(device)
    if where.type == "cuda":
        return int(torch.cuda.mem_get_info(where)[0])
    found = [_meminfo(Path("/proc/meminfo")), _group(Path("/sys/fs/cgroup"))]
    known = [number for number in found if number is not None]
    return min(known) if known else None


def _meminfo(file: Path) -> int | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _group(folder: Path) -> int | None:
    try:
        limit, used = ((folder / name).read_text().strip() for name in ("memory.max", "memory.current"))
        held = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return None
    if not limit.isdigit():
        return None
    # Pages of files that were read count as used, but are given back on demand.
    cached = sum(int(line.split()[1]) for line in held if line.startswith(("inactive_file ", "active_file ")))
    return max(0, int(limit) - int(used) + cached)


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
