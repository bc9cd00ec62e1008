"""The parent's side: starts the script in a child process, listens, and stops it when its time is over."""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fivefold.core import Budget, require
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script import child
from fivefold.diagnosis.script.folder import Folder
from fivefold.diagnosis.script.messages import LONGEST_LINE, from_plain, read_line
from fivefold.diagnosis.script.outcome import Outcome, ending_notes
from fivefold.diagnosis.script.replays import is_ours, take
from fivefold.diagnosis.script.source import read_source, unchanged

GRACE = 5.0
"""Seconds that a script has after each request to stop, the last one excepted."""

LAST_CHECKS = 120.0
"""Seconds that the checks may take once the script has ended."""

Listener = Callable[[dict[str, Any]], None]


class Run:
    """One run of a script.

    Args:
        path: The script.
        arguments: What follows it.
        budget: Seconds after which it is stopped; ``None`` for never.
        deep: Whether some updates are looked at in depth.
        stdin: Whether it may read the standard input, which is closed otherwise.
        listener: Told of each message of the child.
        folder: The folder that it works in; ours where none is given.
        environment: Its environment variables; ours where none are given.
        output: The number of an open file for what it prints; our standard error where none is given.
        stop: Set by another thread to stop it at once.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        arguments: Sequence[str] = (),
        *,
        budget: float | None = None,
        deep: bool = False,
        stdin: bool = False,
        listener: Listener | None = None,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        output: int | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.source = read_source(path)
        self.budget, self._deep = budget, deep
        self._folder, self._environment, self._output = folder, environment, output
        self._stop = stop if stop is not None else threading.Event()
        self._arguments, self._stdin, self._listener = list(arguments), stdin, listener
        self._found: dict[str, Any] = {}
        self._end: dict[str, Any] = {}
        self._files: dict[str, Any] = {}
        self._ending = False
        self._rest = b""
        self._asked: str = ""

    def __call__(self) -> Outcome:
        """Run it, and return what was seen; an interruption ends the script and keeps the findings."""
        folder = Folder.of(self._folder or Path.cwd(), Path(self.source.path).resolve().parent)
        reading, writing = os.pipe()
        deadline = time.monotonic() + (self.budget if self.budget is not None else float("inf"))
        root = str(Path(child.__file__).parents[3])
        told = [str(writing), repr(deadline), root, "1" if self._deep else "0", self.source.path]
        command = [sys.executable, "-P", child.__file__, *told]
        shown = _number_of_stderr() if self._output is None else self._output
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, and the script that the user named
                [*command, *self._arguments],
                stdin=None if self._stdin else subprocess.DEVNULL,
                stdout=shown,
                stderr=shown,
                pass_fds=(writing,),
                cwd=self._folder,
                env=self._environment,
                # A group of its own, so that what it starts ends with it; one that reads the terminal must
                # share ours.
                process_group=None if self._stdin else 0,
            )
        finally:
            os.close(writing)
        try:
            self._listen(process, reading, deadline)
        finally:
            os.close(reading)
            self._sweep(process)
        return self._outcome(process.returncode, folder)

    def _listen(self, process: "subprocess.Popen[bytes]", reading: int, deadline: float) -> None:
        os.set_blocking(reading, False)
        stops = iter((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            while True:
                try:
                    open_still = self._take(
                        selector, reading, min(0.5, max(0.0, deadline - time.monotonic()))
                    )
                    if not open_still or process.poll() is not None:
                        while self._take(selector, reading, 0.0):
                            if not selector.select(0.0):
                                break
                        process.wait(
                            None if deadline == float("inf") else max(0.1, deadline - time.monotonic())
                        )
                        return
                except KeyboardInterrupt:
                    # One that shares our terminal has been told by it already.
                    self._asked, deadline = "interrupted", time.monotonic() + (GRACE if self._stdin else 0.0)
                except subprocess.TimeoutExpired:
                    deadline = time.monotonic()
                if self._stop.is_set():
                    self._signal(process, signal.SIGKILL)
                    return
                if time.monotonic() >= deadline:
                    # The first request comes when time is over; the next ones only where it was not heeded.
                    if self._ending and self._asked.endswith("checks"):
                        self._signal(process, signal.SIGKILL)
                    elif self._ending:
                        self._asked += " checks" if self._asked else "checks"
                        deadline = time.monotonic() + LAST_CHECKS
                        continue
                    else:
                        self._asked = self._asked or "budget"
                        self._signal(process, next(stops, signal.SIGKILL))
                    deadline = time.monotonic() + GRACE

    def _take(self, selector: selectors.BaseSelector, reading: int, wait: float) -> bool:
        """Read what there is; whether more may come."""
        if not selector.select(wait):
            return True
        block = os.read(reading, 1 << 16)
        *lines, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
        for line in lines:
            self._understand(read_line(line))
        return bool(block)

    def _understand(self, message: dict[str, Any]) -> None:
        kind = message.get("kind")
        if kind == "found":
            self._found = message
        elif kind == "ending":
            self._ending = True
        elif kind == "end":
            self._end = message
        elif kind == "files":
            self._files = message
        if self._listener is not None:
            self._listener(message)

    def _signal(self, process: "subprocess.Popen[bytes]", number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._stdin:
                process.send_signal(number)
            else:
                os.killpg(process.pid, number)

    def _sweep(self, process: "subprocess.Popen[bytes]") -> None:
        """Leave nothing behind that the script started."""
        if process.poll() is None:
            self._signal(process, signal.SIGKILL)
            process.wait()
        if not self._stdin:
            self._signal(process, signal.SIGKILL)

    def _outcome(self, code: int, folder: Folder) -> Outcome:
        how = str(self._end.get("how", "killed"))
        if self._asked.startswith("budget"):
            how = "budget"
        elif self._asked.startswith("interrupted"):
            how = "interrupted"
        error = self._end.get("error")
        written = {str(path) for path in self._files.get("written", [])}
        written.update(folder.changed())
        outcome = Outcome(
            self.source.path,
            ended=how,
            code=int(self._end.get("code", code)),
            error=error if isinstance(error, dict) and how == "error" else None,
            updates=int(self._found.get("updates", 0)),
            trainings=[t for t in self._found.get("trainings", []) if isinstance(t, dict)],
            seconds=float(self._found.get("seconds", 0.0)),
            written=sorted(path for path in written if not is_ours(path)),
            removed=[str(path) for path in self._files.get("removed", [])],
            unchanged=unchanged(self.source),
            replays=take(self._found.get("replays")),
        )
        notes = ending_notes(outcome, self._end, self.budget)
        if not folder.whole:
            notes.append(
                "the folder holds too many files to compare: files that compiled code wrote may be missing"
            )
        for name in outcome.replays:
            notes.append(
                f"{name}, in the folder of the diagnosis, makes the operation again: fivefold diagnose FILE"
            )
        findings = [f for each in self._found.get("findings", []) if (f := from_plain(each)) is not None]
        outcome.findings = Findings(findings, [*notes, *(str(n) for n in self._found.get("notes", []))])
        return outcome


def run_script(
    path: str | os.PathLike[str],
    arguments: Sequence[str] = (),
    *,
    budget: str | float | Budget | None = None,
    deep: bool = False,
    stdin: bool = False,
    listener: Listener | None = None,
) -> Outcome:
    """Run a script of the user's under observation, unedited, in a process of its own.

    Its output goes to our standard error; its standard input is closed. Where its time is over it is
    interrupted (as by Ctrl-C), then terminated, then killed; what was found until then is kept.

    Args:
        path: The script.
        arguments: What follows it on its command line.
        budget: Time after which it is stopped, as ``"120s"``; ``None`` for never.
        deep: Look at some updates in depth, as ``watch(deep=True)`` does, for a share of the time of its own.
        stdin: Let it read the standard input.
        listener: Told of each message while it runs.

    Returns:
        What was seen.

    Raises:
        DataError: There is no such script, or it is no Python.
        ArgumentError: The budget is no duration.
    """
    seconds = Budget.parse(budget).seconds
    require(all(isinstance(each, str) for each in arguments), "arguments that are text", list(arguments))
    return Run(path, arguments, budget=seconds, deep=deep, stdin=stdin, listener=listener)()


def _number_of_stderr() -> int:
    """The number of our standard error, of a stand-in for it where there is one that has a number."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        try:
            os.fstat(2)
        except OSError:
            return subprocess.DEVNULL
        return 2
