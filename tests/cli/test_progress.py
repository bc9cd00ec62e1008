"""What a fit says while it runs."""

import errno
import io

import pytest

from fivefold.cli.progress import Progress, sentence


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    return Terminal()


def test_on_a_terminal_one_line_changes_and_goes(terminal: Terminal) -> None:
    ticks = iter([0.0, 1.0, 2.0])
    with Progress(stream=terminal, now=lambda: next(ticks)) as progress:
        progress("typed", {"rows": 1000, "columns": 2})
        progress("fit", {"method": "ridge " * 20, "repetition": 0, "fold": 1})
    shown = terminal.getvalue().split("\r\x1b[K")
    assert shown[1] == "   1 s  read 1,000 rows, 2 columns"
    assert shown[2].startswith("   2 s  trying ridge ridge")
    assert len(shown[2]) <= 39
    assert shown[3] == ""
    assert "\n" not in terminal.getvalue()


def test_nothing_drawn_nothing_erased(terminal: Terminal) -> None:
    with Progress(stream=terminal):
        pass
    assert terminal.getvalue() == ""


def test_a_terminal_that_goes_away_does_not_end_the_fit(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(terminal, "write", gone)
    with Progress(stream=terminal) as progress:
        progress("typed", {})
        progress("chosen", {})


def test_elsewhere_milestones_are_lines() -> None:
    stream = io.StringIO()
    with Progress(stream=stream) as progress:
        progress("typed", {"rows": 3, "columns": 2})
        progress("fit", {"method": "ridge"})
        progress("chosen", {"method": "ridge"})
    assert stream.getvalue() == "read 3 rows, 2 columns\nchosen: ridge\n"


def test_quiet_is_quiet(terminal: Terminal) -> None:
    with Progress(quiet=True, stream=terminal) as progress:
        progress("typed", {"rows": 3, "columns": 2})
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    "event",
    [
        "read",
        "typed",
        "checked",
        "family",
        "fit",
        "chosen",
        "final",
        "newcomers",
        "chosen for newcomers",
        "unheard-of",
    ],
)
def test_events_without_details_and_with_hostile_ones(event: str) -> None:
    assert sentence(event, {})
    hostile = dict.fromkeys(("source", "rows", "method", "family", "reason", "fold", "more"), "\x1b[2J\n")
    assert sentence(event, hostile).isprintable()


def test_a_draw_from_a_large_table_is_told() -> None:
    drawn = sentence("drawn", {"rows": 21802, "of": 2000000})
    assert drawn == (
        "the table is large: 21,802 of its 2,000,000 rows are drawn at random (--rows N or --rows all says "
        "otherwise)"
    )
    refit = sentence("refit", {"method": "ridge", "rows": 1900000})
    assert refit == "fitting ridge to 1,900,000 rows of the table"
