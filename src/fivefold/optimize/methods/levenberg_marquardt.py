"""Levenberg-Marquardt: Gauss-Newton steps, damped by how well the last ones were foretold."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.objective import DataObjective, Objective, ResidualObjective
from fivefold.optimize.methods.linear_curvature import Curved
from fivefold.optimize.methods.linear_residuals import DenseResiduals, linearize_residuals
from fivefold.optimize.methods.linearization import Linearization, Linearizations, Linearize
from fivefold.optimize.methods.move import Move
from fivefold.optimize.methods.structured_secant import SECANT_COLUMNS, StructuredSecant

_TRIALS = 60
"""Dampings tried in one step: enough to fall from any length to rounding."""
_FIRST = 1e-3
"""The first damping, in units of the squared scale."""
_FADE = 0.5
"""What is left, after a step, of column lengths seen before it."""
_LONGEST = 0.375
"""Longest second-order term, in lengths of the step, of a step that is tried."""
_REFINEMENTS = 10
"""Most further steps where a point is converged to half its digits."""


@dataclass(slots=True)
class _Row:
    """What one point carries on: D [P], what was learned of S, its damping, and the damping's next factor."""

    scale: Tensor
    second: StructuredSecant | None
    damping: float = _FIRST
    factor: float = 2.0


@dataclass(frozen=True, slots=True)
class _End:
    """Where a row's step ended, whether its gain was good, and the evaluations of F it took."""

    around: Linearization
    moved: bool
    found: bool
    rounds: int


