"""What the page of a comparison shows of one problem, as plain numbers: curves, curvature, paths."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fivefold.optimize.comparison.landscape import Landscape, along_path, descent_steps, plane_values, project
from fivefold.tasks.tables.compared_runs import SOLVED, Walk
from fivefold.tasks.tables.objective import TableObjective

_MOST = 400
_GRID = 41
_LEVELS = 9
_INSIDE = 600


def trajectory(walk: Walk, lowest: float) -> dict[str, list[float]]:
    """Return costs and the lowest F so far less the lowest of all, at the points that lowered it.

    Args:
        walk: The walk.
        lowest: The lowest F that is known.
    """
    trace = walk.trace
    values = torch.where(torch.isfinite(trace.value), trace.value, torch.inf)
    best = torch.cummin(values, 0).values
    fell = torch.ones(len(best), dtype=torch.bool)
    fell[1:-1] = best[1:-1] < best[:-2]
    at = fell.nonzero()[:, 0]
    if len(at) > _MOST:
        # evenly in the logarithm of the count, as the axis is, and always the last
        places = torch.logspace(0, math.log10(len(at)), _MOST, dtype=torch.float64).round().long() - 1
        at = at[torch.unique(places)]
    return {
        "gradients": trace.gradients[at].tolist(),
        "seconds": trace.seconds[at].tolist(),
        "gap": (best[at] - lowest).clamp_min(0.0).tolist(),
    }


def floor_of(lowest: float) -> float:
    """Return the gap below which rounding decides: 64 units in the last place of F.

    >>> floor_of(1.0) < 2e-14
    True
    """
    return 64 * torch.finfo(torch.float64).eps * max(abs(lowest), torch.finfo(torch.float64).tiny)


def made_of(vector: Tensor, sources: Sequence[str], most: int = 4) -> list[tuple[str, float, int]]:
    """Return the columns that a direction is made of, each with its share of the squared length and entries.

    >>> made_of(torch.tensor([0.6, 0.0, 0.8]), ["a", "b", "c"])
    [('c', 0.64, 1), ('a', 0.36, 1)]
    """
    shares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, square in zip(sources, (vector / vector.norm()).square().tolist(), strict=True):
        shares[name] = shares.get(name, 0.0) + square
        counts[name] = counts.get(name, 0) + 1
    ranked = sorted(shares.items(), key=lambda item: -item[1])[:most]
    return [(name, round(share, 6), counts[name]) for name, share in ranked if share >= 0.01]


def remaining_shares(walk: Walk, found: Landscape, start: Tensor) -> dict[str, list[float]]:
    """Return what is left of each direction's distance to the solution at the walk's lowest point.

    Directions along which the start was at the solution, up to rounding, are left out.
    """
    directions = found.vectors.mT
    before = project(start[None], found.w, directions)[0].abs()
    after = project(walk.trace.w[None], found.w, directions)[0].abs()
    away = before > 1e-10 * float(before.max())
    curved = away & (found.values > 0)
    return {
        "eigenvalue": found.values[curved].tolist(),
        "share": (after[curved] / before[curved]).tolist(),
    }


def spectrum_view(found: Landscape, table: TableObjective) -> dict[str, Any]:
    """Return the eigenvalues, and what the directions at both ends are made of."""
    rows = []
    count = found.values.numel()
    for which, at in (("steepest", 0), ("second steepest", 1), ("second flattest", -2), ("flattest", -1)):
        if -count <= at < count and (count > 3 or at in (0, -1)):
            parts = made_of(found.vectors[:, at], table.sources)
            rows.append({"which": which, "value": float(found.values[at]), "columns": _shown(parts)})
    ends = [rows[0], rows[-1]] if rows else []
    return {
        "values": found.values.tolist(),
        "whole": found.whole,
        "directions": rows,
        "steepest": _short(made_of(found.vectors[:, 0], table.sources)) if ends else "",
        "flattest": _short(made_of(found.vectors[:, -1], table.sources)) if ends else "",
    }


def _shown(parts: Sequence[tuple[str, float, int]]) -> list[str]:
    return [
        f"{name} {100 * share:.0f}%" + (f" ({count} parameters)" if count > 1 else "")
        for name, share, count in parts
    ]


def _short(parts: Sequence[tuple[str, float, int]]) -> str:
    return ", ".join(name for name, share, _ in parts[:3] if share >= 0.05)


def telling_direction(found: Landscape, start: Tensor) -> int:
    """Return the number of the flattest direction that holds a hundredth of the start's excess, or the last.

    The excess along a direction is lambda c^2 / 2 with c the start's coordinate; the steepest does not count.
    """
    coordinates = project(start[None], found.w, found.vectors.mT)[0]
    excess = found.values.clamp_min(0.0) * coordinates.square()
    enough = (excess >= 0.01 * excess.sum()).nonzero()[:, 0]
    last = int(enough[-1]) if enough.numel() and float(excess.sum()) > 0 else len(excess) - 1
    return last if last > 0 else len(excess) - 1


def plane_view(
    table: TableObjective, found: Landscape, directions: Tensor, walks: Sequence[Walk], lowest: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return F on the plane of two directions [2, P], and each path's shadow on it."""
    shadows = [project(walk.path, found.w, directions) for walk in walks]
    start = shadows[0][0].abs()
    ends = []
    for i in range(2):
        # a path that ran far away does not decide the scale
        bound = 4 * max(float(start[i]), 1e-3 * float(start.max()), 1e-12)
        seen = torch.cat([shadow[:, i] for shadow in shadows]).clamp(-bound, bound)
        low, high = min(float(seen.min()), 0.0), max(float(seen.max()), 0.0)
        pad = 0.12 * max(high - low, 1e-12)
        reach = max(high, -low)
        # the solution never lies at the edge
        low, high = min(low - pad, -0.4 * reach), max(high + pad, 0.4 * reach)
        ends.append(torch.linspace(low, high, _GRID, dtype=found.w.dtype))
    height = plane_values(table.objective, found.w, directions, ends[0], ends[1]) - lowest
    finite = height[torch.isfinite(height)]
    top = float(finite.max()) if finite.numel() else 1.0
    at = [int(axis.abs().argmin()) for axis in ends]
    view = {
        "first": ends[0].tolist(),
        "second": ends[1].tolist(),
        "height": [[v if math.isfinite(v) else None for v in row] for row in height.tolist()],
        "levels": [top * 10 ** (-4 * (1 - k / (_LEVELS - 1))) for k in range(_LEVELS)],
        "up": "along the steepest",
        "across": "along the flat one",
        "rise": [float(height[:, at[1]].max()), float(height[at[0], :].max())],
    }
    paths = [{"first": s[:, 0].tolist(), "second": s[:, 1].tolist(), "note": _came(s)} for s in shadows]
    return view, paths


