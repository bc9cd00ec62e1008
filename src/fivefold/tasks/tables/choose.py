"""Choice by repeated cross-validation, as a race that drops what has clearly lost.

Every candidate is judged on the same rows. After each fold a candidate whose loss exceeds the leader's by
more than three standard errors of the paired difference, and by more than a twentieth, leaves the race (Maron
and Moore, Hoeffding races, 1994; here with the normal bound on paired differences). At the end the methods
still in the race are blended; the blend is taken where it beats the best of them by more than a standard
error, judged on rows other than those that set its weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import Clock, NumericalError, child_seed
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.tables.candidates.blend import BlendCandidate, greedy_weights
from fivefold.tasks.tables.candidates.constant import fit_or_constant
from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.plan import ALWAYS, Plan
from fivefold.tasks.tables.predictors import BlendPredictor, Predictor
from fivefold.tasks.tables.splits import Splitter

Floats = npt.NDArray[np.float64]
_LEAVES_AT, _LEAVES_BY = 3.0, 0.05
_FAILED = "failed: "
_BRAKE = 0.75
"""Share of the budget after which the clock may drop what the plan still holds."""
YARDSTICK = "boosted trees"


@dataclass(eq=False)
class Entry:
    """One candidate in the race.

    Attributes:
        candidate: The method.
        losses: ``[n]`` sum of its losses on every training row when that row was held out.
        counts: ``[n]`` how often the row was held out, times its weight.
        eta: ``[n, K]`` mean linear predictors of held-out rows (of the first repetition).
        seconds: Time spent.
        out: Why it left the race, or empty.
        predictors: The fitted folds of the first repetition, for the spread of its effects.
        statuses: How its fits ended.
        trainings: How its networks were trained, where it trains any.
    """

    candidate: Candidate
    losses: Floats
    counts: Floats
    eta: Floats
    seconds: float = 0.0
    out: str = ""
    predictors: list[Predictor] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    trainings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Mean loss over the rows judged so far."""
        return float(self.losses.sum() / max(self.counts.sum(), 1.0))

    def per_row(self) -> Floats:
        """Mean loss of every row, NaN where it was not held out."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.counts > 0, self.losses / self.counts, np.nan)


def paired(a: Entry, b: Entry, clusters: npt.NDArray[np.int64] | None) -> tuple[float, float]:
    """Return the mean difference of losses ``a - b`` on rows judged for both, and its standard error.

    With clusters (groups) the standard error is that of the clusters' sums.
    """
    difference = a.per_row() - b.per_row()
    both = np.flatnonzero(np.isfinite(difference))
    if len(both) < 2:
        return 0.0, float("inf")
    share = a.counts[both] / a.counts[both].mean()
    mean = float((share * difference[both]).mean())
    difference = share * (difference[both] - mean) + mean
    if clusters is not None:
        _, inverse = np.unique(clusters[both], return_inverse=True)
        sums = np.bincount(inverse.reshape(-1), weights=difference - mean)
        return mean, float(np.sqrt((sums**2).sum())) / len(both)
    return mean, standard_error(difference)


def race(
    problem: Problem,
    splitter: Splitter,
    candidates: Sequence[Candidate],
    plan: Plan,
    clock: Clock,
    progress: Callable[[str, dict[str, object]], None],
    kept: Sequence[str] = (),
) -> dict[str, Entry]:
    """Judge candidates fold by fold, as the plan says, and write what was done into it.

    Args:
        problem: Training rows.
        splitter: How to divide them.
        candidates: The methods named in the plan.
        plan: What to do; ``plan.follow`` replays ``plan.done`` whatever the clock says.
        clock: Where the budget is spent, the folds still missing of the leader are made and the rest dropped.
        progress: Called before every fit.
        kept: Methods that are judged on every fold though they left the race, to be shown beside the others.

    Returns:
        One entry per candidate, by name.
    """
    n, outputs = problem.rows, problem.target.outputs
    entries = {c.name: Entry(c, np.zeros(n), np.zeros(n), np.full((n, outputs), np.nan)) for c in candidates}
    replay = set(plan.done) if plan.follow else None
    for repetition in range(plan.repetitions):
        parts = list(splitter.folds(n, plan.folds, repetition))
        for fold, (rows, held) in enumerate(parts):
            seed = child_seed(plan.seed, "fold", repetition, fold)
            part = problem.take(rows, seed)
            judged = problem.take(held, seed)
            for name in plan.names:
                entry = entries[name]
                if replay is not None:
                    if (name, repetition, fold) not in replay:
                        entry.out = entry.out or plan.dropped.get(name, "")
                        continue
                elif entry.out and (name not in kept or entry.out.startswith(_FAILED)):
                    continue
                elif _too_late(entry, entries, clock):
                    entry.out = "the budget was spent before it could be tried"
                    plan.dropped[name] = entry.out
                    continue
                progress("fit", {"method": name, "repetition": repetition, "fold": fold})
                before = clock.elapsed
                try:
                    fitted = fit_or_constant(entry.candidate, part)
                    eta = _eta(fitted, judged)
                except NumericalError as error:
                    entry.out = f"{_FAILED}{error}"
                    plan.dropped[name] = entry.out
                    continue
                finally:
                    entry.seconds += clock.elapsed - before
                if replay is None:
                    plan.done.append((name, repetition, fold))
                share = np.ones(len(held)) if judged.weights is None else judged.weights
                entry.losses[held] += share * problem.target.loss(eta, judged.y)
                entry.counts[held] += share
                entry.statuses.append(str(fitted.status))
                if "training" in fitted.details:
                    entry.trainings.append(fitted.details["training"])
                if repetition == 0:
                    entry.eta[held] = eta
                    entry.predictors.append(fitted.predictor)
                if replay is None and repetition == 0 and fold < len(parts) - 1:
                    _drop_for_time(entries, plan, clock)
            if replay is None:
                _drop_losers(entries, splitter, plan)
            if replay is None and repetition > 0 and _braking(clock):
                break  # every method in the race was judged on every row: enough to choose by
        contenders = [e for e in _running(entries) if e.candidate.name != YARDSTICK]
        if replay is None and (len(contenders) < 2 or splitter.times is not None or _braking(clock)):
            break
    if replay is not None:
        for name, entry in entries.items():
            entry.out = entry.out or plan.dropped.get(name, "")
    return entries


def _eta(fitted: Fitted, judged: Problem) -> Floats:
    eta = fitted.predictor.eta(judged.table)
    eta = eta if judged.offset is None else eta + judged.offset[:, None]
    if not np.isfinite(eta).all():
        raise NumericalError("finite predictions", f"{int((~np.isfinite(eta)).sum())} that are not")
    return eta


def _running(entries: dict[str, Entry]) -> list[Entry]:
    return [e for e in entries.values() if not e.out and e.counts.any()]


def leader(entries: dict[str, Entry], allow_trees: bool = False) -> Entry:
    """Return the candidate with the smallest mean loss still in the race (trees only on request)."""
    running = [e for e in _running(entries) if allow_trees or e.candidate.name != YARDSTICK]
    return min(running, key=lambda e: e.mean)


def _drop_losers(entries: dict[str, Entry], splitter: Splitter, plan: Plan) -> None:
    best = leader(entries)
    for entry in _running(entries):
        if entry is best or entry.candidate.name == YARDSTICK:
            continue
        mean, error = paired(entry, best, splitter.groups)
        if mean > _LEAVES_AT * error and mean > _LEAVES_BY * best.mean:
            entry.out = (
                f"loses to {best.candidate.name} by {mean / error:.1f} standard errors"
                if error
                else (f"loses to {best.candidate.name} on every row alike")
            )
            plan.dropped[entry.candidate.name] = entry.out


def _braking(clock: Clock) -> bool:
    return clock.budget.seconds is not None and clock.elapsed >= _BRAKE * clock.budget.seconds


def _too_late(entry: Entry, entries: dict[str, Entry], clock: Clock) -> bool:
    """Whether the budget is nearly spent before a method was fitted once, and another one is in the race."""
    if entry.counts.any() or entry.candidate.name in ALWAYS or not _braking(clock):
        return False
    return any(e.candidate.name not in {"constant", YARDSTICK} for e in _running(entries))


def _drop_for_time(entries: dict[str, Entry], plan: Plan, clock: Clock) -> None:
    if not _braking(clock):
        return
    best = leader(entries)
    for entry in _running(entries):
        if entry is not best and entry.candidate.name != YARDSTICK and entry.seconds > 0.02 * clock.elapsed:
            entry.out = "the budget was spent before it could be judged on every fold"
            plan.dropped[entry.candidate.name] = entry.out


def add_blend(
    entries: dict[str, Entry],
    problem: Problem,
    allow_trees: bool = False,
    clusters: npt.NDArray[np.int64] | None = None,
) -> Entry | None:
    """Blend the methods still in the race and enter the blend; ``None`` below two of them.

    It is judged by exchange: weights from one half of the rows (of the clusters, where there are any) are
    applied to the other.
    """
    judged = [
        e
        for e in _running(entries)
        if (allow_trees or e.candidate.name != YARDSTICK) and e.candidate.name != "constant"
    ]
    known = (
        np.flatnonzero(np.isfinite(np.array([e.eta for e in judged])).all((0, 2)))
        if judged
        else np.zeros(0, dtype=np.int64)
    )
    if len(judged) < 2 or len(known) < 0.5 * problem.rows:
        return None
    start = perf_counter()
    target, y = problem.target, problem.y
    share = np.ones(problem.rows) if problem.weights is None else problem.weights

    def weights_on(rows: npt.NDArray[np.int64]) -> Floats:
        return greedy_weights(
            [e.eta[rows] for e in judged], lambda eta: float(np.mean(share[rows] * target.loss(eta, y[rows])))
        )

    n = problem.rows
    entry = Entry(
        BlendCandidate((), np.zeros(0)), np.zeros(n), np.zeros(n), np.full_like(judged[0].eta, np.nan)
    )
    second = np.arange(len(known)) % 2 == 1
    if clusters is not None:
        second = np.unique(clusters[known], return_inverse=True)[1].reshape(-1) % 2 == 1
    halves = known[~second], known[second]
    for rows, others in (halves, halves[::-1]):
        entry.eta[others] = sum(w * e.eta[others] for w, e in zip(weights_on(rows), judged, strict=True))
        entry.losses[others] = share[others] * target.loss(entry.eta[others], y[others])
        entry.counts[others] = share[others]
    weights = weights_on(known)
    kept = [i for i, w in enumerate(weights) if w > 0]
    if len(kept) < 2:
        return None
    members = [judged[i] for i in kept]
    shares = weights[kept]
    entry.candidate = BlendCandidate(tuple(m.candidate for m in members), shares)
    entry.predictors = [
        BlendPredictor(parts, shares) for parts in zip(*(m.predictors for m in members), strict=False)
    ]
    entry.seconds = perf_counter() - start  # its own: its members' seconds are theirs
    entry.statuses = [s for m in members for s in m.statuses]
    best = min(judged, key=lambda e: e.mean)
    mean, error = paired(entry, best, clusters)
    if mean > -error:
        entry.out = f"beats {best.candidate.name} alone by less than a standard error"
    entries["blend"] = entry
    return entry
