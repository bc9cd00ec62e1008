"""How much main memory the system lets this process still use."""

from pathlib import Path

_UNLIMITED = 1 << 60
"""The first version of control groups writes a number near 2^63 where there is no limit."""


def free_main_memory() -> int | None:
    """Return the bytes that are free, or ``None`` where the system does not say.

    On Linux the smaller of what the system has available and what the process's control group, and each
    group above it, may still use.

    >>> free = free_main_memory()
    >>> free is None or free > 0
    True
    """
    found = [of_system(Path("/proc/meminfo"))]
    found += [of_group(folder) for folder in groups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))]
    known = [number for number in found if number is not None]
    return min(known) if known else None


def of_system(file: Path) -> int | None:
    """Bytes that a file like ``/proc/meminfo`` calls available."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def groups(listing: Path, root: Path) -> list[Path]:
    """Folders of the control groups that bound this process's memory, the root's among them.

    Args:
        listing: A file like ``/proc/self/cgroup``: lines ``number:controllers:path``.
        root: Where the groups are mounted.
    """
    try:
        lines = listing.read_text().splitlines()
    except OSError:
        return [root]
    found = [root]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder = root / "memory" if controllers else root
        found.append(folder)
        for part in path.strip("/").split("/"):
            if part not in {"", ".."}:  # a group above the mount is not to be seen from here
                folder /= part
                found.append(folder)
    return list(dict.fromkeys(found))


def of_group(folder: Path) -> int | None:
    """Bytes that the control group of a folder, of either version, may still use; ``None`` if unlimited."""
    for names in (
        ("memory.max", "memory.current", "inactive_file ", "active_file "),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ", "total_active_file "),
    ):
        try:
            limit, used = ((folder / name).read_text().strip() for name in names[:2])
            held = (folder / "memory.stat").read_text().splitlines()
        except OSError:
            continue
        if not limit.isdigit() or int(limit) >= _UNLIMITED:
            return None
        # Pages of files that were read count as used, but are given back on demand.
        cached = sum(int(line.split()[1]) for line in held if line.startswith(names[2:]))
        return max(0, int(limit) - int(used) + cached)
    return None
