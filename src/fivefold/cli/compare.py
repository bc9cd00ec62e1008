"""``fivefold compare DATA --target COLUMN --methods adam,lbfgs,newton``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.fit import check_source, free_name, rest_early, shown, spoken
from fivefold.cli.options import Debug, Json, Quiet, Rows, split_names, split_pairs
from fivefold.cli.progress import Progress
from fivefold.cli.terminal import out as write_out
from fivefold.cli.terminal import say


def compare(
    ctx: typer.Context,
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA", help="CSV, TSV, JSON or Parquet; several are problems of their own."),
    ],
    target: Annotated[
        list[str],
        typer.Option(
            "--target",
            "-t",
            metavar="COLUMN",
            help="The column to predict; one for all files, or one each.",
            show_default=False,
        ),
    ],
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...", help="For example adam,lbfgs,newton [default: the advised one and a handful]."
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="KIND,...", help="linear, network or both [default: linear].")
    ] = None,
    budget: Annotated[str, typer.Option(metavar="TIME", help="Time of each run: 5s, 1m.")] = "5s",
    gradients: Annotated[
        float, typer.Option(metavar="N", help="Most gradients of each run: passes over all rows.")
    ] = 1000.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of batches and first weights.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="File for the page.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Columns to leave out: a,b.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=KIND,...",
            help="Kinds that override the guess: number, category, text, date, boolean, identifier, ordered.",
        ),
    ] = None,
    rows: Rows = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare methods of optimisation on a table, and see why one wins.

    Poses the problem that fitting the table is, runs every method on it under one budget, judges all by one
    test, and writes a page with trajectories, paths, curvature and certificates.
    """
    with guarded(debug):
        columns, kinds = split_names(drop, "--drop"), split_pairs(types, "--types")
        names = split_names(methods, "--methods") or None
        targets, models = split_names(target, "--target"), split_names(model, "--model") or ["linear"]
        from fivefold.artifact import TextSink
        from fivefold.core import Budget, require

        Budget.parse(budget)
        require(gradients > 0, "a positive number of gradients", gradients)
        if rows is not None:
            from fivefold.tasks.tables.sampling import parse_rows

            parse_rows(rows)
        for name in data:
            check_source(name)
        place = free_name(Path("comparison.html")) if out is None else out
        if not quiet:
            # Said before the heavy imports: the first line must not wait for them.
            say(f"reading {', '.join(data)}")
        rest_early()
        from fivefold.tasks.tables.comparison import compare_tables

        with Progress(quiet) as progress:
            record = compare_tables(
                list(data),
                targets,
                names,
                models=models,
                budget=budget,
                gradients=gradients,
                seed=seed,
                drop=columns,
                types=kinds,
                rows=rows,
                progress=progress,
            )
        record["command"] = spoken(ctx)
        from fivefold.report.compare_page import render_comparison
        from fivefold.report.compare_text import render_comparison_text

        page = render_comparison(record)
        with TextSink(place) as sink:
            sink.write(page)
        if as_json:
            write_out(json.dumps({"page": str(place), "record": record}, allow_nan=False))
            return
        write_out(render_comparison_text(record).rstrip("\n"))
        write_out(f"\npage:  {shown(place)}")
