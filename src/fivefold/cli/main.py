"""The command ``fivefold``."""

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from fivefold.cli.compare import compare
from fivefold.cli.diagnose import diagnose
from fivefold.cli.exits import INTERRUPTED, PIPE_CLOSED, TERMINATED, silence_output
from fivefold.cli.export import export
from fivefold.cli.fit import fit
from fivefold.cli.predict import predict
from fivefold.cli.report import report
from fivefold.cli.selftest_command import selftest
from fivefold.cli.show_command import show

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    # Plain help: it comes sooner, and reads the same in a pipe, in a log and aloud.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command()(fit)
app.command()(compare)
app.command()(diagnose)
app.command()(predict)
app.command()(report)
app.command()(export)
app.command()(show)
app.command()(selftest)


def _version(wanted: bool) -> None:
    if wanted:
        from fivefold.artifact.version import library_version

        typer.echo(f"fivefold {library_version()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Fit models from data and certify the mathematics.

    Results go to standard output, messages to standard error. Exit codes: 0 done, 1 unforeseen, 2 usage,
    3 data, 4 saved model, 5 missing package, 6 computation broke down,
    7 diagnose found something, 130 interrupted, 141 output closed, 143 terminated.
    """


def run() -> None:
    """Entry point of the command line."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="fivefold")
    except KeyboardInterrupt:  # between our commands and the parser
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        silence_output()
        sys.exit(PIPE_CLOSED)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Leave through the ``finally`` blocks, so that no temporary file stays."""
    sys.exit(TERMINATED)
