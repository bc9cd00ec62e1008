"""From errors to messages and exit codes, where the commands' own tests do not reach."""

import io
import os
import warnings

import pytest
import typer

from fivefold.cli import exits
from fivefold.cli.exits import guarded, silence_output, wants_traceback


def test_a_warning_is_one_line_without_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIVEFOLD_DEBUG", raising=False)
    with guarded():
        warnings.simplefilter("always")
        warnings.warn("columns\x1b[31m are collinear", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: columns⟨U+001B⟩[31m are collinear\n"


def test_exits_and_usage_errors_pass() -> None:
    with pytest.raises(typer.Exit) as end, guarded():
        raise typer.Exit(7)
    assert end.value.exit_code == 7
    with pytest.raises(typer.BadParameter), guarded():
        raise typer.BadParameter("no")


def test_an_abort_at_a_prompt_is_an_interrupt() -> None:
    with pytest.raises(typer.Exit) as end, guarded():
        raise typer.Abort
    assert end.value.exit_code == 130


def test_who_wants_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, wanted in {"": False, "0": False, "1": True}.items():
        monkeypatch.setenv("FIVEFOLD_DEBUG", value)
        assert wants_traceback(False) is wanted
    assert wants_traceback(True) is True


def test_silencing_a_replaced_output_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    silence_output()


def test_silencing_sends_the_rest_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    stream = os.fdopen(write, "w")
    monkeypatch.setattr("sys.stdout", stream)
    silence_output()
    stream.write("rest")
    stream.close()
    assert os.read(read, 10) == b""
    os.close(read)


def test_a_closed_pipe_silences_what_is_still_buffered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silenced = []
    monkeypatch.setattr(exits, "silence_output", lambda: silenced.append(True))
    with pytest.raises(typer.Exit) as end, guarded():
        raise BrokenPipeError
    assert (end.value.exit_code, silenced, capsys.readouterr().err) == (141, [True], "")
