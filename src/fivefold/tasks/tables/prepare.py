"""From a source to typed rows with a target: what is dropped is counted and said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.source import as_table
from fivefold.tasks.tables.table import Table, missing

Floats = npt.NDArray[np.float64]
LEAST_ROWS = 10
_LEAST_GROUPS = 3
_WIDEST = 1e12
"""Largest ratio of two weights: beyond it the smaller one counts as nothing anyway."""
_NOTHING = frozenset({"", "nan", "null", "n/a", "#n/a", "<na>"})
"""Texts of a target that are no class of anyone's; "none" and "na" may be."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows ready to be split.

    Attributes:
        raw: Rows as read, with a known target.
        typed: The same rows as the model takes them, without target, weight, group and time columns that
            were only named for a role.
        schema: Kinds of all columns, target included.
        target: ``[n]`` values of the target, typed.
        target_kind: Its kind.
        weights: ``[n]`` with mean one, or ``None``.
        offset: ``[n]`` log exposure, or ``None``.
        groups: ``[n]`` codes of ``--group``, or ``None``.
        times: ``[n]`` of ``--time``, or ``None``.
        notes: What was dropped or noticed, in sentences.
        exposure: The column of exposures, or ``None``.
    """

    raw: Table
    typed: Table
    schema: Schema
    target: Any
    target_kind: Kind
    weights: Floats | None
    offset: Floats | None
    groups: npt.NDArray[np.int64] | None
    times: Floats | None
    notes: tuple[str, ...]
    exposure: str | None = None

    @property
    def target_name(self) -> str:
        """The column to predict."""
        assert self.schema.target is not None
        return self.schema.target.name

    def without(self, column: str) -> "Prepared":
        """Return the rows as they would be had the table not had a column."""
        schema = Schema(tuple(c for c in self.schema.columns if c.name != column), self.schema.target)
        return replace(self, typed=self.typed.drop([column]), schema=schema)


def _typed_column(raw: Table, schema: Schema, name: str) -> Any:
    """One column in the form of its kind, whether or not a model would see it."""
    alone = Schema((replace(schema[name], used=True),))
    return alone.apply(raw.select([name]), fitting=True).column(name)


def _positive(raw: Table, schema: Schema, name: str, role: str) -> Floats:
    values = _typed_column(raw, schema, name)
    if values.dtype != np.float64:
        raise DataError(
            f"positive numbers in the {role} column {name!r}", f"a column of kind {schema[name].kind}"
        )
    bad = int((~(np.isfinite(values) & (values > 0))).sum())
    if bad:
        raise DataError(f"positive numbers in the {role} column {name!r}", f"{bad:,} that are not")
    return np.asarray(values)


def _weights(raw: Table, schema: Schema, name: str) -> Floats:
    """Weights with mean one."""
    values = _positive(raw, schema, name, "weight")
    low, high = float(values.min()), float(values.max())
    if high > _WIDEST * low:
        raise DataError(
            f"weights in {name!r} of which the largest is at most {_WIDEST:g} times the smallest",
            f"{low:g} to {high:g}",
            "leave out the rows that weigh nothing",
        )
    return np.asarray(values / values.mean())


def _no_value(column: Any) -> npt.NDArray[np.bool_]:
    """Where a target of texts holds a word that says there is none, ``[n]``."""
    if column.dtype != object:
        return np.zeros(len(column), dtype=bool)
    return np.array([isinstance(v, str) and v.strip().lower() in _NOTHING for v in column], dtype=bool)


def _check_rows(raw: Table) -> None:
    if raw.rows < LEAST_ROWS:
        raise DataError(
            f"at least {LEAST_ROWS} rows with a known target",
            f"{raw.rows:,}",
            "fewer cannot be split and judged",
        )


def prepare(
    data: Any,
    target: str,
    *,
    query: str | None = None,
    drop: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    weight: str | None = None,
    exposure: str | None = None,
    group: str | None = None,
    time: str | None = None,
    order: Sequence[object] | None = None,
) -> Prepared:
    """Read, type and check a source.

    Raises:
        DataError: No such column, too few rows, a target without values, values that cannot be read.
        ArgumentError: A column named for two roles that exclude each other; an order that does not fit the
            target.
    """
    raw = as_table(data, query)
    notes = list(raw.notes)
    for name in (target, weight, exposure, group, time, *drop):
        if name is not None:
            raw.column(name)
    if target in (weight, exposure, group, time, *drop):
        raise ArgumentError(
            "a target that has no other role", f"{target!r} named twice", "name another column"
        )
    if weight is not None and weight == exposure:
        raise ArgumentError("a weight that is no exposure", f"{weight!r} named twice", "name another column")
    raw = raw.drop(drop) if drop else raw
    absent = missing(raw.column(target)) | _no_value(raw.column(target))
    if absent.all():
        raise DataError(f"known values in the target {target!r}", f"all {raw.rows:,} rows missing")
    if absent.any():
        notes.append(f"{int(absent.sum()):,} of {raw.rows:,} rows have no {target} and were left out.")
        raw = raw.take(np.flatnonzero(~absent))
    _check_rows(raw)
    schema = Schema.guess(raw, target, dict(types or {}), order)
    assert schema.target is not None
    if schema.target.kind is Kind.BOOLEAN:  # its two texts are the classes
        schema = Schema.guess(raw, target, {**(types or {}), target: "category"})
        assert schema.target is not None
    values, remarks = schema.apply_target(raw)
    notes += remarks
    lost = missing(values)
    if lost.any():
        keep = np.flatnonzero(~lost)
        notes.append(f"{int(lost.sum()):,} rows whose {target} cannot be read were left out.")
        raw, values = raw.take(keep), values[keep]
        _check_rows(raw)
    weights = None if weight is None else _weights(raw, schema, weight)
    if exposure is not None and schema[target].kind is not Kind.NUMBER:
        raise DataError(
            f"counts in {target!r} beside an exposure",
            f"a column of kind {schema[target].kind}",
            f"leave the exposure out, or say --types {target}=number",
        )
    offset = None if exposure is None else np.log(_positive(raw, schema, exposure, "exposure"))
    groups = times = None
    if group is not None:
        labels = np.array([str(v) for v in raw.column(group)])
        known, inverse = np.unique(labels, return_inverse=True)
        if time is None and len(known) < _LEAST_GROUPS:
            raise DataError(
                f"at least {_LEAST_GROUPS} groups in {group!r}: to test on, to choose by and to learn from",
                f"{len(known)}",
                "group by a column with more levels",
            )
        groups = inverse.reshape(-1)
        notes.append(
            f"{group} names the groups that stay together and is no feature: a new group has a new value."
        )
    if time is not None:
        times = times_of(raw, schema, time)
    # A weight or a group is not asked for at prediction; an exposure is, as the column it was.
    apart = {name for name in (weight, group) if name is not None}
    schema = Schema(tuple(c for c in schema.columns if c.name not in apart), schema.target)
    if exposure is not None:
        columns = tuple(replace(c, used=True) if c.name == exposure else c for c in schema.columns)
        schema = Schema(columns, schema.target)
    assert schema.target is not None
    notes += [
        f"{c.name} is read as {c.kind} ({c.reason}); --types {c.name}=… says otherwise."
        for c in schema.uncertain[:10]
    ]
    typed = schema.apply(replace(raw.drop(sorted(apart)), notes=()), fitting=True)
    notes += typed.notes
    if exposure is not None:
        typed = typed.drop([exposure])
    if not typed.names:
        raise DataError(
            "at least one column to predict from",
            f"none of use ({schema.unused})" if schema.unused else "none",
            "add one, or say what one is: --types COLUMN=category",
        )
    return Prepared(
        raw,
        typed,
        schema,
        values,
        schema.target.kind,
        weights,
        offset,
        groups,
        times,
        tuple(dict.fromkeys(notes)),
        exposure,
    )


def times_of(raw: Table, schema: Schema, name: str) -> Floats:
    """Return the times ``[n]`` of rows as numbers.

    Raises:
        DataError: A column that is neither of dates nor of numbers, or a row without a time.
    """
    kind = schema[name].kind
    values = raw.column(name) if kind is Kind.IDENTIFIER else _typed_column(raw, schema, name)
    if values.dtype.kind == "M":
        out = (values - np.datetime64("2000-01-01", "us")) / np.timedelta64(1, "s")
        out = np.where(np.isnat(values), np.nan, out)
    elif values.dtype == np.float64:
        out = values
    else:
        raise DataError(f"dates or numbers in the time column {name!r}", f"a column of kind {kind}")
    if not np.isfinite(out).all():
        raise DataError(
            f"a known time in every row of {name!r}", f"{int((~np.isfinite(out)).sum()):,} missing"
        )
    return np.asarray(out, dtype=np.float64)
