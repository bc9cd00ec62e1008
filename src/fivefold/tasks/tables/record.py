"""The record of a fit: everything the report shows, as plain values."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.core import numpy_generator
from fivefold.diagnosis import summarise
from fivefold.tasks.class_record import environment
from fivefold.tasks.class_section import class_section
from fivefold.tasks.coverage_certificate import LEVEL
from fivefold.tasks.evaluate import METRICS, Bootstrap, coverage, metrics_of, scores
from fivefold.tasks.plain_values import plain
from fivefold.tasks.tables import drivers, verdicts
from fivefold.tasks.tables.candidates.local import map_of
from fivefold.tasks.tables.choose import YARDSTICK
from fivefold.tasks.tables.describe import describe
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.target import Target

if TYPE_CHECKING:
    from fivefold.tasks.tables.fit import Outcome, Unseen
    from fivefold.tasks.tables.search import Search

Floats = npt.NDArray[np.float64]
_SCATTER = 500
_POSITIVE = ("RMSLE", "Poisson deviance")
"""Metrics without a value where the target is negative."""
_ABOVE_0 = ("gamma deviance",)
"""Metrics without a value where the target is not positive."""
_ROLES = {"constant": "constant", "ridge": "ridge", YARDSTICK: "yardstick"}


def _own_unit(target: Target, y: Floats) -> Floats:
    """The target in its own unit from the model's scale."""
    return np.exp(y) if target.family == "log-gaussian" else y


def _truth(outcome: "Outcome", target: Target) -> Floats:
    """The target of the test rows: codes of classes, or numbers as read, those outside the family too."""
    values = outcome.prepared.target[outcome.test]
    return target.encode(values) if target.classifies else np.asarray(values, dtype=np.float64)


