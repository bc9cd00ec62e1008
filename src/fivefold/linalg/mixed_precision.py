"""Linear systems factored in float32 and refined to float64 accuracy."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Kind, Status, drive
from fivefold.linalg.dense_solve import DenseFactor, Raw, digits_of, positive
from fivefold.linalg.doubled import plain_or_doubled_residual
from fivefold.linalg.householder import power_of_two_norms

_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class _State:
    x: Tensor
    r: Tensor
    size: Tensor  # largest correction of each column at the last step
    rate: float  # the factor by which corrections shrink, the worst seen


class _Method:
    def __init__(self, E: Tensor, target: Tensor) -> None:
        self.E, self.target = E, target
        self.LU, self.pivots, info = torch.linalg.lu_factor_ex(E.float())
        self.regular = int(info) == 0

    def apply(self, r: Tensor) -> Tensor:
        # The residual is scaled to one, so that its small entries survive float32.
        top = positive(r.abs().amax(dim=0))
        out: Tensor = torch.linalg.lu_solve(self.LU, self.pivots, (r / top).float())
        return out.double() * top

    def residual(self, x: Tensor) -> Tensor:
        high, low, _ = plain_or_doubled_residual(self.E, x, self.target)
        return high + low

    def backward(self, s: _State) -> float:
        """Componentwise backward error (Oettli and Prager 1964)."""
        scale = self.E.abs() @ s.x.abs() + self.target.abs()
        return float((s.r.abs() / positive(scale)).max())

    def init(self) -> tuple[_State, Info]:
        x = self.apply(self.target)
        state = _State(x, self.residual(x), x.abs().amax(dim=0), 0.0)
        return state, Info({"correction": 1.0})

    def step(self, s: _State) -> tuple[_State, Info]:
        change = self.apply(s.r)
        size = change.abs().amax(dim=0)
        scale = positive(s.x.abs().amax(dim=0))
        relative = float((size / scale).max())
        open_ = size > 4 * _UNIT * scale
        shrink = torch.where(open_, size / positive(s.size), 0.0)
        rate = float(shrink.max())
        if relative < 1e-6 and rate > 0.5 and self.backward(s) <= len(self.E) * _UNIT:
            # Plain residuals allow no more than backward stability: the last correction measures the error.
            return _State(s.x, s.r, size, 0.5), Info({"correction": relative}, Status.CONVERGED)
        if not math.isfinite(relative) or rate > 0.5:
            status = Status.STALLED if math.isfinite(relative) else Status.DIVERGED
            return s, Info({"correction": relative}, status)
        x = s.x + change
        state = _State(x, self.residual(x), size, max(rate, s.rate))
        done = relative <= 4 * _UNIT
        return state, Info({"correction": relative}, Status.CONVERGED if done else None)


def solve_mixed(A: Tensor, B: Tensor, budget: Budget | None = None) -> Raw:
    r"""Solve :math:`A x = b` by a float32 factor, refined with float64 (where cheap, doubled) residuals.

    .. math:: r_t = b - A x_t, \qquad x_{t+1} = x_t + (L U)^{-1} r_t

    The factor takes half the memory and about half the time of one in float64. Each step
    multiplies the error by about :math:`\kappa(A)\, 2^{-24}`; where the corrections do not at least halve
    before the residual is at rounding, the float64 factor takes over and the message says so.

    Source: J. Langou et al., "Exploiting the performance of 32 bit floating point arithmetic", SC 2006;
    E. Carson and N. J. Higham, SIAM J. Sci. Comput. 40 (2018).

    Args:
        A: ``[n, n]`` in float64.
        B: ``[n, k]`` in float64.
        budget: 50 refinement steps by default.

    Returns:
        The solution; its forward error rests on the contraction that was seen, an indicator.

    >>> solve_mixed(torch.eye(2).double() * 3, torch.ones(2, 1).double()).x.tolist()
    [[0.3333333333333333], [0.3333333333333333]]
    """
    rows = 1 / power_of_two_norms(A.mT)
    E = A * rows[:, None]
    columns = 1 / power_of_two_norms(E)
    E = E * columns
    method = _Method(E, B * rows[:, None])
    if not method.regular:
        return _fallback(A, B, "the float32 factor has a zero pivot")
    run = drive(method, budget or Budget(steps=50))
    if not run.status.succeeded:
        return _fallback(A, B, f"refinement of the float32 factor {run.status}")
    z, r = run.state.x, run.state.r
    n = len(A)
    backward = method.backward(run.state)
    rate = min(run.state.rate, 0.5)
    step = method.apply(r).abs().amax(dim=0) / positive(z.abs().amax(dim=0))
    relative = float(step.max()) / (1 - rate) + _UNIT
    error = Certificate(
        "x has at least one correct digit: |x* - x| <= 0.1 |x| in the largest entry",
        Kind.INDICATOR,
        relative <= 0.1,
        bound=0.1,
        value=relative,
        assumptions=("the corrections go on shrinking as they were seen to",),
        method="last correction / (1 - contraction)",
    )
    certificates = (
        Certificate(
            "x solves a system whose entries differ from A and b by rounding",
            Kind.PROOF,
            backward <= 10 * n * _UNIT,
            bound=10 * n * _UNIT,
            value=backward,
            method="componentwise backward error max |r| / (|A| |x| + |b|) (Oettli and Prager 1964)",
        ),
        error,
    )
    return Raw(
        z * columns[:, None],
        r / rows[:, None],
        None,
        digits_of(relative),
        "lu in float32, refined",
        Status.CONVERGED,
        certificates,
    )


def _fallback(A: Tensor, B: Tensor, why: str) -> Raw:
    raw = DenseFactor(A).solve(B)
    message = f"{why}; factored again in float64" + (f"; {raw.message}" if raw.message else "")
    return Raw(
        raw.x, raw.residual, raw.condition, raw.digits, raw.method, raw.status, raw.certificates, message
    )
