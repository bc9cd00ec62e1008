"""What drives the prediction: permutation importance and partial effects, with their uncertainty.

Importance of a column: by how much the main metric on unseen rows gets worse when the column is shuffled
among them (Breiman, Random forests, 2001), with the bootstrap interval of that difference. The effect of a
column: the mean prediction (of ordered classes, the mean level) when every row is given the same value, over
a grid of the central 98% of its values, with the range over the models of the cross-validation folds, none of
which saw the same rows. Shuffling breaks the relation to the other columns; where columns are collinear,
importance is shared.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import numpy_generator
from fivefold.tasks.evaluate import METRICS, Bootstrap
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.predictors import Predictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

Floats = npt.NDArray[np.float64]
_MOST_ROWS, _MOST_COLUMNS, _CURVES, _GRID, _EFFECT_ROWS = 1500, 60, 6, 15, 200


def _replace(table: Table, name: str, values: npt.NDArray[Any]) -> Table:
    return Table({**table.columns, name: values}, table.source)


def importance(
    predictor: Predictor,
    table: Table,
    y: Floats,
    target: Target,
    metric: str,
    seed: int,
    temperature: float = 1.0,
    offset: Floats | None = None,
) -> list[dict[str, Any]]:
    """Return the columns by falling importance: name, importance, low, high.

    Args:
        predictor: The chosen model.
        table: Unseen typed rows, of which at most 1,500 are used.
        y: ``[n]`` the target in its own unit, or codes of classes.
        target: The family.
        metric: A name of :data:`METRICS`.
        seed: Seed of the shuffles.
        temperature: Divides the linear predictors.
        offset: ``[n]`` added to the linear predictors (log exposure).
    """
    generator = numpy_generator(seed, "importance")
    rows = np.sort(generator.permutation(table.rows)[:_MOST_ROWS])
    part, truth = table.take(rows), y[rows]
    bootstrap = Bootstrap(truth, seed)
    added = np.zeros((part.rows, 1)) if offset is None else offset[rows][:, None]
    base = target.mean(predictor.eta(part) / temperature + added)
    sign = 1.0 if METRICS[metric][2] else -1.0
    found = []
    for name in table.names[:_MOST_COLUMNS]:
        shuffled = _replace(part, name, part.column(name)[generator.permutation(part.rows)])
        worse = target.mean(predictor.eta(shuffled) / temperature + added)
        change = bootstrap.difference(metric, worse, base)
        low, high = sorted((sign * change["low"], sign * change["high"]))
        found.append({"name": name, "importance": sign * change["difference"], "low": low, "high": high})
    return sorted(found, key=lambda record: -record["importance"])


def effects(
    ranked: list[dict[str, Any]],
    predictors: Sequence[Predictor],
    table: Table,
    schema: Schema,
    target: Target,
    seed: int,
    temperature: float = 1.0,
) -> None:
    """Add the effect of the leading columns to their records, in place.

    Args:
        ranked: Records of :func:`importance`.
        predictors: The chosen model first, then those of the folds.
        table: Typed rows, of which at most 200 are used.
        schema: Kinds of the columns.
        target: The family.
        seed: Seed of the choice of rows.
        temperature: Divides the linear predictors.
    """
    generator = numpy_generator(seed, "effects")
    rows = np.sort(generator.permutation(table.rows)[:_EFFECT_ROWS])
    part = table.take(rows)
    kinds = {c.name: c.kind for c in schema.columns}
    for record in ranked[:_CURVES]:
        name = record["name"]
        values = table.column(name)
        if kinds.get(name) in {Kind.NUMBER, Kind.BOOLEAN}:
            known = np.asarray(values, dtype=np.float64)
            known = known[np.isfinite(known)]
            grid = np.unique(np.quantile(known, np.linspace(0.01, 0.99, _GRID))) if len(known) else known
            if len(grid) < 2:
                continue
            mean, low, high = _means(predictors, part, name, list(grid), target, temperature)
            record["curve"] = {
                "x": grid.tolist(),
                "y": mean.tolist(),
                "low": low.tolist(),
                "high": high.tolist(),
                "xlabel": name,
                "ylabel": target.label,
            }
        elif kinds.get(name) is Kind.CATEGORY:
            counts: dict[str, int] = {}
            for value in values:
                if value is not None:
                    counts[value] = counts.get(value, 0) + 1
            levels = sorted(counts, key=lambda v: (-counts[v], v))[:12]
            mean, low, high = _means(predictors, part, name, levels, target, temperature)
            record["levels"] = [
                {"name": level, "value": float(m), "low": float(a), "high": float(b)}
                for level, m, a, b in sorted(zip(levels, mean, low, high, strict=True), key=lambda r: -r[1])
            ]


def _means(
    predictors: Sequence[Predictor],
    part: Table,
    name: str,
    grid: list[Any],
    target: Target,
    temperature: float,
) -> tuple[Floats, Floats, Floats]:
    """Mean prediction ``[grid]`` of the first predictor with one value in every row, and the range of all."""
    n = part.rows
    column = np.repeat(np.array(grid, dtype=part.column(name).dtype), n)
    tiled = part.take(np.tile(np.arange(n), len(grid)))
    tiled = _replace(tiled, name, column)
    curves = []
    for predictor in predictors:
        mean = target.summary(target.mean(predictor.eta(tiled) / temperature))
        curves.append(mean.reshape(len(grid), n).mean(1))
    stacked = np.array(curves)
    return stacked[0], stacked.min(0), stacked.max(0)
