"""Minimise a smooth objective, and say how sure the answer is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, Certificate, Info, Status, drive, require
from fivefold.linalg import Array
from fivefold.objective import DataObjective, Objective, OracleObjective, ResidualObjective
from fivefold.optimize import constants
from fivefold.optimize.bounds import Box
from fivefold.optimize.class_scores import certify_class_scores, has_class_scores
from fivefold.optimize.composite_optimality import certify_fixed_point
from fivefold.optimize.descent import Descended, Descent, gradient_norm, worst
from fivefold.optimize.l1_penalty import L1Penalty, Penalised
from fivefold.optimize.methods import DENSE_SIZE, METHODS, Settings, find_method
from fivefold.optimize.optimality import (
    Curvatures,
    certify_curvature,
    certify_stationary,
    certify_suboptimality,
    lowest_curvature,
)
from fivefold.optimize.residual_angle import certify_angles, distance_of
from fivefold.optimize.rounding import certify_rounding
from fivefold.optimize.sampled_newton import SampledNewton, suits
from fivefold.optimize.sides import certify_beside, choose_beside, read_side
from fivefold.optimize.steps import Searched, Step

Look: TypeAlias = Callable[[Tensor], Curvatures | None]
"""What finds the extreme eigenvalues of the Hessian at a point, or bounds on them."""
NEWTON_SIZE = 500
"""Largest P at which ``auto`` takes Newton: beyond it, a dense factorization costs more than it saves."""
CHECKED_SIZE = 200
"""Largest P at which the Hessian's eigenvalues are computed at the end whatever the method."""


@dataclass(frozen=True, eq=False, slots=True)
class Optimum:
    """Where a minimisation ended, and what is proved of it.

    Args:
        w: The points [P] or [..., P].
        value: F there [] or [...], the l1 term included.
        gradient_norm: Euclidean norm of the gradient there; with bounds or l1, that of the step that the
            projected or proximal gradient makes, |w - prox(w - g)|; with Gauss-Newton or Levenberg-Marquardt
            on residuals, the cosine of their angle to the columns of the Jacobian.
        status: How it ended; over a batch, the status furthest from success.
        reason: Why it ended there, in words.
        steps: Iterations made.
        seconds: Wall-clock seconds.
        evaluations: Evaluations of F with its gradient, over all points.
        history: ``value``, ``gradient_norm`` and ``step``, each [steps + 1] or [steps + 1, ...], from the
            start on.
        certificates: What holds at w; over a batch, at the best point.
        method: Its name, one of :data:`fivefold.optimize.methods.METHODS`.
        why: Why that method.
        statuses: Status per point, row-major.
        reasons: Reason per point.
        certificates_each: Certificates per point.
    """

    w: Tensor
    value: Tensor
    gradient_norm: Tensor
    status: Status
    reason: str
    steps: int
    seconds: float
    evaluations: int
    history: dict[str, Tensor]
    certificates: tuple[Certificate, ...]
    method: str
    why: str
    statuses: tuple[Status, ...]
    reasons: tuple[str, ...]
    certificates_each: tuple[tuple[Certificate, ...], ...]

    def point(self, index: int) -> "Optimum":
        """One point of a batch (row-major index) as an optimum of its own.

        Raises:
            ArgumentError: No such point.
        """
        count = len(self.statuses)
        require(0 <= index < count, f"a point in 0..{count - 1}", index)
        return Optimum(
            w=self.w.reshape(count, -1)[index],
            value=self.value.reshape(count)[index],
            gradient_norm=self.gradient_norm.reshape(count)[index],
            status=self.statuses[index],
            reason=self.reasons[index],
            steps=self.steps,
            seconds=self.seconds,
            evaluations=self.evaluations,
            history={name: trace.reshape(-1, count)[:, index] for name, trace in self.history.items()},
            certificates=self.certificates_each[index],
            method=self.method,
            why=self.why,
            statuses=(self.statuses[index],),
            reasons=(self.reasons[index],),
            certificates_each=(self.certificates_each[index],),
        )

    @property
    def best(self) -> "Optimum":
        """The point of lowest value among those that converged, or among all where none did."""
        return self.point(_best(self.value.reshape(-1), self.statuses))


