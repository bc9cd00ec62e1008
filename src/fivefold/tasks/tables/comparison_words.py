"""Why a method won, in sentences made from what was measured and from the curvature at the solution."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fivefold.core import Status
from fivefold.optimize.comparison.stochastic import STOCHASTIC
from fivefold.optimize.methods.registry import METHODS
from fivefold.tasks.tables.compared_runs import SOLVED, Walk

ABOUT: Mapping[str, str] = {
    "newton": "solves with the Hessian at every step",
    "newton-modified": "Newton with a modified Cholesky factor",
    "newton-cg": "Newton, solved by Hessian products",
    "trust-region": "Newton within a radius that is trusted",
    "cubic": "Newton with a cubic penalty on the step",
    "sampled-newton": "L-BFGS that starts from the curvature of some rows",
    "gauss-newton": "solves with the Gauss-Newton matrix at every step",
    "levenberg-marquardt": "Gauss-Newton, damped until F falls",
    "natural-gradient": "solves with the Fisher matrix at every step",
    "lbfgs": "curvature from the last ten steps",
    "bfgs": "curvature from all steps, as a dense matrix",
    "gradient-descent": "the negative gradient, with a line search",
    "momentum": "gradient descent that keeps its speed",
    "nesterov": "momentum that looks ahead",
    "conjugate-gradients": "directions that do not undo each other",
    "sgd": "batches of rows, one rate for all directions",
    "sgd-momentum": "sgd that keeps its speed",
    "sgd-nesterov": "sgd with momentum that looks ahead",
    "adagrad": "batches; a rate for each parameter, falling with its gradients",
    "rmsprop": "batches; a rate for each parameter, from its recent gradients",
    "adam": "batches; momentum, and a rate for each parameter",
    "adamw": "adam that also decays the weights, which F does not ask for",
}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DIVIDE = ("gauss-newton", "levenberg-marquardt", "natural-gradient")
_LEARNS = ("lbfgs", "bfgs", "sampled-newton", "scipy:BFGS", "scipy:L-BFGS-B", "torch:LBFGS")


@dataclass(frozen=True)
class Seen:
    """What the sentences of one problem rest on.

    Attributes:
        size: P.
        quadratic: Whether F is a quadratic.
        condition: lambda_max / lambda_min at the solution; infinite or ``None`` where there is none.
        largest: lambda_max.
        smallest: lambda_min.
        ridge: The prior's share of every eigenvalue.
        descent: Gradients that descent at its best fixed rate needs; ``None`` where unknown.
        steepest: What the steepest direction is made of.
        flattest: What the flattest is made of.
        undone: The category whose levels move together along the flattest direction, against the intercept.
    """

    size: int
    quadratic: bool
    condition: float | None
    largest: float
    smallest: float
    ridge: float
    descent: float | None
    steepest: str
    flattest: str
    undone: str = ""


def amount(x: float) -> str:
    """Write a number of two or three digits, with separators.

    >>> amount(114352.9), amount(0.38340), amount(1.0), amount(2.3e-14)
    ('114,000', '0.383', '1', '2.3 × 10⁻¹⁴')
    """
    if x == 0 or not math.isfinite(x):
        return f"{x:g}"
    if not 1e-3 <= abs(x) < 1e9:
        mantissa, exponent = f"{x:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')} × 10{str(int(exponent)).translate(_RAISED)}"
    digits = 2 - math.floor(math.log10(abs(x)))
    rounded = round(x, digits)
    return f"{rounded:,.0f}" if digits <= 0 else f"{rounded:.{digits}f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """Write seconds.

    >>> duration(0.0312), duration(2.51)
    ('31 ms', '2.5 s')
    """
    return f"{amount(float(f'{1000 * seconds:.2g}'))} ms" if seconds < 1 else f"{seconds:.2g} s"


def spectrum_sentences(seen: Seen, methods: Sequence[str]) -> list[str]:
    """Say what the eigenvalues mean for the methods that were compared."""
    if seen.condition is None or not math.isfinite(seen.condition):
        return [
            f"The smallest eigenvalue at the lowest point is {amount(seen.smallest)}: F does not bend up "
            "along every direction there, so the point is no strict minimum, and a condition number has no "
            f"meaning. The largest is {amount(seen.largest)}; gradient descent with a rate above "
            f"2/λmax = {amount(2 / seen.largest)} grows along it."
            if seen.largest > 0
            else "F does not bend upwards along any direction at the lowest point."
        ]
    said = [
        f"F bends {amount(seen.condition)} times as sharply along its steepest direction ({seen.steepest}) "
        f"as along its flattest ({seen.flattest}). This ratio is the condition number.",
        f"A method with one rate for all directions must keep it below 2/λmax = {amount(2 / seen.largest)}, "
        "or it grows along the steepest one. Along the flattest, a step of that size removes only "
        f"{_percent(2 / (seen.condition + 1))} of what is left"
        + (
            f": gradient descent at its best fixed rate would need {amount(seen.descent)} gradients here"
            + ("." if seen.quadratic else ", taking F for the quadratic that it is near the solution.")
            if seen.descent is not None and math.isfinite(seen.descent)
            else "."
        ),
    ]
    # below the prior's share lies only what has a flat prior: the rows speak there
    if 0.95 * seen.ridge < seen.smallest < 1.05 * seen.ridge:
        said.append(
            "The rows say next to nothing about the flattest direction: its eigenvalue is the prior's share "
            f"1/N = {amount(seen.ridge)}, so the prior alone holds it."
            + (
                f" Moving all levels of {seen.undone} together is undone by the intercept."
                if seen.undone
                else ""
            )
        )
    if any(m == "auto" or (m in METHODS and METHODS[m].second) for m in methods):
        said.append(
            "A Newton step divides by each eigenvalue, so that all directions shrink alike and the condition "
            "number does not count"
            + ("; F is a quadratic here, which one such step solves." if seen.quadratic else ".")
        )
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def verdict(walk: Walk, record: Mapping[str, Any], seen: Seen) -> str:
    """Say in a sentence or two why a method did as it did.

    Args:
        walk: The walk.
        record: Its record: ``reached``, ``left``, ``share`` (of the drop that is missing), ``trajectory``.
        seen: The problem.
    """
    if walk.status is None:
        return f"Does not suit this problem: {walk.reason}."
    if walk.status is Status.DIVERGED:
        return f"Left every bound: {walk.reason}."
    name = walk.optimum.method if walk.optimum is not None else walk.method
    gradients = record["reached"]["gradients"]
    if name in STOCHASTIC:
        return _of_batches(walk, record, gradients is not None)
    if gradients is None:
        return _unsolved(record)
    second = name in METHODS and METHODS[name].second and name not in _LEARNS
    if second or name in _DIVIDE:
        steps = len(walk.path) - 1 if walk.optimum is None else walk.optimum.steps
        count = f"{steps} step{'s' if steps != 1 else ''}"
        cost = f"{amount(gradients)} gradients until solved, {count} in all"
        said = f"Divides each direction by its own curvature: {cost}."
        return f"{said} F is a quadratic, which one solves." if seen.quadratic and steps == 1 else said
    compared = ""
    if seen.descent is not None and math.isfinite(seen.descent) and seen.descent > 3 * gradients:
        compared = f"; gradient descent at its best fixed rate would need {amount(seen.descent)}"
    if name == "sampled-newton":
        return (
            f"Knows most of the curvature from a sample of the rows: {amount(gradients)} gradients{compared}."
        )
    if name in _LEARNS:
        return f"Learns the curvature on its way: {amount(gradients)} gradients{compared}."
    return f"Solved in {amount(gradients)} gradients{compared}."


def _unsolved(record: Mapping[str, Any]) -> str:
    share = record["share"]
    said = f"Not solved: {amount(share)} of the drop is missing, {amount(share / SOLVED)} times too much."
    return f"{said} {_of_directions(record)}".strip()


def _of_batches(walk: Walk, record: Mapping[str, Any], solved: bool) -> str:
    run = walk.stochastic
    if run is None:
        return "Ended by the budget before its first report."
    said = f"{run.steps:,} steps on {run.batch} rows each"
    if run.tried:
        # the first point after the start is one batch behind the choice
        chosen = float(run.spent[1]) if len(run.spent) > 1 else run.gradients
        said += f", at the rate {amount(run.rate)}, which took {amount(chosen)} gradients to choose"
    first = _share_after(record, float(run.spent[1]) + 3 if len(run.spent) > 1 else 0.0)
    said += "."
    if first is not None and first > 0.5:
        said += f" Two gradients later {_close(first)} of the drop is made"
        said += (
            "; the rest waits until the rate falls."
            if solved
            else "; then the noise of the batches and the flat directions hold it back."
        )
    return said if solved else f"{said} {_of_directions(record)}".strip()


def _close(share: float) -> str:
    """A share near 1, with the digits that tell it from 1.

    >>> _close(0.9987), _close(0.62)
    ('99.87%', '62%')
    """
    missing = 1 - share
    digits = 0 if missing >= 0.02 else min(6, 1 - math.floor(math.log10(max(missing, 1e-9))) - 2)
    return f"{100 * share:.{max(digits, 0)}f}%"


def _share_after(record: Mapping[str, Any], gradients: float) -> float | None:
    """The share of the drop that was made after so many gradients."""
    path, span = record["trajectory"], record["span"]
    gaps = [gap for g, gap in zip(path["gradients"], path["gap"], strict=True) if g <= gradients]
    return 1 - gaps[-1] / span if gaps and span > 0 else None


def _of_directions(record: Mapping[str, Any]) -> str:
    """How far the steep and the flat quarter of the directions have come."""
    left = record["left"]
    pairs = sorted(zip(left["eigenvalue"], left["share"], strict=True), reverse=True)
    if len(pairs) < 8:
        return ""
    quarter = len(pairs) // 4
    steep = statistics.median(share for _, share in pairs[:quarter])
    flat = statistics.median(share for _, share in pairs[-quarter:])
    if flat < 0.01 or flat < 3 * steep:
        far = sum(share > 0.5 for _, share in pairs)
        return f"Half of the way or more is left along {far} of {len(pairs)} directions."
    return (
        f"Along the steepest quarter of the directions {_percent(steep)} of the way is left, along the "
        f"flattest {_percent(flat)}."
    )


def headline(rows: Sequence[Mapping[str, Any]], budget: str) -> str:
    """Return the finding in one sentence: who solves the problem first, and what the others do.

    Args:
        rows: Records of the methods: ``name``, ``reached``, ``gap``.
        budget: The budget of each run, in words.

    >>> row = {"name": "newton", "reached": {"gradients": 2.0, "seconds": 0.01}, "gap": 0.0}
    >>> headline([row], "5 s")
    'newton finds the minimum in 10 ms.'
    """
    solved = sorted(
        (r for r in rows if r["reached"]["seconds"] is not None), key=lambda r: r["reached"]["seconds"]
    )
    failed = [str(r["name"]) for r in rows if r["reached"]["seconds"] is None]
    if not solved:
        able = [r for r in rows if r["gap"] is not None and math.isfinite(r["gap"])]
        if not able:
            return "No method gave a finite value."
        best = min(able, key=lambda r: r["gap"])
        return f"No method finds the minimum within {budget}; {best['name']} comes lowest."
    first = solved[0]
    time = first["reached"]["seconds"]
    said = f"{first['name']} finds the minimum in {duration(time)}"
    if len(solved) > 1:
        ratios = [_times(r["reached"]["seconds"] / max(time, 1e-9)) for r in solved[1:4]]
        named = [str(r["name"]) for r in solved[1:4]]
        said += f"; {named[0]} takes {ratios[0]} as long"
        said += "".join(f", {name} {ratio}" for name, ratio in zip(named[1:], ratios[1:], strict=True))
    if failed:
        said += f"; {_listed(failed)} {'do' if len(failed) > 1 else 'does'} not come that far within {budget}"
    return said + "."


def _times(ratio: float) -> str:
    return f"{float(f'{max(ratio, 1.0):.2g}'):,g} times"


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
