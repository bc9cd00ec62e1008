"""``fivefold fit DATA --target COLUMN``."""

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.options import Debug, Json, Quiet, Rows, split_names, split_pairs
from fivefold.cli.progress import Progress
from fivefold.cli.terminal import out as write_out
from fivefold.cli.terminal import say


def fit(
    ctx: typer.Context,
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="CSV, TSV, JSON or Parquet, several files, or a quoted pattern; "
            "a folder of pictures or of texts, IDX or NPZ.",
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="COLUMN",
            help="The column to predict; pictures and texts in folders need none.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="30s, 5m, 1h: for the choice (tables) or everything (pictures, texts)."
        ),
    ] = "60s",
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed and plan give the same bits.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Directory for the model [default: DATA.fivefold]."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column whose rows stay on one side of every split.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of time: the test rows are the last.")
    ] = None,
    weight: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of row weights.")] = None,
    exposure: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of exposures of a count.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Columns to leave out: a,b.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=KIND,...",
            help="Kinds that override the guess: number, category, text, date, boolean, identifier; "
            "for the target also ordered.",
        ),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL,...", help="Levels of an ordered target, lowest first: low,medium,high."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The first metric of the report: rmse, mae, logloss, ..."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="SQL over the view 'data' that yields the rows.")
    ] = None,
    allow_trees: Annotated[
        bool, typer.Option("--allow-trees", help="Return boosted trees where they win.")
    ] = False,
    rows: Rows = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Pictures: a saved model or a checkpoint to start from."),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(metavar="NAME", help="Pictures: of the checkpoint, such as resnet18.")
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Pictures: part of the budget for a search among architectures."),
    ] = None,
    design_directory: Annotated[
        Path | None,
        typer.Option(
            "--design-dir", metavar="DIR", help="Pictures: folder that a killed search resumes from."
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Follow the plan of this saved model, to the same bits."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a saved model of that name.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Choose a model on evidence and fit it.

    Writes the model and a report that shows every choice and what it rests on.
    """
    with guarded(debug):
        columns, kinds = split_names(drop, "--drop"), split_pairs(types, "--types")
        levels = split_names(order, "--order") or None
        from fivefold.artifact.write import check_target
        from fivefold.core import Budget

        Budget.parse(budget)
        if rows is not None:
            from fivefold.tasks.tables.sampling import parse_rows

            parse_rows(rows)
        for name in data:
            check_source(name)
        if target is None:
            require_folder(data)
        place = choose_place(data[0], out, overwrite)
        check_target(place, overwrite)
        if not quiet:
            # Said before the heavy imports: the first line must not wait for them.
            say(f"reading {', '.join(data)}")
        rest_early()
        from fivefold.tasks.fit import fit as fit_any

        given: dict[str, Any] = {
            "group": group,
            "time": time,
            "weight": weight,
            "exposure": exposure,
            "drop": columns,
            "types": kinds,
            "order": levels,
            "metric": metric,
            "query": query,
            "allow_trees": allow_trees,
            "rows": rows,
            "weights": weights,
            "architecture": architecture,
            "design": design,
            "design_directory": design_directory,
        }
        with Progress(quiet) as progress:
            model = fit_any(
                data[0] if len(data) == 1 else list(data),
                target=target,
                budget=budget,
                seed=seed,
                replay=replay,
                progress=progress,
                **{name: value for name, value in given.items() if value},
            )
        model.record["command"] = spoken(ctx)
        saved = save_free(lambda at, replace: Path(model.save(at, overwrite=replace)), place, overwrite)
        report = saved / "report.html"
        if as_json:
            found = {"artifact": str(saved), "report": str(report), "record": model.record}
            write_out(json.dumps(found, allow_nan=False))
            return
        from fivefold.report.page import render_text

        write_out(render_text(model.record).rstrip("\n"))
        write_out(f"\nmodel:   {shown(saved)}\nreport:  {shown(report)}")


def rest_early() -> None:
    """Let threads that wait for each other sleep soon; call it before torch is loaded.

    Where other processes want the cores too, a thread that spins takes the core from the one it waits for,
    and a fit takes ten times as long. What the user has set stands.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = "10000"


_OF_THE_TERMINAL = frozenset({"as_json", "quiet", "debug", "out", "overwrite"})


def spoken(ctx: typer.Context) -> str:
    """Return the command as it was given, but for what concerns the terminal and the place of the model."""
    words = ["fivefold", str(ctx.info_name)]
    for parameter in ctx.command.params:
        value = ctx.params.get(str(parameter.name))
        if parameter.name in _OF_THE_TERMINAL or value is None or value == parameter.default:
            continue
        values = [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]
        if parameter.param_type_name == "argument":
            words += values
        elif isinstance(value, bool):
            words += [parameter.opts[0]] if value else []
        else:
            words += [part for v in values for part in (parameter.opts[0], v)]
    return shlex.join(words)


def check_source(name: str) -> None:
    """Refuse a path that is not there before anything heavy is loaded; the reader expands patterns.

    Raises:
        DataError: No such file.

    >>> check_source("data/*.csv")
    """
    from fivefold.core import DataError

    # Path.exists would raise where a name is too long.
    if not re.search(r"[*?]|\[.*\]|:/", name) and not os.path.exists(name):  # noqa: PTH110
        raise DataError("an existing file", f"no such file: {name!a}", "check the path")


def require_folder(data: list[str]) -> None:
    """Refuse a table without a target.

    Raises:
        ArgumentError: The data are neither pictures nor texts.

    >>> require_folder(["sales.csv"])
    Traceback (most recent call last):
    fivefold.core.errors.ArgumentError: expected --target COLUMN, the column to predict; got none; ...
    """
    from fivefold.core import ArgumentError
    from fivefold.tasks.recognise import kind_of

    if len(data) != 1 or kind_of(data[0], None) == "table":
        raise ArgumentError(
            "--target COLUMN, the column to predict",
            "none",
            "name it; only folders of pictures or texts need none",
        )


def choose_place(source: str, wanted: Path | None, overwrite: bool) -> Path:
    """Return where the model goes: where it is wanted, else ``<data>.fivefold`` or the next free such name.

    Args:
        source: The data; its name up to the first dot names the model.
        wanted: ``--out``.
        overwrite: Take the first name though it is taken.

    >>> choose_place("a/house_prices.csv.gz", None, True).name, choose_place("x", Path("m"), False).name
    ('house_prices.fivefold', 'm')
    """
    if wanted is not None:
        return wanted
    stem = re.sub(r"[^\w-]+", "-", Path(source).name.lstrip(".").split(".")[0]).strip("-")[:100] or "model"
    first = Path(f"{stem}.fivefold")
    return first if overwrite else free_name(first)


def free_name(first: Path) -> Path:
    """Return the name, or the first of ``name-2``, ``name-3``, … that nothing has.

    >>> free_name(Path("/nonexistent/a.fivefold")).name
    'a.fivefold'
    """
    place, number = first, 1
    while place.exists() or place.is_symlink():
        number += 1
        place = first.with_name(f"{first.stem}-{number}{first.suffix}")
    return place


def save_free(save: Callable[[Path, bool], Path], place: Path, overwrite: bool) -> Path:
    """Save; where something took the name meanwhile, under the next free one, and say so.

    Args:
        save: Given a place and whether to overwrite, saves there and returns where.
        place: Where.
        overwrite: Whether to replace what is there.

    Raises:
        ArtifactError: It cannot be written; or, of a file that is no artifact, ``ArgumentError``.
    """
    from fivefold.core import ArgumentError, ArtifactError

    try:
        return save(place, overwrite)
    except (ArtifactError, ArgumentError):
        other = free_name(place)
        if other == place or overwrite:
            raise
        say(f"{place} was taken meanwhile; saving as {other}")
        return save(other, False)


def shown(path: Path) -> str:
    """Return a path relative to the working directory where it lies below it, without control characters."""
    from fivefold.report.text import clean

    here = Path.cwd()
    return clean(path.relative_to(here) if path.is_relative_to(here) else path, 2000)
