"""What a comparison can run by name: our methods, other libraries' and stochastic training."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget
from fivefold.objective import Objective
from fivefold.optimize.comparison.peers import PEERS, Solver
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.comparison.trace import Recorder
from fivefold.optimize.comparison.training_runs import run_training
from fivefold.optimize.methods.registry import METHODS
from fivefold.optimize.minimization import minimize

Runner: TypeAlias = Callable[[Problem, Objective, Tensor, Budget, int, Recorder], Tensor]
"""Runs a method on a problem's counted objective from a start [P], with a budget, a seed and a recorder."""

_SADDLES = 8
"""Most saddles that are left."""


def find_runner(method: str | Solver) -> Runner:
    """Return what runs a method of this name, or this function.

    Raises:
        ArgumentError: No such name (the error names the nearest).

    >>> find_runner("levenberg")
    Traceback (most recent call last):
        ...
    fivefold.core.errors.ArgumentError: expected a method among auto, ...; got 'levenberg'; the nearest is ...
    """
    if not isinstance(method, str):
        return partial(_call, method)
    if method == "auto" or method in METHODS:
        return partial(_call, partial(_minimize_on, method=method))
    if method in PEERS:
        return partial(_call, PEERS[method])
    kind, _, name = method.partition(":")
    if kind == "train" and name:
        return partial(run_training, optimizer=name)
    known = ["auto", *METHODS, *PEERS, "train:adamw"]
    near = get_close_matches(method, known, n=1, cutoff=0.0)[0]
    raise ArgumentError(
        f"a method among {', '.join(known)}, or a function", repr(method), f"the nearest is {near!r}"
    )


def _call(
    solver: Solver,
    problem: Problem,
    objective: Objective,
    w0: Tensor,
    budget: Budget,
    seed: int,
    recorder: Recorder,
) -> Tensor:
    del problem, seed, recorder
    return solver(objective, w0, budget)


def _minimize_on(objective: Objective, w0: Tensor, budget: Budget, *, method: str) -> Tensor:
    """Minimise until nothing lower is found, then at the default tolerance, which leaves saddles; repeat.

    With a tolerance of zero alone, a saddle would never be taken for a stationary point, and never left,
    which is a part of the method; the look at the Hessian comes last because it costs the most.
    """
    del budget
    endless, least = Budget(steps=10**9), torch.finfo(w0.dtype).tiny
    w = w0
    for _ in range(_SADDLES):
        end = minimize(objective, method, budget=endless, w0=w, tolerance=least, examine=False)
        again = minimize(objective, method, budget=endless, w0=end.w)
        w = again.w
        if not float(again.value) < float(end.value):
            break
    return w
