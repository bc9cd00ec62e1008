"""From errors to one clear message and an exit code.

| code | meaning |
|---|---|
| 0 | done |
| 1 | an error that fivefold did not foresee |
| 2 | usage: an option or argument |
| 3 | the data |
| 4 | the saved model |
| 5 | a package that is not installed |
| 6 | a computation that broke down |
| 7 | `diagnose` found something with high confidence |
| 130 | interrupted (Ctrl-C) |
| 141 | whoever read the output stopped reading |
| 143 | terminated |
"""

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import typer

from fivefold.cli.terminal import say

FOUND = 7
INTERRUPTED = 130
PIPE_CLOSED = 141
TERMINATED = 143


def wants_traceback(debug: bool) -> bool:
    """Whether ``--debug`` or the variable ``FIVEFOLD_DEBUG`` asks for tracebacks.

    >>> wants_traceback(True)
    True
    """
    return debug or os.environ.get("FIVEFOLD_DEBUG", "") not in {"", "0"}


@contextmanager
def guarded(debug: bool = False) -> Iterator[None]:
    """Turn whatever happens inside into one line on standard error and the exit code of the table above.

    Args:
        debug: Print the traceback as well.

    Raises:
        typer.Exit: With the code.

    >>> with guarded():
    ...     pass
    """
    try:
        with warnings.catch_warnings():
            if not wants_traceback(debug):
                warnings.showwarning = _one_line
            yield
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted; what was there before is untouched")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        silence_output()
        raise typer.Exit(PIPE_CLOSED) from None
    except Exception as error:
        if isinstance(error, typer.Exit) or _is_usage_error(error):
            raise
        if wants_traceback(debug):
            traceback.print_exc()
        code, message = explain(error)
        say(f"error: {message}")
        raise typer.Exit(code) from None


def explain(error: Exception) -> tuple[int, str]:
    """Return the exit code and the message of an error.

    >>> explain(MemoryError())
    (1, 'not enough memory; use fewer rows or columns (--query), or a larger machine')
    """
    from fivefold.core import FivefoldError

    if isinstance(error, FivefoldError):
        return error.exit_code, str(error)
    if isinstance(error, MemoryError):
        return 1, "not enough memory; use fewer rows or columns (--query), or a larger machine"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "fivefold").startswith("fivefold"):
        return 5, f"the package {error.name} is not installed; run: pip install 'fivefold[all]'"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return 1, f"{place}{error.strerror}"
    return 1, f"unexpected {type(error).__name__}: {error}; run again with --debug to see where it arose"


def silence_output() -> None:
    """Send what is still buffered nowhere, so that leaving says nothing about the closed pipe."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a replaced or closed standard output has no number
        return


def _is_usage_error(error: Exception) -> bool:
    return isinstance(error, typer.BadParameter)


def _one_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning without the place in somebody's library that raised it."""
    say(f"warning: {message}")
