"""The verb behind ``fivefold compare``: methods of optimisation on a table, and why one of them wins."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, NumericalError, require
from fivefold.objective import Linear
from fivefold.optimize.comparison.landscape import Landscape, landscape
from fivefold.optimize.minimization import minimize
from fivefold.probability import Gaussian
from fivefold.tasks.tables.compared_runs import (
    SOLVED,
    Progress,
    Walk,
    check_methods,
    default_methods,
    run_methods,
)
from fivefold.tasks.tables.comparison_record import build_comparison
from fivefold.tasks.tables.comparison_views import (
    along_view,
    floor_of,
    made_of,
    plane_view,
    predicted_descent,
    remaining_shares,
    spectrum_view,
    telling_direction,
    trajectory,
)
from fivefold.tasks.tables.comparison_words import (
    ABOUT,
    Seen,
    amount,
    duration,
    headline,
    spectrum_sentences,
    verdict,
)
from fivefold.tasks.tables.objective import MODELS, TableObjective, table_objective
from fivefold.tasks.tables.search import silent

_POLISH = Budget(seconds=5.0, steps=2000)
"""What the search for the lowest F may spend once the methods have run; it is nobody's cost."""


def compare_tables(
    data: Sequence[Any],
    targets: Sequence[str],
    methods: Sequence[str] | None = None,
    *,
    models: Sequence[str] = ("linear",),
    budget: Budget | str | float | None = "5s",
    gradients: float | None = 1000.0,
    seed: int = 0,
    drop: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    rows: str | int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    r"""Compare methods of optimisation on the problems that fitting tables poses, and say why one wins.

    Every table with every model is a problem. A method solves it at the first point w that it evaluates with
    :math:`F(w) - F_{min} \le 10^{-6} (F(w_0) - F_{min})`, :math:`F_{min}` the lowest F that any method
    found or that a minimisation from its point found afterwards.

    Args:
        data: Tables: paths, data frames or dicts of columns.
        targets: The column to predict: one for all tables, or one for each.
        methods: Names of :func:`~fivefold.tasks.tables.compared_runs.known_methods`; by default the advised
            method, Newton, L-BFGS, Adam and SGD.
        models: ``linear``, ``network``, or both.
        budget: Seconds of each run.
        gradients: Most gradients of each run, or ``None``.
        seed: Of batches, of first weights, and of rows drawn.
        drop: Columns to leave out.
        types: Kinds that override the guess.
        rows: How many rows to draw at random from a larger table, or ``"all"``.
        progress: Called with an event's name and details.

    Returns:
        A plain record: the content of the page.

    Raises:
        ArgumentError: Unknown methods or models, or as many targets as neither one nor the tables.
        DataError: A table cannot be read or modelled.

    >>> from fivefold.core import numpy_generator
    >>> rng = numpy_generator(0)
    >>> x = rng.normal(size=100)
    >>> table = {"x": x, "y": 3 * x + rng.normal(size=100)}
    >>> record = compare_tables([table], ["y"], ["newton", "lbfgs"], gradients=50)
    >>> [m["status"] for m in record["problems"][0]["methods"]]
    ['converged', 'converged']
    """
    begun = time.perf_counter()
    limits = Budget.parse(budget)
    require(bool(data), "at least one table", "none")
    for model in models:
        if model not in MODELS:
            raise ArgumentError(f"models among {', '.join(MODELS)}", repr(model))
    require(len(targets) in (1, len(data)), f"one target, or {len(data)}", len(targets))
    wanted = None if methods is None else check_methods(methods)
    each = list(targets) * len(data) if len(targets) == 1 else list(targets)
    tables: list[tuple[str, TableObjective]] = []
    for source, target in zip(data, each, strict=True):
        for model in models:
            label = _label(source, target, model, len(data), len(models))
            progress("read", {"source": label})
            table = table_objective(source, target, model=model, seed=seed, drop=drop, types=types, rows=rows)
            progress("typed", {"rows": table.rows, "columns": table.objective.size})
            tables.append((label, table))
    names = wanted or default_methods([table.objective for _, table in tables])
    posed = [(label, table.objective) for label, table in tables]
    walks = run_methods(
        posed, names, seconds=limits.seconds, gradients=gradients, seed=seed, progress=progress
    )
    spent = _budget_words(limits, gradients)
    problems = []
    for (label, table), row in zip(tables, walks, strict=True):
        progress("look", {"problem": label})
        problems.append(_problem(label, table, row, spent, seed, len(tables) > 1))
    read = ", ".join(Path(str(d)).name for d in data if isinstance(d, str | Path))
    return build_comparison(problems, tables, names, spent, read, time.perf_counter() - begun)


def _label(source: Any, target: str, model: str, sources: int, models: int) -> str:
    name = Path(str(source)).name if isinstance(source, str | Path) else "the table"
    parts = [f"{target} in {name}"] if sources > 1 else [f"{target}"]
    return f"{parts[0]}, {model}" if models > 1 else parts[0]


def _budget_words(limits: Budget, gradients: float | None) -> str:
    parts = [] if limits.seconds is None else [duration(limits.seconds)]
    parts += [] if gradients is None else [f"{gradients:,.0f} gradients"]
    return " and ".join(parts)


def _lowest(table: TableObjective, walks: Sequence[Walk]) -> tuple[float, Tensor]:
    """The lowest F that is known, and where."""
    best = min(walks, key=lambda walk: walk.trace.best)
    lowest, w = best.trace.best, best.trace.w
    if not math.isfinite(lowest):
        return lowest, w
    end = minimize(table.objective, "auto", budget=_POLISH, w0=w, tolerance=1e-10, examine=False)
    value = float(end.value)
    return (value, end.w) if value < lowest else (lowest, w)


def _problem(
    label: str, table: TableObjective, walks: Sequence[Walk], spent: str, seed: int, several: bool
) -> dict[str, Any]:
    objective = table.objective
    start = objective.initial
    lowest, w = _lowest(table, walks)
    first = float(objective.value(start))
    span = first - lowest
    seen, found, view = _curvature(table, w, walks, seed)
    methods = []
    for rank, walk in enumerate(walks):
        record = _method(walk, lowest, first) | {"rank": rank}
        record["left"] = (
            {"eigenvalue": [], "share": []} if found is None else remaining_shares(walk, found, start)
        )
        record["along"] = along_view(table, walk, lowest, w)
        record["verdict"] = verdict(walk, record, seen)
        methods.append(record)
    order = sorted(range(len(walks)), key=lambda i: _place(methods[i]))
    methods, walks = [methods[i] for i in order], [walks[i] for i in order]
    times = [m["reached"]["seconds"] for m in methods if m["reached"]["seconds"] is not None]
    for record in methods:
        record["won"] = bool(times) and record["reached"]["seconds"] == min(times)
    pictures = {} if found is None else _planes(table, found, walks, methods, lowest)
    value, gradient = objective.value_and_gradient(w)
    said = headline(methods, spent)
    return {
        "name": label,
        "headline": said,
        "sentences": [said] if several else [],
        "facts": [
            ["Rows", f"{table.rows:,}"],
            ["Parameters", f"{objective.size:,}"],
            ["Model", _model_words(table)],
            ["Family", f"{table.target.family}: {table.target.reason}"],
            ["F at the start", amount(first)],
            ["Lowest F", f"{float(value):.10g}"],
            ["Gradient norm there", amount(float(gradient.norm()))],
            ["Way from start to solution", amount(float((start - w).norm()))],
        ],
        "lowest": lowest,
        "start": first,
        "span": span,
        "level": SOLVED * span,
        "floor": floor_of(lowest),
        "methods": methods,
        "spectrum": view,
        **pictures,
        "condition": seen.condition,
        "descent": seen.descent,
    }


def _place(record: Mapping[str, Any]) -> tuple[float, float]:
    """What methods are ordered by: the time until solved, then the gap."""
    seconds, gap = record["reached"]["seconds"], record["gap"]
    return (math.inf if seconds is None else seconds, math.inf if gap is None else gap)


def _model_words(table: TableObjective) -> str:
    kind = "linear" if table.model == "linear" else "a network of 16 units"
    return f"{kind}, standardised columns, normal prior of precision 1 on all but intercepts"


def _planes(
    table: TableObjective,
    found: Landscape,
    walks: Sequence[Walk],
    methods: Sequence[dict[str, Any]],
    lowest: float,
) -> dict[str, Any]:
    """F and the paths on two planes: one whose flat direction matters, and that of the two extremes."""
    size, last = table.objective.size, found.values.numel() - 1
    if last < 1:
        return {}
    telling = telling_direction(found, table.objective.initial)
    pictures = {}
    for name, path, at in (("plane", "path", telling), ("extremes", "extreme_path", last)):
        if name == "extremes" and at == telling:
            continue
        directions = torch.stack([found.vectors[:, 0], found.vectors[:, at]])
        view, paths = plane_view(table, found, directions, walks, lowest)
        for record, own in zip(methods, paths, strict=True):
            record[path] = own
        which = "the flattest of all" if at == last else f"number {at + 1} of {size:,}"
        why = "" if at == last else ", the flattest that holds a hundredth of what F loses on the way"
        top, low = float(found.values[0]), float(found.values[at])
        bends = f"F bends {amount(top / low)} times less there" if low > 0 else "F does not bend up there"
        named = ", ".join(n for n, _, _ in made_of(found.vectors[:, at], table.sources, 3))
        view["sentences"] = [
            f"Up and down lies the steepest direction, across a flat one ({named}): "
            f"{which}{why}. {bends}. Grey: "
            "level lines of F on the plane through the solution (the cross), each a factor of 3.2 above "
            "the one inside. The axes have scales of their own: F rises by up to "
            f"{amount(view['rise'][0])} over the height of the picture, by {amount(view['rise'][1])} over "
            "its width.",
            f"The circle is the start. It is projected like the rest of the path: the other {size - 2:,} "
            "directions do not show, so that a path may seem to climb while F falls.",
        ]
        pictures[name] = view
    return pictures


def _curvature(
    table: TableObjective, w: Tensor, walks: Sequence[Walk], seed: int
) -> tuple[Seen, Landscape | None, dict[str, Any]]:
    """The curvature at the solution, and what the page says of it."""
    objective = table.objective
    linear = isinstance(objective.model, Linear)
    quadratic = linear and isinstance(objective.likelihood, Gaussian)
    try:
        every = landscape(objective, w, seed=seed)
    except NumericalError:
        nothing = Seen(objective.size, quadratic, None, math.nan, math.nan, 0.0, None, "", "")
        return nothing, None, {}
    found = every.curved()
    view = spectrum_view(found, table)
    known = found.whole or found.status.succeeded
    ridge = 1.0 / objective.scale
    seen = Seen(
        size=objective.size,
        quadratic=quadratic,
        condition=found.condition if known else None,
        largest=float(found.values[0]),
        smallest=float(found.values[-1]),
        ridge=ridge if linear else 0.0,
        descent=predicted_descent(found, objective.initial),
        steepest=view["steepest"],
        flattest=view["flattest"],
        undone=_undone(made_of(found.vectors[:, -1], table.sources)),
    )
    view["sentences"] = spectrum_sentences(seen, [walk.method for walk in walks])
    flat = every.values.numel() - found.values.numel()
    if flat:
        view["sentences"].append(
            f"Along {flat} more direction{'s' if flat > 1 else ''} "
            f"({', '.join(n for n, _, _ in made_of(_null(every), table.sources, 3))}) F does not change at "
            "all; no method need go there, and they do not count above."
        )
    if not found.whole:
        view["sentences"].append(
            f"Of {objective.size:,} directions the six steepest and the six flattest were computed by Lanczos"
            + ("." if known else ", whose flat end has not converged: those values are upper bounds.")
        )
    return seen, found, view


def _null(every: Landscape) -> Tensor:
    """The size of each parameter's part in the directions along which F does not change, [P]."""
    flat = every.values.abs() <= 1e-12 * every.values.abs().max()
    sizes: Tensor = every.vectors[:, flat].norm(dim=1)
    return sizes


def _undone(parts: Sequence[tuple[str, float, int]]) -> str:
    """The category that makes up a direction together with the intercept, if that is so."""
    named = {name: (share, count) for name, share, count in parts}
    others = [
        name for name, (share, count) in named.items() if share > 0.9 and count > 1 and name != "intercept"
    ]
    return others[0] if "intercept" in named and others else ""


def _method(walk: Walk, lowest: float, first: float) -> dict[str, Any]:
    trace, span = walk.trace, first - lowest
    target = lowest + SOLVED * span + floor_of(lowest) / 8
    reached = {m: trace.cost(target, measure=m) for m in ("gradients", "seconds")}
    gap = trace.best - lowest
    about = ABOUT.get(walk.method, "")
    if walk.optimum is not None and walk.optimum.method != walk.method:
        about = f"took {walk.optimum.method}: {walk.optimum.why}"
    return {
        "name": walk.method,
        "about": about,
        "status": "does not suit" if walk.status is None else str(walk.status),
        "reason": walk.reason,
        "reached": {m: cost if math.isfinite(cost) else None for m, cost in reached.items()},
        "gap": max(gap, 0.0) if math.isfinite(gap) else None,
        "share": max(gap, 0.0) / span if math.isfinite(gap) and span > 0 else math.inf,
        "span": span,
        "gradients": float(trace.gradients[-1]) if trace.gradients.numel() else None,
        "seconds": float(trace.seconds[-1]) if trace.seconds.numel() else None,
        "trajectory": trajectory(walk, lowest),
        "certificates": [c.to_record() for c in walk.certificates],
    }
