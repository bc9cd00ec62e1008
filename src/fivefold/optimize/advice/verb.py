"""Which method fits a problem, why, and what the others would cost."""

from dataclasses import dataclass
from typing import Any

from fivefold.core import require
from fivefold.objective import Objective
from fivefold.optimize.advice.features import Features, measure, structure
from fivefold.optimize.advice.forecast import Forecast, forecasts


@dataclass(frozen=True, slots=True)
class Advice:
    """A method for a problem, with its reasons and the runners-up.

    Args:
        method: A name for :func:`fivefold.optimize.minimize`.
        why: The reason in a sentence.
        forecast: What it is expected to cost.
        runners_up: The other methods that suit and fit in memory, cheapest first.
        features: What the advice rests on.
        measured: Whether times and curvature were measured, or only the structure looked at.
        remarks: What else the features say to whoever solves the problem.
    """

    method: str
    why: str
    forecast: Forecast
    runners_up: tuple[Forecast, ...]
    features: Features
    measured: bool
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.method}: {self.why}", *self.remarks]
        lines += [
            f"  {f.method}: {f.steps:.0f} steps, {f.gradients:.0f} gradients, about {f.seconds:.2g} s"
            for f in (self.forecast, *self.runners_up)
        ]
        return "\n".join(lines)

    def to_record(self) -> dict[str, Any]:
        """Return a plain record for reports."""
        from dataclasses import asdict

        return asdict(self)


def advise(objective: Objective, *, measured: bool = False, seed: int = 0) -> Advice:
    """Look at a problem and say which method of ``minimize`` fits it.

    The steps of each method follow from theory (the condition number, the number of parameters, convexity),
    the seconds of a step from what it evaluates and factorizes; methods that need more than half of the free
    memory are left out. ``minimize(method="auto")`` follows this advice.

    Args:
        objective: The problem, looked at where it starts.
        measured: Whether to measure the seconds of a gradient and of a Hessian product, the ends of the
            spectrum and the noise of minibatches, which costs about forty gradients: worth it for what runs
            long, and for what it tells; ``auto`` looks at the structure alone.
        seed: Of what is measured at random.

    Raises:
        ArgumentError: Not an objective.

    >>> import torch
    >>> F = Objective.from_residuals(lambda w: torch.stack([w[0] - 1, w[0] * w[1]]), [3.0, 1.0])
    >>> advise(F).method
    'levenberg-marquardt'
    """
    require(isinstance(objective, Objective), "an Objective", type(objective).__name__)
    found = measure(objective, seed) if measured else structure(objective)
    ranked = forecasts(found)
    best, *others = ranked
    return Advice(best.method, best.reason, best, tuple(others), found, measured, _remarks(found))


def _remarks(found: Features) -> tuple[str, ...]:
    """What the features say beside the choice."""
    said = []
    if found.convex is True:
        said.append("convex: a stationary point is the minimum")
    if found.convex is False:
        said.append("negative curvature at the start: a stationary point may be a saddle")
    if found.condition is not None and found.condition > 1e8:
        said.append(
            f"condition number {found.condition:.0e}: scale the parameters, or take second derivatives"
        )
    if found.noise_rows is not None and found.rows is not None and found.noise_rows < 0.1 * found.rows:
        said.append(
            f"minibatches of {max(1, round(found.noise_rows))} rows have as much signal as noise at first: "
            "train() goes far before all rows are needed"
        )
    if found.zeros is not None and found.zeros > 0.9:
        said.append(f"{found.zeros:.0%} of the design is zero")
    return tuple(said)
