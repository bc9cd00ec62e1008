"""The draw from a large table: its rows, what is recorded of it, and what is said about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fivefold.core import DataError, numpy_generator
from fivefold.tasks.tables.convert import convert
from fivefold.tasks.tables.numbered import NumberedRows
from fivefold.tasks.tables.prepare import Prepared
from fivefold.tasks.tables.sampling import (
    LEAST_OF_CLASS,
    WORKING_BYTES,
    Numbers,
    class_weights,
    draw_groups,
    draw_rows,
    fresh_rows,
    planned_rows,
)
from fivefold.tasks.tables.table import Table, missing

_MOST_LABELS = 10_000


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows drawn from a table.

    Attributes:
        source: All rows.
        chosen: ``[n]`` sorted numbers of the rows that the search sees.
        fresh: ``[c]`` sorted numbers of rows kept from it, on which the model is calibrated.
        table: The chosen rows.
        record: What a replay needs to draw them again, as plain values.
        weights: The weight of a row of each class, or ``None`` where all weigh the same.
    """

    source: NumberedRows
    chosen: Numbers
    fresh: Numbers
    table: Table
    record: dict[str, Any]
    weights: dict[str, float] | None = None

    @property
    def reason(self) -> str:
        """What was drawn and why, in a sentence."""
        size, count = self.source.size, len(self.chosen)
        by = f" in whole groups of {self.record['by']}" if self.record["by"] else ""
        why = "because --rows asks for no more"
        if self.record["limit"] is not None:
            why = (
                f"because a fit of all of them would work with about {amount(size.working)} of memory "
                f"({amount(size.typed)} the table itself), and the limit is {amount(self.record['limit'])}"
            )
        used = f"{size.rows:,} rows; {count:,} drawn at random{by} were used"
        return f"{used}, {why}. --rows N or --rows all says otherwise."

    def weighed(self, prepared: Prepared) -> Prepared:
        """Return the rows with the weights that undo the draw of further rows of rare classes."""
        if self.weights is None:
            return prepared
        own = np.array([self.weights.get(str(v), 1.0) for v in prepared.target])
        own = own if prepared.weights is None else own * prepared.weights
        note = (
            f"Of classes of {prepared.target_name} with fewer than {LEAST_OF_CLASS} rows among those drawn, "
            "further rows were drawn. Rows are weighted so that the classes count as often as they occur in "
            "the whole table; figures on the test rows are not, and show the rare classes more often."
        )
        return replace(prepared, weights=own / own.mean(), notes=(*prepared.notes, note))


def amount(size: float) -> str:
    """Write a number of bytes.

    >>> amount(671088640), amount(3 * 2**30)
    ('640 MiB', '3.0 GiB')
    """
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"


def draw(
    source: NumberedRows,
    wanted: int | str | None,
    seed: int,
    group: str | None = None,
    time: str | None = None,
    stored: dict[str, Any] | None = None,
    limit: int = WORKING_BYTES,
) -> Sample | None:
    """Draw rows where a table is too large for a fit, or ``None`` where all of them are taken.

    Args:
        source: The table.
        wanted: Number of rows, ``"all"``, or ``None`` where the size decides.
        seed: The seed of the fit.
        group: Column whose rows stay together: groups are drawn whole.
        time: Column that orders the rows. No rows are kept for the calibration: what counts there is the
            error on later rows, which the race measures.
        stored: The record of a draw to repeat.
        limit: Bytes that the working copies may take.

    Raises:
        DataError: Too few groups fit, no such column, or another table than the one that ``stored`` is about.
    """
    size = source.size
    if stored is not None:
        if stored["rows"] != size.rows:
            raise DataError(
                f"the table of {stored['rows']:,} rows from which the plan drew", f"{size.rows:,} rows"
            )
        count, most_fresh = int(stored["count"]), int(stored["most_fresh"])
    else:
        planned = planned_rows(size, wanted, limit)
        if planned is None:
            return None
        count, most_fresh = planned, 0 if time is not None else fresh_rows(size.rows, planned)
    if group is None:
        chosen, fresh = draw_rows(size.rows, count, most_fresh, seed)
    else:
        first, sizes = source.values(group)
        groups, besides = draw_groups(sizes, count, most_fresh, seed)
        chosen = source.like(group, np.sort(first[groups]))
        fresh = source.like(group, np.sort(first[besides])) if len(besides) else besides
    record = {
        "rows": size.rows,
        "columns": size.columns,
        "count": count,
        "most_fresh": most_fresh,
        "by": group,
        "limit": (stored["limit"] if stored else None if wanted is not None else limit),
        "drawn": len(chosen),
        "fresh": len(fresh),
        "refit": None if stored is None else stored.get("refit"),
    }
    return Sample(source, chosen, fresh, source.take(chosen), record)


def with_rare_classes(sample: Sample, prepared: Prepared, seed: int) -> Sample:
    """Return the draw with further rows of classes that it holds too few of; the same draw where none is.

    A class gets at least :data:`~fivefold.tasks.tables.sampling.LEAST_OF_CLASS` rows, or all that it has.

    Args:
        sample: The draw.
        prepared: Its rows; the target is a class.
        seed: The seed of the fit.
    """
    name, source = prepared.target_name, sample.source
    first, counts = source.values(name)
    if len(first) > _MOST_LABELS:
        return sample
    labels = _labels(source.take(first), prepared)
    whole: dict[str, int] = {}
    for label, count in zip(labels, counts.tolist(), strict=True):
        if label is not None:
            whole[label] = whole.get(label, 0) + count
    found, number = np.unique([str(v) for v in prepared.target], return_counts=True)
    drawn = dict.fromkeys(whole, 0) | dict(zip(found.tolist(), number.tolist(), strict=True))
    more: list[Numbers] = []
    for label in sorted(whole):
        short = min(LEAST_OF_CLASS, whole[label]) - drawn[label]
        if short > 0:
            own = source.like(name, first[[i for i, other in enumerate(labels) if other == label]])
            rest = np.setdiff1d(own, sample.chosen)
            order = numpy_generator(seed, "rows of a rare class", label).permutation(len(rest))
            more.append(rest[order[:short]])
            drawn[label] += len(more[-1])
    if not more:
        return sample
    chosen = np.union1d(sample.chosen, np.concatenate(more))
    fresh = np.setdiff1d(sample.fresh, chosen)
    record = {**sample.record, "drawn": len(chosen), "fresh": len(fresh)}
    weights = class_weights(whole, {label: n for label, n in drawn.items() if n})
    return replace(
        sample, chosen=chosen, fresh=fresh, table=source.take(chosen), record=record, weights=weights
    )


def _labels(rows: Table, prepared: Prepared) -> Sequence[str | None]:
    """The class of every row, ``None`` where it is missing."""
    assert prepared.schema.target is not None
    values, _ = convert(rows.column(prepared.target_name), prepared.schema.target, fitting=False)
    return [None if gone else str(v) for v, gone in zip(values, missing(values), strict=True)]