class Damped:
    r"""The step that solves :math:`(J^\top J + \lambda D^2)\, p = -J^\top r`, or its like with a curvature.

    D holds the largest column lengths seen (Moré, 1978), those of earlier steps halved at each, so that
    neither the parameters' units matter nor a start a world away. With the gain :math:`\rho`, the decrease
    of F over the model's, a step is taken where :math:`\rho > 10^{-4}`, and then
    :math:`\lambda \leftarrow \lambda \max(\tfrac13, 1 - (2 \rho - 1)^3)`; otherwise :math:`\lambda` grows by
    2, 4, 8, ... until one is (Nielsen, 1999). Where the decrease is lost in rounding, a step is taken if it
    brings the point nearer to stationary. With ``accelerate``, the second-order term of the path,
    :math:`-\tfrac12 (J^\top J + \lambda D^2)^{-1} J^\top r''_{pp}`, is added, and a step of which it is more
    than 3/8 is rejected as too long for its model (Transtrum and Sethna, 2012); and what the residuals'
    curvature adds to the Hessian is learned, and used while it foretells the decrease better, so that large
    residuals do not end in ever shorter steps (Dennis, Gay and Welsch, 1981: :class:`StructuredSecant`). A
    point converged to half its digits takes further steps at once while they halve its distance: they are
    cheap, and each is worth digits.

    Source: J. J. Moré, "The Levenberg-Marquardt algorithm", 1978; H. B. Nielsen, "Damping parameter in
    Marquardt's method", IMM-REP-1999-05; M. K. Transtrum and J. P. Sethna, arXiv:1201.5885;
    J. E. Dennis, D. M. Gay and R. E. Welsch, "NL2SOL", ACM Transactions on Mathematical Software 7 (1981).

    Args:
        linearize: A point [P] to F around it.
        accelerate: Whether the second-order term and the learned curvature are used, where residuals are.
        angles: Whether its distances are angles, without units; otherwise the gradient's norm is meant.
    """

    def __init__(self, linearize: Linearize, *, accelerate: bool = False, angles: bool = False) -> None:
        self.known = Linearizations(linearize)
        self.angles = angles
        self._accelerate = accelerate
        self._rows: dict[int, _Row] = {}

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Step from each of those rows [R]."""
        self.known.keep(w)
        ends = [self._refined(row, self._step(row, w[row])) for row in rows.tolist()]
        return Move(
            step=torch.tensor([float(end.moved) for end in ends], dtype=w.dtype, device=w.device),
            w=torch.stack([end.around.w for end in ends]),
            value=torch.stack([end.around.value for end in ends]),
            gradient=torch.stack([end.around.gradient for end in ends]),
            found=torch.tensor([end.found for end in ends], device=w.device),
            unbounded=torch.zeros(len(ends), dtype=torch.bool, device=w.device),
            evaluations=max(end.rounds for end in ends),
        )

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the damping was learned when the step was judged."""

    def reset(self, rows: Tensor) -> None:
        """Forget the damping and the scale of those rows."""
        for row in rows.tolist():
            self._rows.pop(row, None)

    def _step(self, row: int, w: Tensor) -> _End:
        around = self.known.around(w)
        known = self._rows.get(row)
        if known is None:
            learns = self._accelerate and isinstance(around, DenseResiduals) and w.shape[0] <= SECANT_COLUMNS
            known = self._rows[row] = _Row(around.scale, StructuredSecant(w) if learns else None)
        known.scale = torch.maximum(_FADE * known.scale, around.scale)
        scale = torch.where(known.scale > 0, known.scale, 1.0)
        rounds, turned = 0, False
        for _ in range(_TRIALS):
            p, promised, fits, spent = self._trial(around, known, scale)
            rounds += spent
            if bool(torch.isfinite(p).all()) and promised > 0:
                if torch.equal(w + p, w):
                    break
                if fits:
                    rounds += 1
                    end = self._judge(around, known, scale, w + p, promised, rounds)
                    if isinstance(end, _End):
                        return end
                    if end and not turned:
                        turned = True
                        continue
            known.damping *= known.factor
            known.factor *= 2
        return _End(around, False, False, max(rounds, 1))

    def _trial(self, around: Linearization, known: _Row, scale: Tensor) -> tuple[Tensor, float, bool, int]:
        """A step [P], its promise, whether it is not too long for its model, and the evaluations of r."""
        S = known.second.matrix if known.second is not None else None
        if S is not None and isinstance(around, DenseResiduals):
            return (*around.step_beside(S, known.damping, scale), True, 0)
        p, promised = around.step(known.damping, scale)
        if not self._accelerate or not promised > 0 or not bool(torch.isfinite(p).all()):
            return p, promised, True, 0
        term = around.correction(p, known.damping, scale)
        if term is None:
            return p, promised, True, 0
        fits = bool((scale * term).norm() <= _LONGEST * (scale * p).norm())
        return p + term, promised, fits, 1

    def _judge(
        self, around: Linearization, known: _Row, scale: Tensor, w: Tensor, promised: float, rounds: int
    ) -> _End | bool:
        """Go to w and learn from it; where it is not good enough, whether another model is worth a trial."""
        down, noise = around.decrease(w)
        gain = down / promised if math.isfinite(down) else -math.inf
        hidden = promised <= noise and abs(down) <= 4 * noise
        plain = around if isinstance(around, DenseResiduals) else None
        second = known.second if plain is not None else None
        turns = False
        if second is not None and plain is not None and not hidden and math.isfinite(down):
            turns = second.turn(plain, w - around.w, down)
        if not (gain > 1e-4 or hidden):
            return turns
        ahead = self.known.around(w)
        if not math.isfinite(ahead.distance) or (hidden and not ahead.distance < around.distance):
            # F no longer tells the models apart
            return second.change() if second is not None and hidden else turns
        if second is not None and plain is not None and isinstance(ahead, DenseResiduals):
            second.learn(plain, ahead, scale)
        cut = 1 / 3 if hidden else max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        known.damping = max(known.damping * cut, torch.finfo(w.dtype).tiny)
        known.factor = 2.0
        return _End(ahead, True, gain > 1e-4, rounds)

    def _refined(self, row: int, end: _End) -> _End:
        """Further steps from a point that is converged to half its digits."""
        half = math.sqrt(torch.finfo(end.around.w.dtype).eps)
        for _ in range(_REFINEMENTS):
            if not (end.moved and end.around.refines and 0 < end.around.distance <= half):
                break
            further = self._step(row, end.around.w)
            if not further.around.distance <= 0.5 * end.around.distance:
                break
            end = _End(further.around, True, further.found, end.rounds + further.rounds)
        return end


def levenberg_marquardt(objective: Objective) -> Damped:
    """The damped step for residuals, accelerated, or for a data objective's Gauss-Newton matrix.

    >>> F = Objective.from_residuals(lambda w: w - 1, torch.zeros(2, dtype=torch.float64))
    >>> w = F.initial[None]
    >>> move = levenberg_marquardt(F).move(w, *F.value_and_gradient(w), torch.tensor([0]))
    >>> bool(move.value < 1e-6)
    True
    """
    if isinstance(objective, ResidualObjective):
        return Damped(lambda w: linearize_residuals(objective, w), accelerate=True, angles=True)
    assert isinstance(objective, DataObjective)
    return Damped(lambda w: Curved(objective, objective.gauss_newton, w, scaled=True))


def without_residuals(objective: Objective) -> str:
    """What Gauss-Newton and Levenberg-Marquardt lack in an objective; empty where they suit.

    >>> without_residuals(Objective.from_residuals(lambda w: w, [1.0]))
    ''
    """
    if isinstance(objective, ResidualObjective):
        return ""
    if isinstance(objective, DataObjective) and objective.likelihood.convex:
        return ""
    return "Objective.from_residuals, or a data objective whose likelihood is convex in the predictor"
