"""The verb ``fit``: a table and the name of a column to a model whose mathematics fits, with its evidence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from fivefold.core import ArgumentError, Budget, Clock, child_seed
from fivefold.diagnosis import Finding, check_table
from fivefold.diagnosis.duplicates import row_codes
from fivefold.tasks.tables import calibrate
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.network import NetworkCandidate
from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.choose import YARDSTICK, Entry, add_blend, leader, race
from fivefold.tasks.tables.evaluate import METRICS
from fivefold.tasks.tables.family import choose_family
from fivefold.tasks.tables.groups import GroupError, group_error
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.plan import Plan
from fivefold.tasks.tables.prepare import Prepared, prepare
from fivefold.tasks.tables.record import build_record
from fivefold.tasks.tables.splits import Rows, Splitter
from fivefold.tasks.tables.table import Table

Progress = Callable[[str, dict[str, object]], None]
_METRIC_NAMES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R2",
    "rmsle": "RMSLE",
    "deviance": "Poisson deviance",
    "logloss": "log loss",
    "log-loss": "log loss",
    "accuracy": "accuracy",
    "brier": "Brier score",
}
_CLASS_METRICS = {"log loss", "accuracy", "Brier score"}


def _silent(event: str, details: dict[str, object]) -> None:
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


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Fix the number of threads of the linear algebra inside the block: the bits depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(limits=count):
            yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything that one fit found; the report's record is made of it.

    Attributes:
        prepared: The rows.
        train, test: Which of them train and which test.
        groups: The error on whole groups, or ``None``.
        metric: The main metric that was asked for.
        duplicates: Test rows that were moved to the training rows because they repeat one of them.
        findings: What the checks found.
        problem: The training rows.
        plan: What was done.
        entries: The race.
        chosen: The winner.
        fits: The winner and the references, fitted to all training rows, by name.
        model: The model without its record.
    """

    prepared: Prepared
    train: Rows
    test: Rows
    groups: GroupError | None
    metric: str | None
    duplicates: int
    findings: Sequence[Finding]
    problem: Problem
    plan: Plan
    entries: dict[str, Entry]
    chosen: Entry
    fits: dict[str, Fitted]
    model: Model


def _metric(name: str | None, classifies: bool) -> str | None:
    if name is None:
        return None
    found = _METRIC_NAMES.get(name.lower(), name if name in METRICS else None)
    if found is None or (found in _CLASS_METRICS) != classifies:
        fitting = [k for k, v in _METRIC_NAMES.items() if (v in _CLASS_METRICS) == classifies]
        raise ArgumentError(f"a metric of {', '.join(fitting)}", repr(name))
    return found


def _without_twins(table: Table, target: Any, train: Rows, test: Rows) -> tuple[Rows, Rows]:
    """Move test rows that repeat a training row, target included, to the training rows.

    Where half of the test rows do, repeats are natural to the table (few distinct rows), and all stay.
    """
    keys = row_codes({**table.columns, "\x00target": np.asarray(target)})
    twin = np.isin(keys[test], keys[train])
    if 2 * int(twin.sum()) > len(test):
        return train, test
    return np.sort(np.concatenate([train, test[twin]])), test[~twin]


def fit(
    data: Any,
    target: str,
    *,
    budget: str | float | Budget | None = "60s",
    seed: int = 0,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    exposure: str | None = None,
    drop: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    metric: str | None = None,
    query: str | None = None,
    allow_trees: bool = False,
    replay: str | Path | None = None,
    progress: Progress = _silent,
) -> Model:
    """Fit the model whose mathematics fits a table, chosen on evidence and measured on rows it has not seen.

    A fifth of the rows is set aside first and touched by nothing until the end. On the others, methods from a
    constant to kernels and networks race by repeated cross-validation; encoding, relevance and penalties are
    learned inside every fold. The winner's held-out residuals give intervals (for classes, calibrated
    probabilities and sets) whose coverage is measured on the rows set aside. The model returned is the one
    that was measured: it is not fitted again to the test rows.

    Args:
        data: A path (CSV, TSV, JSON, Parquet, a glob), a data frame, a dict of columns, an array.
        target: The column to predict.
        budget: Seconds, as ``"60s"`` or a number; decides the plan before the first fit.
        seed: Seed of every split and fit.
        group: Column whose rows stay together in every split.
        time: Column that orders the rows; the test rows are the last.
        weight: Column of positive weights.
        exposure: Column of positive exposures of a count.
        drop: Columns to leave out.
        types: Kinds that override the guess: number, category, text, date, boolean, identifier.
        metric: rmse, mae, r2, rmsle, deviance, logloss, accuracy or brier; the first of the report.
        query: SQL over the view ``data`` that yields the table, for paths.
        allow_trees: Whether boosted trees may be returned where they win.
        replay: Artifact whose plan is followed to the same bits.
        progress: Called with an event's name and details.

    Returns:
        The model, with its record (the report's content) and plan.

    Raises:
        DataError: The data cannot be read or modelled.
        ArgumentError: An option that does not fit.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=200)
    >>> model = fit({"x": x, "y": 3 * x + rng.normal(size=200)}, "y", budget="2s")
    >>> low, high = model.predict_interval({"x": [0.0]}, level=0.9)
    >>> bool(low[0] < 0 < high[0])
    True
    """
    limits = Budget.parse(budget)
    clock = Clock(limits)
    progress("read", {"source": str(data) if isinstance(data, str | Path) else "memory"})
    prepared = prepare(
        data,
        target,
        query=query,
        drop=drop,
        types=types,
        weight=weight,
        exposure=exposure,
        group=group,
        time=time,
    )
    progress("typed", {"rows": prepared.raw.rows, "columns": len(prepared.schema.columns)})
    stored = None
    if replay is not None:
        from fivefold.tasks.tables.model import load

        stored = Plan.from_record(load(replay).plan)
        seed = stored.seed
    with threads(stored.threads if stored else torch.get_num_threads()):
        outcome = _run(prepared, limits, clock, seed, metric, allow_trees, stored, progress)
        record = build_record(outcome, clock.elapsed, progress)
    return replace(outcome.model, exposure=exposure, record=record, plan=outcome.plan.to_record())