def _sections(
    outcome: "Outcome", target: Target, names: list[str]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Scores on the test rows and on whole groups."""
    p = outcome.prepared
    seed = outcome.plan.seed
    typed = p.typed.take(outcome.test)
    offset = 0.0 if p.offset is None else p.offset[outcome.test][:, None]
    truth = _truth(outcome, target)
    clusters = None if p.groups is None else p.groups[outcome.test]
    predictions = {
        name: _mean(outcome, target, name, fitted.predictor.eta(typed) + offset)
        for name, fitted in outcome.fits.items()
    }
    test = _compared(Bootstrap(truth, seed, clusters), target, names, predictions, outcome)
    test["rows"] = len(outcome.test)
    return test, None if outcome.newcomers is None else _unseen(outcome.newcomers, names, seed)


def _unseen(unseen: "Unseen", names: list[str], seed: int) -> dict[str, Any]:
    """Scores on levels left out whole: no method had seen the level of a row that it was judged on."""
    found, target = unseen.search, unseen.search.model.target
    shown = {found.chosen.candidate.name: found.chosen}
    shown |= {name: entry for name, entry in found.entries.items() if name in _ROLES}
    shown = {name: entry for name, entry in shown.items() if np.isfinite(entry.eta).any()}
    rows = np.flatnonzero(np.isfinite([entry.eta for entry in shown.values()]).all((0, 2)))
    truth = _own_unit(target, found.problem.y[rows])
    predictions = {name: _mean(found, target, name, entry.eta[rows]) for name, entry in shown.items()}
    section = _compared(Bootstrap(truth, seed, unseen.codes[rows]), target, names, predictions, found)
    section |= {"column": unseen.column, "levels": unseen.levels, "rows": len(rows)}
    text = section["sentence"]
    section["sentence"] = (
        f"Every {unseen.column} ({unseen.levels:,} of them) was left out of the fit whole once, in "
        f"{found.plan.folds} parts, and methods that do not see the column were judged on it: so good is the "
        f"answer for a {unseen.column} of which training has seen nothing. {text}{_by_level(unseen, rows)}"
    )
    return section


def _by_level(unseen: "Unseen", rows: npt.NDArray[np.int64]) -> str:
    """How the intervals for new levels fared from level to level."""
    model, problem = unseen.search.model, unseen.search.problem
    if model.intervals is None:
        return ""
    eta = unseen.search.chosen.eta[rows, 0]
    low, high = model.target.own_bounds(*model.intervals.bounds(problem.table.take(rows), eta, LEVEL))
    truth = _own_unit(model.target, problem.y[rows])
    inside = (truth >= low) & (truth <= high)
    codes = unseen.codes[rows]
    sizes = np.bincount(codes)
    shares = np.bincount(codes, weights=inside)[sizes > 0] / sizes[sizes > 0]
    tenth, middle = np.quantile(shares, [0.1, 0.5])
    return (
        f" The {LEVEL:.0%} intervals for such rows have a median width of "
        f"{verdicts.plain(float(np.median(high - low)))}; from one {unseen.column} to the next they cover "
        f"more or less: {middle:.0%} in the middle one, below {tenth:.0%} in a tenth of them."
    )


def _mean(found: "Search | Outcome", target: Target, name: str, eta: Floats) -> Floats:
    """Predictions in the target's own unit; every method on a log scale gets its own smearing factor."""
    if name == found.chosen.candidate.name:
        return target.mean(eta / found.model.temperature)
    entry = found.entries[name]
    known = np.isfinite(entry.eta[:, 0])
    own = target if target.smear == 1.0 else target.with_smear(found.problem.y[known] - entry.eta[known, 0])
    return own.mean(eta)


def _compared(
    bootstrap: Bootstrap,
    target: Target,
    names: list[str],
    predictions: dict[str, Floats],
    found: "Search | Outcome",
) -> dict[str, Any]:
    chosen = found.chosen.candidate.name
    rows = [
        (
            f"fivefold: {name}" if name == chosen else name,
            "chosen" if name == chosen else _ROLES.get(name, "other"),
            p,
        )
        for name, p in predictions.items()
    ]
    main = names[0]
    section: dict[str, Any] = {
        "unit": "" if target.classifies else target.name,
        "metrics": names,
        "level": 0.95,
        "lower_is_better": {m: METRICS[m][2] for m in names},
        "scores": scores(bootstrap, names, rows),
        "paired": None,
        "sentence": "No reference was fitted.",
    }
    if YARDSTICK in predictions and chosen != YARDSTICK:
        change = bootstrap.difference(main, predictions[chosen], predictions[YARDSTICK])
        sign = 1.0 if METRICS[main][2] else -1.0
        if sign * change["high"] < 0 and sign * change["low"] < 0:
            verdict = "is better than the boosted trees"
        elif sign * change["low"] > 0 and sign * change["high"] > 0:
            verdict = "is worse than the boosted trees"
        else:
            verdict = "cannot be told from the boosted trees"
        sentence = (
            f"On these rows the chosen model {verdict}: the difference in {main} is "
            f"{verdicts.plain(change['difference'])} (95% interval {verdicts.plain(change['low'])} to "
            f"{verdicts.plain(change['high'])})."
        )
        section["paired"] = {"against": YARDSTICK, "metric": main, **change, "sentence": sentence}
        section["sentence"] = sentence
    return section


def _interval_section(
    outcome: "Outcome", model: Model
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Coverage of the intervals on the test rows, and points for the scatter."""
    p = outcome.prepared
    if model.intervals is None:
        return None, None
    typed = p.typed.take(outcome.test)
    eta = model.predictor.eta(typed)[:, 0] + (0.0 if p.offset is None else p.offset[outcome.test])
    low, high = model.target.own_bounds(*model.intervals.bounds(typed, eta, LEVEL))
    truth = _truth(outcome, model.target)
    mean = model.target.mean(eta[:, None])
    inside = (truth >= low) & (truth <= high)
    width = high - low
    fifths = []
    for part in np.array_split(np.argsort(mean, kind="stable"), 5):
        if len(part):
            share = coverage(inside[part])
            fifths.append(
                {
                    "from": mean[part[0]],
                    "to": mean[part[-1]],
                    "rows": len(part),
                    "coverage": share["value"],
                    "low": share["low"],
                    "high": share["high"],
                    "median_width": float(np.median(width[part])),
                }
            )
    by_group = []
    column = outcome.newcomers.column if outcome.newcomers else None
    if column is not None:
        labels = np.array([str(v) for v in typed.column(column)])
        for label in np.unique(labels):
            at = labels == label
            by_group.append(
                {
                    "group": str(label),
                    "rows": int(at.sum()),
                    "coverage": float(inside[at].mean()),
                    "median_width": float(np.median(width[at])),
                }
            )
    section = {
        "level": LEVEL,
        "coverage": coverage(inside),
        "median_width": float(np.median(width)),
        "by_fifth": fifths,
        "by_group": by_group,
        "group_column": column,
    }
    shown = np.sort(numpy_generator(outcome.plan.seed, "scatter").permutation(len(truth))[:_SCATTER])
    scatter = {
        "observed": truth[shown],
        "predicted": mean[shown],
        "low": low[shown],
        "high": high[shown],
        "log": model.target.family in {"log-gaussian", "gamma"},
    }
    return section, scatter


def _class_section(outcome: "Outcome", model: Model) -> dict[str, Any] | None:
    """Confusion, reliability and sets on the test rows."""
    if not model.target.classifies or model.sets is None:
        return None
    typed = outcome.prepared.typed.take(outcome.test)
    probability = model.target.mean(model.predictor.eta(typed) / model.temperature)
    truth = _truth(outcome, model.target).astype(np.int64)
    return class_section(probability, truth, model.sets, LEVEL)


def build_record(
    outcome: "Outcome", seconds: float, progress: Callable[[str, dict[str, object]], None]
) -> dict[str, Any]:
    """Return the record of a fit; see the report for what each part means."""
    model, p = outcome.model, outcome.prepared
    target = model.target
    names = metrics_of(target.family, outcome.metric)
    undefined = []
    if not target.classifies:
        least = float(np.min(_truth(outcome, target), initial=np.inf))
        undefined = [n for n in names if (n in _POSITIVE and least < 0) or (n in _ABOVE_0 and least <= 0)]
        names = [name for name in names if name not in undefined]
    test, groups = _sections(outcome, target, names)
    intervals, scatter = _interval_section(outcome, model)
    classes = _class_section(outcome, model)
    progress("drivers", {})
    typed = p.typed.take(outcome.test)
    offset = None if p.offset is None else p.offset[outcome.test]
    seed = outcome.plan.seed
    ranked = drivers.importance(
        model.predictor, typed, _truth(outcome, target), target, names[0], seed, model.temperature, offset
    )
    drivers.effects(
        ranked,
        [model.predictor, *outcome.chosen.predictors],
        typed,
        p.schema,
        target,
        seed,
        model.temperature,
    )
    for record in ranked:
        record["unit"] = names[0]
    warnings = list(p.notes)
    what = {name: "is not positive" if name in _ABOVE_0 else "is negative" for name in undefined}
    warnings += [f"{name} is left out: {target.name} {w} in some test rows." for name, w in what.items()]
    margin = verdicts.trees_win(outcome)
    if margin is not None:
        warnings.insert(
            0,
            f"Boosted trees win by {margin:.1f} standard errors in cross-validation; --allow-trees returns "
            "them.",
        )
    alarms = [f for f in outcome.findings if f.code.startswith("leak")]
    warnings = [f.title for f in alarms] + warnings
    twins = (
        f"{outcome.duplicates:,} test rows repeat a training row, target included; they were counted as "
        "training rows."
        if outcome.duplicates
        else "No test row repeats a training row."
    )
    headline = verdicts.headline(outcome, test, intervals, classes)
    if margin is not None:
        headline = f"Boosted trees win here (by {margin:.1f} standard errors). " + headline
    table = describe(p.raw, p.typed, p.schema, outcome.findings, twins)
    table["findings"] += verdicts.trained_findings(outcome)
    progress("report", {})
    record = {
        "version": 1,
        "title": f"{target.name} from {len(p.typed.names)} columns of {p.raw.source}",
        "headline": headline,
        "warnings": warnings,
        "data": {
            "source": p.raw.source,
            "rows": p.raw.rows,
            "columns": len(p.schema.columns),
            "target": target.name,
            "task": "classification" if target.classifies else "regression",
            "classes": list(target.classes),
            "dropped": list(p.notes),
            "family": target.family,
            "family_reason": target.reason,
        },
        "test": test,
        "groups": groups,
        "intervals": intervals,
        "classification": classes,
        "scatter": scatter,
        "certificates": [c.to_record() for c in verdicts.certificates(outcome, intervals, classes, test)],
        "candidates": verdicts.candidates(outcome),
        "table": table,
        "drivers": ranked,
        "map": map_of(outcome.fits[outcome.chosen.candidate.name].details),
        "risks": verdicts.risks(outcome, test, groups),
        "plan": outcome.plan.to_record(),
        "summary": summarise(outcome.problem.table.columns),
        "environment": environment(outcome.plan.threads),
        "seconds": seconds,
        "command": "",
    }
    return dict(plain(record))
