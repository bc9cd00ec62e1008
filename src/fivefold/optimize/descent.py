"""Descent from a batch of points: a rule that moves them, and an account of how each point ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import Info, Status
from fivefold.objective import Objective
from fivefold.optimize.optimality import Curvatures, lowest_curvature
from fivefold.optimize.steps import Step

Distance: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""How far points [B, P] with gradients [B, P] are from stationary, [B]."""

_IDLE = 20
"""Steps without a lower value or gradient norm after which a point has stalled."""


def gradient_norm(w: Tensor, gradient: Tensor) -> Tensor:
    """Return the Euclidean norm of the gradient per point, [B]; w does not count.

    >>> gradient_norm(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])).tolist()
    [5.0]
    """
    norm: Tensor = gradient.norm(dim=-1)
    return norm


@dataclass(slots=True)
class Descended:
    """Where a batch of points stands.

    Args:
        w: Points [B, P]; value [B] and gradient [B, P] belong to them.
        ended: Status per point; ``None`` while it goes on.
        reasons: Why it ended, per point.
        lowest_value: Lowest value so far [B].
        lowest_norm: Lowest gradient norm so far [B].
        idle: Steps since either fell [B].
        evaluations: Evaluations of F and its gradient, over all points.
        curvatures: Eigenvalues of the Hessian at points that converged where they were examined.
        trace: ``value``, ``gradient_norm`` and ``step`` [B] after each step, the start first.
    """

    w: Tensor
    value: Tensor
    gradient: Tensor
    ended: list[Status | None]
    reasons: list[str]
    lowest_value: Tensor
    lowest_norm: Tensor
    idle: Tensor
    evaluations: int = 0
    curvatures: dict[int, Curvatures] = field(default_factory=dict)
    trace: dict[str, list[Tensor]] = field(default_factory=dict)

    def going(self) -> Tensor:
        """Rows that go on [R]."""
        rows = [row for row, status in enumerate(self.ended) if status is None]
        return torch.tensor(rows, dtype=torch.int64, device=self.w.device)


