r"""Geographically weighted regression: coefficients that vary from place to place.

The global model has a smoothing spline per number and shrunken category effects. To it are added a level and
coefficients of the numbers and of the small categories that vary over the map. They are fitted in
neighbourhoods of the k nearest rows and shrunken towards zero, that is, towards the global model. How many
rows a neighbourhood holds and how strong the shrinkage is are chosen inside every fit by leave-one-out errors
in closed form, among settings that include "nothing varies": see
:mod:`fivefold.tasks.tables.candidates.local_fit`.

For ordered classes the model is that of proportional odds: the linear predictor varies, the cutpoints are
global. The leave-one-out losses are then those of one Newton step from the global model.

The fits are made at no more than 500 anchors (the places themselves where there are no more), and blended at
a row's place. A neighbourhood holds the rows of four anchors or more: with bandwidths no shorter than the
distance between anchors, the surface between them is interpolated, not guessed.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import Certificate, Kind, numpy_generator
from fivefold.tasks.tables.basis import kernel_inputs
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.local_fit import (
    Left,
    Rows,
    Setting,
    Surfaces,
    anchors,
    fit_at,
    leave_one_out,
)
from fivefold.tasks.tables.candidates.local_global import GlobalFit
from fivefold.tasks.tables.candidates.local_loss import Loss
from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.encode import Encoded
from fivefold.tasks.tables.kinds import Kind as ColumnKind
from fivefold.tasks.tables.local_predictor import LocalPredictor
from fivefold.tasks.tables.places import Places, find_places
from fivefold.tasks.tables.predictors import LinearPredictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

Floats = npt.NDArray[np.float64]
_FAMILIES = frozenset({"gaussian", "log-gaussian", "ordinal"})
_FEW_LEVELS, _MOST_COLUMNS = 6, 20
_MOST_ANCHORS, _MOST_JUDGED = 500, 500
_LEVEL = (0.05, 1.0, 16.0)
_SLOPES = (0.1, 1.0, 4.0, 16.0, 64.0, float("inf"))
_DRAWN = 3


def local_candidates(table: Table, schema: Schema, target: Target) -> list[Candidate]:
    """Return the candidate where the rows have places and the target is Gaussian or ordinal; else nothing.

    Args:
        table: Typed training rows.
        schema: Kinds of the columns.
        target: The target's family.
    """
    places = find_places(table, schema) if target.family in _FAMILIES else None
    return [] if places is None else [LocalCandidate(places)]


def _neighbours(rows: int, columns: int) -> list[int]:
    """Sizes k of neighbourhoods that are tried: six in geometric progression."""
    least = min(rows, max(30, 2 * (3 + columns), 4 * rows // _MOST_ANCHORS))
    most = min(rows, max(3000, 4 * least))
    return sorted({int(k) for k in np.geomspace(least, most, 6).round()})


@dataclass(frozen=True)
class LocalCandidate:
    """A model with splines whose level and coefficients vary from place to place."""

    places: Places
    name: str = "local regression"
    least_rows: int = 60

    @property
    def description(self) -> str:
        """One sentence for the report, with the reason for which there is a map."""
        return (
            f"Splines, and coefficients that vary over the map of {self.places.first} and "
            f"{self.places.second} ({self.places.reason}); how far, and how much, by leave-one-out errors."
        )

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return a rough number of operations of one fit: that of splines, distances, and the local fits."""
        base = LinearCandidate("additive").cost(rows, columns, 1, exact)
        judged, held = min(rows, _MOST_JUDGED), min(rows, _MOST_ANCHORS)
        local = min(columns, _MOST_COLUMNS) + 3
        sizes = _neighbours(rows, local)
        distances = 1300.0 * rows * (judged + held) + 5000.0 * min(rows, 20_000) * held
        tried = 2e5 * len(sizes) * len(_LEVEL) * len(_SLOPES)
        return base + distances + judged * (tried + 1e3 * sum(sizes) * local + 300.0 * sizes[-1] * columns)

    def fit(self, problem: Problem) -> Fitted:
        """Fit the global model, choose how local by leave-one-out, and fit at the anchors."""
        whole = GlobalFit.of(problem)
        base = whole.base
        encoded = problem.encoded()[1]
        points = self.places.points(problem.table)
        known = np.flatnonzero(np.isfinite(points[:, 0]))
        details: dict[str, Any] = {"noise": whole.noise}
        plain = Fitted(whole.predictor(base), whole.status, whole.certificates, details)
        if len(known) < self.least_rows or len(np.unique(points[known], axis=0)) < 2:
            return plain
        categories, index, names = self._varying(problem, encoded, base)
        inputs = kernel_inputs(encoded, categories)[:, index]
        centre = inputs.mean(0)
        generator = numpy_generator(problem.seed, "local")
        x = inputs - centre
        rows = Rows(self.places, points[known], x[known], whole.residual[known], whole.weights[known])
        loss = whole.loss(problem.y, known)
        working = replace(rows, weights=rows.weights * whole.curvature[known])
        left = _left(whole.design[known], working, whole.inverse, generator)
        setting = _chosen(working, left, loss, rows.weights, details)
        if setting is None:
            return plain
        at = anchors(self.places, rows.points, _MOST_ANCHORS, generator)
        surfaces = fit_at(rows, at, setting, loss)
        predictor = LocalPredictor(
            base, self.places, categories, index, centre, at, surfaces.reach, surfaces.level, surfaces.slope,
            surfaces.deviation,
        )  # fmt: skip
        along = np.hstack([np.ones((len(x), 1)), x])
        slopes = np.linalg.lstsq(along, base.eta_encoded(encoded)[:, 0], rcond=None)[0][1:]
        shown = _map(predictor, surfaces, names, slopes, inputs.std(0), whole.noise)
        shown |= {"rows": setting.neighbours, "reach": float(np.median(surfaces.reach))}
        shown |= {"unit": self.places.unit, "reason": self.places.reason}
        details |= {"setting": asdict(setting), "map": shown}
        certificates = (*whole.certificates, _certificate(surfaces.distance))
        return Fitted(whole.predictor(predictor), whole.status, certificates, details)

    def _varying(
        self, problem: Problem, rows: Encoded, base: LinearPredictor
    ) -> tuple[tuple[str, ...], npt.NDArray[np.int64], list[str]]:
        """Which kernel inputs have coefficients that vary: main effects, those that matter most.

        Dates, texts and the coordinates themselves are left to the global model, and so are categories of
        more than six levels, whose levels are places or too thin for a neighbourhood.
        """
        kinds = {c.name: c.kind for c in problem.schema.columns}
        plain = {ColumnKind.NUMBER, ColumnKind.BOOLEAN}
        categories = tuple(c for c, levels in rows.levels.items() if 1 < len(levels) <= _FEW_LEVELS)
        inputs = kernel_inputs(rows, categories)
        origins = [*rows.origins, *(c for c in categories for _ in rows.levels[c])]
        names = [*rows.names, *(f"{c} = {level}" for c in categories for level in rows.levels[c])]
        own = {self.places.first, self.places.second}
        spread = inputs.std(0)
        free = [
            j
            for j, origin in enumerate(origins)
            if origin not in own and spread[j] > 0 and (kinds[origin] in plain or origin in categories)
        ]
        eta = base.eta_encoded(rows)[:, 0]
        weight = np.abs((inputs - inputs.mean(0)).T @ (eta - eta.mean())) / np.where(spread > 0, spread, 1.0)
        kept = sorted(sorted(free, key=lambda j: (-weight[j], j))[:_MOST_COLUMNS])
        return categories, np.array(kept, dtype=np.int64), [names[j] for j in kept]