def minimize(
    objective: Objective,
    method: str = "auto",
    budget: Budget | str | float | None = None,
    w0: Array | None = None,
    tolerance: float | None = None,
    *,
    memory: int = 10,
    strong_convexity: float | None = None,
    self_concordance: float | None = None,
    examine: bool | None = None,
    progress: Callable[[int, Info], None] | None = None,
    bounds: tuple[Array | float, Array | float] | None = None,
    l1: Array | float | None = None,
) -> Optimum:
    r"""Find a local minimum of a smooth objective, from one point or from many at once.

    With ``bounds`` it is the least value within them; with ``l1`` that of F(w) + sum_j l1_j |w_j|.

    w <- w + t p with p = -|H|^{-1} g (Newton) or p = -H_k g (L-BFGS), and t by a strong Wolfe search; a
    stationary point with negative curvature is left along it. Nocedal and Wright, "Numerical Optimization",
    2006, chapters 3, 6 and 7.

    Args:
        objective: F with its derivatives.
        method: A name in :data:`fivefold.optimize.methods.METHODS`: ``"newton"`` (dense Hessian up to P =
            2000, conjugate gradients on products beyond), ``"newton-modified"``, ``"newton-cg"``,
            ``"trust-region"``, ``"cubic"``, ``"conjugate-gradients"``, ``"gradient-descent"``,
            ``"momentum"``, ``"nesterov"``, ``"lbfgs"``, ``"sampled-newton"`` (L-BFGS that starts from the
            Hessian of some rows, for linear models with convex likelihoods and many rows), or ``"auto"``,
            which says in ``why`` what it chose.
        budget: Steps or seconds; by default 1000 steps.
        w0: First points [P] or [..., P], any finite numbers; the objective's own by default.
        tolerance: Largest Euclidean norm of the gradient at a converged point, in units of F per w, kept to
            the letter. By default 1e-8 in float64 and 1e-4 in float32, times the size of F at the start (the
            larger of |F| and |grad F|) where that is below 1; and where F is so large that its rounding hides
            the rest, a point converges at which the decrease g.H^-1 g / 2 that its quadratic model still
            predicts is below that rounding, which the reason and the first certificate then say.
        memory: Pairs that L-BFGS keeps, at least 1.
        strong_convexity: A proven lower bound on the Hessian's eigenvalues, if you know one; by default
            what follows from the objective's prior (:mod:`fivefold.optimize.constants`).
        self_concordance: A proven M with |F'''[v,v,u]| <= M |u| F''[v,v]; by default
            what follows from the objective's likelihood and data.
        examine: Whether the Hessian's eigenvalues are computed at the end, to leave saddle points and to
            prove what they can; by default where P is small enough for the method. Without a Hessian product
            that costs 2 P evaluations. By default, with more parameters, Lanczos looks for negative curvature
            on Hessian products, a tenth of the cost at most or 30 products, where it is not known to be
            absent: what it finds is left or certified as an indication.
        progress: Called after each step with its number and report.
        bounds: low and high, each one number or [P], infinities allowed; a start outside is projected onto
            them, which ``why`` then says. Nothing outside is evaluated by ``"lbfgs-bounded"``.
        l1: lambda, finite and at least 0: [P], or one number, which leaves intercepts and the likelihood's
            parameters alone. For ``"proximal-newton"`` (up to P = 2000) or ``"proximal-gradient"``.

    Returns:
        The optimum. ``CONVERGED``: the gradient norm is within the tolerance, or what is left to gain is
        below rounding. ``STALLED``: no lower point is
        found (rounding, or a wrong gradient; ``reason`` says which). ``DIVERGED``: F falls without bound.
        ``ILL_POSED``: not finite at the start. ``OUT_OF_BUDGET``: the budget ended it. The point returned is
        the last, which no earlier one undercuts by more than rounding.

    Raises:
        ArgumentError: Unknown method, bad shapes, a start that is not finite, a bad number, bounds that
            cross, or a method that would ignore the bounds or the penalty.

    >>> F = Objective.from_function(lambda w: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2,
    ...                             torch.tensor([-1.2, 1.0], dtype=torch.float64))
    >>> end = minimize(F)
    >>> print(end.status, [round(x, 6) for x in end.w.tolist()], end.method)
    converged [1.0, 1.0] newton
    """
    require(memory >= 1, "a memory of at least 1 pair", memory)
    require(
        objective.size >= 1, "an objective of at least 1 parameter", "P = 0", "there is nothing to minimise"
    )
    start = objective.initial if w0 is None else _start(objective, w0)
    scaled = tolerance is None
    if tolerance is None:
        tolerance = 1e-8 if start.dtype == torch.float64 else 1e-4
    require(0 < tolerance < math.inf, "a positive, finite tolerance", tolerance)
    limits = Budget(steps=1000) if budget is None else Budget.parse(budget)
    side = read_side(objective, bounds, l1)
    chosen, why = _choose(objective, method) if side is None else _choose_beside(objective, method, side)
    moves = find_method(chosen, objective).make(objective, Settings(memory=memory, side=side))
    sampled = _sampled(moves)
    points = start.reshape(-1, objective.size)
    if isinstance(side, Box) and not bool(side.contains(points).all()):
        points, why = (
            side.project(points),
            f"{why}; the start was outside the bounds, and projected onto them",
        )
    examined = objective.size <= (NEWTON_SIZE if METHODS[chosen].second else CHECKED_SIZE)
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
    )
    run = drive(descent, limits, progress)
    m, M = _known(objective, strong_convexity, self_concordance, examined=look is not None)
    state = run.state
    statuses = tuple(status or Status.OUT_OF_BUDGET for status in state.ended)
    each = tuple(
        _certify_beside(objective, state, row, tolerance, strong_convexity, side)
        if side is not None
        else _certify(objective, sampled, state, row, m, M, look)
        for row in range(len(statuses))
    )
    each = certify_angles(each, distance, state, tolerance) if side is None else each
    lead = start.shape[:-1]
    best = _best(state.value, statuses)
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