@dataclass(slots=True)
class Descent:
    """The iterative method that :func:`fivefold.core.drive` runs.

    Args:
        objective: What is minimised.
        start: First points [B, P].
        moves: How the points move.
        tolerance: Largest distance from stationarity of a converged point.
        escapes: Whether a stationary point's Hessian is looked at, and a saddle left.
        distance: How far points w [B, P] with gradients [B, P] are from stationary, [B]; the Euclidean norm
            of the gradient by default.
    """

    objective: Objective
    start: Tensor
    moves: Step
    tolerance: float
    escapes: bool
    distance: Distance = gradient_norm

    def init(self) -> tuple[Descended, Info]:
        """Evaluate the first points."""
        value, gradient = self.objective.value_and_gradient(self.start)
        value, gradient = value.detach().clone(), gradient.detach().clone()
        members = self.start.shape[0]
        norm = self.distance(self.start, gradient)
        state = Descended(
            w=self.start.clone(),
            value=value,
            gradient=gradient,
            ended=[None] * members,
            reasons=[""] * members,
            lowest_value=value.clone(),
            lowest_norm=norm.clone(),
            idle=torch.zeros(members, dtype=torch.int64, device=value.device),
            evaluations=members,
        )
        finite = torch.isfinite(value) & torch.isfinite(norm)
        for row in (~finite).nonzero()[:, 0].tolist():
            self._end(state, row, Status.ILL_POSED, "F or its gradient is not finite at the start")
        self._test_convergence(state)
        return state, self._report(state, torch.zeros_like(value))

    def step(self, state: Descended) -> tuple[Descended, Info]:
        """Move every point that goes on."""
        rows = state.going()
        old_w, old_gradient = state.w.clone(), state.gradient.clone()
        end = self.moves.move(state.w, state.value, state.gradient, rows)
        state.evaluations += end.evaluations * rows.shape[0]
        state.w[rows], state.value[rows], state.gradient[rows] = end.w, end.value, end.gradient
        for index, row in enumerate(rows.tolist()):
            if bool(end.unbounded[index]):
                self._end(state, row, Status.DIVERGED, "F falls without bound along a ray")
            elif not bool(end.step[index] > 0):
                self._end(state, row, Status.STALLED, self._why_stalled(state, row))
        self.moves.learn(state.w - old_w, state.gradient - old_gradient)
        self._count_idle(state)
        self._test_convergence(state)
        steps = torch.zeros_like(state.value)
        steps[rows] = end.step
        return state, self._report(state, steps)

    def _test_convergence(self, state: Descended) -> None:
        norm = self.distance(state.w, state.gradient)
        for row in state.going().tolist():
            if float(norm[row]) <= self.tolerance and (not self.escapes or not self._escape(state, row)):
                self._end(state, row, Status.CONVERGED, "the gradient norm is within the tolerance")

    def _escape(self, state: Descended, row: int) -> bool:
        """Leave a saddle or maximum along its most negative curvature; false where there is none."""
        found = lowest_curvature(self.objective, state.w[row])
        if found is not None and found[0].lowest >= -found[0].noise:
            state.curvatures[row] = found[0]
            return False
        if found is None:
            return False
        curvatures, along = found
        # one length per scale of w, halved until the value falls by a quarter of what the curvature promises
        length = 1.0 + float(state.w[row].norm())
        for power in range(30):
            t = length * 0.5**power
            points = torch.stack([state.w[row] + t * along, state.w[row] - t * along])
            value, gradient = self.objective.value_and_gradient(points)
            state.evaluations += 2
            value = torch.where(torch.isfinite(value) & torch.isfinite(gradient).all(-1), value, torch.inf)
            side = int(value.argmin())
            if float(value[side]) < float(state.value[row]) + 0.25 * t * t * curvatures.lowest:
                state.w[row], state.value[row], state.gradient[row] = (
                    points[side],
                    value[side],
                    gradient[side],
                )
                state.idle[row] = 0
                state.lowest_norm[row] = self.distance(points[side][None], gradient[side][None])[0]
                self.moves.reset(torch.tensor([row], device=state.w.device))
                return True
        self._end(
            state, row, Status.STALLED, "a stationary point with negative curvature, but none lower near it"
        )
        return True

    def _count_idle(self, state: Descended) -> None:
        norm = self.distance(state.w, state.gradient)
        fell = (state.value < state.lowest_value) | (norm < state.lowest_norm)
        state.lowest_value = torch.minimum(state.lowest_value, state.value)
        state.lowest_norm = torch.minimum(state.lowest_norm, norm)
        state.idle = torch.where(fell, 0, state.idle + 1)
        for row in state.going().tolist():
            if int(state.idle[row]) >= _IDLE and float(norm[row]) > self.tolerance:
                self._end(state, row, Status.STALLED, self._why_stalled(state, row))

    def _why_stalled(self, state: Descended, row: int) -> str:
        """Compare the gradient with central differences along itself: wrong, or hidden by rounding?"""
        gradient = state.gradient[row]
        norm = float(gradient.norm())
        along = gradient / norm
        h = torch.finfo(gradient.dtype).eps ** (1 / 3) * (1.0 + float(state.w[row].norm()))
        w = state.w[row]
        above, here, below = self.objective.value(torch.stack([w + h * along, w, w - h * along])).tolist()
        state.evaluations += 3
        measured, bend = (above - below) / (2 * h), (above - 2 * here + below) / (h * h)
        # rounding of the values, and the cubic term, taken to be of the size of the quadratic one
        size = max(abs(above), abs(here), abs(below))
        noise = 64 * torch.finfo(gradient.dtype).eps * size / h + 10 * h * h * abs(bend)
        if abs(measured - norm) > 0.1 * norm + noise:
            return (
                f"the gradient disagrees with F: slope along itself {norm:.3g}, by differences {measured:.3g}"
            )
        return f"no lower value within rounding; the gradient norm is {norm:.3g}"

    @staticmethod
    def _end(state: Descended, row: int, status: Status, reason: str) -> None:
        state.ended[row], state.reasons[row] = status, reason

    def _report(self, state: Descended, steps: Tensor) -> Info:
        norm = self.distance(state.w, state.gradient)
        for name, numbers in (("value", state.value), ("gradient_norm", norm), ("step", steps)):
            state.trace.setdefault(name, []).append(numbers.clone())
        record = {"value": float(state.value.min()), "gradient_norm": float(norm.max())}
        known = [status for status in state.ended if status is not None]
        done = len(known) == len(state.ended)
        return Info(record, worst(known) if done else None)


def worst(statuses: list[Status]) -> Status:
    """The status furthest from success.

    >>> worst([Status.CONVERGED, Status.STALLED]).value
    'stalled'
    """
    order = (Status.DIVERGED, Status.ILL_POSED, Status.STALLED, Status.OUT_OF_BUDGET, Status.CONVERGED)
    return min(statuses, key=order.index)
