"""The methods of ``minimize`` by name: what each composes, and what it needs of an objective."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Objective
from fivefold.optimize.methods.bfgs import DenseQuasiNewton
from fivefold.optimize.methods.bounds import Box, box_of
from fivefold.optimize.methods.conjugate_gradient import ConjugateGradients
from fivefold.optimize.methods.cubic_regularisation import cubic_regularisation
from fivefold.optimize.methods.directions import DenseNewton, QuasiNewton
from fivefold.optimize.methods.gauss_newton import gauss_newton
from fivefold.optimize.methods.gradient_descent import GradientDescent
from fivefold.optimize.methods.l1_penalty import L1Penalty, l1_penalty
from fivefold.optimize.methods.lbfgs_bounded import BoundedQuasiNewton
from fivefold.optimize.methods.levenberg_marquardt import levenberg_marquardt, without_residuals
from fivefold.optimize.methods.modified_cholesky import ModifiedNewton
from fivefold.optimize.methods.natural_gradient import natural_gradient, without_likelihood
from fivefold.optimize.methods.newton_cg import NewtonCG
from fivefold.optimize.methods.proximal_gradient import ProximalGradient
from fivefold.optimize.methods.proximal_newton import ProximalNewton
from fivefold.optimize.methods.sampled_newton import SampledNewton, suits
from fivefold.optimize.methods.steps import Searched, Step
from fivefold.optimize.methods.trust_region import trust_region

DENSE_SIZE = 2000
"""Largest P at which Newton forms the Hessian; beyond it, it is used by products."""
EIGEN_SIZE = 500
"""Largest P at which trust regions and cubic regularisation take the eigenvectors of the dense Hessian."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set of a method.

    Args:
        memory: Pairs that L-BFGS keeps, at least 1.
        side: The bounds, or the l1 penalty, beside F.
    """

    memory: int = 10
    side: Box | L1Penalty | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A named composition of a direction and a step.

    Args:
        make: Makes its step for an objective.
        lacks: What the method needs and an objective does not have, as a phrase; empty where it suits.
        second: Whether it uses second derivatives.
        takes: What it can have beside F: ``"bounds"``, ``"l1"``, or nothing.
    """

    make: Callable[[Objective, Settings], Step]
    lacks: Callable[[Objective], str] = lambda objective: ""
    second: bool = False
    takes: str = ""


def _newton(objective: Objective, settings: Settings) -> Step:
    del settings
    dense = objective.size <= DENSE_SIZE
    if not dense:
        return NewtonCG(objective)
    direction = DenseNewton(objective)
    return Searched(objective, direction, direction.evaluate)


def _lbfgs(objective: Objective, settings: Settings) -> Step:
    return Searched(objective, QuasiNewton(settings.memory))


def _bfgs(objective: Objective, settings: Settings) -> Step:
    del settings
    return Searched(objective, DenseQuasiNewton())


def _large(objective: Objective) -> str:
    return "" if objective.size <= DENSE_SIZE else f"at most {DENSE_SIZE} parameters, for a dense matrix"


def _sampled(objective: Objective, settings: Settings) -> Step:
    assert isinstance(objective, DataObjective)
    return Searched(objective, SampledNewton(objective, settings.memory))


def _unsampled(objective: Objective) -> str:
    needs = "a data objective over Linear, convex, without likelihood parameters, with many rows per column"
    return "" if suits(objective) else needs


def _bounded(objective: Objective, settings: Settings) -> Step:
    side = settings.side
    box = side if isinstance(side, Box) else box_of(objective, (-math.inf, math.inf))
    return BoundedQuasiNewton(objective, box, settings.memory)


def _penalty(objective: Objective, settings: Settings) -> L1Penalty:
    side = settings.side
    return side if isinstance(side, L1Penalty) else l1_penalty(objective, 0.0)


METHODS = {
    "newton": Method(_newton, second=True),
    "lbfgs": Method(_lbfgs),
    "bfgs": Method(_bfgs, _large),
    "gradient-descent": Method(lambda objective, _: GradientDescent(objective, "plain")),
    "momentum": Method(lambda objective, _: GradientDescent(objective, "heavy-ball")),
    "nesterov": Method(lambda objective, _: GradientDescent(objective, "nesterov")),
    "conjugate-gradients": Method(lambda objective, _: Searched(objective, ConjugateGradients())),
    "newton-modified": Method(
        lambda objective, _: Searched(objective, ModifiedNewton(objective)), _large, second=True
    ),
    "newton-cg": Method(lambda objective, _: NewtonCG(objective), second=True),
    "trust-region": Method(
        lambda objective, _: trust_region(objective, dense=objective.size <= EIGEN_SIZE), second=True
    ),
    "cubic": Method(
        lambda objective, _: cubic_regularisation(objective, dense=objective.size <= EIGEN_SIZE), second=True
    ),
    "sampled-newton": Method(_sampled, _unsampled, second=True),
    "gauss-newton": Method(lambda objective, _: gauss_newton(objective), without_residuals),
    "levenberg-marquardt": Method(lambda objective, _: levenberg_marquardt(objective), without_residuals),
    "natural-gradient": Method(lambda objective, _: natural_gradient(objective), without_likelihood),
    "lbfgs-bounded": Method(_bounded, takes="bounds"),
    "proximal-newton": Method(lambda F, chosen: ProximalNewton(F, _penalty(F, chosen)), _large, True, "l1"),
    "proximal-gradient": Method(lambda F, chosen: ProximalGradient(F, _penalty(F, chosen)), takes="l1"),
}
"""Every method by name: a closed list."""


def find_method(name: str, objective: Objective) -> Method:
    """Return a method by its name, if it suits the objective.

    Raises:
        ArgumentError: No such method (the error names the nearest), or one that needs what is not there.

    >>> find_method("lbfgs", Objective.from_function(lambda w: (w**2).sum(), [1.0])).second
    False
    """
    if name not in METHODS:
        near = get_close_matches(name.lower(), METHODS, n=1, cutoff=0.0)[0]
        raise ArgumentError(
            f"a method among auto, {', '.join(METHODS)}", repr(name), f"the nearest is {near!r}"
        )
    method = METHODS[name]
    missing = method.lacks(objective)
    if missing:
        raise ArgumentError(missing, type(objective).__name__, "take another method, or 'auto'")
    return method