def _start(objective: Objective, w0: Array) -> Tensor:
    start = torch.as_tensor(w0, dtype=objective.dtype, device=objective.device).detach().clone()
    fits = start.ndim >= 1 and start.shape[-1] == objective.size and start.numel() > 0
    require(fits, f"a start of shape [..., {objective.size}]", tuple(start.shape))
    require(bool(torch.isfinite(start).all()), "a start of finite numbers", "infinity or NaN")
    return start


def _sampled(moves: Step) -> SampledNewton | None:
    """The direction that knows a bound on the curvature, if it is that one."""
    direction = moves.direction if isinstance(moves, Searched) else None
    return direction if isinstance(direction, SampledNewton) else None


def _choose(objective: Objective, method: str) -> tuple[str, str]:
    """The method and the reason for it."""
    size = objective.size
    if method != "auto":
        return method, "asked for"
    if isinstance(objective, OracleObjective):
        return "lbfgs", "a black box: each column of its Hessian would cost a product or two gradients"
    if isinstance(objective, ResidualObjective):
        return "levenberg-marquardt", "least squares: the residuals' first derivatives tell the curvature"
    if suits(objective):
        return "sampled-newton", "linear and convex, with many rows for each column: some tell the curvature"
    if size <= NEWTON_SIZE:
        return "newton", f"P = {size} <= {NEWTON_SIZE}: a dense Hessian costs less than the steps it saves"
    return "lbfgs", f"P = {size} > {NEWTON_SIZE}: a dense Hessian would cost more than the steps it saves"


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
    if gap is None:
        gap = certify_suboptimality(norm, strong_convexity=m, self_concordance=M, curvature=found)
    value, floor = float(state.value[row]), state.floors.get(row)
    stationary = certify_stationary(value, norm, float(state.limits[row]))
    met = stationary if floor is None else certify_rounding(value, norm, floor)
    return met, certify_curvature(found, why_not), gap


def _choose_beside(objective: Objective, method: str, side: Box | L1Penalty) -> tuple[str, str]:
    """The method that respects the bounds or the penalty, and the reason for it."""
    chosen = choose_beside(objective, method, side, {name: each.takes for name, each in METHODS.items()})
    return chosen, "asked for" if method != "auto" else f"it respects the {side.kind}"


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


def _best(value: Tensor, statuses: tuple[Status, ...]) -> int:
    good = torch.tensor([status.succeeded for status in statuses], device=value.device)
    usable = good if bool(good.any()) else torch.ones_like(good)
    return int(torch.where(usable & ~torch.isnan(value), value, torch.inf).argmin())
