"""The commands as a whole."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import fivefold
from fivefold.cli import main

Command = Callable[..., Result]


def test_help_names_the_commands_and_the_exit_codes(command: Command) -> None:
    for flag in ("--help", "-h"):
        result = command(flag)
        assert result.exit_code == 0
        for name in ("fit", "predict", "report", "show"):
            assert re.search(rf"^  {name} ", result.stdout, re.MULTILINE)
        assert "130 interrupted" in " ".join(result.stdout.split())


def test_the_table_of_exit_codes_is_the_one_of_the_errors() -> None:
    from fivefold import core
    from fivefold.cli import exits

    assert exits.__doc__ is not None
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", exits.__doc__, re.MULTILINE)}
    errors = {
        core.ArgumentError,
        core.DataError,
        core.ArtifactError,
        core.MissingExtraError,
        core.NumericalError,
    }
    assert {error.exit_code for error in errors} | {0, 1, 7, 130, 141, 143} == documented


def test_the_version(command: Command) -> None:
    result = command("--version")
    assert (result.exit_code, result.stdout) == (0, f"fivefold {fivefold.__version__}\n")


def test_without_a_command_it_shows_the_help(command: Command) -> None:
    result = command()
    assert "Commands:" in result.output
    assert result.exit_code == 2


def test_an_unknown_command(command: Command) -> None:
    result = command("fti")
    assert result.exit_code == 2
    assert "No such command 'fti'" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), main.INTERRUPTED), (BrokenPipeError(), main.PIPE_CLOSED)]
)
def test_what_happens_outside_of_a_command(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(**options: object) -> None:
        raise error

    silenced = []
    monkeypatch.setattr(main, "app", fail)
    monkeypatch.setattr(main, "silence_output", lambda: silenced.append(True))
    monkeypatch.setattr(main.signal, "signal", lambda *arguments: None)
    with pytest.raises(SystemExit) as end:
        main.run()
    assert end.value.code == code
    assert silenced == [True] * isinstance(error, BrokenPipeError)


def test_as_a_module(here: Path) -> None:
    import os
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "fivefold", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.stdout == f"fivefold {fivefold.__version__}\n"
