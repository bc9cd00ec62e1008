"""The verb ``fit``: a table and the name of a column to a model whose mathematics fits, with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import ArgumentError, Budget, Clock, as_seed, child_seed
from fivefold.diagnosis import Finding, check_table
from fivefold.diagnosis.tables.duplicates import row_codes
from fivefold.tasks.evaluate import METRICS
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.choose import YARDSTICK, Entry
from fivefold.tasks.tables.drawing import Sample, draw, with_rare_classes
from fivefold.tasks.tables.family import refuse_rare
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.newcomers import Newcomers, place_column
from fivefold.tasks.tables.plan import Plan
from fivefold.tasks.tables.prepare import Prepared, prepare
from fivefold.tasks.tables.record import build_record
from fivefold.tasks.tables.refit import SHARE_FOR_SEARCH, Roles, finish
from fivefold.tasks.tables.sampling import parse_rows
from fivefold.tasks.tables.search import Progress, Search, search, silent
from fivefold.tasks.tables.source import opened
from fivefold.tasks.tables.splits import Rows, Splitter
from fivefold.tasks.tables.table import Table
from fivefold.tasks.threads import threads
from fivefold.tasks.user_path import source_name

_METRIC_NAMES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R2",
    "rmsle": "RMSLE",
    "deviance": "Poisson deviance",
    "gamma-deviance": "gamma deviance",
    "logloss": "log loss",
    "log-loss": "log loss",
    "accuracy": "accuracy",
    "brier": "Brier score",
    "rps": "ranked probability score",
    "level-error": "level error",
}
_REFERENCES = ("constant", "ridge", YARDSTICK)
_FOLDS_FOR_NEWCOMERS = 3
_SHARE_FOR_NEWCOMERS = 0.5
"""Share of the budget for which the search among methods for new levels is planned."""
_ORDER_METRICS = {"ranked probability score", "level error"}
_CLASS_METRICS = {"log loss", "accuracy", "Brier score", *_ORDER_METRICS}
_CLASSES = {Kind.CATEGORY, Kind.BOOLEAN, Kind.ORDERED}


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything that one fit found; the report's record is made of it.

    Attributes:
        prepared: The rows.
        train, test: Which of them train and which test.
        newcomers: The search among methods for levels of a category that training has not seen, or ``None``.
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
    newcomers: "Unseen | None"
    metric: str | None
    duplicates: int
    findings: Sequence[Finding]
    problem: Problem
    plan: Plan
    entries: dict[str, Entry]
    chosen: Entry
    fits: dict[str, Fitted]
    model: Model


def _metric(name: str | None, kind: Kind) -> str | None:
    if name is None:
        return None
    found = _METRIC_NAMES.get(name.lower(), name if name in METRICS else None)
    suited = (set(METRICS) - _CLASS_METRICS) if kind not in _CLASSES else _CLASS_METRICS
    suited = suited if kind is Kind.ORDERED else suited - _ORDER_METRICS
    if found not in suited:
        fitting = [k for k, v in _METRIC_NAMES.items() if v in suited]
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
    order: Sequence[object] | None = None,
    metric: str | None = None,
    query: str | None = None,
    allow_trees: bool = False,
    rows: str | int | None = None,
    replay: str | Path | None = None,
    progress: Progress = silent,
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
        types: Kinds that override the guess: number, category, text, date, boolean, identifier, and for the
            target ordered: classes with an order, that of their numbers where all are numbers.
        order: Levels of an ordered target, lowest first.
        metric: rmse, mae, r2, rmsle, deviance, gamma-deviance, logloss, accuracy, brier, and of an ordered
            target rps or level-error; the first of the report.
        query: SQL over the view ``data`` that yields the table, for paths.
        allow_trees: Whether boosted trees may be returned where they win.
        rows: How many rows to draw at random from a larger table, or ``"all"``; by default as many as a fit
            holds in 640 MiB by its own estimate. What is linear is then fitted to all rows.
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
    seed = as_seed(seed)
    said: dict[str, object] = {"budget": budget, "seed": seed, "group": group, "time": time, "weight": weight}
    said |= {"exposure": exposure, "drop": tuple(drop), "types": types, "order": order, "metric": metric}
    said |= {"query": query}
    said |= {"allow_trees": allow_trees, "replay": None if replay is None else str(replay)}
    said |= {"rows": rows}
    limits, wanted = Budget.parse(budget), parse_rows(rows)
    clock = Clock(limits)
    stored = None
    if replay is not None:
        from fivefold.tasks.tables.model import load

        stored = Plan.from_record(load(replay).plan)
        seed = stored.seed
    again = None if stored is None else stored.sampling
    wanted = int(again["count"]) if again else "all" if stored is not None else wanted
    columns = {"drop": drop, "types": types, "weight": weight, "exposure": exposure, "order": order}
    progress("read", {"source": source_name(data)})
    with opened(data, query, wanted) as table:
        sample = None if table is None else draw(table, wanted, seed, group, time, again)
        if sample is None:
            whole = data if table is None else table.whole()
            prepared = _prepare(whole, query if table is None else None, target, group, time, columns)
        else:
            prepared, sample = _prepare_drawn(sample, target, group, time, columns, seed)
            progress("drawn", {"rows": len(sample.chosen), "of": sample.source.size.rows})
            if limits.seconds is not None:
                clock.budget = Budget(SHARE_FOR_SEARCH * limits.seconds)
        progress("typed", {"rows": prepared.raw.rows, "columns": len(prepared.schema.columns)})
        with threads(stored.threads if stored else torch.get_num_threads()):
            outcome = _run(prepared, clock.budget, clock, seed, metric, allow_trees, stored, progress)
            sentences: list[str] = []
            if sample is not None:
                outcome, sentences = finish(outcome, sample, Roles(weight, time), limits, seed, progress)
            record = build_record(outcome, clock.elapsed, progress)
    if sample is not None:
        record["warnings"] = [sample.reason, *sentences, *record["warnings"]]
        record["data"]["sampling"] = sample.record
    source = repr(str(data)) if isinstance(data, str | Path) else "data"
    options = [f"{name}={value!r}" for name, value in said.items() if value or name == "seed"]
    record["command"] = f"fivefold.fit({', '.join([source, repr(target), *options])})"
    return replace(outcome.model, record=record, plan=outcome.plan.to_record())


def _prepare(
    data: Any, query: str | None, target: str, group: str | None, time: str | None, columns: dict[str, Any]
) -> Prepared:
    return prepare(data, target, query=query, group=group, time=time, **columns)


def _prepare_drawn(
    sample: Sample, target: str, group: str | None, time: str | None, columns: dict[str, Any], seed: int
) -> tuple[Prepared, Sample]:
    """The rows drawn, and further ones of rare classes with their weights."""
    prepared = _prepare(sample.table, None, target, group, time, columns)
    if prepared.target_kind in _CLASSES and group is None and time is None:
        more = with_rare_classes(sample, prepared, seed)
        if more is not sample:
            sample, prepared = more, _prepare(more.table, None, target, group, time, columns)
    return sample.weighed(prepared), sample


def split(prepared: Prepared, seed: int, classifies: bool) -> tuple[Splitter, Rows, Rows, int]:
    """Return the splitter of all rows, training rows, test rows, and how many twins moved to training.

    Args:
        prepared: All rows.
        seed: The seed of the fit.
        classifies: Whether the parts should hold the classes in proportion.
    """
    strata = None
    if classifies:
        strata = np.unique(np.array([str(v) for v in prepared.target]), return_inverse=True)[1].reshape(-1)
    twins = row_codes(prepared.typed.columns)
    splitter = Splitter(seed, strata, prepared.groups, prepared.times, twins)
    train, test = splitter.test(prepared.typed.rows)
    before = len(test)
    if prepared.groups is None and prepared.times is None:
        train, test = _without_twins(prepared.typed, prepared.target, train, test)
    return splitter, train, test, before - len(test)


@dataclass(frozen=True, eq=False)
class Unseen:
    """The search among methods for levels of a category that training has not seen.

    Attributes:
        column: The category; no method of this search saw it.
        levels: How many levels training has.
        codes: ``[n]`` the level of every training row.
        search: What was found; every row was judged by methods that had not seen its level.
    """

    column: str
    levels: int
    codes: npt.NDArray[np.int64]
    search: Search


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
    classifies = prepared.target_kind in _CLASSES
    main = _metric(metric, prepared.target_kind)
    splitter, train, test, twins = split(prepared, seed, classifies)
    if classifies:
        refuse_rare(prepared.target_name, prepared.target, train)
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
        _REFERENCES,
        stored,
        progress,
    )
    unseen = None
    if prepared.groups is None and prepared.times is None:
        unseen = _newcomers(prepared, train, found, limits, clock, allow_trees, stored, progress)
    model = found.model
    if unseen is not None:
        known = tuple(sorted({str(v) for v in found.problem.table.column(unseen.column) if v is not None}))
        model = replace(model, newcomers=Newcomers(unseen.column, known, unseen.search.model))
    return Outcome(
        prepared, train, test, unseen, main, twins, findings, **(found.__dict__ | {"model": model})
    )


def _newcomers(
    prepared: Prepared,
    train: Rows,
    found: Search,
    limits: Budget,
    clock: Clock,
    allow_trees: bool,
    stored: Plan | None,
    progress: Progress,
) -> Unseen | None:
    """Search again for rows whose place is new: without its column, judged on places left out whole.

    The plan of ``found`` takes that of this search in.
    """
    place = place_column(found.problem)
    if place is None or (stored is not None and stored.newcomers is None):
        return None
    progress("newcomers", {"column": place})

    def say(event: str, details: dict[str, object]) -> None:
        if event != "family":  # it was said
            progress("chosen for newcomers" if event == "chosen" else event, details | {"column": place})

    labels, codes = np.unique([str(v) for v in found.problem.table.column(place)], return_inverse=True)
    seconds = limits.seconds and limits.seconds * _SHARE_FOR_NEWCOMERS
    unseen = search(
        prepared.without(place),
        train,
        Splitter(child_seed(found.plan.seed, "newcomers"), groups=codes.reshape(-1)),
        Budget(seconds),
        clock,
        found.plan.seed,
        allow_trees,
        stored=stored and stored.newcomers,
        progress=say,
        kept=_REFERENCES,
        most_folds=_FOLDS_FOR_NEWCOMERS,
        known=found.problem.target if found.problem.target.classifies else None,
    )
    found.plan.newcomers = unseen.plan
    return Unseen(place, len(labels), codes.reshape(-1), unseen)
