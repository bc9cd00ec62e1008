"""MINRES for symmetric operators, definite or not, many right-hand sides at once."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, Info, Status, drive, require
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.dense import Dense, as_operator, require_symmetric
from fivefold.linalg.krylov import SEVERITY, Krylov, residual_certificate, right_hand_sides, safe
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.operator_checks import complaint

_FLAT = 1e-6  # |A r| / (|A| |r|) below which x is taken for a least-squares solution of a singular system


@dataclass(frozen=True, eq=False)
class _State:
    x: Tensor
    r1: Tensor  # the last two Lanczos vectors, unscaled
    r2: Tensor
    y: Tensor  # M r2
    w: Tensor
    w_old: Tensor
    beta: Tensor
    beta_old: Tensor
    beta_first: Tensor
    dbar: Tensor
    epsilon: Tensor
    cs: Tensor
    sn: Tensor
    phi: Tensor  # norm of the residual, by recurrence
    fresh: bool  # no product yet since the start or a restart
    size: Tensor  # largest norm of A seen
    anchor: Tensor  # true relative residual at the last restart
    flat: Tensor  # the smallest |A r| / (|A| |r|) seen, and the x that had it
    flat_x: Tensor
    code: Tensor  # -1 while a column is active, otherwise an index into SEVERITY


class _Method:
    def __init__(self, A: LinearOperator, b: Tensor, M: LinearOperator | None, tolerance: float) -> None:
        self.A, self.b, self.M, self.tolerance = A, b, M, tolerance
        self.norm = safe(torch.linalg.vector_norm(b, dim=0))
        self.unit = torch.finfo(A.dtype).eps

    def precondition(self, r: Tensor) -> Tensor:
        out: Tensor = r if self.M is None else self.M.apply(r).to(r.dtype)
        return out

    def relative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r: Tensor = self.b - self.A.apply(x)
        return r, torch.linalg.vector_norm(r, dim=0) / self.norm

    def begin(self, x: Tensor, r: Tensor, true: Tensor, code: Tensor, size: Tensor) -> _State:
        y = self.precondition(r)
        square = (r * y).sum(dim=0)
        code = torch.where((code < 0) & (true <= self.tolerance), 0, code)
        code = torch.where((code < 0) & ~(square > 0), SEVERITY.index(Status.ILL_POSED), code)
        beta = square.clamp(min=0).sqrt()
        zero, none = torch.zeros_like(beta), torch.zeros_like(x)
        return _State(
            x, r, r, y, none, none, beta, zero, beta, zero, zero, -torch.ones_like(beta), zero, beta, True,
            size, true, torch.full_like(beta, torch.inf), x, code,
        )  # fmt: skip

    def init(self) -> tuple[_State, Info]:
        x = torch.zeros(self.A.shape[1], self.b.shape[1], dtype=self.b.dtype, device=self.b.device)
        true = torch.linalg.vector_norm(self.b, dim=0) / self.norm
        code = torch.full_like(true, -1, dtype=torch.long)
        state = self.begin(x, self.b, true, code, torch.zeros_like(true))
        return state, self.report(state, true)

    def report(self, state: _State, relative: Tensor) -> Info:
        done = bool((state.code >= 0).all())
        status = SEVERITY[int(state.code.max())] if done else None
        return Info({"relative_residual": float(relative.max())}, status)

    def step(self, s: _State) -> tuple[_State, Info]:
        active = s.code < 0
        v = s.y / safe(s.beta)
        y: Tensor = self.A.apply(v)
        if not s.fresh:
            y = y - (s.beta / safe(s.beta_old)) * s.r1
        alpha = (v * y).sum(dim=0)
        y = y - (alpha / safe(s.beta)) * s.r2
        r1, r2 = s.r2, y
        y = self.precondition(r2)
        square = (r2 * y).sum(dim=0)
        beta = square.clamp(min=0).sqrt()
        indefinite = square < -self.unit * r2.norm(dim=0) * y.norm(dim=0)
        # The rotations that make the tridiagonal matrix triangular (Paige and Saunders 1975).
        delta = s.cs * s.dbar + s.sn * alpha
        gbar = s.sn * s.dbar - s.cs * alpha
        epsilon, dbar = s.sn * beta, -s.cs * beta
        root = torch.hypot(gbar, dbar)  # |A r| = phi root
        size = torch.maximum(s.size, (s.beta**2 * (not s.fresh) + alpha**2 + beta**2).sqrt())
        # Of the x before this step, |A r| / |r| is root.
        # Once that is small, an x that has run off along the null space makes the estimate worthless.
        near = s.x.norm(dim=0) <= 2 * s.flat_x.norm(dim=0)
        flatter = active & (root / safe(size) < s.flat) & (near | ~(s.flat < _FLAT))
        flat = torch.where(flatter, root / safe(size), s.flat)
        flat_x = torch.where(flatter, s.x, s.flat_x)
        singular = root <= 1e4 * self.unit * size
        gamma = torch.hypot(gbar, beta)
        # Where root vanishes, no step makes r smaller, and the next one would only run along the null space.
        open_ = active & (gamma > 0) & ~singular
        gamma = safe(gamma)
        cs, sn = gbar / gamma, beta / gamma
        phi = torch.where(open_, sn * s.phi, s.phi)
        w = (v - s.epsilon * s.w_old - delta * s.w) / gamma
        moved = s.x + cs * s.phi * w
        if self.M is None:
            # Where rounding in A x alone exceeds the residual, a step would spoil x.
            noise = self.unit * size * torch.linalg.vector_norm(moved, dim=0)
            wild = active & (noise > s.anchor * s.phi / safe(s.beta_first) * self.norm)
        else:
            wild = torch.zeros_like(active)
        open_ = open_ & ~wild
        x = torch.where(open_, moved, s.x)
        phi = torch.where(open_, phi, s.phi)
        relative = s.anchor * phi / safe(s.beta_first)
        new = _State(
            x, r1, r2, y, w, s.w, beta, s.beta, s.beta_first, dbar, epsilon, cs, sn, phi, False, size,
            s.anchor, flat, flat_x, s.code,
        )  # fmt: skip
        claims = active & (
            (relative <= 0.5 * self.tolerance) | singular | (gamma == 0) | ~torch.isfinite(phi)
        )
        claims = claims | wild | (active & (beta <= self.unit * size)) | (active & indefinite)
        if bool(claims.any()):
            new, relative = self.settle(new, claims, singular, indefinite)
        return new, self.report(new, relative)

    def flattest(self, s: _State) -> tuple[_State, Tensor, Tensor]:
        """Where x ran along the null space of a singular A, go back to where A r was smallest."""
        r, true = self.relative(s.x)
        other, of_flat = self.relative(s.flat_x)
        back = (true > self.tolerance) & (s.flat < _FLAT) & (of_flat <= 2 * true)
        x, r = torch.where(back, s.flat_x, s.x), torch.where(back, other, r)
        return replace(s, x=x), r, torch.where(back, of_flat, true)

    def settle(
        self, s: _State, claims: Tensor, singular: Tensor, indefinite: Tensor
    ) -> tuple[_State, Tensor]:
        """Judge by the true residual what the recurrences claim, and begin anew where they were wrong."""
        # A sum that overflowed leaves nothing to go on from but the start.
        s = replace(s, x=torch.where(torch.isfinite(s.x).all(dim=0), s.x, 0.0))
        s, r, true = self.flattest(s)
        reached = (s.code < 0) & (true <= self.tolerance)
        open_ = claims & ~reached
        code = torch.where(reached, 0, s.code)
        lost = open_ & ~(torch.isfinite(true) & torch.isfinite(s.phi))
        code = torch.where(lost, SEVERITY.index(Status.DIVERGED), code)
        code = torch.where(open_ & indefinite, SEVERITY.index(Status.ILL_POSED), code)
        # At a least-squares solution A r vanishes while r does not; no x does better.
        gradient = torch.linalg.vector_norm(self.A.apply(r), dim=0)
        stationary = gradient <= _FLAT * s.size * torch.linalg.vector_norm(r, dim=0)
        if self.M is not None:
            stationary = torch.ones_like(stationary)  # the size seen is that of the preconditioned operator
        stuck = open_ & (true > 0.5 * s.anchor)
        flat = open_ & stationary & (singular | stuck)
        code = torch.where((code < 0) & flat, SEVERITY.index(Status.ILL_POSED), code)
        code = torch.where((code < 0) & stuck, SEVERITY.index(Status.STALLED), code)
        # Columns share their steps; one that restarts restarts the others that are still open.
        if bool((code < 0).any()) and bool((open_ & (code < 0)).any()):
            return self.begin(s.x, r, true, code, s.size), true
        return replace(s, code=code), true


def minres(
    A: Array | LinearOperator,
    b: Array,
    *,
    preconditioner: Array | LinearOperator | None = None,
    tolerance: float = 1e-10,
    budget: Budget | None = None,
) -> Krylov:
    r"""Solve :math:`A x = b` for a symmetric operator, definite or not, by its products alone.

    .. math:: x_t = \arg\min_{x \in \mathcal{K}_t(A, b)} \|b - A x\|

    Success is claimed by a residual computed anew from x; where the recurrence had drifted from it, the
    iteration begins anew from that residual. A singular system without a solution ends ``ILL_POSED`` at a
    least-squares solution.

    Source: C. C. Paige and M. A. Saunders, "Solution of sparse indefinite systems of linear equations",
    SIAM J. Numer. Anal. 12 (1975).

    Args:
        A: Symmetric ``[n, n]``: array, tensor, or an operator that says it is symmetric.
        b: ``[n]`` or ``[n, k]``.
        preconditioner: M, positive definite, close to the inverse of :math:`|A|`; the residual is then
            smallest in the norm of M.
        tolerance: Relative residual to reach, positive.
        budget: ``5 n + 100`` steps by default.

    Returns:
        The iterate, in the kind of b, with a certificate of each residual.

    Raises:
        ArgumentError: Not square, not symmetric, sizes that do not fit, an empty or not finite input.

    >>> run = minres([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0])
    >>> run.x.round(10).tolist(), str(run.status), run.steps
    ([2.0, 1.0], 'converged', 2)
    """
    numpy = wants_numpy(A, b)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    if isinstance(operator, Dense):
        require_symmetric(operator.matrix)
    else:
        require(operator.symmetric, "a symmetric operator", repr(operator), "build it with symmetric=True")
    B, shape = right_hand_sides(operator, b, tolerance)
    M = None if preconditioner is None else as_operator(preconditioner, "the preconditioner")
    if M is not None and M.shape != operator.shape:
        raise ArgumentError(f"a preconditioner of shape {operator.shape}", f"shape {M.shape}")
    method = _Method(operator, B, M, tolerance)
    run = drive(method, budget or Budget(steps=5 * operator.shape[0] + 100))
    state, r, true = method.flattest(run.state)
    x = state.x
    code = torch.where(run.state.code < 0, SEVERITY.index(Status.OUT_OF_BUDGET), run.state.code)
    statuses = tuple(SEVERITY[int(c)] for c in code)
    worst = max(statuses, key=SEVERITY.index)
    norms = torch.linalg.vector_norm(r, dim=0) * safe(run.state.size)
    gradient = torch.linalg.vector_norm(operator.apply(r), dim=0) / safe(norms)
    reasons = {
        Status.OUT_OF_BUDGET: "stopped by the budget",
        Status.STALLED: "the true residual no longer falls: the tolerance is below what rounding allows",
        Status.DIVERGED: "not finite",
        Status.ILL_POSED: "A is singular and b outside its range, or the preconditioner is indefinite",
    }
    said = [f"{statuses.count(s)} of {len(statuses)}: {why}" for s, why in reasons.items() if s in statuses]
    wrong = "" if worst is Status.CONVERGED else complaint(operator)

    def kind(t: Tensor) -> Array:
        return t.cpu().numpy() if numpy else t

    return Krylov(
        kind(x.reshape(shape)),
        kind(true),
        kind(gradient),
        worst,
        statuses,
        run.steps,
        kind(torch.tensor(run.history["relative_residual"], dtype=torch.float64)),
        tuple(residual_certificate(value, tolerance) for value in true.tolist()),
        "; ".join([wrong] * bool(wrong) + said),
    )
