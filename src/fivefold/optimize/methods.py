"""The methods of ``minimize`` by name: what each composes, and what it needs of an objective."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Objective
from fivefold.optimize.bfgs import DenseQuasiNewton
from fivefold.optimize.directions import DenseNewton, QuasiNewton, TruncatedNewton
from fivefold.optimize.sampled_newton import SampledNewton, suits
from fivefold.optimize.steps import Searched, Step

DENSE_SIZE = 2000
"""Largest P at which Newton forms the Hessian; beyond it, it is used by products."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set of a method.

    Args:
        memory: Pairs that L-BFGS keeps, at least 1.
    """

    memory: int = 10


@dataclass(frozen=True, slots=True)
class Method:
    """A named composition of a direction and a step.

    Args:
        make: Makes its step for an objective.
        lacks: What the method needs and an objective does not have, as a phrase; empty where it suits.
        second: Whether it uses second derivatives.
    """

    make: Callable[[Objective, Settings], Step]
    lacks: Callable[[Objective], str] = lambda objective: ""
    second: bool = False


def _newton(objective: Objective, settings: Settings) -> Step:
    del settings
    dense = objective.size <= DENSE_SIZE
    return Searched(objective, DenseNewton(objective) if dense else TruncatedNewton(objective))


def _lbfgs(objective: Objective, settings: Settings) -> Step:
    return Searched(objective, QuasiNewton(settings.memory))


def _bfgs(objective: Objective, settings: Settings) -> Step:
    del settings
    return Searched(objective, DenseQuasiNewton())


def _large(objective: Objective) -> str:
    return "" if objective.size <= DENSE_SIZE else f"at most {DENSE_SIZE} parameters, for a dense inverse"


def _sampled(objective: Objective, settings: Settings) -> Step:
    assert isinstance(objective, DataObjective)
    return Searched(objective, SampledNewton(objective, settings.memory))


def _unsampled(objective: Objective) -> str:
    needs = "a data objective over Linear, convex, without likelihood parameters, with many rows per column"
    return "" if suits(objective) else needs


METHODS = {
    "newton": Method(_newton, second=True),
    "lbfgs": Method(_lbfgs),
    "bfgs": Method(_bfgs, _large),
    "sampled-newton": Method(_sampled, _unsampled, second=True),
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
