"""Several processes that try genomes at the same time, started by ``torchrun``.

Every process runs the same search and comes to the same decisions; what differs is whom each trains. The
first process (rank 0) keeps the journal and the clock. Nothing but JSON goes between processes: torch's
collectives of objects would pickle them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fivefold.core import ArgumentError, require


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of a search; one alone needs no ``torch.distributed``.

    Args:
        rank: Of this process, from 0.
        size: Processes.

    >>> Team().gather({"a": 1}), Team().from_first([1, 2])
    ([{'a': 1}], [1, 2])
    """

    rank: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        require(0 <= self.rank < self.size, "a rank below the number of processes", (self.rank, self.size))

    def from_first(self, value: Any) -> Any:
        """What rank 0 gave, on every rank; JSON values alone."""
        return value if self.size == 1 else self.gather(value if self.rank == 0 else None)[0]

    def gather(self, value: Any) -> list[Any]:
        """What each rank gave, in the order of ranks, on every rank; JSON values alone."""
        if self.size == 1:
            return [value]
        import torch
        import torch.distributed as dist

        data = bytearray(json.dumps(value, allow_nan=False).encode())
        own = torch.frombuffer(data, dtype=torch.uint8)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(data)]))
        longest = int(torch.cat(sizes).max())
        padded = torch.zeros(longest, dtype=torch.uint8)
        padded[: len(data)] = own
        parts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        return [
            json.loads(bytes(part[: int(size)].tolist()).decode())
            for part, size in zip(parts, sizes, strict=True)
        ]


@contextmanager
def team() -> Iterator[Team]:
    """The processes that ``torchrun`` started, or this one alone.

    A process group that stands already is used; otherwise one is made over gloo and taken down afterwards.

    Raises:
        ArgumentError: The variables of ``torchrun`` are there in part.

    >>> with team() as alone:
    ...     alone.size
    1
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        fix = "start the script with torchrun, or unset WORLD_SIZE"
        raise ArgumentError("the variables that torchrun sets", f"no {', '.join(missing)}", fix)
    import torch.distributed as dist

    stands = dist.is_initialized()
    if not stands:
        dist.init_process_group("gloo")
    try:
        yield Team(dist.get_rank(), dist.get_world_size())
    finally:
        if not stands:
            dist.destroy_process_group()
