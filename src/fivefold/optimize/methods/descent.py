"""Descent from a batch of points: a rule that moves them, and an account of how each point ended."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import Info, Status, torch_generator
from fivefold.objective import Objective
from fivefold.optimize.methods.l1_penalty import Penalised
from fivefold.optimize.methods.line_search import Evaluate
from fivefold.optimize.methods.optimality import Curvatures, estimate_lowest_curvature, lowest_curvature
from fivefold.optimize.methods.rounding import Floor, rounding_floor
from fivefold.optimize.methods.steps import Step

Distance: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""How far points [B, P] with gradients [B, P] are from stationary, [B]."""

_IDLE, _PAUSE = 20, 3
"""Steps without a lower value or gradient norm after which a point has stalled, and is looked at."""


def gradient_norm(w: Tensor, gradient: Tensor) -> Tensor:
    """Return the Euclidean norm of the gradient per point, [B]; w does not count.

    >>> gradient_norm(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])).tolist()
    [5.0]
    """
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=-1)
    return norm


@dataclass(slots=True)
class Descended:
    """Where a batch of points stands.

    Args:
        w: Points [B, P]; value [B] and gradient [B, P] belong to them.
        ended: Status per point; ``None`` while it goes on.
        reasons: Why it ended, per point.
        norm: Distance from stationarity [B].
        lowest_value: Lowest value so far [B].
        lowest_norm: Lowest gradient norm so far [B].
        idle: Steps since either fell [B].
        limits: Largest distance from stationarity of a converged point [B].
        evaluations: Evaluations of F and its gradient, over all points.
        floors: What rounding hides at points that converged by it.
        curvatures: Eigenvalues of the Hessian at points that converged where they were examined.
        trace: ``value``, ``gradient_norm`` and ``step`` [B] after each step, the start first.
    """

    w: Tensor
    value: Tensor
    gradient: Tensor
    ended: list[Status | None]
    reasons: list[str]
    norm: Tensor
    lowest_value: Tensor
    lowest_norm: Tensor
    idle: Tensor
    limits: Tensor
    evaluations: int = 0
    floors: dict[int, Floor] = field(default_factory=dict)
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
        dense: Whether the Hessian is formed to look at a point; otherwise it is used by products.
        scaled: Whether the tolerance is for an F of size 1: it is multiplied by the size of F at the start,
            the larger of its value and its distance from stationarity, where that is below 1; and a point
            from which no lower one is found has converged where rounding hides what its quadratic model
            promises.
        evaluate: Another way to F and its gradient at the start, from which the moves learn; the objective's
            own by default.
    """

    objective: Objective
    start: Tensor
    moves: Step
    tolerance: float
    escapes: bool
    distance: Distance = gradient_norm
    dense: bool = True
    scaled: bool = False
    evaluate: Evaluate | None = None

    def init(self) -> tuple[Descended, Info]:
        """Evaluate the first points."""
        value, gradient = (self.evaluate or self.objective.value_and_gradient)(self.start)
        value, gradient = value.detach().clone(), gradient.detach().clone()
        members = self.start.shape[0]
        norm = self.distance(self.start, gradient)
        state = Descended(
            w=self.start.clone(),
            value=value,
            gradient=gradient,
            ended=[None] * members,
            reasons=[""] * members,
            norm=norm,
            lowest_value=value,
            lowest_norm=norm,
            idle=torch.zeros(members, dtype=torch.int64, device=value.device),
            limits=self._limits(value, norm),
            evaluations=members,
        )
        pairs = zip(value.tolist(), norm.tolist(), state.limits.tolist(), strict=True)
        for row, (height, far, limit) in enumerate(pairs):
            if not (math.isfinite(height) and math.isfinite(far)):
                self._end(state, row, Status.ILL_POSED, "F or its gradient is not finite at the start")
            elif far <= limit:
                self._doubt_start(state, row)
        self._test_convergence(state)
        return state, self._report(state, torch.zeros_like(value))

    def step(self, state: Descended) -> tuple[Descended, Info]:
        """Move every point that goes on."""
        rows = state.going()
        old_w, old_gradient = state.w, state.gradient
        end = self.moves.move(state.w, state.value, state.gradient, rows)
        state.evaluations += end.evaluations * rows.shape[0]
        if len(rows) == len(state.ended):
            state.w, state.value, state.gradient = end.w, end.value, end.gradient
        else:
            state.w, state.value, state.gradient = (
                old.index_copy(0, rows, new)
                for old, new in ((old_w, end.w), (state.value, end.value), (old_gradient, end.gradient))
            )
        state.norm = self.distance(state.w, state.gradient)
        ends = zip(rows.tolist(), end.unbounded.tolist(), end.step.tolist(), strict=True)
        for row, unbounded, length in ends:
            if unbounded:
                self._end(state, row, Status.DIVERGED, "F falls without bound along a ray")
            elif not length > 0:
                self._stop(state, row)
        self.moves.learn(state.w - old_w, state.gradient - old_gradient)
        self._count_idle(state)
        self._test_convergence(state)
        still = len(rows) < len(state.ended)
        steps = torch.zeros_like(state.value).index_copy(0, rows, end.step) if still else end.step
        return state, self._report(state, steps)

    def _test_convergence(self, state: Descended) -> None:
        near = (state.norm <= state.limits).tolist()
        for row, status in enumerate(state.ended):
            if status is None and near[row] and (not self.escapes or not self._escape(state, row)):
                reason = "the gradient norm is within the tolerance"
                self._end(state, row, Status.CONVERGED, reason + self._kind(state, row))

    def _escape(self, state: Descended, row: int) -> bool:
        """Leave a saddle or maximum along its most negative curvature; false where there is none."""
        w = state.w[row]
        if self.dense:
            found = lowest_curvature(self.objective, w)
        else:
            # a tenth of what the descent has cost, but enough to see a clear saddle
            found = estimate_lowest_curvature(
                self.objective, w, max(30, state.evaluations // (10 * len(state.ended)))
            )
        if found is None:
            return False
        curvatures, along = found
        if along is None or curvatures.lowest >= -curvatures.noise:
            state.curvatures[row] = curvatures
            return False
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
                self._put(state, row, points[side], value[side], gradient[side])
                state.idle[row] = 0
                state.lowest_norm = state.norm.clone()
                self.moves.reset(torch.tensor([row], device=state.w.device))
                return True
        self._end(
            state, row, Status.STALLED, "a stationary point with negative curvature, but none lower near it"
        )
        return True

    def _put(self, state: Descended, row: int, w: Tensor, value: Tensor, gradient: Tensor) -> None:
        """Set one point anew; the tensors of the history are left as they are."""
        state.w, state.value, state.gradient = state.w.clone(), state.value.clone(), state.gradient.clone()
        state.w[row], state.value[row], state.gradient[row] = w, value, gradient
        state.norm = self.distance(state.w, state.gradient)

    def _count_idle(self, state: Descended) -> None:
        fell = (state.value < state.lowest_value) | (state.norm < state.lowest_norm)
        state.lowest_value = torch.minimum(state.lowest_value, state.value)
        state.lowest_norm = torch.minimum(state.lowest_norm, state.norm)
        state.idle = (state.idle + 1).masked_fill(fell, 0)
        for row, (status, idle) in enumerate(zip(state.ended, state.idle.tolist(), strict=True)):
            if status is None and idle in (_PAUSE, _IDLE) and state.norm[row] > state.limits[row]:
                self._stop(state, row, tentative=idle < _IDLE)

    def _stop(self, state: Descended, row: int, *, tentative: bool = False) -> None:
        """End a point that goes no further, as converged where rounding alone is in its way."""
        floor = self._floor(state, row) if self.scaled else None
        reached = floor is not None and floor.reached
        if tentative and not reached:
            return
        wrong, reason = self._why_stalled(state, row)
        if reached and not wrong and floor is not None:
            state.floors[row] = floor
            reason = (
                f"to rounding: the quadratic model predicts a decrease of {floor.predicted:.1e}, below the "
                f"rounding of F, {floor.rounding:.1e}; the gradient norm is above the tolerance"
            )
        ended = Status.CONVERGED if reached and not wrong else Status.STALLED
        self._end(state, row, ended, reason)

    def _floor(self, state: Descended, row: int) -> Floor | None:
        at = state.w[row], state.value[row], state.gradient[row]
        return rounding_floor(self.objective, *at, dense=self.dense)

    def _limits(self, value: Tensor, norm: Tensor) -> Tensor:
        limit = torch.full_like(value, self.tolerance)
        if not self.scaled:
            return limit
        size = torch.maximum(value.abs(), norm).clamp_max(1.0)
        return torch.where(torch.isfinite(size), limit * size, limit)

    def _kind(self, state: Descended, row: int) -> str:
        """What the curvature says of a stationary point, as the end of a sentence."""
        found = state.curvatures.get(row)
        if found is None:
            return ""
        if found.lowest == found.highest == 0:
            return "; F is flat there"
        if found.estimate:
            return f"; no negative curvature was found by {found.estimate}"
        return "; a minimum" if found.lowest > found.noise else "; no curvature is negative, but some is 0"

    def _doubt_start(self, state: Descended, row: int) -> None:
        """A gradient that is 0 at once may be wrong: compare it with differences along a random direction."""
        w, gradient = state.w[row], state.gradient[row]
        generator = torch_generator(0, "a gradient that is doubted")
        along = torch.randn(w.shape, generator=generator, dtype=torch.float64).to(gradient)
        along = along / along.norm()
        slope, size = float(gradient @ along), 0.0
        h = torch.finfo(gradient.dtype).eps ** (1 / 3) * (1.0 + float(w.norm()))
        F = self.objective.smooth if isinstance(self.objective, Penalised) else self.objective
        steps = h * torch.tensor([1.0, -1.0, 0.25, -0.25], dtype=w.dtype, device=w.device)
        values = F.value(w + steps[:, None] * along).tolist()
        state.evaluations += 4
        size = max(abs(each) for each in values)
        wide, narrow = (values[0] - values[1]) / (2 * h), (values[2] - values[3]) / (0.5 * h)
        noise = 256 * torch.finfo(gradient.dtype).eps * size / h
        # a slope that is there falls off with the square of the width if it comes from the third derivative
        real = abs(narrow - slope) > 0.5 * abs(wide - slope) and abs(narrow - slope) > noise
        if real and abs(narrow - slope) > 100 * float(state.limits[row]):
            reason = f"the gradient disagrees with F: slope {slope:.3g}, by differences {narrow:.3g}"
            self._end(state, row, Status.STALLED, reason)

    def _why_stalled(self, state: Descended, row: int) -> tuple[bool, str]:
        """Compare the gradient with central differences along itself: wrong, or hidden by rounding?"""
        gradient = state.gradient[row]
        norm = float(gradient.norm())
        along = gradient / norm
        h = torch.finfo(gradient.dtype).eps ** (1 / 3) * (1.0 + float(state.w[row].norm()))
        w = state.w[row]
        F = self.objective.smooth if isinstance(self.objective, Penalised) else self.objective
        above, here, below = F.value(torch.stack([w + h * along, w, w - h * along])).tolist()
        state.evaluations += 3
        measured, bend = (above - below) / (2 * h), (above - 2 * here + below) / (h * h)
        # rounding of the values, and the cubic term, taken to be of the size of the quadratic one
        size = max(abs(above), abs(here), abs(below))
        noise = 64 * torch.finfo(gradient.dtype).eps * size / h + 10 * h * h * abs(bend)
        if abs(measured - norm) > 0.1 * norm + noise:
            reason = f"the gradient disagrees with F: slope along itself {norm:.3g}, by differences "
            return True, f"{reason}{measured:.3g}"
        return False, f"no lower value within rounding; the gradient norm is {norm:.3g}"

    @staticmethod
    def _end(state: Descended, row: int, status: Status, reason: str) -> None:
        state.ended[row], state.reasons[row] = status, reason

    def _report(self, state: Descended, steps: Tensor) -> Info:
        for name, numbers in (("value", state.value), ("gradient_norm", state.norm), ("step", steps)):
            state.trace.setdefault(name, []).append(numbers)
        record = {"value": float(state.value.min()), "gradient_norm": float(state.norm.max())}
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
