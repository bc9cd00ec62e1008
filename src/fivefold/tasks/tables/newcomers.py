"""Rows of a place (a shop, a patient, a zip code) of which training has seen nothing.

The method that is best where every place is known need not serve a new one: what it learned about places as
such misleads there. Where no ``--group`` is given, the category that tells most about the target and has
enough levels is taken for the place; methods that do not see its column race once more, judged on places left
out whole, and the winner answers for rows whose place is new.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.tasks.tables.table import Table

if TYPE_CHECKING:
    from fivefold.tasks.tables.candidates.problem import Problem
    from fivefold.tasks.tables.model import Model

_LEAST_LEVELS, _LEAST_ROWS_PER_LEVEL = 10, 10


@dataclass(frozen=True, eq=False)
class Newcomers:
    """The model for rows whose place is new.

    Attributes:
        column: The category that names the place.
        known: Its levels in training, sorted.
        model: The model, which does not see the column.
    """

    column: str
    known: tuple[str, ...]
    model: "Model"

    def mask(self, table: Table) -> npt.NDArray[np.bool_]:
        """Return which rows ``[n]`` of a typed table name a place that training has not seen.

        A missing place names none: such rows stay with the model that knows the column.
        """
        known = set(self.known)
        return np.array([v is not None and v not in known for v in table.column(self.column)], dtype=bool)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"column": self.column, "known": list(self.known), "model": self.model.state()}


def place_column(problem: "Problem") -> str | None:
    """Return the category whose levels tell most about the target, or ``None`` where none has enough levels.

    The share of variance between levels is corrected for their number (adjusted R squared).
    """
    rows = problem.encoded()[1]
    target = problem.working_targets()
    n = problem.rows
    best, share = None, 0.0
    for column, levels in rows.levels.items():
        count = len(levels)
        if count < _LEAST_LEVELS or n / count < _LEAST_ROWS_PER_LEVEL:
            continue
        codes = rows.codes[column] + 1
        sizes = np.maximum(np.bincount(codes, minlength=count + 1), 1)
        between = 0.0
        for q in range(target.shape[1]):
            sums = np.bincount(codes, weights=target[:, q], minlength=count + 1)
            between += float((sums**2 / sizes).sum())
        explained = between / max(float((target**2).sum()), 1e-300)
        adjusted = 1 - (1 - explained) * (n - 1) / max(n - count - 1, 1)
        if adjusted > share:
            best, share = column, adjusted
    return best
