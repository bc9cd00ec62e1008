"""The record of a fit: everything the report shows, as plain values."""

import platform
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.core import Certificate, Kind, numpy_generator
from fivefold.tasks.tables import drivers
from fivefold.tasks.tables.choose import YARDSTICK, Entry, paired
from fivefold.tasks.tables.describe import describe
from fivefold.tasks.tables.evaluate import METRICS, Bootstrap, coverage, metrics_of, reliability, scores
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.target import Target

if TYPE_CHECKING:
    from fivefold.tasks.tables.fit import Outcome

Floats = npt.NDArray[np.float64]
LEVEL = 0.9
_SCATTER = 500
_ROLES = {"constant": "constant", "ridge": "ridge", YARDSTICK: "yardstick"}


def _percent(x: float) -> str:
    return f"{100 * x:.1f}%"


def _clean(value: Any) -> Any:
    """Plain JSON values; numbers that are not finite become ``None``."""
    if isinstance(value, dict):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if isinstance(value, np.ndarray):
        return _clean(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


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
    if outcome.groups is None:
        return test, None
    g = outcome.groups
    truth = _own_unit(target, outcome.problem.y[g.rows])
    predictions = {name: _mean(outcome, target, name, eta) for name, eta in g.eta.items()}
    section = _compared(Bootstrap(truth, seed, g.clusters), target, names, predictions, outcome)
    section |= {"column": g.column, "levels": g.levels[0], "rows": len(g.rows)}
    section["sentence"] = (
        f"With {g.levels[0]} of {g.levels[1]} levels of {g.column} left out of the fit whole, "
        + section["sentence"][0].lower()
        + section["sentence"][1:]
    )
    return test, section


def _mean(outcome: "Outcome", target: Target, name: str, eta: Floats) -> Floats:
    """Predictions in the target's own unit; every method on a log scale gets its own smearing factor."""
    if name == outcome.chosen.candidate.name:
        return target.mean(eta / outcome.model.temperature)
    entry = outcome.entries[name]
    known = np.isfinite(entry.eta[:, 0])
    own = target if target.smear == 1.0 else target.with_smear(outcome.problem.y[known] - entry.eta[known, 0])
    return own.mean(eta)


def _compared(
    bootstrap: Bootstrap, target: Target, names: list[str], predictions: dict[str, Floats], outcome: "Outcome"
) -> dict[str, Any]:
    chosen = outcome.chosen.candidate.name
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
            f"{change['difference']:,.4g} (95% interval {change['low']:,.4g} to {change['high']:,.4g})."
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
    low, high = model.intervals.bounds(typed, eta, LEVEL)
    if model.target.family == "log-gaussian":
        low, high = np.exp(low), np.exp(high)
    elif model.target.family == "poisson":
        low, high = np.floor(np.maximum(low, 0.0)), np.ceil(np.maximum(high, 0.0))
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
    column = outcome.groups.column if outcome.groups else None
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
        "log": model.target.family == "log-gaussian",
    }
    return section, scatter


def _class_section(outcome: "Outcome", model: Model) -> dict[str, Any] | None:
    """Confusion, reliability and sets on the test rows."""
    if not model.target.classifies or model.sets is None:
        return None
    p = outcome.prepared
    typed = p.typed.take(outcome.test)
    probability = model.target.mean(model.predictor.eta(typed) / model.temperature)
    truth = _truth(outcome, model.target).astype(np.int64)
    found = probability.argmax(1)
    count = len(model.classes)
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (truth, found), 1)
    inside = model.sets.members(probability, LEVEL)
    hit = inside[np.arange(len(truth)), truth]
    sizes, counts = np.unique(inside.sum(1), return_counts=True)
    shown = probability[:, 1] if count == 2 else probability.max(1)
    correct = truth == 1 if count == 2 else found == truth
    bins = reliability(shown, correct)
    error = sum(b["rows"] * abs(b["predicted"] - b["observed"]) for b in bins) / max(len(truth), 1)
    return {
        "confusion": confusion.tolist(),
        "reliability": bins,
        "sets": {
            "level": LEVEL,
            "coverage": coverage(hit),
            "mean_size": float(inside.sum(1).mean()),
            "sizes": {str(s): int(c) for s, c in zip(sizes, counts, strict=True)},
        },
        "calibration_error": float(error),
    }


