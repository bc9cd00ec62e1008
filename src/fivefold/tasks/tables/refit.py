r"""After the search on rows drawn from a large table: the coefficients of a linear model from all rows.

The encoder and the basis of the chosen method stay as the draw taught them. Where a Gaussian model is linear
in its coefficients, all that the other rows can say about them stands in the moments of the design
(:mod:`fivefold.tasks.tables.moments`), which are added up over pages of rows; the penalties are then set
again by the marginal likelihood. The rows that test and those that calibrate stay out.

The intervals of the race belong to models of fewer rows, whose held-out errors are larger: kept, they would
cover too often. Rows kept aside from the beginning calibrate the final model instead: with
:math:`r_i = (y_i - \hat y(x_i)) / \hat s(x_i)` of :math:`c` such rows, of which neither :math:`\hat y` nor
:math:`\hat s` has seen any, the interval covers a new row with a probability between :math:`1 - \alpha` and
:math:`1 - \alpha + 2 / (c + 1)` (Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005;
the spread as in Lei et al., JASA 113, 2018).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.core import Budget, Certificate, DataError, NumericalError, Status, numpy_generator
from fivefold.tasks.prediction_sets import thin
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.tables import calibrate, verdicts
from fivefold.tasks.tables.candidates.constant import fit_or_constant
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.conformal import Intervals
from fivefold.tasks.tables.convert import convert
from fivefold.tasks.tables.drawing import Sample
from fivefold.tasks.tables.encode import Encoded
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.moments import Moments, solve
from fivefold.tasks.tables.numbered import ChangedError
from fivefold.tasks.tables.plan import OPERATIONS_PER_SECOND
from fivefold.tasks.tables.predictors import BlendPredictor, LinearPredictor, Predictor
from fivefold.tasks.tables.prepare import Prepared, times_of
from fivefold.tasks.tables.sampling import LEAST_FRESH, Numbers
from fivefold.tasks.tables.table import Table, missing

if TYPE_CHECKING:
    from fivefold.tasks.tables.fit import Outcome

Floats = npt.NDArray[np.float64]
SHARE_FOR_SEARCH = 0.5
"""Share of the budget that the search keeps; the rest is for reading, the refit and the calibration."""
_SHARE = 0.2
_PAGE_CELLS = 5_000_000
_BLOCK_CELLS = 1_000_000
_LINEAR = frozenset({"gaussian", "log-gaussian"})


def linear_members(predictor: Predictor) -> list[LinearPredictor]:
    """Return the parts of a predictor that are linear on a basis."""
    members = predictor.members if isinstance(predictor, BlendPredictor) else (predictor,)
    return [member for member in members if isinstance(member, LinearPredictor)]


def rows_to_refit(sample: Sample, members: list[LinearPredictor], budget: Budget) -> int:
    """Return how many rows beside the draw the coefficients are fitted to: all, or what the budget holds.

    Args:
        sample: The draw.
        members: What is fitted.
        budget: Of the whole fit.
    """
    rest = sample.source.size.rows - len(sample.chosen) - len(sample.fresh)
    cost = sum(4.0 * member.basis.size**2 + 3000.0 * member.basis.size for member in members)
    held = int(_SHARE * (budget.seconds or 60.0) * OPERATIONS_PER_SECOND / max(cost, 1.0))
    return max(0, min(rest, held))


def _other_rows(sample: Sample, count: int, seed: int) -> Numbers | None:
    """The sorted numbers of so many rows that are neither chosen nor fresh; ``None`` for all of them."""
    total = sample.source.size.rows
    known = np.union1d(sample.chosen, sample.fresh)
    if count >= total - len(known):
        return None
    drawn = numpy_generator(seed, "rows of the refit").choice(total, count + len(known), replace=False)
    return np.sort(drawn[~np.isin(drawn, known)][:count]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Roles:
    """Columns with a role beside the target; what later rows need to be read like the first ones."""

    weight: str | None = None
    time: str | None = None


def as_problem(rows: Table, prepared: Prepared, like: Problem, roles: Roles, latest: float) -> Problem:
    """Return later rows in the form of a problem; those without a target of its family are left out.

    Args:
        rows: As read.
        prepared: The rows that the schema was guessed from.
        like: The problem that they are to continue.
        roles: Columns with a role.
        latest: Rows after this time are left out.

    Raises:
        DataError: Cells that contradict the kinds of their columns.
    """
    assert prepared.schema.target is not None
    values, _ = convert(rows.column(prepared.target_name), prepared.schema.target, fitting=False)
    keep = ~missing(values)
    target = like.target
    if target.classifies:
        keep &= np.array([str(v) in target.classes for v in values])
    else:
        least = {"gaussian": -np.inf, "poisson": 0.0}.get(target.family, np.nextafter(0.0, 1.0))
        keep &= values >= least if values.dtype == np.float64 else False
    if roles.time is not None:
        keep &= times_of(rows, prepared.schema, roles.time) <= latest
    kept = np.flatnonzero(keep)
    rows = rows.take(kept)
    weights = None if roles.weight is None else _positive(rows, roles.weight)
    offset = None if prepared.exposure is None else np.log(_positive(rows, prepared.exposure))
    typed = prepared.schema.apply(replace(rows, notes=()))
    return Problem(typed, prepared.schema, target, target.encode(values[kept]), weights, offset, like.seed)


def _positive(rows: Table, name: str) -> Floats:
    """Weights or exposures of later rows."""
    values = rows.column(name)
    bad = len(values) if values.dtype != np.float64 else int((~(np.isfinite(values) & (values > 0))).sum())
    if bad:
        raise DataError(f"positive numbers in {name!r}", f"{bad:,} that are not, or a column of texts")
    return np.asarray(values)


def _accumulate(members: list[LinearPredictor], sums: list[Moments], part: Problem) -> None:
    """Add rows to the moments of every member; the members share an encoder as a rule."""
    seen: dict[int, Encoded] = {}
    for member, moments in zip(members, sums, strict=True):
        if id(member.encoder) not in seen:
            seen[id(member.encoder)] = member.encoder.transform(part.table)
        _add(member, moments, seen[id(member.encoder)], part.y, part.weights)


def _add(member: LinearPredictor, moments: Moments, rows: Encoded, y: Floats, a: Floats | None) -> None:
    """Add encoded rows by blocks whose design stays small."""
    step = _step(member)
    for at in range(0, len(y), step):
        cut = slice(at, at + step)
        moments.add(member.basis.design(_cut(rows, cut)), y[cut], None if a is None else a[cut])


def _step(member: LinearPredictor) -> int:
    return max(64, _BLOCK_CELLS // max(member.basis.size, 1))


def _cut(rows: Encoded, cut: slice) -> Encoded:
    codes = {column: values[cut] for column, values in rows.codes.items()}
    return Encoded(rows.numbers[cut], rows.names, rows.origins, codes, rows.levels)


def refit(
    outcome: "Outcome", sample: Sample, count: int, roles: Roles, seed: int
) -> tuple[Predictor, list[Status], list[Certificate], int]:
    """Return the chosen predictor with the coefficients of its linear parts fitted to many rows.

    Args:
        outcome: The fit of the draw.
        sample: The draw.
        count: Rows beside it.
        roles: Columns with a role.
        seed: The seed of the fit.

    Returns:
        The predictor, status and certificate of every part, and the number of rows.

    Raises:
        DataError: Cells that contradict the kinds of their columns, or files that changed.
        NumericalError: A precision matrix could not be factorised.
    """
    predictor = outcome.fits[outcome.chosen.candidate.name].predictor
    members, problem = linear_members(predictor), outcome.problem
    prepared, (encoder, own) = outcome.prepared, problem.encoded()
    weights = None
    if roles.weight is not None:
        weights = _positive(prepared.raw.take(outcome.train), roles.weight)
    sums: list[Moments] = []
    for member in members:
        # what the encoder learned with the targets, it gave its own rows without their own target
        rows = own if member.encoder is encoder else member.encoder.transform(problem.table)
        first = member.basis.design(_cut(rows, slice(0, 10 * _step(member)))).astype(np.float64)
        sums.append(Moments.about(first.mean(0), float(problem.y.mean())))
        _add(member, sums[-1], rows, problem.y, weights)
    known = np.union1d(sample.chosen, sample.fresh)
    times = prepared.times
    latest = np.inf if times is None else float(times[outcome.train].max())
    page = int(np.clip(_PAGE_CELLS // sample.source.size.columns, 1000, 100_000))
    for numbers, table in sample.source.pages(page, _other_rows(sample, count, seed)):
        others = table.take(np.flatnonzero(~np.isin(numbers, known)))
        if others.rows:
            _accumulate(members, sums, as_problem(others, prepared, problem, roles, latest))
    found = [
        solve(total, member.basis.sizes, np.asarray(member.w[1:, 0], dtype=np.float64))
        for member, total in zip(members, sums, strict=True)
    ]
    new = iter([replace(m, w=w[:, None]) for m, (w, _, _) in zip(members, found, strict=True)])
    parts = predictor.members if isinstance(predictor, BlendPredictor) else (predictor,)
    fitted = tuple(next(new) if isinstance(part, LinearPredictor) else part for part in parts)
    whole = replace(predictor, members=fitted) if isinstance(predictor, BlendPredictor) else fitted[0]
    return whole, [s for _, s, _ in found], [c for _, _, c in found], sums[0].rows


def recalibrated(model: Model, fresh: Problem) -> Model:
    """Return the model with intervals or sets from rows of which nothing has seen any.

    Args:
        model: The final predictor, with the spread of residuals that the race taught.
        fresh: Those rows.
    """
    eta = _eta(model.predictor, fresh)
    weights = fresh.weights
    if model.target.classifies:
        heat = calibrate.temperature(model.target, eta, fresh.y, weights)
        return replace(
            model, temperature=heat, sets=calibrate.sets(model.target, eta / heat, fresh.y, weights)
        )
    residuals = model.target.residual(eta, fresh.y)
    target = model.target.with_smear(residuals, weights)
    old = model.intervals
    if old is None or model.target.family not in _LINEAR:
        return replace(model, target=target, intervals=calibrate.intervals(fresh, eta[:, 0]))
    scores = thin(residuals / old.spread(fresh.table), weights)
    return replace(model, target=target, intervals=Intervals(old.spread, scores, old.counts))


def _eta(predictor: Predictor, rows: Problem) -> Floats:
    eta = predictor.eta(rows.table)
    return eta if rows.offset is None else eta + rows.offset[:, None]


def finish(
    outcome: "Outcome",
    sample: Sample,
    roles: Roles,
    budget: Budget,
    seed: int,
    progress: Callable[[str, dict[str, object]], None],
) -> "tuple[Outcome, list[str]]":
    """Fit the linear parts to all rows, calibrate on fresh ones, and say what the draw cost.

    Args:
        outcome: The fit of the draw.
        sample: The draw; its record takes in how many rows the refit had.
        roles: Columns with a role.
        budget: Of the whole fit.
        seed: The seed of the fit.
        progress: Called with events.

    Returns:
        The outcome with the final model, and sentences for the report.

    Raises:
        DataError: The files changed since they were counted.
    """
    name = outcome.chosen.candidate.name
    before = outcome.fits[name].predictor
    target, members = outcome.problem.target, linear_members(before)
    said = ["The choice, the test rows, and the search for duplicates and leaks are about the drawn rows."]
    trained = f"The {len(outcome.train):,} training rows among them trained it."
    if not members or target.family not in _LINEAR:
        kind = "is not linear in its coefficients" if not members else f"is of the family {target.family}"
        said.append(f"{name} {kind}, and no other rows were used. {trained}")
    else:
        stored = sample.record["refit"]
        count = rows_to_refit(sample, members, budget) if stored is None else int(stored)
        sample.record["refit"] = count
        progress("refit", {"method": name, "rows": count + len(outcome.train), "of": sample.source.size.rows})
        try:
            outcome, sentence = _with_all_rows(outcome, sample, count, roles, seed)
            said.append(sentence)
        except ChangedError:
            raise
        except (DataError, NumericalError) as error:
            said.append(f"The coefficients could not be fitted to the other rows ({error}). {trained}")
    if len(sample.fresh):
        rows = sample.source.take(sample.fresh)
        fresh = as_problem(rows, outcome.prepared, outcome.problem, roles, np.inf)
        if outcome.model.newcomers is not None:
            fresh = fresh.take(np.flatnonzero(~outcome.model.newcomers.mask(fresh.table)), fresh.seed)
        if fresh.rows >= LEAST_FRESH:
            said += [_learning_curve(outcome, before, fresh, seed, bool(outcome.prepared.groups is not None))]
            outcome = replace(outcome, model=recalibrated(outcome.model, fresh))
    outcome.plan.sampling = sample.record
    if not outcome.plan.follow:
        outcome.plan.budget = budget.seconds  # what was asked for; the search had a share of it
    return outcome, said


def _with_all_rows(
    outcome: "Outcome", sample: Sample, count: int, roles: Roles, seed: int
) -> "tuple[Outcome, str]":
    name = outcome.chosen.candidate.name
    old = outcome.fits[name]
    predictor, statuses, certificates, rows = refit(outcome, sample, count, roles, seed)
    worst = next((status for status in statuses if not status.succeeded), old.status)
    fitted = Fitted(predictor, worst, (*certificates[:1], *old.certificates[1:]), old.details)
    rest = sample.source.size.rows - len(sample.chosen) - len(sample.fresh)
    how = "every row but those that test and calibrate" if count >= rest else "as many as the budget holds"
    partly = ""
    if isinstance(predictor, BlendPredictor) and len(linear_members(predictor)) < len(predictor.members):
        partly = " Its other parts are not linear: the drawn rows trained them."
    sentence = f"The coefficients of {name} were then fitted to {rows:,} rows, {how}.{partly}"
    model = replace(outcome.model, predictor=predictor)
    return replace(outcome, fits={**outcome.fits, name: fitted}, model=model), sentence


def _learning_curve(outcome: "Outcome", before: Predictor, fresh: Problem, seed: int, groups: bool) -> str:
    """What half of the drawn rows, all of them, and the other rows brought, on fresh rows."""
    target, problem = outcome.problem.target, outcome.problem
    generator = numpy_generator(seed, "half of the draw")
    units = np.arange(problem.rows)
    if groups and outcome.prepared.groups is not None:
        units = np.unique(outcome.prepared.groups[outcome.train], return_inverse=True)[1].reshape(-1)
    order = generator.permutation(int(units.max()) + 1)
    half = np.flatnonzero(np.isin(units, order[: len(order) // 2]))

    def losses(predictor: Predictor) -> Floats:
        return np.asarray(target.loss(_eta(predictor, fresh), fresh.y))

    shown: list[tuple[str, Any]] = []
    try:
        shown.append(
            (
                f"{len(half):,}",
                losses(fit_or_constant(outcome.chosen.candidate, problem.take(half, problem.seed)).predictor),
            )
        )
    except (NumericalError, DataError):
        return f"{fresh.rows:,} rows that nothing was trained on calibrate the model."
    shown.append((f"{problem.rows:,}", losses(before)))
    scores = [verdicts.plain(target.score(values)) for _, values in shown]
    gain = shown[0][1] - shown[1][1]
    mean, spread = float(gain.mean()), standard_error(gain)
    share = 1 - target.score(shown[1][1]) / max(target.score(shown[0][1]), 1e-300)
    text = (
        f"On {fresh.rows:,} rows that nothing was trained on, {target.loss_name} is {scores[0]} after "
        f"{shown[0][0]} training rows and {scores[1]} after {shown[1][0]}"
    )
    model = outcome.fits[outcome.chosen.candidate.name].predictor
    if model is not before:
        text += f", and {verdicts.plain(target.score(losses(model)))} after the refit to the other rows"
    if mean <= 2 * spread:
        return f"{text}. Twice as many drawn rows brought nothing that can be told from chance."
    least = target.score(np.maximum(shown[1][1].mean() - mean, 0.0))
    return (
        f"{text}. Twice as many drawn rows lowered it by {share:.1%}; if what they bring halves with every "
        f"doubling, drawing all would bring it to {verdicts.plain(least)} (--rows takes more)."
    )
