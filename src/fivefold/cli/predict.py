"""``fivefold predict DIR DATA``."""

import glob
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.fit import check_source
from fivefold.cli.options import Debug, Json, Quiet
from fivefold.cli.terminal import say

if TYPE_CHECKING:
    from fivefold.tasks.class_model import ClassModel
    from fivefold.tasks.tables.model import Model, Prediction

_PAGE, _MOST_SHIFTS, _MOST_REJECTED = 20_000, 5, 20
"""Rows that are read, predicted and written at once."""


def predict(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The saved model.")],
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="CSV, TSV, JSON or Parquet, several files, or a quoted pattern; "
            "pictures or texts, or a folder of them.",
        ),
    ],
    interval: Annotated[
        float, typer.Option(metavar="LEVEL", help="Coverage of the intervals or sets, between 0 and 1.")
    ] = 0.9,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="File for the predictions [default: standard output]."
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="Tables: SQL over the view 'data' that yields the rows.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict rows, pictures or texts with a saved model.

    Writes CSV. For numbers: prediction, lower, upper. For classes: prediction, set (its members separated
    by |), one probability per class; for pictures and texts their name first. With --json one object a line.
    Intervals and sets cover what they claim on rows like those of the fit.
    """
    with guarded(debug):
        from fivefold.artifact import TextSink
        from fivefold.core import require

        require(0 < interval < 1, "an --interval between 0 and 1", interval, "for example 0.9")
        for name in data:
            check_source(name)
        check_out(out, data)
        if not quiet:
            say(f"reading {', '.join(data)}")
        from fivefold.tasks.saved import load
        from fivefold.tasks.tables.model import Model
        from fivefold.tasks.tables.read import read_pages

        model = load(directory)
        if not isinstance(model, Model):
            require(query is None, f"no --query for {model.things[1]}", repr(query), "leave it out")
            predict_named(model, data, interval, out, as_json, quiet)
            return
        rows, notes = 0, Notes(quiet)
        with TextSink(out) as sink:
            writer: CsvRows | JsonRows | None = None
            for page in read_pages(data[0] if len(data) == 1 else list(data), query=query, rows=_PAGE):
                found = model.predict_table(page, interval)
                if writer is None:  # only now, so that rows that do not fit leave nothing, not even a header
                    writer = JsonRows(sink, model) if as_json else CsvRows(sink, model)
                writer.write(found)
                notes.show(found.notes, rows, page.rows, of_all=page.notes)
                if rows == 0 and not quiet:
                    for finding in model.shift(page)[:_MOST_SHIFTS]:
                        say(f"note: {finding.title} in the first {page.rows:,} rows: {finding.evidence}")
                rows += page.rows
        if not quiet:
            say(f"{rows:,} rows predicted" + (f", written to {out}" if out is not None else ""))


def predict_named(
    model: "ClassModel",
    data: list[str],
    level: float,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write what a model says of pictures or texts: name, prediction, set, one probability per class.

    What cannot be read is named on standard error and left out.

    Args:
        model: The model.
        data: Folders and files.
        level: Coverage of the sets.
        out: File for the predictions, or ``None`` for standard output.
        as_json: One object a line instead of CSV.
        quiet: Say nothing but errors.
    """
    from fivefold.artifact import CsvWriter, TextSink

    # paths, for a list of strings would be one of texts
    found = model.answer(data[0] if len(data) == 1 else [Path(name) for name in data], level)
    one, several = model.things
    names = [model.classes[code] for code in found.probabilities.argmax(1)]
    sets = [[c for c, inside in zip(model.classes, row, strict=True) if inside] for row in found.sets]
    with TextSink(out) as sink:
        if as_json:
            for file, name, members, row in zip(
                found.names, names, sets, found.probabilities.tolist(), strict=True
            ):
                said = {one: file, "prediction": name, "set": members}
                said["probabilities"] = dict(zip(model.classes, row, strict=True))
                sink.write(json.dumps(said, allow_nan=False) + "\n")
        else:
            header = [one, "prediction", "set", *(f"probability_{c}" for c in model.classes)]
            writer = CsvWriter(sink, header)
            writer.write([list(found.names), names, joined(sets), *found.probabilities.T])
    if not quiet:
        for note in found.notes:
            say(f"note: {note}")
        for each in found.rejected[:_MOST_REJECTED]:
            say(f"note: {each.name} was left out: {each.reason}")
        if len(found.rejected) > _MOST_REJECTED:
            say(f"note: and {len(found.rejected) - _MOST_REJECTED:,} more")
        say(
            f"{len(names):,} {one if len(names) == 1 else several} predicted"
            + (f", written to {out}" if out is not None else "")
        )


