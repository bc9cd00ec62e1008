"""Methods by name on problems, run by ``compare``: what each spent, where it went, how it ended."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, Certificate, Status, require
from fivefold.objective import DataObjective, Objective
from fivefold.optimize.advice.verb import advise
from fivefold.optimize.comparison.landscape import WHOLE_GENERAL, values_at
from fivefold.optimize.comparison.path_keeper import PathKeeper, keep_path
from fivefold.optimize.comparison.peers import PEERS, Solver
from fivefold.optimize.comparison.problems import Problem
from fivefold.optimize.comparison.stochastic import STOCHASTIC, StochasticRun, minimize_stochastic, warm_up
from fivefold.optimize.comparison.trace import Trace
from fivefold.optimize.comparison.verb import compare
from fivefold.optimize.methods.constants import self_concordance, strong_convexity
from fivefold.optimize.methods.optimality import (
    certify_curvature,
    certify_stationary,
    certify_suboptimality,
    lowest_curvature,
)
from fivefold.optimize.methods.registry import METHODS
from fivefold.optimize.minimization import Optimum, minimize

Progress = Callable[[str, dict[str, object]], None]
SOLVED = 1e-6
"""Share of the drop from the start to the lowest F that a solved problem may lack."""
TOLERANCE = 1e-8
"""Gradient norm at which an end point is called converged, whoever ended there."""
_HANDFUL = ("newton", "lbfgs", "adam", "sgd")
_SHARE_OF_SECONDS = 0.95
"""What a stochastic run plans for: the recorder ends at the whole, and what it ends is lost."""


@dataclass(frozen=True, eq=False)
class Walk:
    """One method on one problem.

    Attributes:
        method: Its name.
        trace: What it evaluated and paid, from outside.
        path: ``[T, P]`` the points that lowered F, or those of the stochastic path.
        status: How it ended.
        reason: Why, in words.
        optimum: What ``minimize`` returned, where it did.
        stochastic: The stochastic run, where it was one.
        certificates: Of the lowest point, made in the same way for all methods.
    """

    method: str
    trace: Trace
    path: Tensor
    status: Status | None
    reason: str
    optimum: Optimum | None
    stochastic: StochasticRun | None
    certificates: tuple[Certificate, ...]


def known_methods() -> tuple[str, ...]:
    """Return every name that ``run_methods`` knows.

    >>> {"auto", "newton", "lbfgs", "adam", "sgd"} <= set(known_methods())
    True
    """
    return ("auto", *(name for name, m in METHODS.items() if not m.takes), *STOCHASTIC, *PEERS)


def check_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once.

    Raises:
        ArgumentError: None, or an unknown one; the error names the nearest.

    >>> check_methods(["adam", "adam"])
    ('adam',)
    """
    known = known_methods()
    require(len(names) > 0, "at least one method", "none")
    for name in names:
        if name not in known:
            lower = {other.lower(): other for other in known}
            near = lower[get_close_matches(name.lower(), lower, n=1, cutoff=0.0)[0]]
            raise ArgumentError(f"a method among {', '.join(known)}", repr(name), f"the nearest is {near!r}")
    return tuple(dict.fromkeys(names))


def default_methods(objectives: Sequence[DataObjective]) -> tuple[str, ...]:
    """Return what is compared unless said otherwise: the advised method, and a handful beside it.

    Over several problems the advice may differ, and is called ``auto``.
    """
    advised = {advise(objective).method for objective in objectives}
    first = advised.pop() if len(advised) == 1 else "auto"
    return tuple(dict.fromkeys([first, *_HANDFUL]))