def _split(prepared: Prepared, seed: int, classifies: bool) -> tuple[Splitter, Rows, Rows, int]:
    """Return the splitter of all rows, training rows, test rows, and how many twins moved to training."""
    strata = None
    if classifies:
        strata = np.unique(np.array([str(v) for v in prepared.target]), return_inverse=True)[1].reshape(-1)
    splitter = Splitter(seed, strata, prepared.groups, prepared.times)
    train, test = splitter.test(prepared.typed.rows)
    before = len(test)
    if prepared.groups is None and prepared.times is None:
        train, test = _without_twins(prepared.typed, prepared.target, train, test)
    return splitter, train, test, before - len(test)


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
    progress: Progress = _silent,
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
    """
    name = prepared.target_name
    part = prepared.typed.take(train)
    weights = None if prepared.weights is None else prepared.weights[train]
    offset = None if prepared.offset is None else prepared.offset[train]
    family = choose_family(
        part, prepared.schema, name, prepared.target_kind, prepared.target[train], offset, weights, seed
    )
    progress("family", {"family": family.family, "reason": family.reason})
    y = family.encode(prepared.target[train])
    problem = Problem(part, prepared.schema, family, y, weights, offset, child_seed(seed, "final"))
    columns = problem.encoded()[1].numbers.shape[1] + sum(map(len, problem.encoded()[1].levels.values()))
    rarest = int(np.bincount(y.astype(np.int64)).min()) if family.classifies else len(train)
    everyone = candidates()
    plan = stored or Plan.make(
        everyone, len(train), columns, family.outputs, limits, seed, torch.get_num_threads(), rarest
    )
    racing = [c for c in everyone if c.name in plan.names]
    entries = race(problem, splitter, racing, plan, clock, progress)
    add_blend(entries, problem, allow_trees)
    chosen = leader(entries, allow_trees)
    progress("chosen", {"method": chosen.candidate.name})
    fits = {}
    for needed in dict.fromkeys([chosen.candidate.name, *references]):
        if needed in entries and entries[needed].counts.any():
            progress("final", {"method": needed})
            fits[needed] = entries[needed].candidate.fit(problem)
    model = _calibrated(prepared, problem, chosen, fits[chosen.candidate.name])
    return Search(problem, plan, entries, chosen, fits, model)


def _run(
    prepared: Prepared,
    limits: Budget,
    clock: Clock,
    seed: int,
    metric: str | None,
    allow_trees: bool,
    stored: Plan | None,
    progress: Progress,
) -> Outcome:
    classifies = prepared.target_kind in {Kind.CATEGORY, Kind.BOOLEAN}
    main = _metric(metric, classifies)
    splitter, train, test, twins = _split(prepared, seed, classifies)
    findings = check_table(prepared.raw, prepared.schema, prepared.target_name)
    progress("checked", {"findings": [f.title for f in findings]})
    found = search(
        prepared,
        train,
        splitter.take(train),
        limits,
        clock,
        seed,
        allow_trees,
        ("constant", "ridge", YARDSTICK),
        stored,
        progress,
    )
    groups = None
    if found.plan.groups and prepared.groups is None and prepared.times is None:
        progress("groups", {})
        groups = group_error(prepared, found.problem, found.chosen.candidate, found.entries, seed)
    return Outcome(prepared, train, test, groups, main, twins, findings, **found.__dict__)


def _calibrated(prepared: Prepared, problem: Problem, chosen: Entry, fitted: Fitted) -> Model:
    """Return the model with intervals or sets from the held-out predictions of the race."""
    known = np.flatnonzero(np.isfinite(chosen.eta).all(1))
    family, heat = problem.target, 1.0
    found_intervals = found_sets = None
    if family.classifies:
        heat = calibrate.temperature(family, chosen.eta[known], problem.y[known])
        found_sets = calibrate.sets(family, chosen.eta[known] / heat, problem.y[known])
    else:
        family = family.with_smear((problem.y - chosen.eta[:, 0])[known])
        found_intervals = calibrate.intervals(problem, chosen.eta[:, 0])
    return Model(prepared.schema, family, fitted.predictor, heat, found_intervals, found_sets, None)
