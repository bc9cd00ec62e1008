"""One method from its start to its end: the descent, and the certificates of where it came to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, Certificate, Info, Status, drive, require
from fivefold.objective import DataObjective, Objective, OracleObjective
from fivefold.optimize.methods import constants
from fivefold.optimize.methods.bounds import Box
from fivefold.optimize.methods.class_scores import certify_class_scores, has_class_scores
from fivefold.optimize.methods.composite_optimality import certify_fixed_point
from fivefold.optimize.methods.descent import Descended, Descent, gradient_norm, worst
from fivefold.optimize.methods.l1_penalty import L1Penalty, Penalised
from fivefold.optimize.methods.optimality import (
    Curvatures,
    certify_curvature,
    certify_stationary,
    certify_suboptimality,
    lowest_curvature,
)
from fivefold.optimize.methods.registry import DENSE_SIZE, METHODS, Settings, find_method
from fivefold.optimize.methods.residual_angle import certify_angles, distance_of
from fivefold.optimize.methods.rounding import certify_rounding
from fivefold.optimize.methods.sampled_newton import SampledNewton
from fivefold.optimize.methods.sides import certify_beside
from fivefold.optimize.methods.steps import Searched, Step
from fivefold.optimize.optimum import Optimum, best_point

Look: TypeAlias = Callable[[Tensor], Curvatures | None]
"""What finds the extreme eigenvalues of the Hessian at a point, or bounds on them."""
EXAMINED_SIZE = 500
"""Largest P at which a second-order method's end is examined by all eigenvalues of the Hessian."""
CHECKED_SIZE = 200
"""Largest P at which the Hessian's eigenvalues are computed at the end whatever the method."""


@dataclass(frozen=True, eq=False, slots=True)
class Request:
    """What is asked of a method; see :func:`fivefold.optimize.minimize` for each.

    Args:
        tolerance: Largest distance from stationarity of a converged point.
        scaled: Whether the tolerance is for an F of size 1, and rounding may end the descent.
        memory: Pairs of L-BFGS.
        strong_convexity: m, or ``None``.
        self_concordance: M, or ``None``.
        examine: Whether the Hessian's eigenvalues are computed at the end.
        progress: Called after each step.
        side: Bounds or a penalty beside F.
    """

    tolerance: float
    scaled: bool
    memory: int
    strong_convexity: float | None
    self_concordance: float | None
    examine: bool | None
    progress: Callable[[int, Info], None] | None
    side: Box | L1Penalty | None


def run_method(
    objective: Objective, chosen: str, why: str, start: Tensor, limits: Budget, asked: Request
) -> Optimum:
    """Run one method from points [P] or [..., P] and certify where it ended.

    Raises:
        ArgumentError: An unknown method, or one that the objective does not suit.
    """
    side, tolerance, scaled, examine = asked.side, asked.tolerance, asked.scaled, asked.examine
    moves = find_method(chosen, objective).make(objective, Settings(memory=asked.memory, side=side))
    sampled = _sampled(moves)
    points = start.reshape(-1, objective.size)
    if isinstance(side, Box) and not bool(side.contains(points).all()):
        points, why = (
            side.project(points),
            f"{why}; the start was outside the bounds, and projected onto them",
        )
    examined = objective.size <= (EXAMINED_SIZE if METHODS[chosen].second else CHECKED_SIZE)
    require(side is None or not examine, "no look at the Hessian beside bounds or l1", "examine=True")
    examined = (examined and side is None) if examine is None else examine
    look: Look | None = partial(_spectrum, objective) if examined else None
    if sampled is not None and examine is None:
        # convex: there is no saddle to leave, and a bound from the sample proves as much at its cost
        examined, look = False, sampled.lower_bound
    distance = distance_of(moves) if side is None else side.distance
    whole = Penalised(objective, side) if isinstance(side, L1Penalty) else objective
    leaves = examined or (examine is None and side is None and sampled is None and _worth_a_look(objective))
    descent = Descent(
        whole,
        points,
        moves,
        tolerance,
        leaves,
        distance,
        dense=examined,
        scaled=scaled and distance is gradient_norm,
        evaluate=moves.evaluate if isinstance(moves, Searched) else None,
    )
    run = drive(descent, limits, asked.progress)
    m, M = _known(objective, asked.strong_convexity, asked.self_concordance, examined=look is not None)
    state = run.state
    statuses = tuple(status or Status.OUT_OF_BUDGET for status in state.ended)
    each = tuple(
        _certify_beside(objective, state, row, tolerance, asked.strong_convexity, side)
        if side is not None
        else _certify(objective, sampled, state, row, m, M, look)
        for row in range(len(statuses))
    )
    each = certify_angles(each, distance, state, tolerance) if side is None else each
    lead = start.shape[:-1]
    best = best_point(state.value, statuses)
    overall = worst(list(statuses))
    reasons = tuple(reason or "the budget is spent" for reason in state.reasons)
    return Optimum(
        w=state.w.reshape(start.shape),
        value=state.value.reshape(lead),
        gradient_norm=distance(state.w, state.gradient).reshape(lead),
        status=overall,
        reason=reasons[statuses.index(overall)],
        steps=run.steps,
        seconds=run.seconds,
        evaluations=state.evaluations,
        history={name: torch.stack(t).reshape(len(t), *lead) for name, t in state.trace.items()},
        certificates=each[best],
        method=chosen,
        why=why,
        statuses=statuses,
        reasons=reasons,
        certificates_each=each,
    )


