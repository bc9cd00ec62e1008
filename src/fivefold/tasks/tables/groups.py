"""The error on whole groups: what happens in a place (a shop, a patient) of which training has seen nothing.

Where no ``--group`` is given, the category that tells most about the target and has enough levels is taken; a
fifth of its levels is left out whole, the methods are fitted again without them and judged on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.core import NumericalError, child_seed, numpy_generator
from fivefold.tasks.tables.candidates.problem import Candidate, Problem
from fivefold.tasks.tables.choose import YARDSTICK, Entry
from fivefold.tasks.tables.prepare import Prepared

Floats = npt.NDArray[np.float64]
_LEAST_LEVELS, _LEAST_ROWS_PER_LEVEL, _SHARE = 10, 10, 0.2


@dataclass(frozen=True, eq=False)
class GroupError:
    """Predictions for the levels left out.

    Attributes:
        column: The category.
        levels: How many levels were left out, of how many.
        rows: ``[n]`` rows of the training problem that were left out.
        clusters: ``[n]`` their levels' codes.
        eta: Linear predictors ``[n, K]`` of every method, by name.
    """

    column: str
    levels: tuple[int, int]
    rows: npt.NDArray[np.int64]
    clusters: npt.NDArray[np.int64]
    eta: dict[str, Floats]


def place_column(problem: Problem) -> str | None:
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


def group_error(
    prepared: Prepared, problem: Problem, chosen: Candidate, entries: Mapping[str, Entry], seed: int
) -> GroupError | None:
    """Leave a fifth of the levels out whole and predict them; ``None`` where no column calls for it."""
    column = place_column(problem)
    if column is None:
        return None
    labels = problem.encoded()[1].levels[column]
    codes = problem.encoded()[1].codes[column]
    drawn = numpy_generator(seed, "groups").permutation(len(labels))
    out = drawn[: max(2, round(_SHARE * len(labels)))]
    held = np.flatnonzero(np.isin(codes, out))
    kept = np.flatnonzero(~np.isin(codes, out))
    part = problem.take(kept, child_seed(seed, "groups", "fit"))
    judged = problem.take(held, 0)
    methods = {chosen.name: chosen}
    for name in ("constant", "ridge", YARDSTICK):
        if name in entries:
            methods.setdefault(name, entries[name].candidate)
    eta = {}
    # Trees take an unseen level for a missing one; they are given the better way, to do without the column.
    without = part.without(column)
    for name, method in methods.items():
        try:
            found = method.fit(without if name == YARDSTICK else part).predictor.eta(judged.table)
        except NumericalError:
            continue
        eta[name] = found if judged.offset is None else found + judged.offset[:, None]
    if chosen.name not in eta:
        return None
    return GroupError(column, (len(out), len(labels)), held, codes[held], eta)
