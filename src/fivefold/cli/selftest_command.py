"""``fivefold selftest``."""

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.options import Debug, Json


def selftest(as_json: Json = False, debug: Debug = False) -> None:
    """Check the numerics of this machine against certified values.

    NIST's eleven datasets for linear regression and identities of linear algebra, in some seconds: how many
    digits come out right here, and how many the certificates promise. Exit code 6 if anything is wrong.
    """
    with guarded(debug):
        from fivefold.cli.selftest import run

        if not run(as_json=as_json):
            raise typer.Exit(6)
