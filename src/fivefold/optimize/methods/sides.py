"""What stands beside F in a minimisation, bounds or an l1 penalty, and the methods that respect it."""

from torch import Tensor

from fivefold.core import ArgumentError, Certificate, require
from fivefold.linalg import Array
from fivefold.objective import Objective, OracleObjective
from fivefold.optimize.methods import constants
from fivefold.optimize.methods.bounds import Box, box_of
from fivefold.optimize.methods.composite_optimality import certify_fall
from fivefold.optimize.methods.duality_gap import certify_duality_gap, has_dual
from fivefold.optimize.methods.l1_penalty import L1Penalty, l1_penalty

MODEL_SIZE = 2000
"""Largest P at which ``auto`` makes a dense quadratic model of F beside an l1 penalty."""


def read_side(
    objective: Objective, bounds: tuple[Array | float, Array | float] | None, l1: Array | float | None
) -> Box | L1Penalty | None:
    """The bounds or the penalty asked for, if any.

    Raises:
        ArgumentError: Both, or one that cannot be.

    >>> F = Objective.from_function(lambda w: (w**2).sum(), [1.0])
    >>> read_side(F, None, None) is None, type(read_side(F, (0, 1), None)).__name__
    (True, 'Box')
    """
    require(bounds is None or l1 is None, "bounds or l1", "both", "put one of them into the objective")
    if bounds is not None:
        return box_of(objective, bounds)
    return None if l1 is None else l1_penalty(objective, l1)


def choose_beside(objective: Objective, method: str, side: Box | L1Penalty, takes: dict[str, str]) -> str:
    """The method, by its name or by itself, that respects what stands beside F.

    Args:
        objective: F.
        method: A name, or ``"auto"``.
        side: The bounds or the penalty.
        takes: What each method can have beside F: ``"bounds"``, ``"l1"`` or nothing.

    Raises:
        ArgumentError: A method that would ignore it.

    >>> F = Objective.from_function(lambda w: (w**2).sum(), [1.0])
    >>> choose_beside(F, "auto", read_side(F, (0, 1), None), {"lbfgs-bounded": "bounds"})
    'lbfgs-bounded'
    """
    if method != "auto":
        able = [name for name, taken in takes.items() if taken == side.kind]
        if method in takes and method not in able:
            raise ArgumentError(f"with {side.kind} a method among auto, {', '.join(able)}", repr(method))
        return method
    if isinstance(side, Box):
        return "lbfgs-bounded"
    dense = objective.size <= MODEL_SIZE and not isinstance(objective, OracleObjective)
    return "proximal-newton" if dense else "proximal-gradient"


def certify_beside(
    objective: Objective, side: Box | L1Penalty, w: Tensor, gradient: Tensor, m: float | None
) -> Certificate:
    """The sharpest proof of how far w [P] is from the minimum: by the dual, or by convexity.

    Args:
        objective: F.
        side: The bounds or the penalty.
        w: The point.
        gradient: Of F there.
        m: Strong convexity by the caller's word; ``None`` for what follows from the objective.
    """
    m = constants.strong_convexity(objective) if m is None else m
    fall = certify_fall(side, w, gradient, m)
    if not isinstance(side, L1Penalty) or not has_dual(objective):
        return fall
    gap = certify_duality_gap(objective, side, w)
    known = [found for found in (gap, fall) if found.bound is not None]
    return min(known, key=lambda found: found.bound or 0.0) if known else gap