def _sampled(moves: Step) -> SampledNewton | None:
    """The direction that knows a bound on the curvature, if it is that one."""
    direction = moves.direction if isinstance(moves, Searched) else None
    return direction if isinstance(direction, SampledNewton) else None


def _known(
    objective: Objective, strong_convexity: float | None, self_concordance: float | None, *, examined: bool
) -> tuple[float | None, float | None]:
    """What is known of the curvature: the caller's word first, then the objective's."""
    for name, number in (("strong convexity", strong_convexity), ("self-concordance", self_concordance)):
        if number is not None and not 0 <= number < math.inf:
            raise ArgumentError(f"a finite {name} of at least 0", str(number))
    if strong_convexity is None:
        strong_convexity = constants.strong_convexity(objective)
    # M is of use, and worth its pass over the rows, only where m proves nothing
    if self_concordance is None and examined and not strong_convexity:
        self_concordance = constants.self_concordance(objective)
    return strong_convexity, self_concordance


def _worth_a_look(objective: Objective) -> bool:
    """Whether a large Hessian may be indefinite, and its products cost less than a gradient or two each."""
    cheap = not isinstance(objective, OracleObjective)
    return objective.size > CHECKED_SIZE and cheap and constants.strong_convexity(objective) is None


def _spectrum(objective: Objective, w: Tensor) -> Curvatures | None:
    pair = lowest_curvature(objective, w)
    return None if pair is None else pair[0]


def _certify(
    objective: Objective,
    sampled: SampledNewton | None,
    state: Descended,
    row: int,
    m: float | None,
    M: float | None,
    look: "Look | None",
) -> tuple[Certificate, ...]:
    norm = float(state.gradient[row].norm())
    found = state.curvatures.get(row)
    why_not = f"not computed: P = {objective.size} is large, or it was not asked for"
    if look is not None and found is None:
        found = look(state.w[row]) if math.isfinite(norm) else None
        why_not = "not finite at w" if objective.size <= DENSE_SIZE else why_not
    gap = None
    if has_class_scores(objective) and M is not None and math.isfinite(norm):
        assert isinstance(objective, DataObjective)
        part = None if sampled is None else sampled.part
        gap = certify_class_scores(objective, state.w[row], state.gradient[row], M, part)
        if gap is not None and gap.bound is None and part is not None and part is not objective:
            # the sample bounds the curvature too far from below: all rows may prove what it could not
            gap = certify_class_scores(objective, state.w[row], state.gradient[row], M)
    if gap is None:
        gap = certify_suboptimality(norm, strong_convexity=m, self_concordance=M, curvature=found)
    value, floor = float(state.value[row]), state.floors.get(row)
    stationary = certify_stationary(value, norm, float(state.limits[row]))
    met = stationary if floor is None else certify_rounding(value, norm, floor)
    return met, certify_curvature(found, why_not), gap


def _certify_beside(
    objective: Objective,
    state: Descended,
    row: int,
    tolerance: float,
    m: float | None,
    side: Box | L1Penalty,
) -> tuple[Certificate, ...]:
    w, gradient = state.w[row], state.gradient[row]
    distance = float(side.distance(w[None], gradient[None])[0])
    found = certify_fixed_point(float(state.value[row]), distance, tolerance)
    if not math.isfinite(distance):
        return (found,)
    return found, certify_beside(objective, side, w, gradient, m)
