"""LSMR: least squares by products with A and its adjoint, many right-hand sides at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Kind, Status, drive, require
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.dense import as_operator
from fivefold.linalg.krylov import SEVERITY, Krylov, residual_certificate, right_hand_sides, safe
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.operator_checks import complaint


@dataclass(frozen=True, eq=False)
class _State:
    x: Tensor
    u: Tensor
    v: Tensor
    h: Tensor
    hbar: Tensor
    alpha: Tensor
    alphabar: Tensor
    zetabar: Tensor  # |A'r| is its size, by recurrence
    rho: Tensor
    rhobar: Tensor
    cbar: Tensor
    sbar: Tensor
    square: Tensor  # the sum of squares of the bidiagonal matrix, about |A|^2
    residual: Tensor  # last true |r|
    anchor: Tensor  # true relative gradient at the last restart
    code: Tensor
    step: int


def _rotation(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r = torch.hypot(a, b)
    return torch.where(r > 0, a / safe(r), 1.0), b / safe(r), r


class _Method:
    def __init__(self, A: LinearOperator, b: Tensor, damping: float, tolerance: float) -> None:
        self.A, self.b, self.damping, self.tolerance = A, b, damping, tolerance
        self.AT = A.adjoint()
        self.norm = safe(torch.linalg.vector_norm(b, dim=0))
        self.unit = torch.finfo(A.dtype).eps

    def judge(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Residual, gradient of the damped problem, and the norm of the damped residual."""
        r: Tensor = self.b - self.A.apply(x)
        g: Tensor = self.AT.apply(r) - self.damping**2 * x
        whole = torch.hypot(
            torch.linalg.vector_norm(r, dim=0), self.damping * torch.linalg.vector_norm(x, dim=0)
        )
        return r, g, whole

    def begin(self, x: Tensor, size: Tensor, code: Tensor, step: int, anchor: Tensor) -> _State:
        x = torch.where(torch.isfinite(x).all(dim=0), x, 0.0)
        # The correction e of x solves the same problem for [r; -damping x], whose gradient is g.
        r, g, whole = self.judge(x)
        relative = torch.linalg.vector_norm(g, dim=0) / safe(size.sqrt() * whole)
        small = torch.linalg.vector_norm(r, dim=0) / self.norm <= self.tolerance
        done = small if self.damping == 0 else torch.zeros_like(small)
        done = done | (g == 0).all(dim=0) | ((size > 0) & (relative <= self.tolerance))
        code = torch.where((code < 0) & done, 0, code)
        if step > 0:
            code = torch.where((code < 0) & ~(relative < 0.5 * anchor), SEVERITY.index(Status.STALLED), code)
        code = torch.where((code < 0) & ~torch.isfinite(whole), SEVERITY.index(Status.DIVERGED), code)
        top = r if self.damping == 0 else torch.cat([r, -self.damping * x])
        beta = torch.linalg.vector_norm(top, dim=0)
        u = top / safe(beta)
        v = self.back(u)
        alpha = torch.linalg.vector_norm(v, dim=0)
        v = v / safe(alpha)
        one = torch.ones_like(beta)
        return _State(
            x, u, v, v, torch.zeros_like(v), alpha, alpha, alpha * beta, one, one, one, torch.zeros_like(one),
            torch.maximum(size, alpha**2), whole, torch.where(size > 0, relative, one), code, step,
        )  # fmt: skip

    def forward(self, v: Tensor) -> Tensor:
        out: Tensor = self.A.apply(v)
        return out if self.damping == 0 else torch.cat([out, self.damping * v])

    def back(self, u: Tensor) -> Tensor:
        m = self.A.shape[0]
        out: Tensor = self.AT.apply(u[:m])
        return out if self.damping == 0 else out + self.damping * u[m:]

    def init(self) -> tuple[_State, Info]:
        n, k = self.A.shape[1], self.b.shape[1]
        x = torch.zeros(n, k, dtype=self.b.dtype, device=self.b.device)
        zero = torch.zeros(k, dtype=self.b.dtype, device=self.b.device)
        code = torch.full_like(zero, -1, dtype=torch.long)
        return self.report(self.begin(x, zero, code, 0, zero + math.inf))

    def report(self, s: _State) -> tuple[_State, Info]:
        done = bool((s.code >= 0).all())
        gradient = (s.zetabar.abs() / safe(s.square.sqrt() * s.residual)).max()
        record = {
            "relative_residual": float((s.residual / self.norm).max()),
            "relative_gradient": float(gradient),
        }
        return s, Info(record, SEVERITY[int(s.code.max())] if done else None)

    def step(self, s: _State) -> tuple[_State, Info]:
        active = s.code < 0
        u = self.forward(s.v) - s.alpha * s.u
        beta = torch.linalg.vector_norm(u, dim=0)
        u = u / safe(beta)
        v = self.back(u) - beta * s.v
        alpha = torch.linalg.vector_norm(v, dim=0)
        v = v / safe(alpha)
        c, sn, rho = _rotation(s.alphabar, beta)
        theta = sn * alpha
        thetabar = s.sbar * rho
        cbar, sbar, rhobar = _rotation(s.cbar * rho, theta)
        open_ = active & (rho > 0) & (rhobar > 0)
        zeta, zetabar = cbar * s.zetabar, -sbar * s.zetabar
        hbar = s.h - (thetabar * rho / safe(s.rho * s.rhobar)) * s.hbar
        x = torch.where(open_, s.x + (zeta / safe(rho * rhobar)) * hbar, s.x)
        h = v - (theta / safe(rho)) * s.h
        square = s.square + beta**2 + alpha**2
        # The norm of the residual costs a product here; every tenth step is enough to stop by it.
        step, whole = s.step + 1, s.residual
        claims = active & (zetabar.abs() <= 0.5 * self.tolerance * square.sqrt() * whole)
        claims = claims | (active & ((alpha <= self.unit * square.sqrt()) | ~torch.isfinite(zetabar)))
        if step % 10 == 0 or bool(claims.any()):
            r = self.b - self.A.apply(x)
            plain = torch.linalg.vector_norm(r, dim=0)
            whole = torch.hypot(plain, self.damping * torch.linalg.vector_norm(x, dim=0))
            claims = active & (zetabar.abs() <= 0.5 * self.tolerance * square.sqrt() * whole)
            claims = claims | (active & ((alpha <= self.unit * square.sqrt()) | ~torch.isfinite(zetabar)))
            if self.damping == 0:
                claims = claims | (active & (plain <= self.tolerance * self.norm))
        new = _State(
            x, u, v, h, hbar, alpha, c * alpha, zetabar, rho, rhobar, cbar, sbar, square, whole,
            s.anchor, s.code, step,
        )  # fmt: skip
        if bool(claims.any()):
            # What the recurrences claim is judged by the true gradient; where it fails, begin anew from it.
            again = self.begin(x, square, s.code, step, s.anchor)
            closed = torch.where(claims, again.code, s.code)
            if bool((claims & (again.code < 0)).any()):
                kept = torch.where(claims | (again.code == 0), again.code, -1)
                new = _State(**{**vars(again), "code": kept})
            else:
                new = _State(**{**vars(new), "code": closed})
        return self.report(new)


