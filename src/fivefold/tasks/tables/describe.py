"""What the data look like: columns, spectrum, conditioning, effective rank."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fivefold.diagnosis import Finding
from fivefold.linalg import condition, effective_rank, svd
from fivefold.tasks.tables.basis import Basis, plain_blocks
from fivefold.tasks.tables.convert import convert
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table, missing

_MOST_ROWS, _MOST_COLUMNS, _BINS = 20_000, 200, 16


def _number(x: float) -> str:
    return f"{x:,.6g}" if abs(x) < 1e6 else f"{x:,.0f}"


def _summary(kind: Kind, values: Any) -> tuple[str, list[int] | None, int]:
    """One line about the values, a histogram, and the number of distinct ones."""
    known = values[~missing(values)]
    if not len(known):
        return "all missing", None, 0
    if known.dtype.kind == "M":
        first, last = (np.datetime_as_string(v, unit="D") for v in (known.min(), known.max()))
        whole = (known - known.min()) / np.timedelta64(1, "s")
        return f"{first} to {last}", np.histogram(whole, _BINS)[0].tolist(), len(np.unique(known))
    if kind in {Kind.NUMBER, Kind.BOOLEAN}:
        x = np.asarray(known, dtype=np.float64)
        x = x[np.isfinite(x)]
        distinct = len(np.unique(x))
        text = f"{_number(x.min())} to {_number(x.max())}, median {_number(float(np.median(x)))}"
        low, high = np.quantile(x, [0.005, 0.995])
        inside = x[(x >= low) & (x <= high)]
        return text, np.histogram(inside, _BINS)[0].tolist(), distinct
    counts: dict[str, int] = {}
    for value in known:
        counts[str(value)] = counts.get(str(value), 0) + 1
    top = sorted(counts, key=lambda v: (-counts[v], v))
    shown = ", ".join(f"{v[:40]} ({counts[v]:,})" for v in top[:3])
    histogram = [counts[v] for v in top[:_BINS]] if kind is Kind.CATEGORY else None
    return shown, histogram, len(counts)


def describe(
    raw: Table, typed: Table, schema: Schema, findings: Sequence[Finding], duplicates: str
) -> dict[str, Any]:
    """Return the part ``table`` of the report's record.

    Args:
        raw: Rows as read (identifiers included).
        typed: The same rows as the model takes them.
        schema: Kinds and reasons.
        findings: What the checks found.
        duplicates: A sentence about repeated rows.
    """
    columns = []
    for column in ([schema.target] if schema.target else []) + list(schema.columns[:_MOST_COLUMNS]):
        values = typed.columns.get(column.name, raw.columns.get(column.name))
        if values is None:
            continue
        if values.dtype == object and column.kind in {Kind.NUMBER, Kind.BOOLEAN, Kind.DATE}:
            values = convert(values, column, fitting=False)[0]  # a target such as "1,5" is typed by its form
        summary, histogram, distinct = _summary(column.kind, values)
        columns.append(
            {
                "name": column.name,
                "kind": str(column.kind),
                "reason": column.reason,
                "missing": int(missing(values).sum()),
                "distinct": distinct,
                "summary": summary,
                "histogram": histogram,
            }
        )
    record: dict[str, Any] = {
        "columns": columns,
        "duplicates": duplicates,
        "findings": [f.to_record() for f in findings],
        "leaks": [f.title for f in findings if f.code.startswith("leak")],
        "collinear": [
            {"columns": [], "sentence": f"{f.title}. {f.evidence}"}
            for f in findings
            if f.code.startswith("collinear")
        ],
        "spectrum": None,
        "condition": None,
        "effective_rank": None,
    }
    part = typed.take(np.arange(0, typed.rows, max(1, -(-typed.rows // _MOST_ROWS))))
    rows = Encoder.fit(part, schema).transform(part)
    design = Basis(tuple(plain_blocks(rows))).design(rows).astype(np.float64)
    if 0 < design.shape[1] <= 600 and len(design) > 1:
        design = design - design.mean(0)
        spread = design.std(0)
        design = design[:, spread > 0] / spread[spread > 0]
        if design.shape[1]:
            values = np.asarray(svd(design).values, dtype=np.float64)
            top = float(condition(values))
            record["spectrum"] = values[:200].tolist()
            record["condition"] = top if np.isfinite(top) else None
            record["effective_rank"] = effective_rank(values).entropy
    return record
