"""Minimise a smooth objective, and say how sure the answer is."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from fivefold.core import Budget, Info, Status, require
from fivefold.linalg import Array
from fivefold.objective import Objective
from fivefold.optimize.advice.verb import Advice, advise
from fivefold.optimize.methods.bounds import Box
from fivefold.optimize.methods.l1_penalty import L1Penalty
from fivefold.optimize.methods.one_method import Request, run_method
from fivefold.optimize.methods.registry import METHODS
from fivefold.optimize.methods.sides import choose_beside, read_side
from fivefold.optimize.optimum import Optimum, joined

__all__ = ["Optimum", "minimize"]

_RELAYS = 2
"""Methods that ``auto`` lets go on, one after the other, where the one before has stalled."""


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
        method: A name in :data:`fivefold.optimize.methods.registry.METHODS`: ``"newton"`` (dense
            Hessian up to P = 2000, conjugate gradients on products beyond), ``"newton-modified"``,
            ``"newton-cg"``, ``"trust-region"``, ``"cubic"``, ``"conjugate-gradients"``,
            ``"gradient-descent"``, ``"momentum"``, ``"nesterov"``, ``"lbfgs"``, ``"sampled-newton"``
            (L-BFGS that starts from the Hessian of some rows, for linear models with convex
            likelihoods and many rows), or ``"auto"``, which follows :func:`fivefold.optimize.advise`, lets
            a method of another order go on where the first one stalls, and says in ``why`` what it chose.
        budget: Steps or seconds; by default 1000 steps.
        w0: First points [P] or [..., P], any finite numbers; the objective's own by default.
        tolerance: Largest Euclidean norm of the gradient at a converged point, in units of F per w, kept to
            the letter. By default 1e-8 in float64 and 1e-4 in float32, times the size of F at the start (the
            larger of |F| and |grad F|) where that is below 1; and where F is so large that its rounding hides
            the rest, a point converges at which the decrease g.H^-1 g / 2 that its quadratic model still
            predicts is below that rounding, which the reason and the first certificate then say.
        memory: Pairs that L-BFGS keeps, at least 1.
        strong_convexity: A proven lower bound on the Hessian's eigenvalues, if you know one; by default
            what follows from the objective's prior (:mod:`fivefold.optimize.methods.constants`).
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
    converged [1.0, 1.0] bfgs
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
    asked = Request(tolerance, scaled, memory, strong_convexity, self_concordance, examine, progress, side)
    if side is not None:
        return run_method(objective, *_choose_beside(objective, method, side), start, limits, asked)
    if method != "auto":
        return run_method(objective, method, "asked for", start, limits, asked)
    return _follow(advise(objective), objective, start, limits, asked)


def _follow(advice: Advice, objective: Objective, start: Tensor, limits: Budget, asked: Request) -> Optimum:
    """Run the method advised; where it stalls, a runner-up of another kind goes on from there."""
    end = run_method(objective, advice.method, advice.why, start, limits, asked)
    for relay in _relays(advice):
        left = limits.minus(end.seconds, end.steps)
        if Status.STALLED not in end.statuses or any("disagrees" in said for said in end.reasons):
            break
        if left is None:
            break
        why = f"{end.why}; it stalled after {end.steps} steps, and {relay} went on"
        further = run_method(objective, relay, why, end.w, left, asked)
        if bool((further.value <= end.value).all()):
            end = joined(end, further, why=why)
    return end


def _relays(advice: Advice) -> list[str]:
    """The cheapest runners-up that use derivatives of another order than the method advised."""
    second = METHODS[advice.method].second
    others = [each.method for each in advice.runners_up if METHODS[each.method].second != second]
    return others[:_RELAYS]


def _start(objective: Objective, w0: Array) -> Tensor:
    start = torch.as_tensor(w0, dtype=objective.dtype, device=objective.device).detach().clone()
    fits = start.ndim >= 1 and start.shape[-1] == objective.size and start.numel() > 0
    require(fits, f"a start of shape [..., {objective.size}]", tuple(start.shape))
    require(bool(torch.isfinite(start).all()), "a start of finite numbers", "infinity or NaN")
    return start


def _choose_beside(objective: Objective, method: str, side: Box | L1Penalty) -> tuple[str, str]:
    """The method that respects the bounds or the penalty, and the reason for it."""
    chosen = choose_beside(objective, method, side, {name: each.takes for name, each in METHODS.items()})
    return chosen, "asked for" if method != "auto" else f"it respects the {side.kind}"
