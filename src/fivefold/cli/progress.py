"""What a fit says while it runs: one changing line on a terminal, a few lines elsewhere."""

import math
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from fivefold.cli.terminal import is_interactive, say
from fivefold.report.text import clean, shorten

_MILESTONES = frozenset(
    {"drawn", "found", "train", "typed", "family", "chosen", "chosen for newcomers", "refit"}
)
"""Events that are worth a line of a log."""


class Progress:
    """Takes the events of a fit; nothing but events is known of it.

    On a terminal the last event and the seconds so far stand in one line, which is gone when the block ends.
    Elsewhere a few milestones are written as lines, without carriage returns or bars.

    Args:
        quiet: Show nothing.
        stream: Where to; standard error by default.
        now: A clock in seconds.

    >>> with Progress(quiet=True) as progress:
    ...     progress("read", {})
    """

    def __init__(
        self,
        quiet: bool = False,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._live = not quiet and is_interactive(self._stream)
        self._now = now
        self._start = now()
        self._drawn = False

    def __enter__(self) -> "Progress":
        return self

    def __call__(self, event: str, details: Mapping[str, object]) -> None:
        """Show an event."""
        if self._quiet:
            return
        text = sentence(event, details)
        if self._live:
            width = shutil.get_terminal_size().columns
            self._draw(shorten(f"{self._now() - self._start:4.0f} s  {text}", max(width - 1, 2)))
        elif event in _MILESTONES:
            say(text, self._stream)

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._draw("")

    def _draw(self, text: str) -> None:
        try:
            # Carriage return, and an erase to the end of the line.
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
            self._drawn = bool(text)
        except (OSError, ValueError):  # the terminal went away; the fit goes on
            self._live = False


def sentence(event: str, details: Mapping[str, object]) -> str:
    """Return an event in words; one that is not known by name is shown with its details.

    Args:
        event: Its name.
        details: What it carries; any part may be missing.

    >>> sentence("typed", {"rows": 21613, "columns": 20})
    'read 21,613 rows, 20 columns'
    >>> sentence("epoch", {"loss": 0.5})
    'epoch: loss 0.5'
    """
    known: dict[str, Callable[[], str]] = {
        "read": lambda: f"reading {details.get('source', '')}",
        "typed": lambda: f"read {_count(details.get('rows'))} rows, {_count(details.get('columns'))} columns",
        "drawn": lambda: (
            f"the table is large: {_count(details.get('rows'))} of its {_count(details.get('of'))} rows are "
            "drawn at random (--rows N or --rows all says otherwise)"
        ),
        "refit": lambda: (
            f"fitting {details.get('method')} to {_count(details.get('rows'))} rows of the table"
        ),
        "checked": lambda: "checked the table",
        "family": lambda: f"target modelled as {details.get('family')}: {details.get('reason', '')}",
        "fit": lambda: (
            f"trying {details.get('method')}, round {_next(details.get('repetition'))}, "
            f"part {_next(details.get('fold'))}"
        ),
        "chosen": lambda: f"chosen: {details.get('method')}",
        "final": lambda: f"fitting {details.get('method')} to all training rows",
        "chosen for newcomers": lambda: f"chosen for a new {details.get('column')}: {details.get('method')}",
        "found": lambda: f"found {details.get('described')}",
        "design": lambda: f"searching among architectures for {_seconds(details.get('seconds'))}",
        "designing": lambda: (
            f"architecture {_count(details.get('trials'))}: {_share(details.get('accuracy'))} right"
        ),
        "designed": lambda: (
            f"{_count(details.get('trials'))} architectures tried; best {details.get('method')}"
        ),
        "trial": lambda: f"trying {details.get('method')} for {_seconds(details.get('seconds'))}",
        "train": lambda: (
            f"training {details.get('method')}: {_count(details.get('epochs'))} passes over "
            f"{_count(details.get('pictures'))} pictures, about {_seconds(details.get('seconds'))}"
        ),
        "run": lambda: f"running {details.get('method')}",
        "look": lambda: f"looking at the curvature of {details.get('problem')}",
        "newcomers": lambda: f"leaving out whole levels of {details.get('column')}",
    }
    if event in known:
        return clean(known[event](), 300)
    listed = ", ".join(f"{name} {value}" for name, value in details.items())
    return clean(f"{event}: {listed}" if listed else event, 300)


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _share(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) and math.isfinite(value) else "none"


def _next(value: object) -> str:
    return str(value + 1) if isinstance(value, int) else str(value)


def _seconds(value: object) -> str:
    return f"{value:.3g} s" if isinstance(value, int | float) else str(value)
