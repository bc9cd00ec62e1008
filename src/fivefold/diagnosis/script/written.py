"""What a script does to files and which processes it starts, told by Python's audit events.

This file is loaded by its path, before the package, and needs the standard library alone.
"""

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

MOST_PATHS = 10_000
MOST_SENT = 1_000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NO_FILES = ("/dev/", "/proc/", "/sys/")
CACHES = ("__pycache__", "torchinductor_")
"""Parts of names of what Python and torch write for themselves."""
TRAINERS = ("python", "torchrun", "accelerate", "deepspeed")
"""Parts of names of programs that may train something."""


class Written:
    """Remembers, as an audit hook of Python, what is opened for writing, made, renamed and removed.

    Audit hooks cannot be taken away; :attr:`on` silences it.
    """

    def __init__(self) -> None:
        self.on = False
        self.paths: dict[str, None] = {}
        self.removed: dict[str, None] = {}
        self.forks = 0
        self.loader_workers = 0

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Be told of an event by Python; never raises, since that would stop what the script does."""
        if not self.on or event not in EVENTS:
            return
        try:
            EVENTS[event](self, *args)
        except Exception:  # whatever a path may be, the script goes on
            return

    def opened(self, path: Any, mode: Any, flags: Any) -> None:
        """Opening; pipes and files that are open already come as numbers."""
        if isinstance(flags, int) and flags & WRITING:
            self._add(path)

    def cut(self, path: Any, *rest: Any) -> None:
        """A file that was cut."""
        self._add(path)

    def made(self, path: Any, mode: Any, beside: Any = -1) -> None:
        """A folder."""
        self._add(path, beside)

    def renamed(self, source: Any, target: Any, beside: Any = -1, there: Any = -1) -> None:
        """What was written under another name first counts under the last one."""
        self._drop(source, beside)
        self._add(target, there)

    def gone(self, path: Any, beside: Any = -1) -> None:
        """What the script made itself and removed is of no interest; what was there before is."""
        self._drop(path, beside)

    def forked(self) -> None:
        """A fork: of a data loader, or the script's own."""
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if "/torch/utils/data/" in frame.f_code.co_filename:
                self.loader_workers += 1
                return
            frame = frame.f_back
        self.forks += 1

    def started(self, program: Any, arguments: Any = (), *rest: Any) -> None:
        """Another program: only one that can train is of interest, not those that tell a version."""
        shown = arguments if isinstance(arguments, str) else " ".join(map(str, arguments or ()))
        if any(name in f"{program} {shown}" for name in TRAINERS):
            self.forks += 1

    def _add(self, path: Any, beside: Any = -1) -> None:
        full = _full(path, beside)
        if full and len(self.paths) < MOST_PATHS:
            self.paths[full] = None
            self.removed.pop(full, None)

    def _drop(self, path: Any, beside: Any = -1) -> None:
        full = _full(path, beside)
        if full and full in self.paths:
            del self.paths[full]
        elif full and len(self.removed) < MOST_PATHS:
            self.removed[full] = None

    def summary(self) -> dict[str, Any]:
        """What there is now, sorted: files and folders written, and what is gone."""
        written = sorted(p for p in self.paths if os.path.lexists(p))
        removed = sorted(p for p in self.removed if not os.path.lexists(p))
        return {
            "written": written[:MOST_SENT],
            "removed": removed[:MOST_SENT],
            "more": max(0, len(written) - MOST_SENT),
        }


EVENTS: dict[str, Callable[..., None]] = {
    "open": Written.opened,
    "os.mkdir": Written.made,
    "os.truncate": Written.cut,
    "os.rename": Written.renamed,
    "os.remove": Written.gone,
    "os.rmdir": Written.gone,
    "os.fork": Written.forked,
    "os.forkpty": Written.forked,
    "os.posix_spawn": Written.started,
    "os.system": Written.started,
    "subprocess.Popen": Written.started,
}


def _full(path: Any, beside: Any = -1) -> str:
    """The whole path; ``beside`` is the number of an open folder that a relative one begins at."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    name = os.fsdecode(path)
    if isinstance(beside, int) and beside >= 0 and not name.startswith("/"):
        name = f"{os.readlink(f'/proc/self/fd/{beside}')}/{name}"  # noqa: PTH115
    full = os.path.abspath(name)  # noqa: PTH100
    return "" if full.startswith(NO_FILES) or any(cache in full for cache in CACHES) else full