def _chosen(rows: Rows, left: Left, loss: Loss, weights: Floats, details: dict[str, Any]) -> Setting | None:
    """The setting with the smallest leave-one-out loss, or ``None`` where none gains more than chance."""
    settings = [
        Setting(k, level, slopes)
        for k in _neighbours(len(rows.points), rows.x.shape[1])
        for level in _LEVEL
        for slopes in _SLOPES
    ]
    shares = weights[left.rows] / weights[left.rows].sum()
    errors = leave_one_out(rows, left, settings)
    alone = loss.value(left.rows, rows.residual[left.rows] - left.residual)
    gains = alone - np.array([loss.value(left.rows, rows.residual[left.rows] - e) for e in errors])
    means = gains @ shares
    best = int(np.argmax(means))
    error = float(np.sqrt((shares**2 * (gains[best] - means[best]) ** 2).sum()))
    nothing = float(alone @ shares)
    details["leave_one_out"] = {"nothing": nothing, "local": nothing - float(means[best]), "error": error}
    return settings[best] if means[best] > error else None


def _left(
    design: npt.NDArray[np.float32], rows: Rows, inverse: Floats, generator: np.random.Generator
) -> Left:
    """At most 500 rows, fewer of very many, and how the global model moves without each."""
    n = len(design)
    count = min(n, max(200, min(_MOST_JUDGED, 100_000_000 // n)))
    own = np.arange(n) if count == n else np.sort(generator.choice(n, count, replace=False))
    z = design[own].astype(np.float64)
    direction = z @ inverse
    hat = rows.weights[own] * (direction * z).sum(1)
    alone = rows.residual[own] / np.maximum(1.0 - hat, 1e-9)
    return Left(own, design, direction * (rows.weights[own] * alone)[:, None], alone)


def _certificate(distance: float) -> Certificate:
    return Certificate(
        "the coefficients at every place are within a relative distance of 1e-6 of the exact local solution",
        Kind.PROOF,
        distance <= 1e-6,
        bound=1e-6,
        value=distance,
        assumptions=("the local Gram matrices as accumulated in float64",),
        method="|t - t*| <= |A t - b| / lambda_min(A), and lambda_min(A) is at least the prior's precision",
    )


def map_of(details: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a fit's details say of coefficients that vary over the map, its own or of a blend's member.

    Args:
        details: Those of :class:`Fitted`.

    >>> map_of({"local regression": {"map": {"rows": 30}}}), map_of({"noise": 1.0})
    ({'rows': 30}, None)
    """
    member = details.get(LocalCandidate.name)
    found = details.get("map") or (member.get("map") if isinstance(member, dict) else None)
    return dict(found) if found else None


def _map(
    predictor: LocalPredictor,
    surfaces: Surfaces,
    names: list[str],
    slopes: Floats,
    spread: Floats,
    noise: float,
) -> dict[str, Any]:
    """What the report shows: every coefficient over the anchors, maps of those that move predictions most."""
    at, places = predictor.anchors, predictor.places
    along, up = at[:, 0], at[:, 1]
    if places.sphere:
        along = np.degrees(np.arctan2(at[:, 1], at[:, 0]))
        up = np.degrees(np.arctan2(at[:, 2], np.hypot(at[:, 0], at[:, 1])))
    moves = [float(surfaces.level.std()), *(surfaces.deviation.std(0) * spread)]
    drawn = sorted(range(len(moves)), key=lambda j: (-moves[j], j))[:_DRAWN]
    found = []
    for j in sorted(range(len(moves)), key=lambda j: (-moves[j], j)):
        values = surfaces.level if j == 0 else slopes[j - 1] + surfaces.deviation[:, j - 1]
        errors = surfaces.level_error if j == 0 else surfaces.error[:, j - 1]
        low, high = np.quantile(values, [0.05, 0.95])
        found.append(
            {
                "name": "level" if j == 0 else names[j - 1],
                "average": 0.0 if j == 0 else float(slopes[j - 1]),
                "low": float(low),
                "high": float(high),
                "spread": float(values.std()),
                "error": float(np.sqrt(noise) * np.median(errors)),
                "values": values.tolist() if j in drawn else None,
            }
        )
    labels = [places.second, places.first] if places.sphere else [places.first, places.second]
    return {"columns": labels, "x": along.tolist(), "y": up.tolist(), "coefficients": found}