def _candidates(outcome: "Outcome") -> list[dict[str, Any]]:
    """Every method considered: score, cost and why it was not taken."""
    target, best = outcome.problem.target, outcome.chosen
    out = []
    for entry in outcome.entries.values():
        name = entry.candidate.name
        judged = np.isfinite(entry.per_row())
        score = target.score(entry.per_row()[judged]) if judged.any() else None
        error = None
        if score is not None and judged.sum() > 1:
            spread = float(np.std(entry.per_row()[judged], ddof=1) / np.sqrt(judged.sum()))
            error = spread / (2 * score) if target.loss_name.startswith("RMSE") and score > 0 else spread
        out.append(
            {
                "name": name,
                "description": entry.candidate.description,
                "score": score,
                "standard_error": error,
                "metric": target.loss_name,
                "seconds": entry.seconds,
                "verdict": _verdict(entry, best),
                "reason": _reason(entry, best, outcome),
                "status": ", ".join(sorted(set(entry.statuses))),
            }
        )
    for name, why in outcome.plan.dropped.items():
        if name not in outcome.entries:
            out.append(
                {
                    "name": name,
                    "description": "",
                    "score": None,
                    "standard_error": None,
                    "metric": target.loss_name,
                    "seconds": 0.0,
                    "verdict": "rejected",
                    "reason": why,
                    "status": "not tried",
                }
            )
    return sorted(out, key=lambda r: (r["verdict"] != "chosen", r["score"] is None, r["score"] or 0.0))


def _verdict(entry: Entry, best: Entry) -> str:
    if entry is best:
        return "chosen"
    return {"constant": "baseline", YARDSTICK: "yardstick"}.get(entry.candidate.name, "rejected")


def _reason(entry: Entry, best: Entry, outcome: "Outcome") -> str:
    folds = round(float(entry.counts.sum() / max(len(entry.counts), 1) * outcome.plan.folds))
    if entry is best:
        return f"smallest mean loss on held-out rows over {folds} folds"
    mean, error = paired(
        entry, best, outcome.prepared.groups[outcome.train] if outcome.prepared.groups is not None else None
    )
    if entry.out:
        return f"{entry.out} after {folds} fold{'s' if folds != 1 else ''}"
    if not np.isfinite(error) or error == 0:
        return "the same loss as the chosen method"
    side = "worse than" if mean > 0 else "better than"
    return f"{abs(mean) / error:.1f} standard errors {side} {best.candidate.name} over {folds} folds"


def trees_win(outcome: "Outcome") -> float | None:
    """Return by how many standard errors of the paired difference the trees win, or ``None`` below one."""
    if YARDSTICK not in outcome.entries or outcome.chosen.candidate.name == YARDSTICK:
        return None
    clusters = None if outcome.prepared.groups is None else outcome.prepared.groups[outcome.train]
    mean, error = paired(outcome.chosen, outcome.entries[YARDSTICK], clusters)
    return mean / error if error > 0 and mean > error else None


def _certificates(
    outcome: "Outcome", intervals: dict[str, Any] | None, classes: dict[str, Any] | None, test: dict[str, Any]
) -> list[Certificate]:
    found = list(outcome.fits[outcome.chosen.candidate.name].certificates)
    measured = intervals or (classes["sets"] if classes else None)
    if measured is not None:
        share = measured["coverage"]
        what = "intervals" if intervals else "sets"
        found.append(
            Certificate(
                f"{_percent(LEVEL)} {what} cover at least {_percent(LEVEL)} of new rows like these",
                Kind.STATISTICAL,
                True if share["low"] >= LEVEL else (False if share["high"] < LEVEL else None),
                bound=LEVEL,
                value=share["value"],
                assumptions=("new rows are exchangeable with the rows of this table",),
                method=f"Wilson 95% interval {_percent(share['low'])} to {_percent(share['high'])} on "
                f"{len(outcome.test):,} rows that no fit has seen; unknown where it contains "
                f"{_percent(LEVEL)}",
            )
        )
        found.append(
            Certificate(
                f"measured coverage is within 3 points of {_percent(LEVEL)}",
                Kind.STATISTICAL,
                share["low"] <= LEVEL + 0.03 and share["high"] >= LEVEL - 0.03,
                bound=0.03,
                value=abs(share["value"] - LEVEL),
                assumptions=("new rows are exchangeable with the rows of this table",),
                method="the Wilson 95% interval of the measured coverage meets the band",
            )
        )
    pair = test.get("paired")
    if pair:
        sign = 1.0 if METRICS[pair["metric"]][2] else -1.0
        ends = sorted((sign * pair["low"], sign * pair["high"]))
        found.append(
            Certificate(
                f"the chosen model is at least as accurate as the boosted trees in {pair['metric']}",
                Kind.STATISTICAL,
                True if ends[1] <= 0 else (False if ends[0] > 0 else None),
                bound=0.0,
                value=sign * pair["difference"],
                assumptions=("new rows are exchangeable with the rows of this table",),
                method="paired bootstrap 95% interval of the difference on the test rows; unknown where it "
                "contains 0",
            )
        )
    return found