def lsmr(
    A: Array | LinearOperator,
    b: Array,
    *,
    damping: float = 0.0,
    tolerance: float = 1e-10,
    budget: Budget | None = None,
) -> Krylov:
    r"""Solve :math:`\min_x \|b - A x\|^2 + \lambda^2 \|x\|^2` by products with A and its adjoint.

    Equivalent to MINRES on the normal equations, which are never formed: :math:`\|A^\top r\|` falls at
    every step. It ends where :math:`\|b - A x\| \le \tau \|b\|` (without damping) or
    :math:`\|A^\top r - \lambda^2 x\| \le \tau \|A\| \|r\|`, both computed anew from x. From a start at
    zero it finds the shortest solution where there are many.

    Source: D. C.-L. Fong and M. A. Saunders, "LSMR: an iterative algorithm for sparse least-squares
    problems", SIAM J. Sci. Comput. 33 (2011).

    Args:
        A: ``[m, n]``: array, tensor or operator.
        b: ``[m]`` or ``[m, k]``.
        damping: :math:`\lambda`, at least 0: the square root of the ridge.
        tolerance: :math:`\tau`, positive.
        budget: ``10 min(m, n) + 100`` steps by default.

    Returns:
        The iterate, in the kind of b; two certificates a right-hand side: the system is solved (false for
        a least-squares solution), and the gradient vanishes.

    Raises:
        ArgumentError: Sizes that do not fit, an empty or not finite input, a negative damping.

    >>> run = lsmr([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [1.0, 2.0, 4.0])
    >>> bool(abs(run.x - [0.0, 3.0]).max() < 1e-9), str(run.status)
    (True, 'converged')
    """
    numpy = wants_numpy(A, b)
    operator = as_operator(A)
    require_matrix(operator, "A")
    require(0 <= damping < math.inf, "a damping of at least 0", damping)
    B, shape = right_hand_sides(operator, b, tolerance)
    method = _Method(operator, B, float(damping), tolerance)
    run = drive(method, budget or Budget(steps=10 * min(operator.shape) + 100))
    state = run.state
    r, g, whole = method.judge(state.x)
    true = torch.linalg.vector_norm(r, dim=0) / method.norm
    gradient = torch.linalg.vector_norm(g, dim=0) / safe(state.square.sqrt() * whole)
    code = torch.where(state.code < 0, SEVERITY.index(Status.OUT_OF_BUDGET), state.code)
    statuses = tuple(SEVERITY[int(c)] for c in code)
    worst = max(statuses, key=SEVERITY.index)
    reasons = {
        Status.OUT_OF_BUDGET: "stopped by the budget",
        Status.STALLED: "the gradient no longer falls: the tolerance is below what rounding allows",
        Status.DIVERGED: "not finite",
    }
    said = [f"{statuses.count(s)} of {len(statuses)}: {why}" for s, why in reasons.items() if s in statuses]
    wrong = "" if worst is Status.CONVERGED else complaint(operator)
    certificates = tuple(
        certificate
        for one, slope in zip(true.tolist(), gradient.tolist(), strict=True)
        for certificate in (
            residual_certificate(one, tolerance),
            Certificate(
                "x solves the least-squares problem of a matrix that differs from A by tolerance |A|",
                Kind.PROOF,
                slope <= tolerance,
                bound=tolerance,
                value=slope,
                assumptions=("|A| in the Frobenius norm is at least the norm that was seen",),
                method="|A'r - damping^2 x| / (|A| |r|), computed anew from x (Stewart 1977)",
            ),
        )
    )

    def kind(t: Tensor) -> Array:
        return t.cpu().numpy() if numpy else t

    return Krylov(
        kind(state.x.reshape((operator.shape[1], *shape[1:]))),
        kind(true),
        kind(gradient),
        worst,
        statuses,
        run.steps,
        kind(torch.tensor(run.history["relative_residual"], dtype=torch.float64)),
        certificates,
        "; ".join([wrong] * bool(wrong) + said),
    )
