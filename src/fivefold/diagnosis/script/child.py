"""The child process: runs the user's script and lets it be seen.

This file is run by its path and needs the standard library alone, so that nothing is loaded before the
script's own first import of torch: what the script sets before it (threads, devices, seeds of hashing)
counts as it always does. Right after that import, and only then, the rest of this room is loaded and begins
to watch.
"""

import atexit
import importlib.abc
import importlib.util
import io
import json
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType, TracebackType
from typing import Any

MOST_PATHS = 10_000
MOST_SENT = 1_000
LONGEST_TEXT = 2_000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NO_FILES = ("/dev/", "/proc/", "/sys/")
CACHES = ("__pycache__", "torchinductor_")
"""Parts of names of what Python and torch write for themselves."""


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

    def made(self, path: Any, *rest: Any) -> None:
        """A folder, or a file that was cut."""
        self._add(path)

    def renamed(self, source: Any, target: Any, *rest: Any) -> None:
        """What was written under another name first counts under the last one."""
        self._drop(source)
        self._add(target)

    def gone(self, path: Any, *rest: Any) -> None:
        """What the script made itself and removed is of no interest; what was there before is."""
        self._drop(path)

    def forked(self) -> None:
        """A fork: of a data loader, or the script's own."""
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if "/torch/utils/data/" in frame.f_code.co_filename:
                self.loader_workers += 1
                return
            frame = frame.f_back
        self.forks += 1

    def _add(self, path: Any) -> None:
        full = _full(path)
        if full and len(self.paths) < MOST_PATHS:
            self.paths[full] = None
            self.removed.pop(full, None)

    def _drop(self, path: Any) -> None:
        full = _full(path)
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
    "os.truncate": Written.made,
    "os.rename": Written.renamed,
    "os.remove": Written.gone,
    "os.rmdir": Written.gone,
    "os.fork": Written.forked,
    "os.forkpty": Written.forked,
}


def _full(path: Any) -> str:
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
    return "" if full.startswith(NO_FILES) or any(cache in full for cache in CACHES) else full


class After(importlib.abc.MetaPathFinder):
    """Calls a function once, right after a module was loaded whole for the first time.

    Args:
        name: The module.
        then: The function.
    """

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name, self._then = name, then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the one module, with what the other finders find."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._then)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self._loader, self._then = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        # From here on the module looks as if it had been loaded without us.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then()


