"""The search: the methods race on some rows, the winner is fitted to all of them and calibrated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import Budget, Clock, DataError, child_seed
from fivefold.tasks.labelled_table import names_of
from fivefold.tasks.tables import calibrate
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.local import local_candidates
from fivefold.tasks.tables.candidates.network import NetworkCandidate
from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.candidates.watched import NOTES
from fivefold.tasks.tables.choose import YARDSTICK, Entry, add_blend, leader, race
from fivefold.tasks.tables.family import choose_family
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.plan import Plan
from fivefold.tasks.tables.prepare import Prepared
from fivefold.tasks.tables.splits import Rows, Splitter
from fivefold.tasks.tables.target import Target

Progress = Callable[[str, dict[str, object]], None]


def silent(event: str, details: dict[str, object]) -> None:
    """Report nothing."""


def candidates() -> list[Candidate]:
    """Return the methods considered, in the order of the report."""
    return [
        Constant(),
        LinearCandidate("plain"),
        LinearCandidate("additive"),
        LinearCandidate("interactions"),
        LinearCandidate("kernel"),
        NetworkCandidate(),
        TreesCandidate(),
    ]


@dataclass(frozen=True, eq=False)
class Search:
    """The race on some rows and what came of it; see :class:`Outcome`."""

    problem: Problem
    plan: Plan
    entries: dict[str, Entry]
    chosen: Entry
    fits: dict[str, Fitted]
    model: Model


def search(
    prepared: Prepared,
    train: Rows,
    splitter: Splitter,
    limits: Budget,
    clock: Clock,
    seed: int,
    allow_trees: bool = False,
    references: Sequence[str] = (),
    stored: Plan | None = None,
    progress: Progress = silent,
    kept: Sequence[str] = (),
    most_folds: int = 5,
    known: Target | None = None,
) -> Search:
    """Race the methods on training rows and fit the winner (and the references) to all of them.

    Args:
        prepared: All rows.
        train: The training rows.
        splitter: How the training rows are divided.
        limits: The budget.
        clock: Started when the work was.
        seed: The seed.
        allow_trees: Whether boosted trees may win.
        references: Names of further methods to fit to all training rows.
        stored: A plan to follow.
        progress: Called with events.
        kept: Names of methods to judge on every fold, be they beaten or not.
        most_folds: Most folds of the race.
        known: The target where it is known to be one of classes: its family is then not chosen again.

    Raises:
        DataError: Nothing but columns of which no value comes again.
    """
    name = prepared.target_name
    part = prepared.typed.take(train)
    weights = None if prepared.weights is None else prepared.weights[train]
    offset = None if prepared.offset is None else prepared.offset[train]
    family = known or choose_family(
        part, prepared.schema, name, prepared.target_kind, prepared.target[train], offset, weights, seed
    )
    progress("family", {"family": family.family, "reason": family.reason})
    y = family.encode(prepared.target[train])
    problem = Problem(part, prepared.schema, family, y, weights, offset, child_seed(seed, "final"))
    if not problem.columns:
        raise DataError(
            "a column whose values come again",
            f"only {names_of(part)}, hardly any value of which does",
            "add a column; texts are fitted as texts without options of tables",
        )
    rarest = int(np.bincount(y.astype(np.int64)).min()) if family.classifies else len(train)
    yardstick = allow_trees or YARDSTICK in {*references, *kept}  # fitted only where it is looked at
    everyone = [c for c in candidates() if yardstick or c.name != YARDSTICK]
    everyone += local_candidates(part, prepared.schema, family)
    if family.family == "ordinal":  # nothing says that the odds are proportional: softmax races beside them
        everyone = [replace(c, order=True) if isinstance(c, LinearCandidate) else c for c in everyone]
        everyone += [LinearCandidate("plain", order=False), LinearCandidate("additive", order=False)]
    plan = stored or Plan.make(
        everyone,
        len(train),
        problem.columns,
        family.outputs,
        limits,
        seed,
        torch.get_num_threads(),
        min(rarest, most_folds),
        family.exact,
    )
    racing = [c for c in everyone if c.name in plan.names]
    entries = race(problem, splitter, racing, plan, clock, progress, kept)
    add_blend(entries, problem, allow_trees, splitter.groups)
    chosen = leader(entries, allow_trees)
    progress("chosen", {"method": chosen.candidate.name})
    fits = {}
    problem.notes[NOTES] = True  # the trainings whose weights are kept are watched
    for needed in dict.fromkeys([chosen.candidate.name, *references]):
        if needed in entries and entries[needed].counts.any():
            progress("final", {"method": needed})
            fits[needed] = entries[needed].candidate.fit(problem)
    model = _calibrated(prepared, problem, chosen, fits[chosen.candidate.name], splitter.groups)
    return Search(problem, plan, entries, chosen, fits, model)


def _calibrated(
    prepared: Prepared,
    problem: Problem,
    chosen: Entry,
    fitted: Fitted,
    clusters: npt.NDArray[np.int64] | None,
) -> Model:
    """Return the model with intervals or sets from the held-out predictions of the race."""
    known = np.flatnonzero(np.isfinite(chosen.eta).all(1))
    family, heat = problem.target, 1.0
    weights = None if problem.weights is None else problem.weights[known]
    found_intervals = found_sets = None
    if family.classifies:
        heat = calibrate.temperature(family, chosen.eta[known], problem.y[known], weights)
        found_sets = calibrate.sets(family, chosen.eta[known] / heat, problem.y[known], weights)
    else:
        family = family.with_smear(family.residual(chosen.eta, problem.y)[known], weights)
        found_intervals = calibrate.intervals(problem, chosen.eta[:, 0], clusters)
    return Model(
        prepared.schema, family, fitted.predictor, heat, found_intervals, found_sets, prepared.exposure
    )