def _risks(outcome: "Outcome", test: dict[str, Any], groups: dict[str, Any] | None) -> list[dict[str, str]]:
    risks = [
        {
            "title": "Rows unlike these",
            "text": "Every figure here is about rows drawn like the rows of this table. Inputs are held "
            "inside the range seen in training, so predictions do not run away outside it, but nothing "
            "measures them there.",
        }
    ]
    if groups:
        main = groups["metrics"][0]
        own = next(s for s in groups["scores"] if s["role"] == "chosen")["metrics"][main]["value"]
        here = next(s for s in test["scores"] if s["role"] == "chosen")["metrics"][main]["value"]
        risks.append(
            {
                "title": f"A new {groups['column']}",
                "text": f"For levels of {groups['column']} that training has not seen, {main} was {own:,.4g} "
                f"instead of {here:,.4g}. The intervals are not made for that.",
            }
        )
    names = {c.name: c.kind for c in outcome.prepared.schema.columns}
    dates = [n for n, k in names.items() if str(k) == "date" and n in outcome.prepared.typed.names]
    if dates and outcome.prepared.times is None:
        risks.append(
            {
                "title": "The future",
                "text": f"The rows carry a date ({', '.join(dates[:3])}) and were split at random: the error "
                f"on later rows may be larger. --time {dates[0]} measures it.",
            }
        )
    risks += [{"title": f.title, "text": f.fix} for f in outcome.findings[:8]]
    return risks


def _headline(
    outcome: "Outcome", test: dict[str, Any], intervals: dict[str, Any] | None, classes: dict[str, Any] | None
) -> str:
    main = test["metrics"][0]
    by_role = {s["role"]: s["metrics"][main] for s in test["scores"]}
    own = by_role["chosen"]
    name = outcome.chosen.candidate.name
    text = (
        f"On {len(outcome.test):,} unseen rows, {name} predicts {outcome.problem.target.name} with {main} "
        f"{own['value']:,.4g} ({own['low']:,.4g} to {own['high']:,.4g})"
    )
    beside = [
        f"{by_role[r]['value']:,.4g} for {label}"
        for r, label in (("yardstick", "boosted trees"), ("constant", "a constant"))
        if r in by_role
    ]
    if beside:
        text += "; " + ", ".join(beside)
    measured = intervals or (classes["sets"] if classes else None)
    if measured:
        kind = "intervals" if intervals else "sets"
        text += f". {LEVEL:.0%} {kind} covered {_percent(measured['coverage']['value'])}"
    return text + "."


def build_record(
    outcome: "Outcome", seconds: float, progress: Callable[[str, dict[str, object]], None]
) -> dict[str, Any]:
    """Return the record of a fit; see the report for what each part means."""
    model, p = outcome.model, outcome.prepared
    target = model.target
    names = metrics_of(target, outcome.metric)
    undefined = "RMSLE" in names and bool((_truth(outcome, target) < 0).any())
    if undefined:
        names.remove("RMSLE")
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
    if undefined:
        warnings.append(f"RMSLE is left out: {target.name} is negative in some test rows.")
    margin = trees_win(outcome)
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
    headline = _headline(outcome, test, intervals, classes)
    if margin is not None:
        headline = f"Boosted trees win here (by {margin:.1f} standard errors). " + headline
    progress("report", {})
    import torch

    from fivefold import __version__

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
        "certificates": [c.to_record() for c in _certificates(outcome, intervals, classes, test)],
        "candidates": _candidates(outcome),
        "table": describe(p.raw, p.typed, p.schema, outcome.findings, twins),
        "drivers": ranked,
        "risks": _risks(outcome, test, groups),
        "plan": outcome.plan.to_record(),
        "environment": {
            "fivefold": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "machine": platform.machine(),
            "system": sys.platform,
            "threads": str(outcome.plan.threads),
        },
        "seconds": seconds,
        "command": "",
    }
    return dict(_clean(record))