class Child:
    """Runs the script, and tells the parent through a pipe, a line of JSON each.

    Args:
        pipe: The number of the pipe's end to write to.
        deadline: When the parent will stop the script, on the monotonic clock; infinite for never.
        root: The folder that holds the package, should the script's search path not lead to it.
    """

    def __init__(self, pipe: int, deadline: float, root: str) -> None:
        self._pipe, self._deadline, self._root = pipe, deadline, root
        self._home = os.getpid()
        self._folder = ""
        self.written = Written()
        self.session: Any = None
        self.notes: list[str] = []

    def send(self, kind: str, **values: Any) -> None:
        """Send a line; where nobody listens any more, or in a fork, nothing happens."""
        if self._pipe < 0 or os.getpid() != self._home:
            return
        line = json.dumps({"kind": kind, **values}).encode("ascii") + b"\n"
        try:
            while line:
                line = line[os.write(self._pipe, line) :]
        except OSError:
            self._pipe = -1

    def run(self, script: str, arguments: list[str]) -> int:
        """Run the script as Python would, and return its exit code.

        Args:
            script: Its path.
            arguments: What follows it.
        """
        sys.argv[:] = [script, *arguments]
        self._folder = os.path.dirname(os.path.realpath(script))  # noqa: PTH120
        sys.path.insert(0, self._folder)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        atexit.register(self._send_files)  # registered first, so it runs after whatever the script registers
        os.register_at_fork(after_in_child=self._forked)
        sys.addaudithook(self.written)
        sys.meta_path.insert(0, After("torch", self._attach))
        if "torch" in sys.modules:
            self._attach()
        how, code, error = "finished", 0, None
        self.written.on = True
        try:
            # Python makes the path of a main script absolute, so that it holds wherever the script goes.
            runpy.run_path(os.path.abspath(script), run_name="__main__")  # noqa: PTH100
        except SystemExit as ended:
            how, code = "exit", _exit_code(ended)
        except KeyboardInterrupt as ended:
            how, code, error = "interrupted", 130, self._described(ended)
        except BaseException as ended:
            how, code, error = "error", 1, self._described(ended)
            sys.excepthook(type(ended), ended, ended.__traceback__)
        if os.getpid() == self._home:
            self._finish(how, code, error)
        return code

    def _finish(self, how: str, code: int, error: dict[str, Any] | None) -> None:
        # The last findings are not to be interrupted by a second request.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.send("ending")
        if self.session is not None:
            try:
                self.session.end(finished=error is None)
            except Exception as failed:
                self.notes.append(f"the last checks failed: {type(failed).__name__}: {failed}"[:LONGEST_TEXT])
        spawned = "multiprocessing.popen_spawn_posix" in sys.modules
        self.send(
            "end",
            how=how,
            code=code,
            error=error,
            torch="torch" in sys.modules,
            forks=self.written.forks + spawned,
            workers=self.written.loader_workers,
            notes=self.notes,
            loaded=[n for n in ("tensorflow", "jax", "mxnet", "paddle") if n in sys.modules],
        )
        self._send_files()

    def _attach(self) -> None:
        """Begin to watch: torch has just been loaded."""
        was, self.written.on = self.written.on, False
        try:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if importlib.util.find_spec("fivefold") is None:
                    sys.path.append(self._root)
                from fivefold.diagnosis.script.session import Session

                self.session = Session(self.send, self._deadline)
                self.session.begin()
        except Exception as error:  # the script must run even where it cannot be watched
            self.notes.append(
                f"the training could not be watched: {type(error).__name__}: {error}"[:LONGEST_TEXT]
            )
        finally:
            self.written.on = was

    def _forked(self) -> None:
        self.written.on = False
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self.session is not None:
            self.session.leave()

    def _send_files(self) -> None:
        if os.getpid() == self._home:
            self.send("files", **self.written.summary())

    def _described(self, error: BaseException) -> dict[str, Any]:
        """Say what was raised and where, and take our own lines off its traceback."""
        trace = error.__traceback__
        while trace is not None and _is_ours(trace):
            trace = trace.tb_next
        error.__traceback__ = trace
        frames = traceback.extract_tb(trace)
        # The last line beside the script tells most; then the last one that is no library's.
        near = [f for f in frames if os.path.realpath(f.filename).startswith(self._folder + os.sep)]
        theirs = [f for f in near or frames if _is_theirs(f.filename)]
        last = (theirs or near or list(frames))[-1] if frames else None
        return {
            "type": type(error).__name__,
            "message": str(error)[:LONGEST_TEXT],
            "file": _shown(last.filename) if last else "",
            "line": (last.lineno or 0) if last else 0,
            "text": (last.line or "")[:200] if last else "",
        }


def _shown(path: str) -> str:
    """The path from the working folder, where it lies below it."""
    here = os.getcwd() + os.sep  # noqa: PTH109
    return path.removeprefix(here)


def _is_ours(trace: TracebackType) -> bool:
    name = trace.tb_frame.f_code.co_filename
    return name == __file__ or name.startswith("<frozen") or name == runpy.__file__


def _is_theirs(name: str) -> bool:
    library = os.path.dirname(os.__file__)  # noqa: PTH120
    return not name.startswith((library, "<frozen")) and "site-packages" not in name and name != __file__


def _exit_code(ended: SystemExit) -> int:
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        return ended.code & 0xFF
    sys.stderr.write(f"{ended.code}\n")
    return 1


def main(arguments: list[str]) -> int:
    """Run a script: ``child.py PIPE DEADLINE ROOT SCRIPT [ARGS ...]``.

    Args:
        arguments: As above, without the name of this file.
    """
    pipe, deadline, root, script, *rest = arguments
    os.set_inheritable(int(pipe), False)
    return Child(int(pipe), float(deadline), root).run(script, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
