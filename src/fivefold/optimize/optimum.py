"""Where a minimisation ended, and what is proved of it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fivefold.core import Certificate, Status, require


@dataclass(frozen=True, eq=False, slots=True)
class Optimum:
    """Where a minimisation ended, and what is proved of it.

    Args:
        w: The points [P] or [..., P].
        value: F there [] or [...], the l1 term included.
        gradient_norm: Euclidean norm of the gradient there; with bounds or l1, that of the step that the
            projected or proximal gradient makes, |w - prox(w - g)|; with Gauss-Newton or Levenberg-Marquardt
            on residuals, the cosine of their angle to the columns of the Jacobian.
        status: How it ended; over a batch, the status furthest from success.
        reason: Why it ended there, in words.
        steps: Iterations made.
        seconds: Wall-clock seconds.
        evaluations: Evaluations of F with its gradient, over all points.
        history: ``value``, ``gradient_norm`` and ``step``, each [steps + 1] or [steps + 1, ...], from the
            start on.
        certificates: What holds at w; over a batch, at the best point.
        method: Its name, one of :data:`fivefold.optimize.methods.registry.METHODS`.
        why: Why that method.
        statuses: Status per point, row-major.
        reasons: Reason per point.
        certificates_each: Certificates per point.
    """

    w: Tensor
    value: Tensor
    gradient_norm: Tensor
    status: Status
    reason: str
    steps: int
    seconds: float
    evaluations: int
    history: dict[str, Tensor]
    certificates: tuple[Certificate, ...]
    method: str
    why: str
    statuses: tuple[Status, ...]
    reasons: tuple[str, ...]
    certificates_each: tuple[tuple[Certificate, ...], ...]

    def point(self, index: int) -> "Optimum":
        """One point of a batch (row-major index) as an optimum of its own.

        Raises:
            ArgumentError: No such point.
        """
        count = len(self.statuses)
        require(0 <= index < count, f"a point in 0..{count - 1}", index)
        return Optimum(
            w=self.w.reshape(count, -1)[index],
            value=self.value.reshape(count)[index],
            gradient_norm=self.gradient_norm.reshape(count)[index],
            status=self.statuses[index],
            reason=self.reasons[index],
            steps=self.steps,
            seconds=self.seconds,
            evaluations=self.evaluations,
            history={name: trace.reshape(-1, count)[:, index] for name, trace in self.history.items()},
            certificates=self.certificates_each[index],
            method=self.method,
            why=self.why,
            statuses=(self.statuses[index],),
            reasons=(self.reasons[index],),
            certificates_each=(self.certificates_each[index],),
        )

    @property
    def best(self) -> "Optimum":
        """The point of lowest value among those that converged, or among all where none did."""
        return self.point(best_point(self.value.reshape(-1), self.statuses))


def best_point(value: Tensor, statuses: tuple[Status, ...]) -> int:
    """The row of lowest value [B] among those that converged, or among all where none did."""
    good = torch.tensor([status.succeeded for status in statuses], device=value.device)
    usable = good if bool(good.any()) else torch.ones_like(good)
    return int(torch.where(usable & ~torch.isnan(value), value, torch.inf).argmin())


def joined(first: Optimum, second: Optimum, *, why: str) -> Optimum:
    """Return the end of a minimisation that a second method went on with, with the cost of both.

    Args:
        first: How far the first came.
        second: Where the second, which started there, ended.
        why: Why these methods.
    """
    history = {name: torch.cat([trace, second.history[name][1:]]) for name, trace in first.history.items()}
    return replace(
        second,
        steps=first.steps + second.steps,
        seconds=first.seconds + second.seconds,
        evaluations=first.evaluations + second.evaluations,
        history=history,
        why=why,
    )