def _came(shadow: Tensor) -> str:
    """How far a path's shadow [T, 2] ended from the solution, in units of the start's distance."""
    parts = []
    for i, name in ((0, "the steep"), (1, "the flat")):
        first, last = abs(float(shadow[0, i])), abs(float(shadow[-1, i]))
        if first > 0:
            percent = 100 * last / first
            share = f"{percent:.2g}%" if percent >= 0.001 else "less than 0.001%"
            parts.append(f"{share} along {name} one")
    return f"Left: {' and '.join(parts)}." if parts else ""


def along_view(table: TableObjective, walk: Walk, lowest: float, solution: Tensor) -> dict[str, list[float]]:
    """Return F along the walk's polyline less the lowest, against its length in units of the straight way."""
    straight = float((walk.path[0] - solution).norm()) or 1.0
    path = walk.path
    if len(path) > _INSIDE:
        path = path[torch.linspace(0, len(path) - 1, _INSIDE).round().long()]
    inside = max(0, min(30, _INSIDE // max(1, len(path) - 1) - 1))
    length, value = along_path(table.objective, path, inside)
    gap = (value - lowest).clamp_min(0.0)
    return {
        "length": (length / straight).tolist(),
        "height": [v if math.isfinite(v) else math.nan for v in gap.tolist()],
    }


def predicted_descent(found: Landscape, start: Tensor) -> float | None:
    """Return the gradients that descent at its best fixed rate needs, or ``None`` where that is not known."""
    if not found.whole or float(found.values[-1]) <= 0:
        return None
    coordinates = project(start[None], found.w, found.vectors.mT)[0]
    return descent_steps(found.values, coordinates, SOLVED)