def joined(sets: list[list[str]]) -> list[str]:
    r"""Return the members of each set in one text, separated by ``|``.

    >>> joined([["a", "b"], []]), joined([["a|b"]])
    (['a|b', ''], ['a\\|b'])
    """
    return ["|".join(name.replace("\\", "\\\\").replace("|", "\\|") for name in row) for row in sets]


def check_out(out: Path | None, data: list[str]) -> None:
    """Refuse to write predictions over the rows they are made from.

    Raises:
        ArgumentError: ``out`` is one of the files.

    >>> check_out(None, ["rows.csv"])
    """
    if out is None or not os.path.exists(out):  # noqa: PTH110
        return
    from fivefold.core import ArgumentError
    from fivefold.tasks.user_path import user_path

    names = [str(user_path(name)) for name in data]
    paths = [
        path
        for name in names
        for path in ([name] if os.path.lexists(name) else glob.glob(name, recursive=True))  # noqa: PTH207
    ]
    if any(os.path.samefile(path, out) for path in paths if os.path.exists(path)):  # noqa: PTH110, PTH121
        raise ArgumentError(
            "an --out that is none of the data",
            ascii(str(out))[1:-1],
            "choose another name; nothing was changed",
        )


class Notes:
    """What was noticed about the rows, each kind of note once: pages differ in their numbers and examples.

    Args:
        quiet: Say nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._seen: set[str] = set()

    def show(self, notes: Sequence[str], start: int, count: int, of_all: Sequence[str] = ()) -> None:
        """Say what is new in the notes on ``count`` rows after the first ``start``.

        Args:
            notes: Notes, those of the reader on the whole source among them.
            start: Rows before these.
            count: These rows.
            of_all: The reader's notes, which are not about these rows alone.
        """
        for note in notes:
            kind = re.sub(r"(?<!\w)\d[\d,]*", "#", note.split(", as ")[0])
            if kind in self._seen:
                continue
            self._seen.add(kind)
            whole = note in of_all or (start == 0 and count < _PAGE)
            where = "" if whole else f"rows {start + 1:,} to {start + count:,}: "
            if not self._quiet:
                say(f"note: {where}{note}")


class CsvRows:
    """Predictions as CSV rows.

    Args:
        sink: Where the text goes.
        model: Whose predictions they are; its classes decide the columns.
    """

    def __init__(self, sink: Any, model: "Model") -> None:
        from fivefold.artifact import CsvWriter

        self._classes = model.classes
        names = ["lower", "upper"]
        if self._classes:
            names = ["set", *(f"probability_{name}" for name in self._classes)]
        self._writer = CsvWriter(sink, ["prediction", *names])

    def write(self, found: "Prediction") -> None:
        """Write a chunk."""
        if self._classes:
            labels, sets, probabilities = _as_labels(found, self._classes)
            self._writer.write([labels, joined(sets), *probabilities.T])
        else:
            missing = [None] * len(found.mean)
            low = missing if found.low is None else found.low
            high = missing if found.high is None else found.high
            self._writer.write([found.mean, low, high])


class JsonRows:
    """Predictions as JSON, one object a line; what is unknown or unbounded is ``null``."""

    def __init__(self, sink: Any, model: "Model") -> None:
        self._sink = sink
        self._classes = model.classes

    def write(self, found: "Prediction") -> None:
        """Write a chunk."""
        lines = [json.dumps(row, allow_nan=False) for row in self._rows(found)]
        self._sink.write("\n".join(lines) + "\n")

    def _rows(self, found: "Prediction") -> Iterator[dict[str, object]]:
        if self._classes:
            labels, sets, probabilities = _as_labels(found, self._classes)
            for label, members, row in zip(labels, sets, probabilities.tolist(), strict=True):
                yield {
                    "prediction": label,
                    "set": members,
                    "probabilities": dict(zip(self._classes, row, strict=True)),
                }
            return
        columns = [_numbers(values, len(found.mean)) for values in (found.mean, found.low, found.high)]
        for mean, low, high in zip(*columns, strict=True):
            yield {"prediction": mean, "lower": low, "upper": high}


def _as_labels(found: "Prediction", classes: tuple[str, ...]) -> tuple[list[str], list[list[str]], Any]:
    """Labels of the most probable class, of the sets, and the probabilities ``[n, K]``."""
    labels = [classes[int(code)] for code in found.mean]
    sets: list[list[str]] = [[] for _ in labels]
    if found.sets is not None:
        sets = [[classes[k] for k, inside in enumerate(row) if inside] for row in found.sets]
    return labels, sets, found.probabilities


def _numbers(values: Any, rows: int) -> list[float | None]:
    import numpy as np

    if values is None:
        return [None] * rows
    return [value if np.isfinite(value) else None for value in values.tolist()]
