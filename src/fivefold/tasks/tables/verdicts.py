"""The verdicts of a fit in words: why each method was taken or not, certificates, risks, the headline."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fivefold.core import Certificate, Kind
from fivefold.tasks.coverage_certificate import LEVEL, coverage_certificate, exchangeable, percent
from fivefold.tasks.evaluate import METRICS
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.tables.calibrate import temperature
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.recipe import summarised
from fivefold.tasks.tables.candidates.watched import findings_of
from fivefold.tasks.tables.choose import YARDSTICK, Entry, paired

if TYPE_CHECKING:
    from fivefold.tasks.tables.fit import Outcome

_ROUNDING = 1e-9
"""Share of a mean loss below which a difference is one of rounding."""


def plain(x: float) -> str:
    """Write a number for a sentence: four digits, thousands with commas, no powers of ten where avoidable.

    >>> plain(111479.85), plain(0.15749), plain(3.2e9)
    ('111,500', '0.1575', '3,200,000,000')
    """
    if not np.isfinite(x) or x == 0:
        return f"{x:g}"
    digits = 3 - int(np.floor(np.log10(abs(x))))
    return f"{round(x, digits):,.{max(digits, 0)}f}" if digits < 8 else f"{x:.3g}"


def candidates(outcome: "Outcome") -> list[dict[str, Any]]:
    """Every method considered: score, cost and why it was not taken."""
    target, best = outcome.problem.target, outcome.chosen
    out = []
    for entry in outcome.entries.values():
        name = entry.candidate.name
        judged = np.isfinite(entry.per_row())
        score = target.score(entry.per_row()[judged]) if judged.any() else None
        error = None
        if score is not None and judged.sum() > 1:
            spread = standard_error(entry.per_row()[judged])
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
                "training": summarised([*entry.trainings, *_final_training(entry, outcome)]),
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
                    "training": None,
                }
            )
    return sorted(out, key=lambda r: (r["verdict"] != "chosen", r["score"] is None, r["score"] or 0.0))


def _final_training(entry: Entry, outcome: "Outcome") -> list[dict[str, Any]]:
    """How a method's network was trained on all training rows: as the one chosen, or as a part of a blend."""
    details = outcome.fits[outcome.chosen.candidate.name].details
    own = details if entry is outcome.chosen else details.get(entry.candidate.name)
    return [own["training"]] if isinstance(own, dict) and "training" in own else []


def trained_findings(outcome: "Outcome") -> list[dict[str, str]]:
    """Return what was found while the networks of the chosen method were trained on all training rows."""
    return findings_of([t for e in outcome.entries.values() for t in _final_training(e, outcome)])


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
    """Return by how many standard errors of the paired difference the trees win, or ``None`` below one.

    Classes are compared after each method's own temperature, as they are predicted.
    """
    if YARDSTICK not in outcome.entries or outcome.chosen.candidate.name == YARDSTICK:
        return None
    clusters = None if outcome.prepared.groups is None else outcome.prepared.groups[outcome.train]
    trees, chosen = (_tempered(e, outcome.problem) for e in (outcome.entries[YARDSTICK], outcome.chosen))
    mean, error = paired(chosen, trees, clusters)
    rounding = _ROUNDING * outcome.chosen.mean  # where both predict one constant, they differ by rounding
    return mean / error if error > 0 and mean > max(error, rounding) else None


def _tempered(entry: Entry, problem: Problem) -> Entry:
    """The entry with the losses that its held-out predictions have at their own best temperature."""
    known = np.flatnonzero(np.isfinite(entry.eta).all(1))
    if not problem.target.classifies or not len(known):
        return entry
    eta, y = entry.eta[known], problem.y[known]
    share = np.ones(len(known)) if problem.weights is None else problem.weights[known]
    losses, counts = np.zeros_like(entry.losses), np.zeros_like(entry.counts)
    losses[known] = share * problem.target.loss(eta / temperature(problem.target, eta, y, share), y)
    counts[known] = share
    return replace(entry, losses=losses, counts=counts)


def certificates(
    outcome: "Outcome", intervals: dict[str, Any] | None, classes: dict[str, Any] | None, test: dict[str, Any]
) -> list[Certificate]:
    """Return the certificates of the fit: of its algebra, its coverage, and its rank beside the trees."""
    found = list(outcome.fits[outcome.chosen.candidate.name].certificates)
    measured = intervals or (classes["sets"] if classes else None)
    if measured is not None:
        share = measured["coverage"]
        what = "intervals" if intervals else "sets"
        found.append(coverage_certificate(share, len(outcome.test), what, "rows", "table"))
        found.append(
            Certificate(
                f"measured coverage is within 3 points of {percent(LEVEL)}",
                Kind.STATISTICAL,
                share["low"] <= LEVEL + 0.03 and share["high"] >= LEVEL - 0.03,
                bound=0.03,
                value=abs(share["value"] - LEVEL),
                assumptions=exchangeable("rows", "table"),
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
                assumptions=exchangeable("rows", "table"),
                method="paired bootstrap 95% interval of the difference on the test rows; unknown where it "
                "contains 0",
            )
        )
    return found


def risks(outcome: "Outcome", test: dict[str, Any], groups: dict[str, Any] | None) -> list[dict[str, str]]:
    """Return what could go wrong, in words."""
    risks = [
        {
            "title": "Rows unlike these",
            "text": "Every figure here is about rows drawn like the rows of this table. Inputs are held "
            "inside the range seen in training, so predictions do not run away outside it, but nothing "
            "measures them there.",
        }
    ]
    if groups and outcome.newcomers:
        main = groups["metrics"][0]
        own = next(s for s in groups["scores"] if s["role"] == "chosen")["metrics"][main]["value"]
        here = next(s for s in test["scores"] if s["role"] == "chosen")["metrics"][main]["value"]
        risks.append(
            {
                "title": f"A new {groups['column']}",
                "text": f"For levels of {groups['column']} that training has not seen, {main} was "
                f"{plain(own)} instead of {plain(here)}. Such rows are answered by a method of their own "
                f"({outcome.newcomers.search.chosen.candidate.name}), with intervals of their own.",
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


def headline(
    outcome: "Outcome", test: dict[str, Any], intervals: dict[str, Any] | None, classes: dict[str, Any] | None
) -> str:
    """Return the finding in one sentence."""
    main = test["metrics"][0]
    by_role = {s["role"]: s["metrics"][main] for s in test["scores"]}
    own = by_role["chosen"]
    name = outcome.chosen.candidate.name
    text = (
        f"On {len(outcome.test):,} unseen rows, {name} predicts {outcome.problem.target.name} with {main} "
        f"{plain(own['value'])} ({plain(own['low'])} to {plain(own['high'])})"
    )
    beside = [
        f"{plain(by_role[r]['value'])} for {label}"
        for r, label in (("yardstick", "boosted trees"), ("constant", "a constant"))
        if r in by_role
    ]
    if beside:
        text += "; " + ", ".join(beside)
    measured = intervals or (classes["sets"] if classes else None)
    if measured:
        kind = "intervals" if intervals else "sets"
        text += f". {LEVEL:.0%} {kind} covered {percent(measured['coverage']['value'])}"
    return text + "."