class _Named:
    """A method of ``minimize`` that remembers how its runs ended."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.name, self.progress = name, progress
        self.ends: list[Optimum | None] = []

    def __call__(self, objective: Objective, w0: Tensor, budget: Budget) -> Tensor:
        del budget  # the objective ends the run
        self.progress("run", {"method": self.name})
        self.ends.append(None)
        end = minimize(objective, self.name, budget=Budget(steps=10**9), w0=w0, tolerance=TOLERANCE)
        self.ends[-1] = end
        return end.w


class _Sampled:
    """A stochastic optimizer that remembers its runs."""

    def __init__(self, name: str, gradients: float, seed: int, progress: Progress) -> None:
        self.name, self.gradients, self.seed, self.progress = name, gradients, seed, progress
        self.ends: list[StochasticRun | None] = []

    def __call__(self, objective: Objective, w0: Tensor, budget: Budget) -> Tensor:
        assert isinstance(objective, DataObjective)
        self.progress("run", {"method": self.name})
        self.ends.append(None)
        seconds = math.inf if budget.seconds is None else _SHARE_OF_SECONDS * budget.seconds
        run = minimize_stochastic(
            objective,
            self.name,
            gradients=self.gradients * (1 - 1e-9),  # what sums of shares round to
            seconds=seconds,
            w0=w0,
            seed=self.seed,
        )
        self.ends[-1] = run
        return run.w


def run_methods(
    problems: Sequence[tuple[str, DataObjective]],
    methods: Sequence[str],
    *,
    seconds: float | None,
    gradients: float | None,
    seed: int,
    progress: Progress,
) -> list[list[Walk]]:
    """Return every method's walk on every problem: problems outside, methods inside.

    Args:
        problems: Names and objectives.
        methods: Names of :func:`known_methods`.
        seconds: Most seconds of each run, or ``None``.
        gradients: Most gradients of each run, or ``None``.
        seed: Of the stochastic methods.
        progress: Told of every run that begins.
    """
    keepers: list[PathKeeper] = []
    posed = [_problem(name, objective, keepers) for name, objective in problems]
    most = math.inf if gradients is None else gradients
    solvers: dict[str, str | Solver] = {}
    for name in methods:
        if name in STOCHASTIC:
            warm_up(name)
            solvers[name] = _Sampled(name, most, seed, progress)
        elif name in PEERS:
            # what a library loads at its first call belongs to no method
            PEERS[name](Objective.from_function(lambda w: w @ w, [1.0]), torch.ones(1), Budget())
            solvers[name] = name
        else:
            solvers[name] = _Named(name, progress)
    budget = None if seconds is None else Budget(seconds=seconds)
    found = compare(posed, solvers, budget=budget, gradients=gradients, seeds=(seed,), accuracy=(SOLVED,))
    walks: list[list[Walk]] = []
    for i, (_, objective) in enumerate(problems):
        row = []
        for j, name in enumerate(methods):
            at = i * len(methods) + j
            solver = solvers[name]
            end = None if isinstance(solver, str) else solver.ends[i]  # type: ignore[attr-defined]
            row.append(_walk(objective, name, found.runs[at].trace, keepers[at], end))
        walks.append(row)
    return walks


def _problem(name: str, objective: DataObjective, keepers: list[PathKeeper]) -> Problem:
    def make() -> Objective:
        keepers.append(PathKeeper())
        return keep_path(objective, keepers[-1])

    return Problem(name, make, objective.initial[None], None, None, "")


def _walk(
    objective: DataObjective,
    name: str,
    trace: Trace,
    keeper: PathKeeper,
    end: Optimum | StochasticRun | None,
) -> Walk:
    path = torch.stack(keeper.points)
    run = end if isinstance(end, StochasticRun) else None
    optimum = end if isinstance(end, Optimum) else None
    if run is not None:
        # judged like everybody: F at the points of its path, looked at from outside and for nothing
        path, values = run.path, values_at(objective, run.path).to(torch.float64)
        lowest = int(torch.where(torch.isfinite(values), values, torch.inf).argmin())
        unknown = torch.full_like(values, torch.nan)
        trace = replace(
            trace, gradients=run.spent, seconds=run.clock, value=values,
            gradient_norm=unknown, w=path[lowest].clone(),
        )  # fmt: skip
    certificates = _certify(objective, trace.w)
    reason = trace.ended
    status: Status | None = Status.OUT_OF_BUDGET
    if optimum is not None:
        status, reason = optimum.status, optimum.reason
    elif run is not None:
        status, reason = run.status, run.reason
    elif trace.ended.startswith("does not suit"):
        status, reason = None, trace.ended.removeprefix("does not suit: ")
    elif name in PEERS and certificates[0].holds is True:
        status = Status.CONVERGED
    elif "spent" not in trace.ended:
        status = Status.STALLED
    return Walk(name, trace, path, status, reason, optimum, run, certificates)


def _certify(objective: DataObjective, w: Tensor) -> tuple[Certificate, ...]:
    """What holds at a point, by the same rules for every method."""
    value, gradient = objective.value_and_gradient(w)
    norm = float(gradient.norm())
    found = None
    if objective.size <= WHOLE_GENERAL and math.isfinite(norm):
        pair = lowest_curvature(objective, w)
        found = None if pair is None else pair[0]
    m = strong_convexity(objective)
    M = None if m or found is None else self_concordance(objective)
    return (
        certify_stationary(float(value), norm, TOLERANCE),
        certify_curvature(found, f"not computed: P = {objective.size} is large"),
        certify_suboptimality(norm, strong_convexity=m, self_concordance=M, curvature=found),
    )
