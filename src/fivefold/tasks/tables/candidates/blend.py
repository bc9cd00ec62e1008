"""A blend of the methods that did best: a weighted mean of their linear predictors.

The weights come from held-out predictions by greedy selection with replacement: starting from nothing, the
method whose addition lowers the mean loss most is added, twenty times; a method's weight is the share of the
rounds that it won (Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models,
2004).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fivefold.core import Certificate
from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.predictors import BlendPredictor, Predictor

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


def _weakest(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """Return the weakest certificate of every claim: failed before unknown before held, then by value."""
    rank = {False: 0, None: 1, True: 2}
    by_claim: dict[str, Certificate] = {}
    for c in certificates:
        other = by_claim.setdefault(c.claim, c)
        if (rank[c.holds], -(c.value or 0.0)) < (rank[other.holds], -(other.value or 0.0)):
            by_claim[c.claim] = c
    return tuple(by_claim.values())


def mean_of(fitted: Sequence[Fitted], weights: Floats) -> Fitted:
    """Return the weighted mean of fitted methods; its status is that of the one furthest from success.

    Args:
        fitted: The methods.
        weights: ``[m]`` their weights.
    """
    worst = next((f.status for f in fitted if not f.status.succeeded), fitted[0].status)
    members: list[tuple[Predictor, float]] = []
    for f, weight in zip(fitted, weights.tolist(), strict=True):
        if isinstance(f.predictor, BlendPredictor):  # a mean of means is a mean
            inner = zip(f.predictor.members, f.predictor.weights.tolist(), strict=True)
            members += [(member, weight * share) for member, share in inner]
        else:
            members.append((f.predictor, weight))
    return Fitted(
        BlendPredictor(tuple(member for member, _ in members), np.array([share for _, share in members])),
        worst,
        _weakest(c for f in fitted for c in f.certificates),
        {str(i): f.details for i, f in enumerate(fitted)},
    )


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

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return the sum of the members' costs."""
        return sum(member.cost(rows, columns, outputs, exact) for member in self.members)

    def fit(self, problem: Problem) -> Fitted:
        """Fit every member; the status is that of the member furthest from success."""
        found = mean_of([member.fit(problem) for member in self.members], self.weights)
        details = {m.name: found.details[str(i)] for i, m in enumerate(self.members)}
        return replace(found, details=details)
