"""The child process: runs the user's script and lets it be seen.

This file is run by its path and needs the standard library alone, so that nothing is loaded before the
script's own first import of torch: what the script sets before it (threads, devices, seeds of hashing)
counts as it always does. Right after that import, and only then, the rest of this room is loaded and begins
to watch.
"""

import atexit
import builtins
import gc
import importlib
import importlib.abc
import importlib.util
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fivefold.diagnosis.script.written import Written

LONGEST_TEXT = 2_000
STARTS = ("spawn_posix", "forkserver")
"""Ways of multiprocessing to start a process that are no fork."""


class After(importlib.abc.MetaPathFinder):
    """Calls a function once, right after a module was loaded whole for the first time.

    Args:
        name: The module.
        then: The function.
    """

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name, self._then = name, then
        self._asking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the one module, with what the other finders find."""
        if fullname != self._name or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            # Who only asks whether there is such a module (transformers does) does not load it yet.
            spec.loader = _Loader(spec.loader, self._loaded)
        return spec

    def _loaded(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self._then()


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


class Main(SourceFileLoader):
    """Loads a file as Python loads its main script: from the text, without a compiled copy beside it."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the text."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code

    def made(self) -> ModuleType:
        """Return the main module, empty and in its place, with the names that Python gives it."""
        main = ModuleType("__main__")
        names = {"__file__": self.path, "__loader__": self, "__builtins__": builtins, "__cached__": None}
        vars(main).update(names, __annotations__={})
        sys.modules["__main__"] = main
        return main


class Child:
    """Runs the script, and tells the parent through a pipe, a line of JSON each.

    Args:
        pipe: The number of the pipe's end to write to.
        deadline: When the parent will stop the script, on the monotonic clock; infinite for never.
        root: The folder that holds the package, should the script's search path not lead to it.
        deep: Whether some updates are looked at in depth.
    """

    def __init__(self, pipe: int, deadline: float, root: str, deep: bool = False) -> None:
        self._pipe, self._deadline, self._root, self._deep = pipe, deadline, root, deep
        self._identity = _identity(pipe)
        self._home = os.getpid()
        self._folder = ""
        self.written: Written = _beside("written").Written()
        self.session: Any = None
        self.notes: list[str] = []

    def send(self, kind: str, **values: Any) -> None:
        """Send a line; where nobody listens any more, or in a fork, nothing happens."""
        if self._pipe < 0 or os.getpid() != self._home:
            return
        if _identity(self._pipe) != self._identity:
            # The script closed what it did not know, and the number may be that of a file of its own by now.
            self._pipe = -1
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
        sys.addaudithook(self._replaced)
        if "torch" in sys.modules:
            self._attach()
        how, code, error = "finished", 0, None
        self.written.on = True
        try:
            # Python makes the path of a main script absolute, so that it holds wherever the script goes.
            loader = Main("__main__", os.path.abspath(script))  # noqa: PTH100
            loader.exec_module(loader.made())
            self._wait()
        except SystemExit as ended:
            how, code = "exit", _exit_code(ended)
        except KeyboardInterrupt as ended:
            how, code, error = "interrupted", 130, self._described(ended)
        except BaseException as ended:
            how, error = "error", self._described(ended)
            code = _told(ended)
        if os.getpid() == self._home:
            self._finish(how, code, error)
        return code

    def _wait(self) -> None:
        """Wait for the other threads, one of which may train; Python does so itself, a moment later."""
        here = threading.current_thread()
        if self.session is not None and any(t is not here and not t.daemon for t in threading.enumerate()):
            vars(threading)["_shutdown"]()

    def _replaced(self, event: str, args: tuple[Any, ...]) -> None:
        """Say that the script puts another program in its own place: nothing of ours outlives that."""
        if event == "os.exec" and self.written.on:
            note = "the script replaced itself by another program (os.exec): that one was not watched"
            self.send("end", how="exit", error=None, notes=[*self.notes, note])
            self._send_files()

    def _finish(self, how: str, code: int, error: dict[str, Any] | None) -> None:
        # The last findings are not to be interrupted by a second request.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.send("ending")
        if self.session is not None:
            try:
                self.session.end(finished=error is None)
            except Exception as failed:
                self.notes.append(f"the last checks failed: {type(failed).__name__}: {failed}"[:LONGEST_TEXT])
        spawned = bool({f"multiprocessing.popen_{way}" for way in STARTS} & set(sys.modules))
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

                self.session = Session(self.send, self._deadline, deep=self._deep)
                self.session.begin()
                importlib.import_module("torch._dynamo")  # the script's first optimizer would load it
            # What is there now is no optimizer, scheduler or copy of a model, for which all objects that
            # Python tracks are gone through later: nine in ten of them are set aside.
            gc.freeze()
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
        try:
            return self._located(error)
        except Exception:  # a message that cannot be made, a folder that is gone
            return {"type": type(error).__name__, "message": "", "file": "", "line": 0, "text": ""}

    def _located(self, error: BaseException) -> dict[str, Any]:
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
    return name == __file__ or name.startswith("<frozen")


def _is_theirs(name: str) -> bool:
    library = os.path.dirname(os.__file__)  # noqa: PTH120
    return not name.startswith((library, "<frozen")) and "site-packages" not in name and name != __file__


def _beside(name: str) -> ModuleType:
    """Load a file that lies beside this one by its path, so that the script finds no package loaded."""
    path = os.path.join(os.path.dirname(__file__), f"{name}.py")  # noqa: PTH118, PTH120
    spec = importlib.util.spec_from_file_location(f"_{name}_of_{os.getpid()}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _identity(number: int) -> tuple[int, int] | None:
    """Which file an open number stands for."""
    try:
        seen = os.fstat(number)
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def _told(error: BaseException) -> int:
    """Let the script's own hook, or Python's, tell of an error, and return the exit code."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as ended:
        return _exit_code(ended)
    except BaseException as failed:
        sys.stderr.write("Error in sys.excepthook:\n")
        traceback.print_exception(failed)
        sys.stderr.write("\nOriginal exception was:\n")
        traceback.print_exception(error)
    return 1


def _exit_code(ended: SystemExit) -> int:
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        return ended.code & 0xFF
    sys.stderr.write(f"{ended.code}\n")
    return 1


def main(arguments: list[str]) -> int:
    """Run a script: ``child.py PIPE DEADLINE ROOT DEEP SCRIPT [ARGS ...]``, where DEEP is 1 or 0.

    Args:
        arguments: As above, without the name of this file.
    """
    pipe, deadline, root, deep, script, *rest = arguments
    os.set_inheritable(int(pipe), False)
    return Child(int(pipe), float(deadline), root, deep == "1").run(script, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
