"""Options that several commands share, and how lists of columns are written."""

import csv
from collections.abc import Sequence
from typing import Annotated

import typer

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error arose (also FIVEFOLD_DEBUG=1).")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for machines to standard output.")]
Rows = Annotated[
    str | None,
    typer.Option(
        "--rows",
        metavar="N|all",
        help="Rows to draw at random from a larger table [default: as many as a fit holds in 640 MiB].",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages but errors.")]


def split_names(values: Sequence[str] | None, option: str) -> list[str]:
    """Split names at commas; a name that holds one is quoted as in CSV, and the option may be repeated.

    Raises:
        typer.BadParameter: An empty name.

    >>> split_names(["a,b", '"c,d"'], "--drop")
    ['a', 'b', 'c,d']
    """
    names = [name.strip() for value in values or () for name in (next(csv.reader([value]), []) or [""])]
    if not all(names):
        raise typer.BadParameter("expected names separated by commas, got an empty one", param_hint=option)
    return names


def split_pairs(values: Sequence[str] | None, option: str) -> dict[str, str]:
    """Split ``column=kind`` pairs; the last ``=`` counts, so that a name may hold one.

    Raises:
        typer.BadParameter: A pair without a name, without ``=``, or a column twice.

    >>> split_pairs(["zip=category,a=b=number"], "--types")
    {'zip': 'category', 'a=b': 'number'}
    """
    pairs: dict[str, str] = {}
    for item in split_names(values, option):
        name, mark, kind = item.rpartition("=")
        if not (name and mark and kind):
            raise typer.BadParameter(
                f"expected column=kind, for example zip=category, got {item!a}", param_hint=option
            )
        if name in pairs:
            raise typer.BadParameter(f"expected each column once, got {name!a} twice", param_hint=option)
        pairs[name] = kind.lower()
    return pairs
