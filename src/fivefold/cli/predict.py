"""``fivefold predict DIR DATA``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.fit import check_source
from fivefold.cli.options import Debug, Json, Quiet
from fivefold.cli.terminal import say

if TYPE_CHECKING:
    from fivefold.tasks.tables.model import Model, Prediction

_CHUNK = 20_000
"""Rows that are predicted and written at once."""


def predict(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The saved model.")],
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA", help="CSV, TSV, JSON or Parquet; several files, or a quoted pattern."),
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
        str | None, typer.Option(metavar="SQL", help="SQL over the view 'data' that yields the rows.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict rows with a saved model.

    Writes CSV. For numbers: prediction, lower, upper. For classes: prediction, set (its members separated
    by |), one probability per class. With --json one object a line. Intervals and sets cover what they
    claim on rows like those of the fit.
    """
    with guarded(debug):
        from fivefold.artifact import TextSink
        from fivefold.core import require

        require(0 < interval < 1, "an --interval between 0 and 1", interval, "for example 0.9")
        for name in data:
            check_source(name)
        if not quiet:
            say(f"reading {', '.join(data)}")
        from fivefold.tasks.tables.model import load
        from fivefold.tasks.tables.read import read

        model = load(directory)
        whole = read(data[0] if len(data) == 1 else list(data), query=query)
        seen: set[str] = set()
        with TextSink(out) as sink:
            writer: CsvRows | JsonRows | None = None
            for start in range(0, max(whole.rows, 1), _CHUNK):
                found = model.predict_table(whole.take(slice(start, start + _CHUNK)), interval)
                if writer is None:  # only now, so that rows that do not fit leave nothing, not even a header
                    writer = JsonRows(sink, model) if as_json else CsvRows(sink, model)
                writer.write(found)
                for note in found.notes:
                    if note not in seen and not quiet:
                        say(f"note: {note}")
                    seen.add(note)
        if not quiet:
            say(f"{whole.rows:,} rows predicted" + (f", written to {out}" if out is not None else ""))


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
            joined = [
                "|".join(name.replace("\\", "\\\\").replace("|", "\\|") for name in row) for row in sets
            ]
            self._writer.write([labels, joined, *probabilities.T])
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
