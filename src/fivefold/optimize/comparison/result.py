"""The outcome of a comparison: every run, what each cost, and the profiles."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.optimize.comparison.profiles import Profile, data_profile, pairwise_areas, performance_profile
from fivefold.optimize.comparison.trace import Trace

_PUBLISHED = 2e-5
"""Relative rounding of published minima: most have six digits, some of them cut and not rounded."""

_BOTTOM = 1e12
"""Times its size at the start to which F has to fall to pass for unbounded."""


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """One method on one problem, from one start, with one seed."""

    problem: str
    start: int
    seed: int
    method: str
    trace: Trace


@dataclass(frozen=True, eq=False, slots=True)
class Comparison:
    r"""Runs of M methods on N instances (problems x starts) with R seeds.

    Args:
        runs: All of them, seeds within instances, methods within seeds.
        methods: Their names, in the order of every result.
        seeds: R of them.
        accuracy: The levels :math:`\tau`, the coarsest first.
        minima: Published minima by problem; ``None`` where there is none.
    """

    runs: tuple[Run, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    accuracy: tuple[float, ...]
    minima: dict[str, float | None]

    @property
    def instances(self) -> tuple[tuple[str, int], ...]:
        """Problem and start of each instance, in the order of every result."""
        return tuple(dict.fromkeys((run.problem, run.start) for run in self.runs))

    def best(self) -> Tensor:
        """Return :math:`F_{best}` of each instance [N].

        The lowest value found, unless the published minimum is lower by more than its rounding. Where F falls
        without bound, -1e12 times its size at the start will do.
        """
        lowest = dict.fromkeys(self.instances, math.inf)
        for run in self.runs:
            key = (run.problem, run.start)
            first = abs(float(run.trace.value[0])) if run.trace.value.numel() else 1.0
            floor = -_BOTTOM * max(1.0, first) if math.isfinite(first) else -math.inf
            lowest[key] = min(lowest[key], max(run.trace.best, floor))
        values = []
        for (name, _), found in lowest.items():
            published = self.minima.get(name)
            missed = published is not None and found > published + _PUBLISHED * abs(published)
            values.append(published if missed and published is not None else found)
        return torch.tensor(values, dtype=torch.float64)

    def costs(
        self, accuracy: float | None = None, *, measure: str = "gradients", gradient: float | None = None
    ) -> Tensor:
        r"""Return what each run cost up to the first point that passes the test, [N, R, M].

        .. math:: F(w) \le F_{best} + \tau (F(w_0) - F_{best}) + 8 \varepsilon |F_{best}|

        Args:
            accuracy: :math:`\tau` in (0, 1); by default the finest.
            measure: ``"gradients"`` or ``"seconds"``.
            gradient: Where given, the gradient's norm must also fall to this share of that at the start.

        Returns:
            Infinity where no point passes.

        Raises:
            ArgumentError: Another measure, or a number out of its range.
        """
        tau = self.accuracy[-1] if accuracy is None else accuracy
        require(0 < tau < 1, "an accuracy in (0, 1)", tau)
        require(measure in ("gradients", "seconds"), "a cost in gradients or seconds", repr(measure))
        require(gradient is None or 0 < gradient < 1, "a share of the gradient in (0, 1)", gradient)
        best = dict(zip(self.instances, self.best().tolist(), strict=True))
        shape = (len(self.instances), len(self.seeds), len(self.methods))
        costs = []
        for run in self.runs:
            trace, lowest = run.trace, best[run.problem, run.start]
            usable = (
                trace.value.numel() > 0 and math.isfinite(float(trace.value[0])) and math.isfinite(lowest)
            )
            if not usable:
                costs.append(math.inf)
                continue
            first = float(trace.value[0])
            target = lowest + tau * (first - lowest) + 8 * torch.finfo(torch.float64).eps * abs(lowest)
            norm = math.inf if gradient is None else gradient * float(trace.gradient_norm[0])
            costs.append(trace.cost(target, gradient_norm=norm, measure=measure))
        return torch.tensor(costs, dtype=torch.float64).reshape(shape)

    def solved(self, accuracy: float | None = None, *, gradient: float | None = None) -> Tensor:
        """Return how many instances each method solves, in the median over seeds, [M]."""
        finite = torch.isfinite(self.costs(accuracy, gradient=gradient)).to(torch.float64)
        return (finite.mean(1) > 0.5).sum(0)

    def performance(
        self, accuracy: float | None = None, *, measure: str = "gradients", largest: float = 4.0
    ) -> Profile:
        """Return the performance profile (:mod:`fivefold.optimize.comparison.profiles`)."""
        return performance_profile(self.costs(accuracy, measure=measure), largest=largest)

    def data(
        self, accuracy: float | None = None, *, measure: str = "gradients", largest: float | None = None
    ) -> Profile:
        """Return the data profile, up to the largest finite cost by default."""
        costs = self.costs(accuracy, measure=measure)
        finite = costs[torch.isfinite(costs)]
        last = float(finite.max()) if largest is None and finite.numel() else largest or 1.0
        return data_profile(costs, largest=max(last, 1e-12))

    def pairwise(
        self, accuracy: float | None = None, *, measure: str = "gradients", largest: float = 4.0
    ) -> Tensor:
        """Return the areas of each two methods' own profiles [M, M], row against column."""
        return pairwise_areas(self.costs(accuracy, measure=measure), largest=largest)

    def table(self, *, measure: str = "gradients") -> list[dict[str, str | int | float]]:
        """Return one row per method and accuracy: how many it solves, and its areas."""
        rows: list[dict[str, str | int | float]] = []
        for tau in self.accuracy:
            profile = self.performance(tau, measure=measure)
            whole = self.data(tau, measure=measure)
            counts = self.solved(tau)
            for index, method in enumerate(self.methods):
                rows.append(
                    {
                        "method": method,
                        "accuracy": tau,
                        "instances": len(self.instances),
                        "solved": int(counts[index]),
                        "profile_area": float(profile.area[index]),
                        "profile_area_lower": float(profile.area_lower[index]),
                        "profile_area_upper": float(profile.area_upper[index]),
                        "data_area": float(whole.area[index]),
                    }
                )
        return rows
