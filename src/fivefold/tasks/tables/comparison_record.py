"""The record of a comparison: what its page shows, as numbers, texts and lists."""

import math
import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fivefold.artifact.version import library_version
from fivefold.optimize.comparison.profiles import performance_profile, solved_share
from fivefold.tasks.tables.compared_runs import SOLVED
from fivefold.tasks.tables.comparison_words import amount, duration
from fivefold.tasks.tables.objective import TableObjective

_LARGEST = 64.0
"""The largest factor of the performance profiles."""


def build_comparison(
    problems: list[dict[str, Any]],
    tables: Sequence[tuple[str, TableObjective]],
    names: Sequence[str],
    spent: str,
    source: str,
    seconds: float,
) -> dict[str, Any]:
    """Return the record of a comparison: what the page shows, in numbers, texts and lists.

    Args:
        problems: Records of the problems.
        tables: Their names and objectives.
        names: The methods, in the order in which they were named.
        spent: The budget of each run, in words.
        source: Names of the files.
        seconds: What all of it took.
    """
    one = len(problems) == 1
    several = {} if one else _profiles(problems, names)
    record = {
        "version": 1,
        "title": f"{', '.join(names)} on {problems[0]['name']}" if one else f"{', '.join(names)} compared",
        "headline": problems[0]["headline"] if one else several["headline"],
        "source": source,
        "target": ", ".join(dict.fromkeys(table.target.name for _, table in tables)),
        "keys": _keys(problems[0]) if one else [],
        "problems": problems,
        "profiles": several,
        "budget": spent,
        "rules": [
            f"Each run has {spent}, from the same start, on an objective that counts from outside what it "
            "is asked.",
            "A value with its gradient costs 1, a value alone 1/3, a product with the Hessian 2, a whole "
            "Hessian as many products as there are parameters, or for a linear model the operations that its "
            "matrix product takes; anything on some of the rows that share of it.",
            f"Solved means: F within {SOLVED:g} of its drop from the start to the lowest F known. The same "
            "test judges every point that any method evaluates; a method's own stopping test only says how "
            "it ended.",
            "Stochastic methods are judged at points of their path, each 4% more steps on than the one "
            "before; what the choice of their rate costs is theirs. The rate falls along a cosine to 0 at "
            "the end of the budget.",
            "After the runs, a minimisation from the lowest point looks for a lower one; nobody pays for it.",
            "One run of each method. Times are of this machine, with its load; gradients depend on neither.",
        ],
        "notes": list(dict.fromkeys(note for _, table in tables for note in table.notes)),
        "environment": {
            "fivefold": library_version(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "machine": f"{platform.machine()}, {sys.platform}",
            "threads": str(torch.get_num_threads()),
        },
        "seconds": seconds,
        "command": "",
    }
    return dict(_plain(record))


def _keys(problem: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers of the first screen, at most three."""
    solved = [m for m in problem["methods"] if m["reached"]["seconds"] is not None]
    keys: list[dict[str, Any]] = []
    if solved:
        first, fewest = solved[0], min(solved, key=lambda m: m["reached"]["gradients"])
        told = [f"{duration(first['reached']['seconds'])}, {amount(first['reached']['gradients'])} gradients"]
        label = "Quickest, and in fewest gradients"
        if fewest is not first:
            label = "Quickest by the clock"
            told.append(f"fewest gradients: {fewest['name']}, {amount(fewest['reached']['gradients'])}")
        keys.append({"label": label, "value": first["name"], "details": told, "tone": "good"})
    else:
        keys.append({"label": "Solved by", "value": "none", "details": [], "tone": "open"})
    if len(solved) > 1:
        ratio = solved[1]["reached"]["seconds"] / max(solved[0]["reached"]["seconds"], 1e-9)
        told = [f"as long; {len(solved)} of {len(problem['methods'])} methods solve it"]
        label = f"The next, {solved[1]['name']}, takes"
        keys.append({"label": label, "value": f"{amount(ratio)} ×", "details": told, "tone": ""})
    condition, descent = problem["condition"], problem["descent"]
    if condition is not None and math.isfinite(condition):
        known = descent is not None and math.isfinite(descent)
        told = [f"gradient descent would need {amount(descent)} gradients"] if known else []
        keys.append({"label": "Condition number", "value": amount(condition), "details": told, "tone": ""})
    return keys


def _profiles(problems: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Performance profiles in seconds, over the problems."""
    costs = torch.full((len(problems), len(names)), math.inf, dtype=torch.float64)
    for i, problem in enumerate(problems):
        for method in problem["methods"]:
            seconds = method["reached"]["seconds"]
            costs[i, names.index(method["name"])] = math.inf if seconds is None else seconds
    ratios = costs / costs.amin(1, keepdim=True)
    widest = ratios[torch.isfinite(ratios)]
    largest = min(max(1.3 * float(widest.max()) if widest.numel() else 4.0, 4.0), _LARGEST)
    drawn = performance_profile(costs, largest=largest, points=400)
    area = performance_profile(costs)
    solved = solved_share(costs)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "share": drawn.share[j].tolist(),
            "lower": drawn.lower[j].tolist(),
            "upper": drawn.upper[j].tolist(),
            "solved": float(solved[j]),
            "area": float(area.area[j]),
            "area_lower": float(area.area_lower[j]),
            "area_upper": float(area.area_upper[j]),
        }
        for j, name in enumerate(names)
    ]
    best = max(rows, key=lambda row: (row["area"], row["solved"]))
    said = (
        f"{best['name']} does best over {len(problems)} problems: it solves {100 * best['solved']:.0f}% of "
        f"them, and the area under its profile is {best['area']:.2f}."
    )
    return {
        "factors": drawn.at.tolist(),
        "methods": rows,
        "headline": said,
        "sentences": [
            f"{len(problems)} problems are few: the thin lines show how far the curves would move on others "
            "like them."
        ]
        if len(problems) < 20
        else [],
    }


def _plain(value: Any) -> Any:
    """The record without numbers that JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
