"""Messages."""

import errno
import io

import pytest

from fivefold.cli.terminal import is_interactive, may_colour, out, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_message_is_one_harmless_line() -> None:
    stream = io.StringIO()
    say("column 'a\x1b]0;owned\x07\nb\u202e'", stream)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rstrip("\n").isprintable()


def test_a_message_survives_a_narrow_encoding_and_a_closed_stream() -> None:
    raw = io.BytesIO()
    narrow = io.TextIOWrapper(raw, encoding="ascii")
    say("价格", narrow)
    assert raw.getvalue() == b"??\n"
    narrow.close()
    say("nobody listens", narrow)


def test_a_message_to_a_terminal_that_went_away() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    say("nobody listens", Gone())


def test_who_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert (is_interactive(Terminal()), may_colour(Terminal())) == (True, True)
    assert is_interactive(io.StringIO()) is False
    monkeypatch.setenv("NO_COLOR", "1")
    assert (is_interactive(Terminal()), may_colour(Terminal())) == (True, False)
    monkeypatch.setenv("NO_COLOR", "")
    assert may_colour(Terminal()) is True
    monkeypatch.setenv("TERM", "dumb")
    assert is_interactive(Terminal()) is False


def test_results_survive_a_narrow_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    out("naïve 价")
    assert raw.getvalue() == b"na?ve ?\n"
