"""A blend of the methods that did best: a weighted mean of their linear predictors.

The weights come from held-out predictions by greedy selection with replacement: starting from nothing, the
method whose addition lowers the mean loss most is added, twenty times; a method's weight is the share of the
rounds that it won (Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models,
2004).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.predictors import BlendPredictor

Floats = npt.NDArray[np.float64]
_ROUNDS = 20


def greedy_weights(etas: Sequence[Floats], loss: Callable[[Floats], float]) -> Floats:
    """Return the weights ``[m]`` of a blend, adding up to one.

    Args:
        etas: Held-out linear predictors of every method, each ``[n, K]``.
        loss: Mean loss of linear predictors ``[n, K]``.

    >>> y = np.array([[1.0], [2.0], [3.0]])
    >>> greedy_weights([y + 1.0, y - 1.0], lambda eta: float(((eta - y) ** 2).mean())).tolist()
    [0.5, 0.5]
    """
    counts = np.zeros(len(etas))
    total = np.zeros_like(etas[0])
    for taken in range(_ROUNDS):
        losses = [loss((total + eta) / (taken + 1)) for eta in etas]
        best = int(np.argmin(losses))
        counts[best] += 1
        total = total + etas[best]
    return np.asarray(counts / counts.sum())


@dataclass(frozen=True, eq=False)
class BlendCandidate:
    """A blend with given members and weights, fitted by fitting every member."""

    members: tuple[Candidate, ...]
    weights: Floats
    name: str = "blend"
    least_rows: int = 1

    @property
    def description(self) -> str:
        """One sentence for the report."""
        parts = [f"{w:.0%} {m.name}" for m, w in zip(self.members, self.weights, strict=True)]
        return f"Weighted mean of {', '.join(parts)}; weights chosen on held-out predictions."

    def cost(self, rows: int, columns: int, outputs: int) -> float:
        """Return the sum of the members' costs."""
        return sum(member.cost(rows, columns, outputs) for member in self.members)

    def fit(self, problem: Problem) -> Fitted:
        """Fit every member; the status is that of the member furthest from success."""
        fitted = [member.fit(problem) for member in self.members]
        predictor = BlendPredictor(tuple(f.predictor for f in fitted), self.weights)
        worst = next((f.status for f in fitted if not f.status.succeeded), fitted[0].status)
        return Fitted(
            predictor,
            worst,
            tuple(c for f in fitted for c in f.certificates),
            {m.name: f.details for m, f in zip(self.members, fitted, strict=True)},
        )
