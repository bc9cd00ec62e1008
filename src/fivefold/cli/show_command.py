"""``fivefold show [CONCEPT]``."""

from pathlib import Path
from typing import Annotated

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.options import Debug, Json


def show(
    concept: Annotated[
        str | None, typer.Argument(metavar="CONCEPT", help="For example gradient-descent.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="File for the page.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain a concept of the field.

    Its formula, its geometry, a readable implementation that runs, one quantity to vary, and how it fails.
    Without a concept, all are listed.
    """
    with guarded(debug):
        from fivefold.cli.show import show as show_concept

        show_concept(concept, out=out, open_page=open_page, as_json=as_json)
