"""Methods on problems under one budget, judged by one test from outside: who solves what, at what cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, child_seed, require, torch_generator
from fivefold.objective import Objective
from fivefold.optimize.comparison.counted import count_evaluations
from fivefold.optimize.comparison.memory_meter import MemoryMeter
from fivefold.optimize.comparison.methods import Runner, find_runner
from fivefold.optimize.comparison.peers import Solver
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.comparison.result import Comparison, Run
from fivefold.optimize.comparison.trace import Recorder, SpentError, Trace

Methods: TypeAlias = Sequence[str | Solver] | Mapping[str, str | Solver]
"""Names, or functions under their own names or under those of a mapping."""


def compare(
    problems: Problem | Sequence[Problem],
    methods: Methods,
    *,
    budget: Budget | str | float | None = None,
    gradients: float | None = 1000.0,
    memory: int | None = None,
    seeds: Sequence[int] = (0,),
    spread: float = 0.0,
    accuracy: Sequence[float] = (1e-1, 1e-3, 1e-5, 1e-7),
    progress: Callable[[Run], None] | None = None,
) -> Comparison:
    r"""Run every method on every problem from the same starts and judge all by the same test.

    .. math:: F(w) - F_{best} \le \tau \, (F(w_0) - F_{best})

    for accuracies :math:`\tau`, at every point that the method evaluates: the objective that it gets is a
    twin that counts, times and keeps what it is asked, and ends the run where the budget is spent. A method's
    own stopping test is set so tight that it does not matter, and its best point counts even where it failed.
    :math:`F_{best}` is the published minimum, or the lowest value that any method found.

    Unfair would be to compare at each method's own tolerance, which means something else in each; to count
    iterations, which cost one gradient in one method and many in another (what costs how much:
    :func:`fivefold.optimize.comparison.counted.count_evaluations`); or to let the method that
    runs first pay for what all calls share (each run begins on a warm objective).

    Source: Moré and Wild, "Benchmarking derivative-free optimization algorithms", 2009; Beiranvand, Hare and
    Lucet, "Best practices for comparing optimization algorithms", 2017.

    Args:
        problems: Each with S starts, and each start is an instance of its own.
        methods: Names: ``"auto"`` and those of :data:`fivefold.optimize.METHODS`, ``"scipy:BFGS"`` and others
            of :data:`fivefold.optimize.comparison.peers.PEERS`, ``"train:adamw"`` and other optimizers of
            :func:`fivefold.optimize.train` (on training problems); or functions
            ``(objective, w0, budget) -> w``. A mapping gives them names.
        budget: Seconds for each run.
        gradients: Most gradients of each run; ``None`` for no limit, which needs seconds.
        memory: Most bytes that a run may hold beyond its objective; where given, seconds mean little, because
            measuring slows a run down.
        seeds: Of the spread of starts, of first weights and of minibatches.
        spread: Standard deviation by which starts are moved, in units of 1 + |w|; the first seed's are not.
        accuracy: The :math:`\tau`, each in (0, 1), the coarsest first.
        progress: Called after each run.

    Returns:
        The comparison: every run's trace, costs, profiles and a table.

    Raises:
        ArgumentError: No problems, methods or seeds, an unknown method, or a number out of its range.

    >>> from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import small_problems
    >>> result = compare(small_problems()[0], ["newton", "scipy:L-BFGS-B"], gradients=200)
    >>> result.solved(1e-5).tolist()
    [1, 1]
    """
    listed = [problems] if isinstance(problems, Problem) else list(problems)
    require(bool(listed), "at least one problem", "none")
    require(len(seeds) >= 1, "at least one seed", "none")
    require(0 <= spread < math.inf, "a spread of at least 0", spread)
    levels = tuple(sorted((float(tau) for tau in accuracy), reverse=True))
    require(bool(levels) and 0 < levels[-1] <= levels[0] < 1, "accuracies in (0, 1)", tuple(accuracy))
    limits = Budget.parse(budget)
    bounded = gradients is not None or limits.seconds is not None
    require(bounded, "a budget in gradients or seconds", "none", "give budget='10s' or gradients=1000")
    require(gradients is None or gradients > 0, "a positive number of gradients", gradients)
    require(memory is None or memory > 0, "a positive number of bytes", memory)
    runners = _runners(methods)
    runs = []
    for problem in listed:
        for start in range(problem.starts.shape[0]):
            for seed in seeds:
                first = _start(problem, start, seed, 0.0 if seed == seeds[0] else spread)
                for name, runner in runners.items():
                    trace = _run(problem, runner, first, seed, limits, gradients, memory)
                    runs.append(Run(problem.name, start, seed, name, trace))
                    if progress is not None:
                        progress(runs[-1])
    minima = {problem.name: problem.minimum for problem in listed}
    return Comparison(tuple(runs), tuple(runners), tuple(seeds), levels, minima)


def _runners(methods: Methods) -> dict[str, Runner]:
    named: dict[str, str | Solver]
    if isinstance(methods, Mapping):
        named = dict(methods)
    else:
        require(not isinstance(methods, str), "a sequence of methods", repr(methods), "write [name]")
        named = {}
        for method in methods:
            name = method if isinstance(method, str) else getattr(method, "__name__", type(method).__name__)
            require(name not in named, "methods with names of their own", f"{name!r} twice", "give a mapping")
            named[name] = method
    require(bool(named), "at least one method", "none")
    return {name: find_runner(method) for name, method in named.items()}


def _start(problem: Problem, index: int, seed: int, spread: float) -> Tensor:
    start = problem.starts[index].clone()
    if spread == 0:
        return start
    draw = torch_generator(child_seed(seed, f"compare {problem.name} {index}"))
    noise = torch.randn(start.shape, generator=draw, dtype=torch.float64).to(start)
    return start + spread * (1 + start.abs()) * noise


def _run(
    problem: Problem,
    runner: Runner,
    start: Tensor,
    seed: int,
    limits: Budget,
    gradients: float | None,
    memory: int | None,
) -> Trace:
    objective = problem.make()
    # what the first call of an objective costs beyond the next belongs to no method
    value, gradient = objective.value_and_gradient(start)
    recorder = Recorder(
        start,
        gradients=math.inf if gradients is None else gradients,
        seconds=math.inf if limits.seconds is None else limits.seconds,
    )
    twin = count_evaluations(objective, recorder)
    meter = nullcontext() if memory is None else MemoryMeter(memory, partial(_too_much, recorder))
    ended = "ended by itself"
    with meter:
        try:
            recorder.see(start, value, gradient.norm())
            last = runner(problem, twin, start.clone(), limits, seed, recorder)
            _keep(objective, recorder, last)
        except SpentError as spent:
            ended = str(spent)
        except ArgumentError as error:
            ended = f"does not suit: {error}"
        except Exception as error:  # a method that breaks down has lost, and the comparison goes on
            ended = f"failed: {type(error).__name__}: {error}"
    return recorder.trace(ended)


def _too_much(recorder: Recorder) -> None:
    recorder.stop("the memory is spent")


def _keep(objective: Objective, recorder: Recorder, last: Tensor) -> None:
    """Record where a method says that it ended, which it need not have evaluated through the objective."""
    w = torch.as_tensor(last, dtype=objective.dtype, device=objective.device).detach().reshape(-1)
    require(w.shape[0] == objective.size, f"a point [{objective.size}] from the method", tuple(w.shape))
    with recorder.aside():
        value, gradient = objective.value_and_gradient(w)
    recorder.see(w, value, gradient.norm(dim=-1))
